#include "services/settlement/core/batch_settler.h"

#include <algorithm>
#include <map>
#include <utility>

#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "libs/domain/interval.h"
#include "services/settlement/core/difference.h"
#include "services/settlement/core/errors.h"
#include "services/settlement/core/settlement.h"

namespace peerwatt::settlement {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);

/// The readings of one period out of a grid.
PeriodReadings ReadingsAt(const ReadingGrid& grid, int64_t index) {
  PeriodReadings readings;
  readings.reserve(grid.readings.size());
  for (const std::vector<PointReading>& point : grid.readings) {
    readings.push_back(point.at(static_cast<size_t>(index)));
  }
  return readings;
}

}  // namespace

/// What the periods of one batch depend on, as pulled from the peers.
struct BatchSettler::Batch {
  const CommunityRules& rules;
  const std::vector<absl::Time>& starts;
  Interval span;
  CommunitySnapshot first;      ///< at the first period; members with their times
  Tariffs tariffs;              ///< in force within the batch, as of now
  std::vector<Scheme> schemes;  ///< in force within the batch, by start
  ReadingGrid readings;
  std::optional<ReadingGrid> day_before;
  std::map<absl::Time, std::vector<Trade>> trades;  ///< by period that need not wait for trades

  std::vector<MeteringPointId> Points() const {
    std::vector<MeteringPointId> points;
    points.reserve(first.members.size());
    for (const Member& member : first.members) points.push_back(member.point);
    return points;
  }
  PeriodReadings ReadingsOf(absl::Time start) const {
    return ReadingsAt(readings, (start - span.start) / rules.interval);
  }
  PeriodReadings ReadingsADayBefore(absl::Time start) const {
    if (!day_before.has_value()) return {};
    return ReadingsAt(*day_before, (start - span.start) / rules.interval);
  }
  int64_t Cursor() const {
    return day_before.has_value() ? std::min(readings.cursor, day_before->cursor)
                                  : readings.cursor;
  }
};

absl::StatusOr<std::vector<WaitingPeriod>> BatchSettler::SettleFirst(
    const CommunityRules& rules, const std::vector<absl::Time>& starts) {
  PW_ASSIGN_OR_RETURN(Batch batch, Load(rules, starts));
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
      if (!readings[i].present) incomplete.missing.insert(batch.first.members[i].point);
    }
  }
  PW_ASSIGN_OR_RETURN(const std::vector<WaitingPeriod> others, Commit(batch, ready, true));
  waiting.insert(waiting.end(), others.begin(), others.end());
  return waiting;
}

absl::StatusOr<std::vector<WaitingPeriod>> BatchSettler::Restate(
    const CommunityRules& rules, const std::vector<absl::Time>& starts) {
  PW_ASSIGN_OR_RETURN(Batch batch, Load(rules, starts));
  return Commit(batch, starts, false);
}

absl::StatusOr<BatchSettler::Batch> BatchSettler::Load(const CommunityRules& rules,
                                                       const std::vector<absl::Time>& starts) {
  PW_CHECK(!starts.empty(), "a batch has a period");
  Batch batch{
      rules, starts, {starts.front(), starts.back() + rules.interval}, {}, {}, {}, {}, {}, {}};
  PW_CHECK(batch.span.length() <= kPeriodsPerBatch * rules.interval, "a batch is short");
  PW_RETURN_IF_ERROR(LoadMembers(batch));
  PW_ASSIGN_OR_RETURN(batch.schemes, peers_.registry.ListSchemes(rules, batch.span));
  PW_ASSIGN_OR_RETURN(batch.readings, peers_.metering.QueryReadings(batch.Points(), batch.span,
                                                                    rules.interval));
  return batch;
}

absl::Status BatchSettler::LoadMembers(Batch& batch) {
  PW_ASSIGN_OR_RETURN(batch.first,
                      peers_.registry.GetSnapshot(batch.rules.id, batch.starts.front()));
  PW_ASSIGN_OR_RETURN(batch.tariffs, peers_.registry.ListTariffs(batch.rules, batch.span));
  if (batch.tariffs.memberships.empty()) return absl::OkStatus();
  std::map<MeteringPointId, absl::Time> joined_at;
  for (const MembershipStart& membership : batch.tariffs.memberships) {
    joined_at[membership.point] = membership.starts_at;
  }
  for (Member& member : batch.first.members) {
    const auto found = joined_at.find(member.point);
    if (found != joined_at.end()) member.joined_at = found->second;
  }
  return absl::OkStatus();
}

absl::Status BatchSettler::LoadDayBefore(Batch& batch, const std::vector<absl::Time>& ready) {
  const bool needed = std::any_of(ready.begin(), ready.end(), [&](absl::Time start) {
    return !IsComplete(batch.ReadingsOf(start));
  });
  if (!needed) return absl::OkStatus();
  const Interval span{batch.span.start - kDay, batch.span.end - kDay};
  PW_ASSIGN_OR_RETURN(batch.day_before, peers_.metering.QueryReadings(batch.Points(), span,
                                                                      batch.rules.interval));
  return absl::OkStatus();
}

absl::Status BatchSettler::LoadOutcomes(Batch& batch, const std::vector<absl::Time>& ready) {
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
    batch.trades[outcome.period_start] = std::move(outcome.trades);
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
    const absl::Status status = first_run ? CommitFirst(batch, start)
                                          : CommitDifference(batch, start);
    // Another replica was faster, or a tariff came: the next look at the store shows it.
    if (ReasonOf(status) == kRunSuperseded.name) {
      waiting.push_back({start, {}});
      continue;
    }
    PW_RETURN_IF_ERROR(status);
  }
  return waiting;
}

RunCommit BatchSettler::Compute(const Batch& batch, absl::Time start,
                                SettlementResult& result) const {
  const Substitution readings =
      Substitute(batch.ReadingsOf(start), batch.ReadingsADayBefore(start));
  const Scheme& scheme = SchemeAt(batch.schemes, start);
  const CommunityRules& rules = batch.rules;
  const GridTariff prices = GridTariffAt(batch.tariffs.versions, start, rules.time_zone);
  result = Settle(ComposeInput(batch.first, prices, scheme, readings, batch.trades.at(start)));
  RunCommit run;
  run.community = rules.id;
  run.period = {start, start + rules.interval};
  AddCharges({TariffAt(batch.tariffs.versions, start), batch.first.members, run.period,
              rules.time_zone, rules.trading_start},
             result.lines);
  run.price_missing_count = static_cast<int32_t>(
      std::count_if(result.lines.begin(), result.lines.end(), [](const Line& line) {
        return line.key.is_price_missing && !IsReference(line.key.kind);
      }));
  run.tariff_version_count = batch.tariffs.version_count;
  run.totals = result.totals;
  run.scheme = scheme.id;
  run.is_firm = UsesTrades(scheme) && scheme.policy == DeliveryPolicy::kFirm;
  run.substituted_count = readings.substituted_count;
  run.readings_cursor = batch.Cursor();
  run.now = clock_.Now();
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
