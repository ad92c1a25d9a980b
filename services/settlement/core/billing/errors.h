#pragma once

#include "libs/base/error.h"

namespace peerwatt::settlement {

// Why statements are not issued or explained, in the order of the checks.

/// A version of the issuer begins on the day already.
inline constexpr ErrorReason kIssuerStartTaken{"ISSUER_START_TAKEN",
                                               absl::StatusCode::kAlreadyExists};
/// The month has not ended where the community is.
inline constexpr ErrorReason kMonthNotOver{"MONTH_NOT_OVER", absl::StatusCode::kFailedPrecondition,
                                           true};
/// Periods of the month wait for their first settlement.
inline constexpr ErrorReason kMonthNotSettled{"MONTH_NOT_SETTLED",
                                              absl::StatusCode::kFailedPrecondition, true};
/// No version of the issuer is in force on a day of the month, or today.
inline constexpr ErrorReason kIssuerMissing{"ISSUER_MISSING",
                                            absl::StatusCode::kFailedPrecondition};
/// Lines of the month have energy and no price.
inline constexpr ErrorReason kPriceMissing{"PRICE_MISSING", absl::StatusCode::kFailedPrecondition};
/// Nobody said who the participant is on documents.
inline constexpr ErrorReason kBillingDetailsMissing{"BILLING_DETAILS_MISSING",
                                                    absl::StatusCode::kFailedPrecondition};
/// What is known of issuer or participant does not do for the document's taxes.
inline constexpr ErrorReason kBillingDetailsIncomplete{"BILLING_DETAILS_INCOMPLETE",
                                                       absl::StatusCode::kFailedPrecondition};

}  // namespace peerwatt::settlement
