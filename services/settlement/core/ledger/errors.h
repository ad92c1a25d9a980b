#pragma once

#include "libs/base/error.h"

namespace peerwatt::settlement::ledger {

// Reasons why the ledger refuses a transfer, in the order in which they are checked; the first
// broken rule wins; captures and voids look at their hold before accounts. docs/ledger.md has the
// table. `retryable` is the transient flag: the refusal
// comes from the state of the books, so the same content under a new key can pass later.

/// The last transfer of a call is linked to a next one that does not exist.
inline constexpr ErrorReason kLinkOpen{"LINK_OPEN", absl::StatusCode::kInvalidArgument};
/// Another transfer of the same chain was refused. The key stays free.
inline constexpr ErrorReason kLinkedFailed{"LINKED_FAILED", absl::StatusCode::kAborted, true};
// Then CONTENT_DIFFERS, and the reason under which the same key was refused before.
/// An account does not exist in this ledger.
inline constexpr ErrorReason kAccountNotFound{"ACCOUNT_NOT_FOUND", absl::StatusCode::kNotFound,
                                              true};
/// An account is closed.
inline constexpr ErrorReason kAccountClosed{"ACCOUNT_CLOSED",
                                            absl::StatusCode::kFailedPrecondition, true};
/// An account is kept in another currency than the transfer.
inline constexpr ErrorReason kCurrencyDiffers{"CURRENCY_DIFFERS",
                                              absl::StatusCode::kInvalidArgument};
/// There is no hold of this name.
inline constexpr ErrorReason kHoldNotFound{"HOLD_NOT_FOUND", absl::StatusCode::kNotFound, true};
/// The hold was captured, voided or released before.
inline constexpr ErrorReason kHoldEnded{"HOLD_ENDED", absl::StatusCode::kFailedPrecondition, true};
/// The hold's time is over.
inline constexpr ErrorReason kHoldExpired{"HOLD_EXPIRED", absl::StatusCode::kFailedPrecondition,
                                          true};
/// Neither the hold nor its capture names who is paid, or they name two.
inline constexpr ErrorReason kPayeeDiffers{"PAYEE_DIFFERS", absl::StatusCode::kInvalidArgument,
                                           true};
/// The capture is above what is held.
inline constexpr ErrorReason kHoldExceeded{"HOLD_EXCEEDED", absl::StatusCode::kFailedPrecondition,
                                           true};
/// A counter of an account would leave 64 bits.
inline constexpr ErrorReason kCounterOverflow{"COUNTER_OVERFLOW", absl::StatusCode::kOutOfRange,
                                              true};
/// Debits, posted and held, would exceed posted credits and the account's limit.
inline constexpr ErrorReason kDebitLimit{"DEBIT_LIMIT_EXCEEDED",
                                         absl::StatusCode::kFailedPrecondition, true};
/// Credits, posted and held, would exceed posted debits and the account's limit.
inline constexpr ErrorReason kCreditLimit{"CREDIT_LIMIT_EXCEEDED",
                                          absl::StatusCode::kFailedPrecondition, true};

/// The reason of this name. Stops the process for a name that is none of the above.
const ErrorReason& ReasonNamed(absl::string_view name);

}  // namespace peerwatt::settlement::ledger
