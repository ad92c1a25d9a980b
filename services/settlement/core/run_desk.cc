#include "services/settlement/core/run_desk.h"

#include <algorithm>

#include "libs/base/status_macros.h"

namespace peerwatt::settlement {

std::vector<absl::Time> OpenPeriods(const CommunityRules& rules, const Progress& progress,
                                    Interval span) {
  std::vector<absl::Time> starts;
  const absl::Time from =
      std::max({span.start, progress.reach.final, rules.trading_start});
  absl::Time start = FloorToGrid(from, rules.interval);
  if (start < from) start += rules.interval;
  for (; start < std::min(span.end, progress.settled_through); start += rules.interval) {
    starts.push_back(start);
  }
  for (const absl::Time beyond : progress.settled_beyond) {
    if (beyond >= start && beyond < span.end) starts.push_back(beyond);
  }
  return starts;
}

absl::StatusOr<RunRecord> RunDesk::RunNow(const CommunityId& community, Interval span) {
  PW_ASSIGN_OR_RETURN(const CommunityRules rules, ledgers_.RulesOf(community));
  PW_ASSIGN_OR_RETURN(const RunCalendar calendar, store_.LoadCalendar(community));
  PW_ASSIGN_OR_RETURN(const Progress progress, store_.LoadProgress(community));
  const RunRecord record = MakeRunRecord(RunKind::kRequested, calendar, span, clock_.Now(),
                                         real_clock_.Now());
  for (const std::vector<absl::Time>& batch :
       InBatches(rules, OpenPeriods(rules, progress, span))) {
    PW_RETURN_IF_ERROR(settler_.Restate(rules, batch, record).status());
  }
  PW_RETURN_IF_ERROR(store_.FinishRun(community, record, progress.reach));
  return record;
}

}  // namespace peerwatt::settlement
