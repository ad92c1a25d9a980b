#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/settlement/core/billing/statement.h"
#include "services/settlement/core/books.h"

namespace peerwatt::settlement {

/// A document that was issued.
struct Statement {
  /// The number in small letters: the last segment of its name.
  std::string id;
  ParticipantId participant;
  Document document;
  /// SHA-256 over `ContentOfStatement`, 32 bytes.
  std::string content_hash;
  std::optional<int64_t> entry_number;
  absl::Time created_at;
};

/// Where the community is in time, and whose documents are asked for.
struct StatementQuery {
  CommunityId community;
  DocumentKind kind = DocumentKind::kInvoice;
  absl::CivilMonth month;
  absl::TimeZone zone;
};

/// A call that issues statements.
struct IssueRequest {
  StatementQuery query;
  std::string request_id;
  /// In order, each once; empty for all that have lines in the month.
  std::vector<ParticipantId> participants;
};

/// A line of a statement by its place.
struct StatementLineId {
  ParticipantId participant;
  std::string statement;
  int32_t line = 0;  ///< from 1
};

/// How a settlement line reached a statement.
struct StatementPart {
  StatementLineId line;
  Money exact_total;    ///< of the month's charge, with this statement
  Money rounded_total;  ///< the same, rounded once
  Money billed_before;
  Money net;
};

/// Keeps who issues, to whom, and what was issued.
class StatementStore {
 public:
  virtual ~StatementStore() = default;
  /// Keeps a version unless its id is known. Returns what is kept under the id.
  /// Errors: CONTENT_DIFFERS, ISSUER_START_TAKEN, NOT_FOUND (no ledger).
  virtual absl::StatusOr<Issuer> CreateIssuer(const CommunityId& community,
                                              const Issuer& issuer) = 0;
  /// By day.
  virtual absl::StatusOr<std::vector<Issuer>> ListIssuers(const CommunityId& community) = 0;

  /// Keeps details as the newest version unless they are so already. Returns the newest.
  /// sets_tax: whether `supply_tax` counts; else it stays as it is.
  virtual absl::StatusOr<BillingDetails> PutBillingDetails(const CommunityId& community,
                                                           const BillingDetails& details,
                                                           bool sets_tax) = 0;
  virtual absl::StatusOr<std::optional<BillingDetails>> FindBillingDetails(
      const CommunityId& community, const ParticipantId& participant) = 0;

  /// What a statement would be at `now`. Errors: NOT_FOUND (no ledger), those of DraftOf.
  virtual absl::StatusOr<StatementDraft> Preview(const StatementQuery& query,
                                                 const ParticipantId& participant,
                                                 absl::Time now) = 0;
  /// Issues all or nothing, in one transaction with the ledger's entries. A request that was
  /// carried out before gives what it gave. Returns the statements in the order of their numbers.
  /// Errors: NOT_FOUND, CONTENT_DIFFERS, those of CheckMonth, DraftOf and CheckDraft.
  virtual absl::StatusOr<std::vector<Statement>> Issue(const IssueRequest& request,
                                                       absl::Time now) = 0;

  /// Errors: NOT_FOUND; INTERNAL when it is not what was issued.
  virtual absl::StatusOr<Statement> GetStatement(const CommunityId& community,
                                                 const ParticipantId& participant,
                                                 const std::string& id) = 0;
  /// In the order in which they were issued. after: id of the last of the page before, or empty.
  virtual absl::StatusOr<std::vector<Statement>> ListStatements(const CommunityId& community,
                                                                const ParticipantId& participant,
                                                                const std::string& after,
                                                                int32_t limit) = 0;
  /// The settlement lines that a line adds up. Errors: NOT_FOUND.
  virtual absl::StatusOr<std::vector<PostedBillLine>> ListSettlementLines(
      const CommunityId& community, absl::TimeZone zone, const StatementLineId& line,
      const std::optional<LinePosition>& after, int32_t limit) = 0;
  /// The statement on which a settlement line is; nothing when there is none yet.
  virtual absl::StatusOr<std::optional<StatementPart>> FindPart(const CommunityId& community,
                                                                absl::TimeZone zone,
                                                                const PostedBillLine& line) = 0;
};

}  // namespace peerwatt::settlement
