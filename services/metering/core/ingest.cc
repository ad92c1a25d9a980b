#include "services/metering/core/ingest.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "services/metering/core/validation.h"
#include "services/metering/core/vee/refusals.h"
#include "services/metering/core/vee/register_ingest.h"
#include "services/metering/core/vee/split.h"

namespace peerwatt::metering {
namespace {

/// Decides on one batch with what is known. A retryable error when too little is known.
absl::Status Judge(const Batch& batch, const MemberLookup& lookup, absl::Time now) {
  if (absl::Status size = CheckBatchSize(batch); !size.ok()) {
    return size;
  }
  if (!lookup.failure.ok()) {
    for (const Series& series : batch.series) {
      if (!lookup.members.contains(series.metering_point)) {
        return lookup.failure;
      }
    }
    for (const RegisterSeries& series : batch.registers) {
      if (!lookup.members.contains(series.metering_point)) {
        return lookup.failure;
      }
    }
  }
  return ValidateBatch(batch, lookup.members, now);
}

std::vector<MeteringPointId> PointsOf(absl::Span<const IngestRequest> requests) {
  std::vector<MeteringPointId> points;
  for (const IngestRequest& request : requests) {
    if (CheckBatchSize(*request.batch).ok()) {
      for (const Series& series : request.batch->series) {
        points.push_back(series.metering_point);
      }
      for (const RegisterSeries& series : request.batch->registers) {
        points.push_back(series.metering_point);
      }
    }
  }
  std::sort(points.begin(), points.end());
  points.erase(std::unique(points.begin(), points.end()), points.end());
  return points;
}

/// Whether a batch must be changed before it is stored.
bool IsPlain(const Batch& batch, const absl::flat_hash_map<MeteringPointId, Member>& members) {
  return batch.registers.empty() &&
         std::all_of(batch.series.begin(), batch.series.end(), [&](const Series& series) {
           return series.resolution == members.at(series.metering_point).interval &&
                  !IsWeak(series);
         });
}

}  // namespace

bool IsUndecided(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsAborted(status) ||
         absl::IsDeadlineExceeded(status);
}

bool LaneOrder::Holds(uint64_t lane, absl::Status& status) {
  if (const auto held = waiting_.find(lane); held != waiting_.end()) {
    status = held->second;
    return true;
  }
  if (!IsUndecided(status)) {
    return false;
  }
  waiting_.emplace(lane, status);
  return true;
}

void HoldLanes(absl::Span<const IngestRequest> requests, std::vector<BatchOutcome>& outcomes) {
  LaneOrder order;
  for (size_t i = 0; i < requests.size(); ++i) {
    order.Holds(requests[i].lane, outcomes[i].status);
  }
}

struct Ingest::Group {
  absl::Span<const IngestRequest> requests;
  const MemberLookup& lookup;
  absl::Time now;
  std::vector<BatchOutcome>& outcomes;
  std::vector<AcceptedBatch> accepted = {};
  std::vector<size_t> positions = {};    ///< Of the accepted among the requests.
  std::deque<Batch> normalised = {};     ///< Batches as they are stored, where they differ.
  /// Values of these that are weaker than what stands there.
  absl::flat_hash_map<const Batch*, int32_t> weaker = {};

  /// Takes a batch in, in intervals of its community, with the register values of its records.
  void Accept(size_t position) {
    const Batch* batch = requests[position].batch;
    const std::vector<OcmfEntry>& records = outcomes[position].ocmf;
    if (!IsPlain(*batch, lookup.members) || !records.empty()) {
      normalised.push_back(*batch);
      for (const OcmfEntry& record : records) {
        normalised.back().registers.insert(normalised.back().registers.end(),
                                           record.registers.begin(), record.registers.end());
      }
      for (Series& series : normalised.back().series) {
        const absl::Duration interval = lookup.members.at(series.metering_point).interval;
        if (series.resolution != interval) {
          series = SplitSeries(series, interval);
        }
      }
      batch = &normalised.back();
    }
    accepted.push_back({.batch = batch, .communities = {}});
    positions.push_back(position);
  }
  /// Names the communities of all series, once they are complete.
  void NameCommunities() {
    for (AcceptedBatch& one : accepted) {
      one.communities.reserve(one.batch->series.size());
      for (const Series& series : one.batch->series) {
        one.communities.push_back(lookup.members.at(series.metering_point).community);
      }
    }
  }
};

std::vector<BatchOutcome> Ingest::Run(absl::Span<const IngestRequest> requests, absl::Time now) {
  MemberLookup lookup = directory_.Find(PointsOf(requests));
  std::vector<BatchOutcome> outcomes(requests.size());
  for (size_t i = 0; i < requests.size(); ++i) {
    outcomes[i].status = Judge(*requests[i].batch, lookup, now);
  }
  NoteRefusals(requests, now, outcomes);
  HoldLanes(requests, outcomes);
  for (BatchGate* const gate : gates_) {
    gate->Pass(requests, lookup, now, outcomes);
  }
  NoteSignatures(requests, now, outcomes);
  for (const BatchOutcome& outcome : outcomes) {
    for (const OcmfEntry& record : outcome.ocmf) {
      if (record.member.has_value()) {
        lookup.members.try_emplace(record.metering_point, *record.member);
      }
    }
  }
  Group group{.requests = requests, .lookup = lookup, .now = now, .outcomes = outcomes};
  for (size_t i = 0; i < requests.size(); ++i) {
    if (outcomes[i].status.ok()) {
      group.Accept(i);
    }
  }
  KeepRegisters(group);
  group.NameCommunities();
  if (!group.accepted.empty()) {
    StoreAll(group.accepted, group.positions, now, outcomes);
  }
  Settle(group);
  return outcomes;
}

void Ingest::NoteRefusals(absl::Span<const IngestRequest> requests, absl::Time now,
                          std::vector<BatchOutcome>& outcomes) {
  if (findings_ == nullptr) {
    return;
  }
  std::vector<Finding> findings;
  std::vector<size_t> positions;
  for (size_t i = 0; i < requests.size(); ++i) {
    const absl::Status& status = outcomes[i].status;
    if (status.ok() || IsUndecided(status) || requests[i].batch->device.empty()) {
      continue;
    }
    if (std::optional<Finding> finding = FindingOf(*requests[i].batch, status, now)) {
      findings.push_back(*std::move(finding));
      positions.push_back(i);
    }
  }
  Note(findings, positions, outcomes);
}

void Ingest::NoteSignatures(absl::Span<const IngestRequest> requests, absl::Time now,
                            std::vector<BatchOutcome>& outcomes) {
  if (findings_ == nullptr || gates_.empty()) {
    return;
  }
  std::vector<Finding> findings;
  std::vector<size_t> positions;
  for (size_t i = 0; i < requests.size(); ++i) {
    const BatchOutcome& outcome = outcomes[i];
    if (IsUndecided(outcome.status) ||
        (outcome.status.ok() && outcome.kept_events == ChainEvents())) {
      continue;
    }
    for (Finding& finding : SignatureFindingsOf(*requests[i].batch, outcome.status,
                                                outcome.kept_events, now)) {
      findings.push_back(std::move(finding));
      positions.push_back(i);
    }
  }
  if (!findings.empty()) {
    Note(findings, positions, outcomes);
    HoldLanes(requests, outcomes);
  }
}

/// Stores findings; those of them that cannot be now leave their batches undecided.
void Ingest::Note(absl::Span<const Finding> findings, absl::Span<const size_t> positions,
                  std::vector<BatchOutcome>& outcomes) {
  if (findings.empty()) {
    return;
  }
  const auto noted = findings_->Note(findings);
  if (!noted.ok() && IsUndecided(noted.status())) {
    for (const size_t position : positions) {
      outcomes[position].status = noted.status();
    }
  }
}

void Ingest::KeepRegisters(Group& group) {
  std::vector<const RegisterSeries*> series;
  std::vector<const Batch*> batches;
  for (const Batch& batch : group.normalised) {
    batches.push_back(&batch);
    for (const RegisterSeries& each : batch.registers) {
      series.push_back(&each);
    }
  }
  if (batches.empty() || (registers_ == nullptr && series.empty())) {
    return;
  }
  absl::Status status = Error(kInternalError, "register values are not kept here");
  if (registers_ != nullptr) {
    status = series.empty() ? absl::OkStatus() : registers_->Keep(series, group.now);
    if (status.ok()) {
      status = Derive(group, batches);
    }
  }
  if (status.ok()) {
    return;
  }
  // Nothing of the group is stored: what is undecided here is so for all that follows in its lane.
  std::vector<AcceptedBatch> kept;
  std::vector<size_t> positions;
  for (size_t i = 0; i < group.accepted.size(); ++i) {
    if (IsUndecided(status) || !group.accepted[i].batch->registers.empty()) {
      group.outcomes[group.positions[i]].status = status;
    } else {
      kept.push_back(group.accepted[i]);
      positions.push_back(group.positions[i]);
    }
  }
  group.accepted = std::move(kept);
  group.positions = std::move(positions);
}

/// Adds to batches what follows from registers, and takes out what that is stronger than.
absl::Status Ingest::Derive(Group& group, const std::vector<const Batch*>& batches) {
  RegisterIngest derivation(*registers_, store_);
  PW_ASSIGN_OR_RETURN(const RegisterIngest::Points weak, derivation.WeakPoints(batches));
  for (Batch& batch : group.normalised) {
    const size_t sent = batch.ReadingCount();
    PW_ASSIGN_OR_RETURN(const std::vector<Series> derived,
                        derivation.Derive(batch, group.lookup.members, weak));
    group.weaker[&batch] = static_cast<int32_t>(sent - batch.ReadingCount());
    batch.series.insert(batch.series.end(), derived.begin(), derived.end());
  }
  return absl::OkStatus();
}

void Ingest::Settle(Group& group) {
  if (registers_ == nullptr || group.normalised.empty()) {
    return;
  }
  // What others stored meanwhile is seen now.
  RegisterIngest derivation(*registers_, store_);
  std::vector<const Batch*> batches;
  for (const Batch& batch : group.normalised) {
    batches.push_back(&batch);
  }
  const absl::StatusOr<RegisterIngest::Points> weak = derivation.WeakPoints(batches);
  LaneOrder order;
  for (size_t i = 0; i < group.accepted.size(); ++i) {
    BatchOutcome& outcome = group.outcomes[group.positions[i]];
    const uint64_t lane = group.requests[group.positions[i]].lane;
    const Batch& batch = *group.accepted[i].batch;
    if (order.Holds(lane, outcome.status) || !outcome.status.ok()) {
      continue;
    }
    if (const auto weaker = group.weaker.find(&batch); weaker != group.weaker.end()) {
      outcome.counts.unchanged += weaker->second;
    }
    if (!batch.registers.empty() || std::any_of(batch.series.begin(), batch.series.end(), IsWeak)) {
      outcome.status = weak.status();
      if (weak.ok()) {
        outcome.status = derivation.Settle(batch, group.lookup.members, *weak, group.now,
                                           outcome.counts);
      }
      order.Holds(lane, outcome.status);
    }
  }
}

void Ingest::StoreAll(absl::Span<const AcceptedBatch> accepted, absl::Span<const size_t> positions,
                      absl::Time now, std::vector<BatchOutcome>& outcomes) {
  const absl::StatusOr<std::vector<StoredCounts>> counts = store_.Store(accepted, now);
  if (counts.ok()) {
    for (size_t i = 0; i < accepted.size(); ++i) {
      outcomes[positions[i]].counts = (*counts)[i];
    }
    return;
  }
  // A batch that the database refuses although it passed the rules must not spoil the others.
  if (accepted.size() > 1 && !IsUndecided(counts.status())) {
    for (size_t i = 0; i < accepted.size(); ++i) {
      StoreAll(accepted.subspan(i, 1), positions.subspan(i, 1), now, outcomes);
      if (const absl::Status status = outcomes[positions[i]].status; IsUndecided(status)) {
        for (const size_t later : positions.subspan(i)) {
          outcomes[later].status = status;
        }
        return;
      }
    }
    return;
  }
  for (const size_t position : positions) {
    outcomes[position].status = counts.status();
  }
}

}  // namespace peerwatt::metering
