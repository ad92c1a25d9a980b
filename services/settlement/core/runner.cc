#include "services/settlement/core/runner.h"

#include <algorithm>
#include <utility>

#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/domain/interval.h"
#include "services/settlement/core/run_plan.h"

namespace peerwatt::settlement {
namespace {

constexpr absl::Duration kPauseMin = absl::Milliseconds(50);
constexpr absl::Duration kPauseMax = absl::Seconds(1);

/// End of the last period that is over at `now`.
/// now: less the delay of first runs.
absl::Time LastEnd(const CommunityRules& rules, absl::Time now) {
  return FloorToGrid(now, rules.interval);
}

/// Periods that are over and not settled, ascending.
std::vector<absl::Time> Unsettled(const CommunityRules& rules, const Progress& progress,
                                  absl::Time last_end) {
  std::vector<absl::Time> starts;
  auto settled = progress.settled_beyond.begin();
  for (absl::Time start = progress.settled_through; start + rules.interval <= last_end;
       start += rules.interval) {
    while (settled != progress.settled_beyond.end() && *settled < start) ++settled;
    if (settled != progress.settled_beyond.end() && *settled == start) continue;
    starts.push_back(start);
  }
  return starts;
}

}  // namespace

void Runner::Step() {
  TakeChanges();
  const absl::Time now = clock_.Now();
  absl::Duration lag;
  for (const CommunityRules& rules : ledgers_.Known()) {
    Lane& lane = lanes_[rules.id];
    lane.interval = rules.interval;
    if (IsDue(rules, lane)) {
      const absl::Status status = Work(rules, lane);
      if (!status.ok()) {
        Log(Severity::kWarning, "settlement of a community is tried again",
            {{"community", rules.id.value()}, {"error", status.ToString()}});
        lane.retry = true;
        lane.failed = true;
        Pause(lane);
      }
    }
    if (lane.oldest_waiting < now) lag = std::max(lag, now - lane.oldest_waiting);
  }
  probe_.Lag(lag);
}

void Runner::OnChanges(const std::vector<ReadingChange>& changes) {
  absl::MutexLock lock(&mutex_);
  changes_.insert(changes_.end(), changes.begin(), changes.end());
}

void Runner::OnCalendar(const CommunityId& community) {
  absl::MutexLock lock(&mutex_);
  changed_calendars_.push_back(community);
}

void Runner::TakeChanges() {
  std::vector<ReadingChange> changes;
  {
    absl::MutexLock lock(&mutex_);
    changes.swap(changes_);
    for (const CommunityId& community : changed_calendars_) lanes_[community].wanted = true;
    changed_calendars_.clear();
  }
  for (const ReadingChange& change : changes) {
    Lane& lane = lanes_[change.community];
    const absl::Time end = std::min(change.span.end, lane.considered_until);
    for (absl::Time start = change.span.start; start < end; start += lane.interval) {
      const auto waiting = lane.missing.find(start);
      // A period that does not wait for readings is settled; it may have become dirty.
      if (waiting == lane.missing.end()) lane.wanted = true;
      if (waiting == lane.missing.end()) continue;
      waiting->second.erase(change.point);
      if (waiting->second.empty()) lane.wanted = true;
    }
  }
}

bool Runner::IsDue(const CommunityRules& rules, const Lane& lane) const {
  if (lane.failed) return real_clock_.Now() >= lane.retry_at;
  const absl::Time now = clock_.Now();
  if (lane.wanted || now >= lane.grace_ends || now >= lane.next_run) return true;
  const absl::Time seen = std::max(lane.considered_until, rules.trading_start);
  if (LastEnd(rules, now - lane.first_run_delay) > seen) return true;
  return lane.retry && real_clock_.Now() >= lane.retry_at;
}

absl::Status Runner::Work(const CommunityRules& rules, Lane& lane) {
  const absl::Time now = clock_.Now();
  lane.wanted = false;
  PW_ASSIGN_OR_RETURN(const RunCalendar calendar, store_.LoadCalendar(rules.id));
  lane.first_run_delay = calendar.first_run_delay.value_or(absl::ZeroDuration());
  const absl::Time last_end = LastEnd(rules, now - lane.first_run_delay);
  PW_ASSIGN_OR_RETURN(const Progress progress, store_.LoadProgress(rules.id));
  const std::vector<absl::Time> starts = Unsettled(rules, progress, last_end);
  lane.oldest_waiting = starts.empty() ? absl::InfiniteFuture() : starts.front() + rules.interval;
  PW_ASSIGN_OR_RETURN(std::vector<WaitingPeriod> waiting, SettleNew(rules, calendar, starts));
  PW_ASSIGN_OR_RETURN(const bool restatement_waits,
                      SettleAgain(rules, calendar, progress, lane));
  const bool moved_on = last_end > lane.considered_until || lane.failed;
  lane.considered_until = last_end;
  lane.failed = false;
  lane.missing.clear();
  lane.next_run = NextRunAt(calendar, rules.time_zone, now);
  lane.grace_ends = absl::InfiniteFuture();
  lane.oldest_waiting = absl::InfiniteFuture();
  for (WaitingPeriod& period : waiting) {
    const absl::Time end = period.start + rules.interval;
    lane.oldest_waiting = std::min(lane.oldest_waiting, end);
    if (period.missing.empty()) continue;
    lane.grace_ends = std::min(lane.grace_ends, end + rules.settlement_grace);
    lane.missing[period.start] = std::move(period.missing);
  }
  lane.retry = !waiting.empty() || restatement_waits;
  if (moved_on) lane.pause = absl::ZeroDuration();
  if (lane.retry) Pause(lane);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<WaitingPeriod>> Runner::SettleNew(
    const CommunityRules& rules, const RunCalendar& calendar,
    const std::vector<absl::Time>& starts) {
  std::vector<WaitingPeriod> waiting;
  if (starts.empty()) return waiting;
  CommunityRules rules_now = rules;
  // A calendar with a time for first runs waits for no reading beyond it.
  if (calendar.first_run_delay.has_value()) rules_now.settlement_grace = absl::ZeroDuration();
  const RunRecord record =
      MakeRunRecord(RunKind::kFirst, calendar, {starts.front(), starts.back() + rules.interval},
                    clock_.Now(), real_clock_.Now());
  for (const std::vector<absl::Time>& batch : InBatches(rules, starts)) {
    PW_ASSIGN_OR_RETURN(const std::vector<WaitingPeriod> left,
                        settler_.SettleFirst(rules_now, batch, record));
    waiting.insert(waiting.end(), left.begin(), left.end());
  }
  return waiting;
}

absl::StatusOr<bool> Runner::SettleAgain(const CommunityRules& rules, const RunCalendar& calendar,
                                         const Progress& progress, Lane& lane) {
  const absl::Time now = clock_.Now();
  const RunPlan plan = PlanRuns(rules, calendar, progress, now);
  if (!plan.late.empty()) {
    PW_RETURN_IF_ERROR(store_.ListLate(rules.id, plan.late, now));
    Log(Severity::kWarning, "readings of final periods changed: listed, not posted",
        {{"community", rules.id.value()}, {"periods", static_cast<int64_t>(plan.late.size())}});
  }
  for (const PlannedRun& run : plan.runs) {
    const RunRecord record =
        MakeRunRecord(run.kind, calendar, run.span, clock_.Now(), real_clock_.Now());
    bool waits = false;
    for (const std::vector<absl::Time>& batch : InBatches(rules, run.starts)) {
      PW_ASSIGN_OR_RETURN(const std::vector<WaitingPeriod> left,
                          settler_.Restate(rules, batch, record));
      waits = waits || !left.empty();
    }
    // What a later run may do depends on how far this one came.
    if (waits) return true;
    if (run.kind == RunKind::kCorrection) continue;
    PW_RETURN_IF_ERROR(store_.FinishRun(rules.id, record, run.reach));
  }
  if (plan.has_more) lane.wanted = true;
  return false;
}

void Runner::Pause(Lane& lane) {
  lane.pause = std::clamp(lane.pause * 2, kPauseMin, kPauseMax);
  lane.retry_at = real_clock_.Now() + lane.pause;
}

}  // namespace peerwatt::settlement
