#include "services/settlement/core/payments/bank_statement.h"

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "services/settlement/core/payments/errors.h"

namespace peerwatt::settlement {
namespace {

// Lengths before the texts keep different entries apart whatever their texts hold.
std::string Content(const BankEntry& entry) {
  std::string content =
      absl::StrCat(absl::FormatCivilTime(entry.booked_on), "/", entry.amount.micros(), "/",
                   entry.is_reversal ? 1 : 0, "/", entry.part);
  for (const std::string& text : {entry.bank_reference, entry.end_to_end_id,
                                  entry.counterparty_iban, entry.remittance, entry.return_reason}) {
    absl::StrAppend(&content, "/", text.size(), ":", text);
  }
  return content;
}

}  // namespace

absl::Status CheckStatement(const BankStatement& statement, absl::string_view iban,
                            absl::string_view currency) {
  if (statement.iban != iban) {
    return Error(kStatementForeign, "the statement is of another account", {},
                 {{"content", "must be of the community's account"}});
  }
  if (statement.currency != currency) {
    return Error(kStatementForeign, "the statement is in another currency", {},
                 {{"content", "must be in the community's currency"}});
  }
  Money sum = statement.opening;
  for (const BankEntry& entry : statement.entries) {
    sum += entry.amount;
  }
  if (sum != statement.closing) {
    return Error(
        kStatementUnbalanced,
        absl::StrCat("entries lead to ", FormatMicros(sum.micros()), ", the closing balance is ",
                     FormatMicros(statement.closing.micros())),
        {{"sum", FormatMicros(sum.micros())},
         {"closing", FormatMicros(statement.closing.micros())}},
        {{"content", "must lead from the opening to the closing balance"}});
  }
  return absl::OkStatus();
}

std::vector<std::string> EntryKeys(const BankStatement& statement) {
  absl::flat_hash_map<std::string, int32_t> seen;
  std::vector<std::string> keys;
  keys.reserve(statement.entries.size());
  for (const BankEntry& entry : statement.entries) {
    const std::string content = Content(entry);
    keys.push_back(absl::StrCat(statement.iban, "/", seen[content]++, "/", content));
  }
  return keys;
}

}  // namespace peerwatt::settlement
