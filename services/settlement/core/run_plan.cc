#include "services/settlement/core/run_plan.h"

#include <algorithm>
#include <utility>

namespace peerwatt::settlement {
namespace {

constexpr absl::Duration kFinalRunMax = absl::Hours(24 * 31);

/// The first period that starts at or after `time`.
absl::Time CeilToGrid(absl::Time time, absl::Duration step) {
  const absl::Time floor = FloorToGrid(time, step);
  return floor == time ? floor : floor + step;
}

/// Takes those that start before `end` out of ascending periods.
std::vector<absl::Time> TakeBefore(std::vector<absl::Time>& starts, absl::Time end) {
  const auto first_left = std::lower_bound(starts.begin(), starts.end(), end);
  std::vector<absl::Time> taken(starts.begin(), first_left);
  starts.erase(starts.begin(), first_left);
  return taken;
}

/// Plans the final run that is due, if any.
void PlanFinal(const CommunityRules& rules, const Progress& progress, absl::Time due,
               RunReach& reach, RunPlan& plan) {
  const absl::Time from =
      CeilToGrid(std::max(reach.final, rules.trading_start), rules.interval);
  const absl::Time wanted = std::min(due, progress.settled_through);
  const absl::Time through = std::min(wanted, from + kFinalRunMax);
  if (through <= from) return;
  plan.has_more = through < wanted;
  reach.final = through;
  PlannedRun& run = plan.runs.emplace_back();
  run.kind = RunKind::kFinal;
  run.span = {from, through};
  for (absl::Time start = from; start < through; start += rules.interval) {
    run.starts.push_back(start);
  }
  run.reach = reach;
}

}  // namespace

RunPlan PlanRuns(const CommunityRules& rules, const RunCalendar& calendar,
                 const Progress& progress, absl::Time now) {
  RunPlan plan;
  std::vector<absl::Time> changed = progress.dirty;
  RunReach reach = progress.reach;
  plan.late = TakeBefore(changed, reach.final);
  const RunReach due = DueReach(calendar, rules.time_zone, now);
  PlanFinal(rules, progress, due.final, reach, plan);
  TakeBefore(changed, reach.final);
  absl::Time from = std::max(reach.final, rules.trading_start);
  const auto plan_if_due = [&](RunKind kind, absl::Time due_through, absl::Time& reached) {
    if (due_through > reached && due_through > from) {
      reached = due_through;
      plan.runs.push_back({kind, {from, due_through}, TakeBefore(changed, due_through), reach});
    }
  };
  plan_if_due(RunKind::kMonthly, due.monthly, reach.monthly);
  // What a monthly run has had waits for the next one.
  std::vector<absl::Time> older;
  if (due.monthly > from) {
    older = TakeBefore(changed, due.monthly);
    from = due.monthly;
  }
  plan_if_due(RunKind::kDaily, due.daily, reach.daily);
  if (calendar.corrects_at_once) {
    older.insert(older.end(), changed.begin(), changed.end());
    if (!older.empty()) {
      const Interval span{older.front(), older.back() + rules.interval};
      plan.runs.push_back({RunKind::kCorrection, span, std::move(older), reach});
    }
  }
  return plan;
}

}  // namespace peerwatt::settlement
