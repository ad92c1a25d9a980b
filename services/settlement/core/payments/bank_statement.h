#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/civil_time.h"
#include "libs/domain/quantities.h"

namespace peerwatt::settlement {

/// One movement on a bank account: an entry of the statement, or a part of a collective one.
struct BankEntry {
  /// What the bank calls it; unique within the account when the bank keeps to the rules.
  std::string bank_reference;
  /// Which part of a collective entry, from 0.
  int32_t part = 0;
  /// What came in (positive) or went out (negative).
  Money amount;
  absl::CivilDay booked_on;
  /// What a payment file said, or empty.
  std::string end_to_end_id;
  std::string counterparty_name;
  std::string counterparty_iban;
  std::string remittance;
  /// Code of the reason of a payment that came back (`AC04`: account closed), or empty.
  std::string return_reason;
  /// Whether it takes an earlier entry back.
  bool is_reversal = false;
  bool operator==(const BankEntry&) const = default;
};

/// What a bank booked on one account: all booked entries between two balances.
struct BankStatement {
  std::string id;
  std::string iban;
  std::string currency;
  Money opening;
  Money closing;
  std::vector<BankEntry> entries;
};

/// Whether a statement is of this account and leads from its opening to its closing balance.
/// Errors: STATEMENT_FOREIGN, STATEMENT_UNBALANCED.
absl::Status CheckStatement(const BankStatement& statement, absl::string_view iban,
                            absl::string_view currency);

/// Names each entry for ever, so that the same one on another or a repeated statement is known: the
/// bank's reference, the content, and the place among equal entries, which another statement of the
/// same days repeats. A reference that a bank uses twice does not make two entries one.
/// Returns a key per entry, in their order.
std::vector<std::string> EntryKeys(const BankStatement& statement);

}  // namespace peerwatt::settlement
