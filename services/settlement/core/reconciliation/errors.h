#pragma once

#include "libs/base/error.h"

namespace peerwatt::settlement {

/// The community is being checked by another worker; try again.
inline constexpr ErrorReason kReconciliationRunning{"RECONCILIATION_RUNNING",
                                                    absl::StatusCode::kUnavailable, true};
/// As many exports of books are under way as may be; try again.
inline constexpr ErrorReason kBooksExportsExceeded{"BOOKS_EXPORTS_EXCEEDED",
                                                   absl::StatusCode::kResourceExhausted, true};

}  // namespace peerwatt::settlement
