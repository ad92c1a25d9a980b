#pragma once

#include <vector>

#include "libs/postgres/pool.h"
#include "services/market/core/autopilot/ports.h"
#include "services/market/storage/community_leases.h"

namespace peerwatt::market {

/// Plans and quotes in PostgreSQL.
class PostgresAutopilotStore final : public AutopilotStore {
 public:
  /// leases: every write checks them, with LEASE_LOST as its error; null where one process alone
  /// drives all communities.
  explicit PostgresAutopilotStore(postgres::Pool& pool,
                                  const PostgresCommunityLeases* leases = nullptr)
      : pool_(pool), leases_(leases) {}

  absl::StatusOr<bool> IsPlanned(const CommunityId& community, absl::Time day_start) override;
  absl::StatusOr<std::vector<LimitsVersion>> ListLimits(const CommunityId& community) override;
  absl::Status KeepPlans(const CommunityId& community, const std::vector<DayPlan>& plans) override;
  absl::Status MarkPlanned(const CommunityId& community, absl::Time day_start,
                           absl::Time plan_time) override;
  absl::StatusOr<std::vector<StandingOrder>> ListRamped(const CommunityId& community) override;
  absl::StatusOr<std::vector<QuotableAuction>> ListQuotable(const CommunityId& community,
                                                            absl::Time now) override;
  absl::StatusOr<std::optional<NewQuotes>> ReplaceQuotes(
      const AuctionKey& key, int32_t steps, const DayBudgets& budgets,
      absl::FunctionRef<std::vector<Order>(const Closing&)> place) override;

 private:
  absl::Status RunAsHolder(const CommunityId& community,
                           absl::FunctionRef<absl::Status(pqxx::work&)> body);

  postgres::Pool& pool_;
  const PostgresCommunityLeases* leases_;
};

/// What owners look at, from PostgreSQL.
class PostgresAutopilotView final : public AutopilotView {
 public:
  explicit PostgresAutopilotView(postgres::Pool& pool) : pool_(pool) {}

  absl::StatusOr<std::vector<DayPlan>> ListPlans(const CommunityId& community,
                                                 const ParticipantId& participant,
                                                 const StandingOrderId& id,
                                                 Interval span) override;
  absl::StatusOr<ReportInput> ReadReport(const CommunityId& community,
                                         const ParticipantId& participant,
                                         const StandingOrderId& id, Interval span) override;
  absl::StatusOr<std::vector<StandingOrder>> ListVersions(const CommunityId& community,
                                                          const ParticipantId& participant,
                                                          const StandingOrderId& id,
                                                          int32_t after, int32_t limit) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace peerwatt::market
