#pragma once

#include <vector>

#include "libs/postgres/pool.h"
#include "services/settlement/core/billing/kpi_report.h"

namespace peerwatt::settlement {

/// Sums settlement lines and periods in PostgreSQL.
class PostgresKpiReader final : public KpiReader {
 public:
  explicit PostgresKpiReader(postgres::Pool& pool) : pool_(pool) {}

  absl::StatusOr<KpiSums> SumHousehold(const CommunityId& community,
                                       const ParticipantId& participant,
                                       const KpiSpan& span) override;
  absl::StatusOr<KpiSums> SumCommunity(const CommunityId& community, const KpiSpan& span) override;
  absl::StatusOr<std::vector<HouseholdSums>> ListHouseholds(const CommunityId& community,
                                                            const Interval& span,
                                                            const ParticipantId& after,
                                                            int32_t limit) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace peerwatt::settlement
