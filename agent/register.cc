#include "agent/register.h"

#include "libs/base/check.h"
#include "libs/domain/arithmetic.h"

namespace peerwatt::agent {

void Register::Add(Power power, absl::Duration length) {
  PW_CHECK(power.attowatts() >= 0 && length >= absl::ZeroDuration(), "a register only grows");
  const absl::int128 watt_hour = absl::int128(3600) * kScale;
  rest_ += power.attowatts() * absl::ToInt64Seconds(length);
  whole_wh_ = AddOrDie(whole_wh_, static_cast<int64_t>(rest_ / watt_hour));
  rest_ %= watt_hour;
}

}  // namespace peerwatt::agent
