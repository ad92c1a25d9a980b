#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/settlement/core/payments/bank_statement.h"

namespace peerwatt::settlement {

/// Largest file that is read.
inline constexpr size_t kStatementBytesMax = 32 << 20;

/// Reads the statements of an ISO 20022 account statement, `camt.053.001.02` to `.13`. Entries that
/// are not booked yet are passed over. A collective entry becomes its parts when they add up to it;
/// one whose parts say no amount, or another currency, stays one entry.
/// content: UTF-8, at most kStatementBytesMax. Document types are refused: no entity is expanded.
/// Errors: STATEMENT_INVALID with the line; STATEMENT_UNBALANCED when parts do not add up.
absl::StatusOr<std::vector<BankStatement>> ReadBankStatements(absl::string_view content);

}  // namespace peerwatt::settlement
