#pragma once

#include <optional>
#include <vector>

#include "libs/postgres/pool.h"
#include "services/settlement/core/explain/evidence.h"

namespace peerwatt::settlement {

/// Reads from PostgreSQL what runs knew.
class PostgresEvidenceStore final : public EvidenceStore {
 public:
  explicit PostgresEvidenceStore(postgres::Pool& pool) : pool_(pool) {}

  absl::StatusOr<std::optional<RunEvidence>> FindRun(const CommunityId& community,
                                                     absl::Time period_start, int32_t run) override;
  absl::StatusOr<std::vector<PostedBillLine>> ListLinesOfPeriod(
      const CommunityId& community, absl::Time period_start,
      const ParticipantId& participant) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace peerwatt::settlement
