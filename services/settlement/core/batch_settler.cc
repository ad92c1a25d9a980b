#include "services/settlement/core/batch_settler.h"

#include <algorithm>
#include <map>
#include <utility>

#include "libs/base/check.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/domain/interval.h"
#include "services/settlement/core/difference.h"
#include "services/settlement/core/errors.h"
#include "services/settlement/core/settlement.h"
#include "services/settlement/core/settlement_batch.h"

namespace peerwatt::settlement {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);

/// The readings of a run that are not simply the first revision.
std::vector<UsedRevision> UsedRevisions(const std::vector<Member>& members,
                                        const PeriodReadings& readings,
                                        const PeriodReadings& day_before) {
  const auto revision_of = [](const PointReading& reading) {
    return reading.present ? std::max(reading.revision, 1) : 0;
  };
  std::vector<UsedRevision> used;
  for (size_t i = 0; i < readings.size(); ++i) {
    const int32_t revision = revision_of(readings[i]);
    if (revision == 1) continue;
    const bool stands_in = revision == 0 && i < day_before.size();
    used.push_back({members[i].point, revision, stands_in ? revision_of(day_before[i]) : 0});
  }
  return used;
}

}  // namespace

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

absl::StatusOr<std::vector<WaitingPeriod>> BatchSettler::SettleFirst(
    const CommunityRules& rules, const std::vector<absl::Time>& starts,
    const RunRecord& record) {
  PW_ASSIGN_OR_RETURN(Batch batch, Load(rules, starts, record));
  std::vector<WaitingPeriod> waiting;
  std::vector<absl::Time> ready;
  const absl::Time now = clock_.Now();
  for (const absl::Time start : starts) {
    const PeriodReadings readings = batch.ReadingsOf(start);
    if (IsComplete(readings) || start + rules.interval + rules.settlement_grace <= now) {
      ready.push_back(start);
      continue;
    }
    WaitingPeriod& incomplete = waiting.emplace_back();
    incomplete.start = start;
    for (size_t i = 0; i < readings.size(); ++i) {
      if (readings[i].present || !readings[i].expected) continue;
      incomplete.missing.insert(batch.SnapshotOf(start).members[i].point);
    }
  }
  PW_ASSIGN_OR_RETURN(const std::vector<WaitingPeriod> others, Commit(batch, ready, true));
  waiting.insert(waiting.end(), others.begin(), others.end());
  return waiting;
}

absl::StatusOr<std::vector<WaitingPeriod>> BatchSettler::Restate(
    const CommunityRules& rules, const std::vector<absl::Time>& starts,
    const RunRecord& record) {
  PW_ASSIGN_OR_RETURN(Batch batch, Load(rules, starts, record));
  PW_ASSIGN_OR_RETURN(const std::vector<absl::Time> left, CommitNarrowly(batch, starts));
  return Commit(batch, left, false);
}

absl::StatusOr<BatchSettler::Batch> BatchSettler::Load(const CommunityRules& rules,
                                                       const std::vector<absl::Time>& starts,
                                                       const RunRecord& record) {
  PW_CHECK(!starts.empty(), "a batch has a period");
  const Interval span{starts.front(), starts.back() + rules.interval};
  Batch batch{rules, starts, record, span, {}, {}, {}, {}, {}, {}, {}, {}, {}, false};
  PW_CHECK(batch.span.length() <= kPeriodsPerBatch * rules.interval, "a batch is short");
  PW_RETURN_IF_ERROR(LoadSnapshots(batch));
  batch.CollectPoints();
  PW_ASSIGN_OR_RETURN(batch.schemes, peers_.registry.ListSchemes(rules, batch.span));
  PW_ASSIGN_OR_RETURN(batch.readings, peers_.metering.QueryReadings(batch.points, batch.span,
                                                                    rules.interval));
  return batch;
}

absl::Status BatchSettler::LoadSnapshots(Batch& batch) {
  const CommunityId& id = batch.rules.id;
  PW_ASSIGN_OR_RETURN(batch.first, peers_.registry.GetSnapshot(id, batch.starts.front()));
  if (batch.starts.size() == 1) return absl::OkStatus();
  PW_ASSIGN_OR_RETURN(CommunitySnapshot last,
                      peers_.registry.GetSnapshot(id, batch.starts.back()));
  // The tariff with the latest start supersedes: the same one at both ends holds in between. And
  // the version of the membership only grows.
  if (last.has_tariff == batch.first.has_tariff && last.tariff_name == batch.first.tariff_name &&
      last.membership_version == batch.first.membership_version) {
    return absl::OkStatus();
  }
  for (const absl::Time start : batch.starts) {
    PW_ASSIGN_OR_RETURN(CommunitySnapshot snapshot, peers_.registry.GetSnapshot(id, start));
    batch.own[start] = std::move(snapshot);
  }
  return absl::OkStatus();
}

absl::Status BatchSettler::LoadDayBefore(Batch& batch, const std::vector<absl::Time>& ready) {
  if (batch.day_before.has_value()) return absl::OkStatus();
  const bool needed = std::any_of(ready.begin(), ready.end(), [&](absl::Time start) {
    const PeriodReadings readings = batch.ReadingsOf(start);
    return !IsComplete(readings) || HasAbsurd(readings);
  });
  if (!needed) return absl::OkStatus();
  const Interval span{batch.span.start - kDay, batch.span.end - kDay};
  PW_ASSIGN_OR_RETURN(batch.day_before, peers_.metering.QueryReadings(batch.points, span,
                                                                      batch.rules.interval));
  return absl::OkStatus();
}

absl::Status BatchSettler::LoadOutcomes(Batch& batch, const std::vector<absl::Time>& ready) {
  if (batch.has_outcomes) return absl::OkStatus();
  batch.has_outcomes = true;
  std::vector<absl::Time> traded;
  for (const absl::Time start : ready) {
    if (UsesTrades(SchemeAt(batch.schemes, start))) {
      traded.push_back(start);
    } else {
      batch.trades[start] = {};
    }
  }
  if (traded.empty()) return absl::OkStatus();
  const Interval span{traded.front(), traded.back() + batch.rules.interval};
  PW_ASSIGN_OR_RETURN(std::vector<AuctionOutcome> outcomes,
                      peers_.market.ListOutcomes(batch.rules.id, span));
  for (AuctionOutcome& outcome : outcomes) {
    // The span may have periods in between that are settled otherwise.
    if (!UsesTrades(SchemeAt(batch.schemes, outcome.period_start))) continue;
    batch.trades[outcome.period_start] = std::move(outcome.trades);
    batch.welfare[outcome.period_start] = outcome.welfare;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<WaitingPeriod>> BatchSettler::Commit(
    Batch& batch, const std::vector<absl::Time>& ready, bool first_run) {
  std::vector<WaitingPeriod> waiting;
  if (ready.empty()) return waiting;
  PW_RETURN_IF_ERROR(LoadDayBefore(batch, ready));
  PW_RETURN_IF_ERROR(LoadOutcomes(batch, ready));
  for (const absl::Time start : ready) {
    if (!batch.trades.contains(start)) {
      waiting.push_back({start, {}});
      continue;
    }
    if (!batch.SnapshotOf(start).has_tariff) {
      Log(Severity::kWarning, "no tariff is in force: the period waits for one",
          {{"reason", kTariffMissing.name}, {"period", TimeSegment(start)}});
      waiting.push_back({start, {}});
      continue;
    }
    const absl::Status status = first_run ? CommitFirst(batch, start)
                                          : CommitDifference(batch, start);
    // Another replica was faster; the next look at the store shows its result.
    if (ReasonOf(status) == kRunSuperseded.name) continue;
    PW_RETURN_IF_ERROR(status);
  }
  return waiting;
}

RunCommit BatchSettler::RunOf(const Batch& batch, absl::Time start) const {
  const Scheme& scheme = SchemeAt(batch.schemes, start);
  RunCommit run;
  run.community = batch.rules.id;
  run.period = {start, start + batch.rules.interval};
  run.scheme = scheme.id;
  run.is_firm = UsesTrades(scheme) && scheme.policy == DeliveryPolicy::kFirm;
  run.readings_cursor = batch.Cursor();
  run.revisions = UsedRevisions(batch.SnapshotOf(start).members, batch.ReadingsOf(start),
                                batch.ReadingsADayBefore(start));
  run.tariff = batch.SnapshotOf(start).tariff_name;
  run.now = clock_.Now();
  run.record = batch.record;
  // The machine's clock may have been set back meanwhile.
  run.elapsed = std::max(real_clock_.Now() - batch.record.begun_at, absl::ZeroDuration());
  return run;
}

RunCommit BatchSettler::Compute(const Batch& batch, absl::Time start,
                                SettlementResult& result) const {
  const Substitution readings =
      Substitute(batch.ReadingsOf(start), batch.ReadingsADayBefore(start));
  const Scheme& scheme = SchemeAt(batch.schemes, start);
  result = Settle(
      ComposeInput(batch.SnapshotOf(start), scheme, readings, batch.trades.at(start)));
  RunCommit run = RunOf(batch, start);
  run.totals = result.totals;
  run.substituted_count = readings.substituted_count;
  run.absurd_count = readings.absurd_count;
  // What a firm trade delivers is not looked at: both sides pay for all of it.
  const auto welfare = batch.welfare.find(start);
  if (welfare != batch.welfare.end() && welfare->second > Money() && !run.is_firm) {
    run.welfare = WelfareOf(welfare->second, batch.trades.at(start), result.lines);
  }
  return run;
}

absl::Status BatchSettler::CommitFirst(const Batch& batch, absl::Time start) {
  const absl::Time begun = real_clock_.Now();
  SettlementResult result;
  RunCommit run = Compute(batch, start, result);
  run.lines = std::move(result.lines);
  run.entries = EntriesOf(start, 1, run.lines);
  PW_RETURN_IF_ERROR(store_.CommitRun(run));
  probe_.PeriodSettled(real_clock_.Now() - begun, run.entries.entries.size());
  return absl::OkStatus();
}

absl::Status BatchSettler::CommitDifference(const Batch& batch, absl::Time start) {
  const absl::Time begun = real_clock_.Now();
  SettlementResult result;
  RunCommit run = Compute(batch, start, result);
  PW_ASSIGN_OR_RETURN(const PostedPeriod posted, store_.LoadPosted(batch.rules.id, start));
  run.run_before = posted.run_count;
  run.lines = DifferenceOf(result.lines, posted.lines);
  run.entries = EntriesOf(start, posted.run_count + 1, run.lines);
  PW_RETURN_IF_ERROR(store_.CommitRun(run));
  probe_.PeriodRestated(real_clock_.Now() - begun, run.entries.entries.size());
  return absl::OkStatus();
}

}  // namespace peerwatt::settlement
