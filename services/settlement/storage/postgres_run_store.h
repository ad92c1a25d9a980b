#pragma once

#include <map>
#include <set>
#include <vector>

#include "libs/postgres/pool.h"
#include "services/settlement/core/stores.h"
#include "services/settlement/storage/ledger_cache.h"

namespace peerwatt::settlement {

/// Keeps runs in PostgreSQL: one transaction per run of a period.
class PostgresRunStore final : public RunStore {
 public:
  PostgresRunStore(postgres::Pool& pool, LedgerCache& cache) : pool_(pool), cache_(cache) {}

  absl::Status EnsureLedger(const CommunityRules& rules) override;
  absl::StatusOr<Progress> LoadProgress(const CommunityId& community) override;
  absl::StatusOr<PostedPeriod> LoadPosted(const CommunityId& community,
                                          absl::Time period_start) override;
  absl::Status CommitRun(const RunCommit& run) override;
  absl::StatusOr<ChangedPoints> LoadChangedPoints(const CommunityId& community,
                                                  const std::vector<absl::Time>& starts) override;
  absl::StatusOr<PostedParts> LoadPostedOf(
      const CommunityId& community,
      const std::map<absl::Time, std::set<ParticipantId>>& participants) override;
  absl::Status CommitChanges(const std::vector<RunCommit>& runs) override;
  absl::StatusOr<RunCalendar> LoadCalendar(const CommunityId& community) override;
  absl::Status FinishRun(const CommunityId& community, const RunRecord& record,
                         const RunReach& reach) override;
  absl::Status ListLate(const CommunityId& community, const std::vector<absl::Time>& starts,
                        absl::Time now) override;
  absl::StatusOr<int64_t> LoadWatchCursor() override;
  absl::Status MarkChanged(const std::vector<ReadingChange>& changes, int64_t cursor) override;

 private:
  postgres::Pool& pool_;
  LedgerCache& cache_;
};

}  // namespace peerwatt::settlement
