#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "services/settlement/core/payments/bank_statement.h"
#include "services/settlement/core/payments/matching.h"
#include "services/settlement/core/payments/payment.h"
#include "services/settlement/core/payments/payment_file.h"

namespace peerwatt::settlement {

/// Writes files for the bank. Errors: IBAN_INVALID, BIC_INVALID, PAYMENT_INVALID.
struct FileWriters {
  absl::StatusOr<std::string> (*payouts)(const PaymentFileHeader& header,
                                         const std::vector<Payout>& payouts);
  absl::StatusOr<std::string> (*collections)(const PaymentFileHeader& header,
                                             absl::string_view creditor_id,
                                             const std::vector<Collection>& collections);
};

/// A file for the bank. Never changed.
struct PaymentFile {
  CommunityId community;
  std::string id;
  PaymentKind kind = PaymentKind::kPayout;
  absl::CivilDay due_on;
  std::string message_id;  ///< 32 characters
  int32_t payment_count = 0;
  Money total;
  std::string content;  ///< empty in lists
  absl::Time created_at;
};

/// A statement to take in.
struct NewStatement {
  std::string id;  ///< made from the file's content
  BankStatement statement;
  /// By entry: the participant that its text names; empty: nobody that is known.
  std::vector<ParticipantId> references;
};

/// A statement that was taken in.
struct KeptStatement {
  std::string id;
  std::string bank_id;
  Money opening;
  Money closing;
  int32_t entry_count = 0;
  int32_t duplicate_count = 0;
  int32_t finding_count = 0;
  absl::Time created_at;
};

/// An entry of a statement that somebody has to look at.
struct BankFinding {
  std::string id;
  MatchKind kind = MatchKind::kIncoming;
  Money amount;
  absl::CivilDay booked_on;
  std::string end_to_end_id;
  std::string counterparty_name;
  std::string counterparty_iban;
  std::string remittance;
  std::string dispute;
  std::string statement;
};

/// Keeps what goes to the bank and what comes from it.
class BankStore {
 public:
  virtual ~BankStore() = default;
  /// Puts all payments of a kind that wait into one file, in the order of their creation, and keeps
  /// it, in one transaction. wanted: community, id, kind, due date, message id. A known id gives
  /// the file that is kept. Errors: NOT_FOUND, CONTENT_DIFFERS, PAYMENT_SETTINGS_MISSING,
  /// PAYMENTS_NONE, those of the writer.
  virtual absl::StatusOr<PaymentFile> CreateFile(const PaymentFile& wanted, absl::Time now) = 0;
  /// Errors: NOT_FOUND.
  virtual absl::StatusOr<PaymentFile> GetFile(const CommunityId& community,
                                              const std::string& id) = 0;
  /// In the order of the ids, after `after`, without contents.
  virtual absl::StatusOr<std::vector<PaymentFile>> ListFiles(const CommunityId& community,
                                                             const std::string& after,
                                                             int32_t limit) = 0;
  /// Takes in the statements of one file by `MatchStatement`: money that came in is credited to
  /// those it names, booked payments are ended, returned ones reversed, all in one transaction.
  /// Statements that are known stay as they are. Returns them in the order given.
  /// Errors: NOT_FOUND, PAYMENT_SETTINGS_MISSING, STATEMENT_FOREIGN, STATEMENT_UNBALANCED.
  virtual absl::StatusOr<std::vector<KeptStatement>> Import(
      const CommunityId& community, const std::vector<NewStatement>& statements,
      absl::Time now) = 0;
  virtual absl::StatusOr<std::vector<KeptStatement>> ListStatements(const CommunityId& community,
                                                                    const std::string& after,
                                                                    int32_t limit) = 0;
  virtual absl::StatusOr<std::vector<BankFinding>> ListFindings(const CommunityId& community,
                                                                const std::string& after,
                                                                int32_t limit) = 0;
};

}  // namespace peerwatt::settlement
