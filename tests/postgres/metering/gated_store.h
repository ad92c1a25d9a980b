#pragma once

#include <condition_variable>
#include <mutex>
#include <vector>

#include "services/metering/core/ports.h"

namespace peerwatt::metering::testing {

/// A store whose commits a test can hold up, make fail and count.
class GatedStore final : public ReadingStore {
 public:
  explicit GatedStore(ReadingStore& store) : store_(store) {}

  void Close() {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }
  void Open() {
    {
      const std::lock_guard lock(mutex_);
      open_ = true;
    }
    opened_.notify_all();
  }
  /// The next `count` commits fail with `failure`.
  void FailNext(int count, absl::Status failure) {
    const std::lock_guard lock(mutex_);
    failures_ = count;
    failure_ = std::move(failure);
  }
  int failures_left() {
    const std::lock_guard lock(mutex_);
    return failures_;
  }
  /// Batches of each commit so far.
  std::vector<size_t> groups() {
    const std::lock_guard lock(mutex_);
    return groups_;
  }

  absl::StatusOr<std::vector<StoredCounts>> Store(absl::Span<const AcceptedBatch> batches,
                                                  absl::Time now) override {
    {
      std::unique_lock lock(mutex_);
      opened_.wait(lock, [this] { return open_; });
      if (failures_ > 0) {
        --failures_;
        return failure_;
      }
    }
    auto counts = store_.Store(batches, now);
    const std::lock_guard lock(mutex_);
    groups_.push_back(batches.size());
    return counts;
  }
  absl::StatusOr<int64_t> AcknowledgedSequence(const DeviceId& device) override {
    return store_.AcknowledgedSequence(device);
  }
  absl::StatusOr<std::vector<Reading>> List(const ListQuery& query) override {
    return store_.List(query);
  }
  absl::StatusOr<ReadingColumns> Columns(const std::vector<MeteringPointId>& points, Interval span,
                                         absl::Duration resolution) override {
    return store_.Columns(points, span, resolution);
  }
  absl::StatusOr<std::optional<Reading>> Latest(const MeteringPointId& point) override {
    return store_.Latest(point);
  }
  absl::StatusOr<std::vector<Change>> ChangesAfter(int64_t cursor, int32_t limit) override {
    return store_.ChangesAfter(cursor, limit);
  }

 private:
  ReadingStore& store_;
  std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = true;
  int failures_ = 0;
  absl::Status failure_;
  std::vector<size_t> groups_;
};

}  // namespace peerwatt::metering::testing
