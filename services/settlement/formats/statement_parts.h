#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/settlement/core/payments/bank_statement.h"

namespace peerwatt::settlement {

/// STATEMENT_INVALID with a sentence.
absl::Status StatementInvalid(absl::string_view why);

/// An amount as the file says it, without its sign.
struct Amount {
  std::optional<Money> value;
  std::string currency;
};

/// One part of an entry, or the entry itself.
struct Part {
  Amount amount;
  Amount transaction_amount;
  std::string direction;
  BankEntry entry;
  /// Of either side; the other one counts.
  std::string debtor_name;
  std::string debtor_iban;
  std::string creditor_name;
  std::string creditor_iban;
};

/// A balance of an account.
struct Balance {
  std::string code;
  Amount amount;
  std::string direction;
};

/// What one <Ntry> holds.
struct Collective {
  Part whole;
  std::vector<Part> parts;
  std::string status;
  bool is_reversal = false;
};

/// An amount with its sign. direction: CRDT or DBIT. Errors: STATEMENT_INVALID.
absl::StatusOr<Money> Signed(const Amount& amount, absl::string_view direction);

/// Adds the entries that one <Ntry> stands for; none unless it is booked.
/// statement: its currency is known. Errors: STATEMENT_INVALID, STATEMENT_UNBALANCED.
absl::Status AppendEntries(const Collective& collective, BankStatement& statement);

}  // namespace peerwatt::settlement
