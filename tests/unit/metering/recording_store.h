#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "services/metering/core/ports.h"

namespace peerwatt::metering::testing {

/// Remembers what was to be stored; fails on demand.
class RecordingStore final : public ReadingStore {
 public:
  absl::StatusOr<std::vector<StoredCounts>> Store(absl::Span<const AcceptedBatch> batches,
                                                  absl::Time) override {
    groups.push_back(batches.size());
    for (const AcceptedBatch& batch : batches) {
      if (const auto failure = failures.find(batch.batch->sequence); failure != failures.end()) {
        return failure->second;
      }
    }
    std::vector<StoredCounts> counts;
    for (const AcceptedBatch& batch : batches) {
      stored.push_back(batch.batch->sequence);
      for (const CommunityId& community : batch.communities) {
        communities.insert(community.value());
      }
      counts.push_back({static_cast<int32_t>(batch.batch->ReadingCount()), 0});
    }
    return counts;
  }
  absl::StatusOr<int64_t> AcknowledgedSequence(const DeviceId&) override { return 0; }
  absl::StatusOr<std::vector<Reading>> List(const ListQuery&) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<ReadingColumns> Columns(const std::vector<MeteringPointId>&, Interval,
                                         absl::Duration) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<std::optional<Reading>> Latest(const MeteringPointId&) override {
    return absl::UnimplementedError("not asked");
  }
  absl::StatusOr<std::vector<Change>> ChangesAfter(int64_t, int32_t) override {
    return absl::UnimplementedError("");
  }

  std::map<int64_t, absl::Status> failures;
  std::vector<size_t> groups;
  std::vector<int64_t> stored;
  std::set<std::string> communities;
};

}  // namespace peerwatt::metering::testing
