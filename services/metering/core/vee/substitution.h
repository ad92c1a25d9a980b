#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/metering/core/ports.h"
#include "services/metering/core/series.h"
#include "services/metering/core/vee/registers.h"

namespace peerwatt::metering {

/// Weeks before and after a gap in which a like day is looked for.
inline constexpr int kReferenceWeeks = 8;

/// What is known of a metering point around a span with gaps.
struct SubstitutionInput {
  MeteringPointId metering_point;
  Member member;
  Interval span;             ///< What is to be filled; on the grid.
  absl::Time column_start;   ///< On the grid; the column covers the span.
  const ReadingColumn* column = nullptr;
  std::vector<RegisterValue> registers;
};

/// Substitutes for the intervals of a span that have no value.
struct Substitution {
  Method method = Method::kNone;
  std::vector<Series> series;
  int32_t filled = 0;
  Energy imported;
  Energy exported;
};

/// Makes substitutes, ESTIMATED, by one method for all of the span:
///   REFERENCE_DAY  the value at the same local time of the nearest day of the same weekday that is
///                  measured throughout, up to 8 weeks away; the earlier of two as near;
///   PROFILE        the mean of what the point measured at that local time on workdays, or on
///                  weekends; else at that time on any day; else of all it measured;
///   LINEAR         equal shares, on the straight line between two register values.
/// Where two values of a register enclose a gap, and all else between them is known, these values
/// are weights only: what the register moved less what is known is shared out by them with largest
/// remainders, so that the sum is exact. Without `asked` the first method of the list that can
/// fill everything is taken.
/// Errors: SUBSTITUTE_IMPOSSIBLE (the data do not allow the method), REGISTER_CONTRADICTION (the
/// known intervals already sum to more than the register moved).
absl::StatusOr<Substitution> Substitute(const SubstitutionInput& input,
                                        std::optional<Method> asked);

}  // namespace peerwatt::metering
