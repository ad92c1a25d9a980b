#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/power.h"
#include "libs/domain/interval.h"
#include "libs/domain/quantities.h"

namespace peerwatt::agent {

/// Where measured values come from. A source is a pure function of time: the same interval always
/// has the same power, so that what was lost can be read again. Safe to use from many threads.
class ReadingSource {
 public:
  virtual ~ReadingSource() = default;
  /// Mean power in `interval`, from zero to PowerMax; nothing when the source has no value there.
  virtual std::optional<Power> MeanPower(const Interval& interval) const = 0;
};

/// The energy that a source gives in a span: the exact sum, rounded down once.
/// Written apart from the register on purpose: it is what registers are held against.
/// span: whole intervals of `length`. Errors: TOTAL_TOO_LARGE for more than 10^7 intervals.
absl::StatusOr<Energy> TotalEnergyWh(const ReadingSource& source, const Interval& span,
                                     absl::Duration length);

}  // namespace peerwatt::agent
