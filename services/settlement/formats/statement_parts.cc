#include "services/settlement/formats/statement_parts.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "libs/base/status_macros.h"
#include "services/settlement/core/payments/errors.h"

namespace peerwatt::settlement {
namespace {

void TakeCounterparty(const Part& part, BankEntry& entry) {
  const bool came_in = entry.amount >= Money();
  entry.counterparty_name = came_in ? part.debtor_name : part.creditor_name;
  entry.counterparty_iban = came_in ? part.debtor_iban : part.creditor_iban;
}

}  // namespace

absl::Status StatementInvalid(absl::string_view why) {
  return Error(kStatementInvalid, why, {}, {{"content", std::string(why)}});
}

absl::StatusOr<Money> Signed(const Amount& amount, absl::string_view direction) {
  if (!amount.value.has_value()) {
    return StatementInvalid("an amount is missing");
  }
  if (direction != "CRDT" && direction != "DBIT") {
    return StatementInvalid("an amount is neither credit nor debit");
  }
  return direction == "CRDT" ? *amount.value : -*amount.value;
}

absl::Status AppendEntries(const Collective& collective, BankStatement& statement) {
  if (collective.status != "BOOK") {
    return absl::OkStatus();
  }
  BankEntry whole = collective.whole.entry;
  PW_ASSIGN_OR_RETURN(whole.amount, Signed(collective.whole.amount, collective.whole.direction));
  if (collective.whole.amount.currency != statement.currency) {
    return StatementInvalid("an entry is in another currency than its account");
  }
  whole.is_reversal = collective.is_reversal;
  std::vector<BankEntry> entries;
  Money sum;
  for (const Part& part : collective.parts) {
    const Amount& amount = part.amount.value.has_value() ? part.amount : part.transaction_amount;
    const bool stands_alone = collective.parts.size() == 1;
    BankEntry entry = part.entry;
    entry.booked_on = whole.booked_on;
    entry.is_reversal = whole.is_reversal;
    if (!stands_alone && (!amount.value.has_value() || amount.currency != statement.currency)) {
      statement.entries.push_back(whole);
      return absl::OkStatus();
    }
    entry.amount = whole.amount;
    if (!stands_alone) {
      PW_ASSIGN_OR_RETURN(
          entry.amount,
          Signed(amount, part.direction.empty() ? collective.whole.direction : part.direction));
    }
    if (stands_alone || entry.bank_reference.empty()) {
      entry.bank_reference =
          whole.bank_reference.empty() ? entry.bank_reference : whole.bank_reference;
    }
    entry.part = static_cast<int32_t>(entries.size());
    sum += entry.amount;
    TakeCounterparty(part, entry);
    entries.push_back(std::move(entry));
  }
  if (entries.empty()) {
    statement.entries.push_back(whole);
    return absl::OkStatus();
  }
  if (sum != whole.amount) {
    return Error(kStatementUnbalanced, "the parts of an entry do not add up to it", {},
                 {{"content", "the parts of an entry must add up to it"}});
  }
  std::move(entries.begin(), entries.end(), std::back_inserter(statement.entries));
  return absl::OkStatus();
}

}  // namespace peerwatt::settlement
