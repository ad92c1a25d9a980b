#pragma once

#include <vector>

#include "absl/time/time.h"
#include "libs/domain/interval.h"
#include "services/settlement/core/run_calendar.h"
#include "services/settlement/core/stores.h"

namespace peerwatt::settlement {

/// A run of settled periods that is due.
struct PlannedRun {
  RunKind kind = RunKind::kCorrection;
  Interval span;                   ///< what it is about
  std::vector<absl::Time> starts;  ///< the periods to compute, ascending; may be none
  RunReach reach;                  ///< after it
};

/// What to do about settled periods now.
struct RunPlan {
  std::vector<PlannedRun> runs;  ///< in this order
  std::vector<absl::Time> late;  ///< changed periods that are final
  bool has_more = false;         ///< a final run is cut to a month; plan again when it is done
};

/// Decides which runs of settled periods are due.
///
/// Final: every period whose correction window is over, changed or not, as far as all periods are
/// settled; at most a month of them at once. Monthly: what changed in past months. Daily: what
/// changed on past days, and was in no monthly run. Correction: all else that changed, when the
/// calendar posts changes as they arrive. A period is in one run at most. What changed after its
/// period was final is late.
RunPlan PlanRuns(const CommunityRules& rules, const RunCalendar& calendar,
                 const Progress& progress, absl::Time now);

}  // namespace peerwatt::settlement
