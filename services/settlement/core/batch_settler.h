#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "services/settlement/core/neighbourhood.h"
#include "services/settlement/core/peers.h"
#include "services/settlement/core/period_input.h"
#include "services/settlement/core/stores.h"

namespace peerwatt::settlement {

/// Is told what runs do; knows the metrics.
class RunProbe {
 public:
  virtual ~RunProbe() = default;
  /// A period was settled for the first time.
  virtual void PeriodSettled(absl::Duration took, size_t entry_count) = 0;
  /// A settled period was computed again.
  virtual void PeriodRestated(absl::Duration took, size_t entry_count) = 0;
  /// How long the oldest period that could be settled has been waiting, over all communities.
  virtual void Lag(absl::Duration lag) = 0;
};

/// A period that could not be settled yet.
struct WaitingPeriod {
  absl::Time start;
  /// Points without a reading; empty when the period waits for its auction or a tariff.
  std::set<MeteringPointId> missing;
};

/// Settles periods of one community: pulls what they need in few calls, then commits each period
/// on its own.
class BatchSettler {
 public:
  /// real_clock: only measures how long a run takes.
  BatchSettler(Peers peers, RunStore& store, const Clock& clock, const Clock& real_clock,
               RunProbe& probe)
      : peers_(peers), store_(store), clock_(clock), real_clock_(real_clock), probe_(probe) {}

  /// Settles those periods that are complete, or whose time of grace is over, for the first time.
  /// starts: ascending, within `kPeriodsPerBatch` periods. record: the run that this is a part of.
  /// Returns those that wait.
  absl::StatusOr<std::vector<WaitingPeriod>> SettleFirst(const CommunityRules& rules,
                                                         const std::vector<absl::Time>& starts,
                                                         const RunRecord& record);
  /// Computes settled periods again and posts the differences. Returns those that wait.
  absl::StatusOr<std::vector<WaitingPeriod>> Restate(const CommunityRules& rules,
                                                     const std::vector<absl::Time>& starts,
                                                     const RunRecord& record);

  /// Longest span of one batch, in periods.
  static constexpr int64_t kPeriodsPerBatch = 96;

 private:
  struct Batch;
  absl::StatusOr<Batch> Load(const CommunityRules& rules, const std::vector<absl::Time>& starts,
                             const RunRecord& record);
  absl::Status LoadSnapshots(Batch& batch);
  absl::Status LoadDayBefore(Batch& batch, const std::vector<absl::Time>& ready);
  /// Asks the market for the periods that are settled by trades; the others have none.
  absl::Status LoadOutcomes(Batch& batch, const std::vector<absl::Time>& ready);
  absl::StatusOr<std::vector<WaitingPeriod>> Commit(Batch& batch,
                                                    const std::vector<absl::Time>& ready,
                                                    bool first_run);
  /// Computes a period from scratch; its lines and entries are for the caller to add.
  RunCommit Compute(const Batch& batch, absl::Time start, SettlementResult& result) const;
  /// A run of a period without what it posts.
  RunCommit RunOf(const Batch& batch, absl::Time start) const;
  absl::Status CommitFirst(const Batch& batch, absl::Time start);
  absl::Status CommitDifference(const Batch& batch, absl::Time start);
  /// Settles again what few points' changes can have changed, in one commit. Returns the periods
  /// for which that cannot be told, ascending.
  absl::StatusOr<std::vector<absl::Time>> CommitNarrowly(Batch& batch,
                                                         const std::vector<absl::Time>& starts);
  /// Computes the part of a period that changes decide; totals and counts are changes. Returns
  /// nothing when the whole period is to be computed.
  std::optional<RunCommit> ComputeNarrowly(const Batch& batch, absl::Time start,
                                           const Neighbourhood& part,
                                           const PostedPart& posted) const;

  Peers peers_;
  RunStore& store_;
  const Clock& clock_;
  const Clock& real_clock_;
  RunProbe& probe_;
};

/// Cuts ascending periods into batches that each lie within the longest span of a batch.
std::vector<std::vector<absl::Time>> InBatches(const CommunityRules& rules,
                                               const std::vector<absl::Time>& starts);

}  // namespace peerwatt::settlement
