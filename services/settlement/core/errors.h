#pragma once

#include "libs/base/error.h"

namespace peerwatt::settlement {

// Reasons a caller of settlement can meet, in the order in which they are checked.

/// The period of a hold is settled: the hold could never be used.
inline constexpr ErrorReason kPeriodSettled{"PERIOD_SETTLED",
                                            absl::StatusCode::kFailedPrecondition};
/// The balance less what is held already does not cover the amount.
inline constexpr ErrorReason kFundsInsufficient{"FUNDS_INSUFFICIENT",
                                                absl::StatusCode::kFailedPrecondition};
/// The payment provider refused the payment; the deposit stays declined.
inline constexpr ErrorReason kPaymentDeclined{"PAYMENT_DECLINED",
                                              absl::StatusCode::kFailedPrecondition};
/// Another run of the same period was committed first. Only runners meet it.
inline constexpr ErrorReason kRunSuperseded{"RUN_SUPERSEDED", absl::StatusCode::kAborted, true};
/// The calendar of runs has another version than the one that was read.
inline constexpr ErrorReason kCalendarChanged{"CALENDAR_CHANGED", absl::StatusCode::kAborted};
/// A pool that cannot be shared: negative energy, or coefficients that do not sum to 1. A bug of
/// ours: a scheme is checked before it is used.
inline constexpr ErrorReason kSharingInvalid{"SHARING_INVALID", absl::StatusCode::kInvalidArgument};

}  // namespace peerwatt::settlement
