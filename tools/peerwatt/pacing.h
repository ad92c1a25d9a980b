#pragma once

#include "absl/time/time.h"

namespace peerwatt::tool {

/// When things happen in the rehearsed market.
struct Timetable {
  absl::Time start;  ///< of the first delivery interval
  absl::Time end;    ///< of the last one
  absl::Duration interval;
  absl::Duration gate_closure_lead;
};

/// How far each part must have come at an instant; `InfinitePast` when nothing is due yet.
struct Due {
  absl::Time readings;  ///< every reading that ends by then is acknowledged
  absl::Time auctions;  ///< every auction with delivery before it is cleared
  absl::Time periods;   ///< every period that starts before it is settled
};
Due DueAt(const Timetable& timetable, absl::Time now);

/// The clock stands this far behind each boundary, so that whether a boundary itself counts as
/// before or after makes no difference.
inline constexpr absl::Duration kBehindBoundary = absl::Seconds(1);
/// Where the clock stands during set-up, before the first gate closure.
absl::Time FirstInstant(const Timetable& timetable);
/// The instant after `now` to which the clock goes.
absl::Time NextInstant(const Timetable& timetable, absl::Time now);
/// The last instant: everything has been delivered.
absl::Time LastInstant(const Timetable& timetable);
/// Steps between the first instant and the last.
int64_t StepCount(const Timetable& timetable);

}  // namespace peerwatt::tool
