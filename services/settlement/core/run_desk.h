#pragma once

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "services/settlement/core/batch_settler.h"
#include "services/settlement/core/ledgers.h"
#include "services/settlement/core/run_log.h"
#include "services/settlement/core/stores.h"

namespace peerwatt::settlement {

/// Settled periods within a span that are not final, ascending.
std::vector<absl::Time> OpenPeriods(const CommunityRules& rules, const Progress& progress,
                                    Interval span);

/// Does runs that operators ask for. Safe for many threads, and beside the runner: of two runs of
/// one period one gives way.
class RunDesk {
 public:
  RunDesk(Ledgers& ledgers, BatchSettler& settler, RunStore& store, const Clock& clock,
          const Clock& real_clock)
      : ledgers_(ledgers), settler_(settler), store_(store), clock_(clock),
        real_clock_(real_clock) {}

  /// Computes all periods of `span` again that are settled and not final, and posts what differs.
  /// Returns what was written down. Errors: NOT_FOUND, those of the peers.
  absl::StatusOr<RunRecord> RunNow(const CommunityId& community, Interval span);

 private:
  Ledgers& ledgers_;
  BatchSettler& settler_;
  RunStore& store_;
  const Clock& clock_;
  const Clock& real_clock_;
};

}  // namespace peerwatt::settlement
