#include "services/settlement/core/reconciliation/reconciler.h"

#include "absl/strings/str_cat.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "services/settlement/core/reconciliation/errors.h"

namespace peerwatt::settlement::reconciliation {
namespace {

constexpr absl::Duration kEvery = absl::Minutes(1);
// Holds are ended every second of real time, however fast the clock runs.
constexpr absl::Duration kExpiryGrace = absl::Seconds(10);
constexpr absl::Duration kSampleEvery = absl::Seconds(1);
// Of the findings of one look, so many are logged one by one.
constexpr size_t kLoggedMax = 20;

absl::Time TickOf(absl::Time now) {
  return absl::UnixEpoch() + absl::Floor(now - absl::UnixEpoch(), kEvery);
}

void LogChanges(const CommunityId& community, const FindingChanges& changes) {
  for (size_t i = 0; i < std::min(changes.found.size(), kLoggedMax); ++i) {
    const Finding& finding = changes.found[i];
    Log(Severity::kError, "the books do not reconcile; see the runbook of this check",
        {{"community", community.value()},
         {"check", NameOf(finding.check)},
         {"subject", finding.subject},
         {"detail", finding.detail}});
  }
  if (changes.found.size() > kLoggedMax) {
    Log(Severity::kError, "the books do not reconcile; the findings are listed in full",
        {{"community", community.value()},
         {"finding_count", static_cast<int64_t>(changes.found.size())}});
  }
  for (size_t i = 0; i < std::min(changes.resolved.size(), kLoggedMax); ++i) {
    const Finding& finding = changes.resolved[i].finding;
    Log(Severity::kInfo, "a finding of reconciliation is not there any more",
        {{"community", community.value()},
         {"check", NameOf(finding.check)},
         {"subject", finding.subject}});
  }
}

}  // namespace

Reconciler::Reconciler(Ledgers& ledgers, Store& store, const Clock& clock, const Clock& real_clock,
                       Probe& probe)
    : ledgers_(ledgers), store_(store), clock_(clock), real_clock_(real_clock), probe_(probe) {
  samples_.emplace_back(real_clock_.Now(), clock_.Now());
}

Plan Reconciler::MakePlan() {
  Plan plan;
  plan.now = clock_.Now();
  const absl::Time real_now = real_clock_.Now();
  absl::MutexLock lock(&mutex_);
  while (samples_.size() > 1 && real_now - samples_[1].first >= kExpiryGrace) samples_.pop_front();
  if (real_now - samples_.front().first >= kExpiryGrace) {
    plan.expired_before = samples_.front().second;
  }
  if (real_now - samples_.back().first >= kSampleEvery) samples_.emplace_back(real_now, plan.now);
  return plan;
}

absl::StatusOr<Report> Reconciler::Look(const CommunityId& community, const Plan& plan) {
  const absl::Time begun = real_clock_.Now();
  PW_ASSIGN_OR_RETURN(Report report, store_.Look(community, plan));
  if (report.done) probe_.Looked(real_clock_.Now() - begun);
  LogChanges(community, report.changes);
  return report;
}

void Reconciler::LookAt(const std::vector<CommunityId>& communities, const Plan& plan) {
  for (const CommunityId& community : communities) {
    const absl::StatusOr<Report> report = Look(community, plan);
    if (!report.ok()) {
      Log(Severity::kWarning, "a community's books could not be checked; trying again",
          {{"community", community.value()}, {"error", report.status().ToString()}});
      continue;
    }
    // The rest is read at once, not in a minute.
    if (report->done && !report->caught_up) run_ended_ = true;
  }
}

void Reconciler::Step() {
  Plan plan = MakePlan();
  const absl::Time tick = TickOf(plan.now);
  if (tick > last_tick_) {
    std::vector<CommunityId> communities;
    for (const CommunityRules& rules : ledgers_.Known()) communities.push_back(rules.id);
    plan.not_since = tick;
    run_ended_ = false;
    LookAt(communities, plan);
    last_tick_ = tick;
  } else if (run_ended_.exchange(false)) {
    const absl::StatusOr<std::vector<CommunityId>> unchecked = store_.ListUnchecked();
    plan.goes_on = false;
    if (unchecked.ok()) {
      LookAt(*unchecked, plan);
    } else {
      run_ended_ = true;
    }
  }
  Publish();
}

absl::Status Reconciler::LookNow(const CommunityId& community, bool everything,
                                 const std::function<bool()>& stopped) {
  Plan plan = MakePlan();
  plan.restarts = everything;
  while (true) {
    PW_ASSIGN_OR_RETURN(const Report report, Look(community, plan));
    if (!report.done) {
      return Error(kReconciliationRunning, "the community is being checked right now",
                   {{"resource", absl::StrCat("communities/", community.value())}});
    }
    const bool is_enough = report.caught_up && (!everything || report.full_pass_ended);
    if (is_enough || stopped()) break;
    plan.restarts = false;
  }
  Publish();
  return absl::OkStatus();
}

void Reconciler::Publish() {
  const absl::StatusOr<std::map<Check, int64_t>> counts = store_.CountOpen();
  if (counts.ok()) probe_.Open(*counts);
  const absl::StatusOr<std::optional<absl::Time>> oldest = store_.OldestRun();
  if (oldest.ok() && oldest->has_value() && **oldest > absl::InfinitePast()) {
    probe_.Age(clock_.Now() - **oldest);
  }
}

void RunWatch::PeriodSettled(absl::Duration took, size_t entry_count) {
  next_.PeriodSettled(took, entry_count);
  if (reconciler_ != nullptr) reconciler_->RunEnded();
}

void RunWatch::PeriodRestated(absl::Duration took, size_t entry_count) {
  next_.PeriodRestated(took, entry_count);
  if (reconciler_ != nullptr) reconciler_->RunEnded();
}

}  // namespace peerwatt::settlement::reconciliation
