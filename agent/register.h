#pragma once

#include <cstdint>

#include "absl/numeric/int128.h"
#include "absl/time/time.h"
#include "agent/power.h"
#include "libs/domain/quantities.h"

namespace peerwatt::agent {

/// A meter's register: it only grows, keeps every fraction and shows whole watt hours, rounded
/// down. The energy of an interval is what it shows at the end less what it showed at the start,
/// so the parts always add up to the whole.
class Register {
 public:
  /// Adds the energy of `power` held for `length` (whole seconds, not negative).
  void Add(Power power, absl::Duration length);
  /// What the register shows.
  Energy shown() const { return Energy::WattHours(whole_wh_); }

 private:
  int64_t whole_wh_ = 0;
  absl::int128 rest_ = 0;  // attowatt seconds, less than one watt hour
};

}  // namespace peerwatt::agent
