#pragma once

#include "libs/base/error.h"

namespace peerwatt::market {

/// A calendar of a standing order that cannot be: see ParseCalendar.
inline constexpr ErrorReason kCalendarInvalid{"CALENDAR_INVALID",
                                              absl::StatusCode::kInvalidArgument};
/// Shares, reserves, ramp or daily cost of a standing order are out of range.
inline constexpr ErrorReason kTermsInvalid{"TERMS_INVALID", absl::StatusCode::kInvalidArgument};
/// Another version of the standing order was made meanwhile.
inline constexpr ErrorReason kStandingOrderVersionStale{"STANDING_ORDER_VERSION_STALE",
                                                        absl::StatusCode::kAborted};
/// A standing order that was cancelled stays as it was.
inline constexpr ErrorReason kStandingOrderEnded{"STANDING_ORDER_ENDED",
                                                 absl::StatusCode::kFailedPrecondition};
/// No plan was made for the day: it is not evening yet, the standing order is younger than the
/// plan, or the market was away from the evening before until the day began.
inline constexpr ErrorReason kPlanNotMade{"PLAN_NOT_MADE", absl::StatusCode::kNotFound};

}  // namespace peerwatt::market
