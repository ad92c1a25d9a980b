#pragma once

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "services/metering/core/ports.h"
#include "services/metering/core/series.h"
#include "services/metering/core/vee/finding.h"

namespace peerwatt::metering {

/// Days before a day that its rules look at.
inline constexpr int kContextDays = 6;
/// How far the readings behind a day's end are looked at: a longer day's series may reach there.
inline constexpr absl::Duration kOverrun = absl::Hours(2);
/// A consumption of zero is found after this long, where there usually is some.
inline constexpr absl::Duration kZeroRunMax = absl::Hours(6);
/// Values at the same time on each side, on each day of the window, with which one is compared.
inline constexpr absl::Duration kOutlierReach = absl::Hours(1);
/// Days that need a value at a time of day before it is judged by what is usual.
inline constexpr int64_t kUsualDaysMin = 3;
/// A distance from the median below the n-th part of what the capacity lets through in an interval
/// is a household's life, no outlier.
inline constexpr int64_t kOutlierFloorDivisor = 50;

/// A local day of a metering point, with the readings around it.
struct DayView {
  Interval day;              ///< On the grid.
  Interval declared;         ///< Every interval in it must have a value.
  absl::Time column_start;   ///< On the grid, not after the day's start.
  const ReadingColumn* column = nullptr;  ///< Reaches at least to the day's end.
  const Member* member = nullptr;
};

/// Applies all rules that judge stored readings of one day; those about registers are
/// `CheckRegisters`. Returns findings whose spans lie in the day, cut at its ends, by rule and
/// start. The thresholds above are those of `docs/validation.md`.
std::vector<Found> ExamineDay(const DayView& view);

}  // namespace peerwatt::metering
