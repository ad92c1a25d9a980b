#include "services/settlement/core/runner.h"

#include <algorithm>
#include <utility>

#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/domain/interval.h"

namespace peerwatt::settlement {
namespace {

constexpr absl::Duration kPauseMin = absl::Milliseconds(50);
constexpr absl::Duration kPauseMax = absl::Seconds(1);

/// End of the last period that is over at `now`.
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

/// Cuts ascending periods into batches that each lie within the longest span of a batch.
std::vector<std::vector<absl::Time>> InBatches(const CommunityRules& rules,
                                               const std::vector<absl::Time>& starts) {
  std::vector<std::vector<absl::Time>> batches;
  for (const absl::Time start : starts) {
    const bool fits = !batches.empty() &&
                      start - batches.back().front() <
                          BatchSettler::kPeriodsPerBatch * rules.interval;
    if (!fits) batches.emplace_back();
    batches.back().push_back(start);
  }
  return batches;
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

void Runner::TakeChanges() {
  std::vector<ReadingChange> changes;
  {
    absl::MutexLock lock(&mutex_);
    changes.swap(changes_);
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
  if (lane.wanted || now >= lane.grace_ends) return true;
  if (LastEnd(rules, now) > std::max(lane.considered_until, rules.trading_start)) return true;
  return lane.retry && real_clock_.Now() >= lane.retry_at;
}

absl::Status Runner::Work(const CommunityRules& rules, Lane& lane) {
  const absl::Time last_end = LastEnd(rules, clock_.Now());
  lane.wanted = false;
  PW_ASSIGN_OR_RETURN(const Progress progress, store_.LoadProgress(rules.id));
  const std::vector<absl::Time> starts = Unsettled(rules, progress, last_end);
  lane.oldest_waiting = starts.empty() ? absl::InfiniteFuture() : starts.front() + rules.interval;
  std::vector<WaitingPeriod> waiting;
  for (const std::vector<absl::Time>& batch : InBatches(rules, starts)) {
    PW_ASSIGN_OR_RETURN(const std::vector<WaitingPeriod> left, settler_.SettleFirst(rules, batch));
    waiting.insert(waiting.end(), left.begin(), left.end());
  }
  bool restatement_waits = false;
  for (const std::vector<absl::Time>& batch : InBatches(rules, progress.dirty)) {
    PW_ASSIGN_OR_RETURN(const std::vector<WaitingPeriod> left, settler_.Restate(rules, batch));
    restatement_waits = restatement_waits || !left.empty();
  }
  const bool moved_on = last_end > lane.considered_until || lane.failed;
  lane.considered_until = last_end;
  lane.failed = false;
  lane.missing.clear();
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

void Runner::Pause(Lane& lane) {
  lane.pause = std::clamp(lane.pause * 2, kPauseMin, kPauseMax);
  lane.retry_at = real_clock_.Now() + lane.pause;
}

}  // namespace peerwatt::settlement
