#include "agent/source.h"

#include "absl/numeric/int128.h"
#include "agent/errors.h"
#include "libs/base/error.h"

namespace peerwatt::agent {

absl::StatusOr<Energy> TotalEnergyWh(const ReadingSource& source, const Interval& span,
                                     absl::Duration length) {
  constexpr int64_t kIntervalsMax = 10'000'000;
  if (length <= absl::ZeroDuration() || span.length() / length > kIntervalsMax) {
    return Error(kTotalTooLarge, "the span has more than 10000000 intervals");
  }
  // 10^27 aW · 3600 s · 10^7 intervals < 2^127.
  absl::int128 attowatt_seconds = 0;
  for (absl::Time start = span.start; start + length <= span.end; start += length) {
    const std::optional<Power> power = source.MeanPower({start, start + length});
    if (!power.has_value()) continue;
    attowatt_seconds += power->attowatts() * absl::ToInt64Seconds(length);
  }
  const absl::int128 watt_hours = attowatt_seconds / (absl::int128(3600) * kScale);
  return Energy::WattHours(static_cast<int64_t>(watt_hours));
}

}  // namespace peerwatt::agent
