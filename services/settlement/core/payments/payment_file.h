#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "services/settlement/core/payments/bank_account.h"

namespace peerwatt::settlement {

/// Money that leaves the community's account.
struct Payout {
  /// Comes back on the bank statement. Unique for ever: 1 to 35 characters that banks carry.
  std::string end_to_end_id;
  BankAccount creditor;
  /// Above zero, whole in the currency's smallest coin.
  Money amount;
  /// What the creditor reads: at most 140 characters.
  std::string remittance;
};

/// A debtor's permission to collect (SEPA mandate).
struct Mandate {
  /// 1 to 35 characters that banks carry.
  std::string id;
  absl::CivilDay signed_on;
  /// Whether this is the first collection under it.
  bool is_first = false;
};

/// Money that the community collects from an account.
struct Collection {
  /// As of a payout.
  std::string end_to_end_id;
  BankAccount debtor;
  Mandate mandate;
  Money amount;
  std::string remittance;
};

/// What both kinds of file begin with.
struct PaymentFileHeader {
  /// Unique for ever: 1 to 35 characters that banks carry.
  std::string message_id;
  absl::Time created_at;
  /// When the bank shall execute or collect.
  absl::CivilDay due_on;
  /// The community's account.
  BankAccount own_account;
  std::string currency;
};

/// Whether payouts can be written. Errors: IBAN_INVALID, BIC_INVALID, PAYMENT_INVALID with the path
/// of the field: the first that is wrong, in the order of the file.
absl::Status CheckPayouts(const PaymentFileHeader& header, const std::vector<Payout>& payouts);

/// The same for collections.
/// creditor_id: SEPA creditor identifier, check digits as in an IBAN, the three characters after
/// them left out (EPC262-08).
absl::Status CheckCollections(const PaymentFileHeader& header, absl::string_view creditor_id,
                              const std::vector<Collection>& collections);

/// Whether an id is a SEPA creditor identifier. Errors: PAYMENT_INVALID.
absl::Status CheckCreditorId(absl::string_view creditor_id);

}  // namespace peerwatt::settlement
