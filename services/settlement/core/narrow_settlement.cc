// Settles again what the readings of few points can have changed.

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "services/settlement/core/batch_settler.h"
#include "services/settlement/core/difference.h"
#include "services/settlement/core/errors.h"
#include "services/settlement/core/settlement_batch.h"

namespace peerwatt::settlement {
namespace {

/// What lines change the totals of their period by.
PeriodTotals ChangeOf(const std::vector<Line>& lines) {
  PeriodTotals change;
  for (const Line& line : lines) {
    switch (line.key.kind) {
      case LineKind::kReferenceDraw:
        change.drawn += line.energy;
        break;
      case LineKind::kReferenceFeedIn:
        change.fed_in += line.energy;
        break;
      case LineKind::kSelfConsumption:
        change.self_consumed += line.energy;
        break;
      case LineKind::kPurchase:
        change.delivered += line.energy;
        break;
      case LineKind::kRetail:
        change.retail += line.energy;
        break;
      case LineKind::kFeedIn:
        change.surplus += line.energy;
        break;
      case LineKind::kImbalancePurchase:
        change.imbalance_bought += line.energy;
        break;
      case LineKind::kImbalanceSale:
        change.imbalance_sold += line.energy;
        break;
      default:
        break;
    }
  }
  return change;
}

/// Lines of a bill whose price is missing and that hold now.
template <typename Lines>
int32_t CountWithoutPrice(const Lines& lines) {
  return static_cast<int32_t>(
      std::count_if(lines.begin(), lines.end(), [](const auto& line) {
        return line.key.is_price_missing && line.energy != Energy() && !IsReference(line.key.kind);
      }));
}

/// Whether both sides of each trade change by the same.
bool IsBalanced(const std::vector<Line>& lines) {
  absl::flat_hash_map<TradeId, Money> sums;
  for (const Line& line : lines) {
    const bool is_side = line.key.kind == LineKind::kPurchase || line.key.kind == LineKind::kSale;
    if (is_side) sums[line.key.trade] += line.amount;
  }
  return std::all_of(sums.begin(), sums.end(),
                     [](const auto& sum) { return sum.second == Money(); });
}

/// Fills in what a run of some parties posts: their lines less what was posted for them. Returns
/// whether that can be: not when something else than readings of these points changed as well.
bool TakeDifference(const PostedPeriod& posted, const absl::flat_hash_set<Party>& affected,
                    const std::vector<Line>& lines, RunCommit& run) {
  std::vector<PostedLine> before;
  std::copy_if(posted.lines.begin(), posted.lines.end(), std::back_inserter(before),
               [&](const PostedLine& line) {
                 return affected.contains({line.key.participant, line.key.connection});
               });
  run.run_before = posted.run_count;
  run.lines = DifferenceOf(lines, before);
  if (!IsBalanced(run.lines)) return false;
  run.entries = EntriesOf(run.period.start, posted.run_count + 1, run.lines);
  run.totals = ChangeOf(run.lines);
  run.price_missing_count = CountWithoutPrice(lines) - CountWithoutPrice(before);
  return true;
}

}  // namespace

absl::StatusOr<std::vector<absl::Time>> BatchSettler::CommitNarrowly(
    Batch& batch, const std::vector<absl::Time>& starts) {
  // Final and requested runs look at everything, whatever is said to have changed.
  const RunKind kind = batch.record.kind;
  if (kind == RunKind::kFinal || kind == RunKind::kRequested) return starts;
  PW_RETURN_IF_ERROR(LoadDayBefore(batch, starts));
  PW_ASSIGN_OR_RETURN(const ChangedPoints changed,
                      store_.LoadChangedPoints(batch.rules.id, starts));
  // What was read and is not marked yet might be told apart from the rest only by looking at all.
  const int64_t read = batch.day_before.has_value()
                           ? std::max(batch.readings.cursor, batch.day_before->cursor)
                           : batch.readings.cursor;
  if (changed.points.empty() || changed.cursor < read) return starts;
  PW_RETURN_IF_ERROR(LoadOutcomes(batch, starts));
  std::map<absl::Time, Neighbourhood> parts;
  std::map<absl::Time, std::set<ParticipantId>> participants;
  std::optional<Neighbours> neighbours;
  const CommunitySnapshot* of = nullptr;
  for (const auto& [start, points] : changed.points) {
    const CommunitySnapshot& snapshot = batch.SnapshotOf(start);
    if (!snapshot.has_tariff || !batch.trades.contains(start) ||
        !UsesTrades(SchemeAt(batch.schemes, start))) {
      continue;
    }
    if (of != &snapshot) neighbours.emplace(snapshot.members);
    of = &snapshot;
    const Neighbourhood& part =
        parts.emplace(start, neighbours->Around(points, batch.trades.at(start))).first->second;
    for (const Party& party : part.affected) participants[start].insert(party.first);
  }
  PW_ASSIGN_OR_RETURN(const PostedPeriods posted,
                      store_.LoadPostedOf(batch.rules.id, participants));
  std::vector<RunCommit> runs;
  for (const auto& [start, part] : parts) {
    std::vector<Line> lines;
    RunCommit& run = runs.emplace_back(ComputeNarrowly(batch, start, part, lines));
    const auto before = posted.find(start);
    if (before == posted.end() ||
        !TakeDifference(before->second, part.affected, lines, run)) {
      runs.pop_back();
    }
  }
  const absl::Status committed = store_.CommitChanges(runs);
  // One that was not alone starts over, period by period.
  if (ReasonOf(committed) == kRunSuperseded.name) return starts;
  PW_RETURN_IF_ERROR(committed);
  std::set<absl::Time> done;
  for (const RunCommit& run : runs) {
    done.insert(run.period.start);
    probe_.PeriodRestated(run.elapsed / static_cast<int64_t>(runs.size()),
                          run.entries.entries.size());
  }
  std::vector<absl::Time> left;
  std::copy_if(starts.begin(), starts.end(), std::back_inserter(left),
               [&](absl::Time start) { return !done.contains(start); });
  return left;
}

RunCommit BatchSettler::ComputeNarrowly(const Batch& batch, absl::Time start,
                                        const Neighbourhood& part,
                                        std::vector<Line>& lines) const {
  const CommunitySnapshot& all = batch.SnapshotOf(start);
  CommunitySnapshot few;
  few.fees = all.fees;
  few.has_tariff = all.has_tariff;
  few.tariff_name = all.tariff_name;
  few.tariff = all.tariff;
  PeriodReadings readings;
  PeriodReadings day_before;
  const PeriodReadings of_all = batch.ReadingsOf(start);
  const PeriodReadings before_of_all = batch.ReadingsADayBefore(start);
  for (const size_t member : part.members) {
    few.members.push_back(all.members[member]);
    readings.push_back(of_all[member]);
    if (!before_of_all.empty()) day_before.push_back(before_of_all[member]);
  }
  const Scheme& scheme = SchemeAt(batch.schemes, start);
  SettlementResult result =
      Settle(ComposeInput(few, scheme, Substitute(readings, day_before), part.trades));
  std::copy_if(std::make_move_iterator(result.lines.begin()),
               std::make_move_iterator(result.lines.end()), std::back_inserter(lines),
               [&](const Line& line) {
                 return part.affected.contains({line.key.participant, line.key.connection});
               });
  RunCommit run = RunOf(batch, start);
  const Substitution substituted = Substitute(of_all, {});
  run.substituted_count = substituted.substituted_count;
  run.absurd_count = substituted.absurd_count;
  return run;
}

}  // namespace peerwatt::settlement
