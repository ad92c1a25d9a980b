#pragma once

#include <vector>

#include "libs/postgres/pool.h"
#include "services/settlement/core/stores.h"

namespace peerwatt::settlement {

/// Keeps runs in PostgreSQL: one transaction per run of a period.
class PostgresRunStore final : public RunStore {
 public:
  explicit PostgresRunStore(postgres::Pool& pool) : pool_(pool) {}

  absl::Status EnsureLedger(const CommunityRules& rules) override;
  absl::StatusOr<Progress> LoadProgress(const CommunityId& community) override;
  absl::StatusOr<PostedPeriod> LoadPosted(const CommunityId& community,
                                          absl::Time period_start) override;
  absl::Status CommitRun(const RunCommit& run) override;
  absl::StatusOr<int64_t> LoadWatchCursor() override;
  absl::Status MarkChanged(const std::vector<ReadingChange>& changes, int64_t cursor) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace peerwatt::settlement
