#pragma once

#include "libs/base/error.h"

namespace peerwatt::settlement {

// Why a payment is refused, in the order of the checks. What a wallet lacks is FUNDS_INSUFFICIENT,
// what a provider refuses PAYMENT_DECLINED.

/// The process pays through a bank: deposits come by transfer, with the wallet's reference.
inline constexpr ErrorReason kDepositNeedsTransfer{"DEPOSIT_NEEDS_TRANSFER",
                                                   absl::StatusCode::kFailedPrecondition};
/// The participant has named no bank account.
inline constexpr ErrorReason kPayoutDetailsMissing{"PAYOUT_DETAILS_MISSING",
                                                   absl::StatusCode::kFailedPrecondition};
/// The payout is with the bank or the provider, or has ended.
inline constexpr ErrorReason kPayoutHandedOver{"PAYOUT_HANDED_OVER",
                                               absl::StatusCode::kFailedPrecondition};
/// The payment is in no file, or has ended.
inline constexpr ErrorReason kPaymentNotProcessing{"PAYMENT_NOT_PROCESSING",
                                                   absl::StatusCode::kFailedPrecondition};
/// The process pays through a provider that needs no files.
inline constexpr ErrorReason kPaymentFilesUnused{"PAYMENT_FILES_UNUSED",
                                                 absl::StatusCode::kFailedPrecondition};
/// The community has named no bank account.
inline constexpr ErrorReason kPaymentSettingsMissing{"PAYMENT_SETTINGS_MISSING",
                                                     absl::StatusCode::kFailedPrecondition};
/// Nothing waits for a file.
inline constexpr ErrorReason kPaymentsNone{"PAYMENTS_NONE", absl::StatusCode::kFailedPrecondition};

}  // namespace peerwatt::settlement
