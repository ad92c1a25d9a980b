#include "services/metering/core/ingest.h"

#include <algorithm>
#include <utility>

#include "libs/base/error.h"
#include "services/metering/core/validation.h"

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
    }
  }
  std::sort(points.begin(), points.end());
  points.erase(std::unique(points.begin(), points.end()), points.end());
  return points;
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

std::vector<BatchOutcome> Ingest::Run(absl::Span<const IngestRequest> requests, absl::Time now) {
  const MemberLookup lookup = directory_.Find(PointsOf(requests));
  std::vector<BatchOutcome> outcomes(requests.size());
  for (size_t i = 0; i < requests.size(); ++i) {
    outcomes[i].status = Judge(*requests[i].batch, lookup, now);
  }
  HoldLanes(requests, outcomes);
  for (BatchGate* const gate : gates_) {
    gate->Pass(requests, lookup, now, outcomes);
  }
  std::vector<AcceptedBatch> accepted;
  std::vector<size_t> positions;
  for (size_t i = 0; i < requests.size(); ++i) {
    const Batch& batch = *requests[i].batch;
    if (!outcomes[i].status.ok()) {
      continue;
    }
    AcceptedBatch one{.batch = &batch, .communities = {}};
    one.communities.reserve(batch.series.size());
    for (const Series& series : batch.series) {
      one.communities.push_back(lookup.members.at(series.metering_point).community);
    }
    accepted.push_back(std::move(one));
    positions.push_back(i);
  }
  if (!accepted.empty()) {
    StoreAll(accepted, positions, now, outcomes);
  }
  return outcomes;
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
