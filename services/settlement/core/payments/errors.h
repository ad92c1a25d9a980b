#pragma once

#include "libs/base/error.h"

namespace peerwatt::settlement {

// Why a bank account, a payment file or a bank statement is refused, in the order of the checks.

/// No IBAN: letters, length or check digits.
inline constexpr ErrorReason kIbanInvalid{"IBAN_INVALID", absl::StatusCode::kInvalidArgument};
/// No BIC of ISO 9362: eight or eleven characters.
inline constexpr ErrorReason kBicInvalid{"BIC_INVALID", absl::StatusCode::kInvalidArgument};
/// A payment that no bank would take: its amount, a text, a date, a mandate, a name used twice.
inline constexpr ErrorReason kPaymentInvalid{"PAYMENT_INVALID", absl::StatusCode::kInvalidArgument};
/// The file is no bank statement that is taken: not well-formed, another kind, a part missing.
inline constexpr ErrorReason kStatementInvalid{"STATEMENT_INVALID",
                                               absl::StatusCode::kInvalidArgument};
/// Entries do not lead from the opening to the closing balance, or parts to their entry.
inline constexpr ErrorReason kStatementUnbalanced{"STATEMENT_UNBALANCED",
                                                  absl::StatusCode::kInvalidArgument};
/// The statement is of another account or currency than the community's.
inline constexpr ErrorReason kStatementForeign{"STATEMENT_FOREIGN",
                                               absl::StatusCode::kInvalidArgument};

}  // namespace peerwatt::settlement
