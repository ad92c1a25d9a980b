#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libs/postgres/pool.h"
#include "services/settlement/core/billing/statement_store.h"
#include "services/settlement/storage/ledger_cache.h"

namespace peerwatt::settlement {

/// Keeps statements in PostgreSQL. Issuing writes through a `LedgerSession`: whoever issues has the
/// ledger for itself, so no run slips in between what is summed and what is said.
class PostgresStatementStore final : public StatementStore {
 public:
  PostgresStatementStore(postgres::Pool& pool, LedgerCache& cache) : pool_(pool), cache_(cache) {}

  absl::StatusOr<Issuer> CreateIssuer(const CommunityId& community, const Issuer& issuer) override;
  absl::StatusOr<std::vector<Issuer>> ListIssuers(const CommunityId& community) override;
  absl::StatusOr<BillingDetails> PutBillingDetails(const CommunityId& community,
                                                   const BillingDetails& details,
                                                   bool sets_tax) override;
  absl::StatusOr<std::optional<BillingDetails>> FindBillingDetails(
      const CommunityId& community, const ParticipantId& participant) override;
  absl::StatusOr<StatementDraft> Preview(const StatementQuery& query,
                                         const ParticipantId& participant, absl::Time now) override;
  absl::StatusOr<std::vector<Statement>> Issue(const IssueRequest& request,
                                               absl::Time now) override;
  absl::StatusOr<Statement> GetStatement(const CommunityId& community,
                                         const ParticipantId& participant,
                                         const std::string& id) override;
  absl::StatusOr<std::vector<Statement>> ListStatements(const CommunityId& community,
                                                        const ParticipantId& participant,
                                                        const std::string& after,
                                                        int32_t limit) override;
  absl::StatusOr<std::vector<PostedBillLine>> ListSettlementLines(
      const CommunityId& community, absl::TimeZone zone, const StatementLineId& line,
      const std::optional<LinePosition>& after, int32_t limit) override;
  absl::StatusOr<std::optional<StatementPart>> FindPart(const CommunityId& community,
                                                        absl::TimeZone zone,
                                                        const PostedBillLine& line) override;

 private:
  postgres::Pool& pool_;
  LedgerCache& cache_;
};

}  // namespace peerwatt::settlement
