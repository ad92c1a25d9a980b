#pragma once

#include <vector>

#include "libs/postgres/pool.h"
#include "services/market/core/surveillance/ports.h"

namespace peerwatt::market {

/// Surveys in PostgreSQL. What is stored is only added to.
class PostgresSurveyStore final : public SurveyStore {
 public:
  explicit PostgresSurveyStore(postgres::Pool& pool) : pool_(pool) {}
  absl::StatusOr<std::optional<NextSurvey>> FindNext(const CommunityId& community) override;
  absl::StatusOr<SurveyInput> Load(const CommunityId& community, Interval day) override;
  absl::StatusOr<bool> Keep(const CommunityId& community, const SurveyRecord& record) override;

 private:
  postgres::Pool& pool_;
};

/// What surveys said, from PostgreSQL.
class PostgresSurveyView final : public SurveyView {
 public:
  explicit PostgresSurveyView(postgres::Pool& pool) : pool_(pool) {}
  absl::StatusOr<std::vector<KeptFinding>> ListFindings(const FindingQuery& query) override;
  absl::StatusOr<SurveyProgress> GetProgress(const CommunityId& community, Interval span,
                                             int32_t limit) override;
  absl::StatusOr<BeneficialOwner> RecordOwner(const CommunityId& community,
                                              const BeneficialOwner& owner) override;
  absl::StatusOr<std::vector<BeneficialOwner>> ListOwners(const CommunityId& community,
                                                          const ParticipantId& after,
                                                          int32_t limit) override;

 private:
  postgres::Pool& pool_;
};

/// Pages of exports from PostgreSQL: each is a walk along a primary key.
class PostgresExportSource final : public ExportSource {
 public:
  explicit PostgresExportSource(postgres::Pool& pool) : pool_(pool) {}
  absl::StatusOr<std::vector<ExportedOrder>> ListOrders(const AuctionKey& after_auction,
                                                        const OrderId& after, absl::Time end,
                                                        int32_t limit) override;
  absl::StatusOr<std::vector<ExportedTrade>> ListTrades(const AuctionKey& after_auction,
                                                        int32_t after, absl::Time end,
                                                        int32_t limit) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace peerwatt::market
