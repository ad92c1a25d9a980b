// Settles again what the readings of few points can have changed.

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "services/settlement/core/batch_settler.h"
#include "services/settlement/core/errors.h"
#include "services/settlement/core/narrow_difference.h"
#include "services/settlement/core/settlement_batch.h"

namespace peerwatt::settlement {
namespace {

/// Whether the newest run that posted knew the same rules as this one, and the same worth of the
/// trades: else readings are not all that changed.
bool KnewTheSame(const PostedPart& posted, const RunCommit& run,
                 const std::optional<Money>& optimum) {
  return posted.tariff == run.tariff && posted.scheme == run.scheme &&
         posted.welfare.has_value() == optimum.has_value() &&
         (!optimum.has_value() || posted.welfare->optimum == *optimum);
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
    if (!batch.trades.contains(start) || !UsesTrades(SchemeAt(batch.schemes, start))) continue;
    if (of != &snapshot) neighbours.emplace(snapshot.members);
    of = &snapshot;
    const Neighbourhood& part =
        parts.emplace(start, neighbours->Around(points, batch.trades.at(start))).first->second;
    std::set<ParticipantId>& asked = participants[start];
    for (const OwnedConnection& party : part.affected) asked.insert(party.first);
  }
  PW_ASSIGN_OR_RETURN(const PostedParts posted, store_.LoadPostedOf(batch.rules.id, participants));
  std::vector<RunCommit> runs;
  for (const auto& [start, part] : parts) {
    const auto before = posted.find(start);
    if (before == posted.end()) continue;
    std::optional<RunCommit> run = ComputeNarrowly(batch, start, part, before->second);
    if (run.has_value()) runs.push_back(*std::move(run));
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

std::optional<RunCommit> BatchSettler::ComputeNarrowly(const Batch& batch, absl::Time start,
                                                       const Neighbourhood& part,
                                                       const PostedPart& posted) const {
  RunCommit run = RunOf(batch, start);
  std::optional<Money> optimum;
  const auto welfare = batch.welfare.find(start);
  if (welfare != batch.welfare.end() && welfare->second > Money() && !run.is_firm) {
    optimum = welfare->second;
  }
  if (!KnewTheSame(posted, run, optimum)) return std::nullopt;
  const CommunitySnapshot& all = batch.SnapshotOf(start);
  CommunitySnapshot few;
  few.fees = all.fees;
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
  SettlementResult result = Settle(ComposeInput(few, batch.PricesAt(start), scheme,
                                                Substitute(readings, day_before), part.trades));
  // Of all members: those that are not affected are left out with their other lines.
  AddCharges(batch.ChargesAt(start), result.lines);
  std::optional<NarrowDifference> difference =
      DifferenceOfPart(part, result.lines, posted.period.lines, posted.welfare);
  if (!difference.has_value()) return std::nullopt;
  run.run_before = posted.period.run_count;
  run.lines = std::move(difference->lines);
  run.entries = EntriesOf(start, run.run_before + 1, run.lines);
  run.totals = difference->totals;
  run.price_missing_count = difference->price_missing_count;
  run.welfare = difference->welfare;
  const Substitution substituted = Substitute(of_all, {});
  run.substituted_count = substituted.substituted_count;
  run.absurd_count = substituted.absurd_count;
  return run;
}

}  // namespace peerwatt::settlement
