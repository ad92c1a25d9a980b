#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "libs/postgres/pool.h"
#include "services/metering/core/ports.h"
#include "services/metering/storage/compactor.h"
#include "services/metering/storage/point_numbers.h"
#include "services/metering/storage/shard_cache.h"

namespace peerwatt::metering {

/// Days that may wait for compaction in all shards before storing waits for it.
inline constexpr size_t kWaitingDaysMax = 400'000;

/// Readings in PostgreSQL: a log of packed blocks for each shard, compacted into a row for each
/// point and day. What is not compacted yet is kept in memory too, as a view of the log that any
/// process can make anew. Safe for many threads and many processes.
class PostgresReadingStore final : public ReadingStore {
 public:
  explicit PostgresReadingStore(postgres::Pool& pool) : pool_(pool), numbers_(pool) {}

  absl::StatusOr<std::vector<StoredCounts>> Store(absl::Span<const AcceptedBatch> batches,
                                                  absl::Time now) override;
  absl::StatusOr<int64_t> AcknowledgedSequence(const DeviceId& device) override;
  absl::StatusOr<std::vector<Reading>> List(const ListQuery& query) override;
  absl::StatusOr<ReadingColumns> Columns(const std::vector<MeteringPointId>& points, Interval span,
                                         absl::Duration resolution) override;
  absl::StatusOr<std::optional<Reading>> Latest(const MeteringPointId& point) override;
  absl::StatusOr<std::vector<Change>> ChangesAfter(int64_t cursor, int32_t limit) override;

  /// The views of the shards, for compaction.
  ShardCache& cache() { return cache_; }

 private:
  /// The numbers of points, of the present database.
  PointNumbers& Numbers();

  postgres::Pool& pool_;
  PointNumbers numbers_;
  ShardCache cache_;
  std::atomic<int64_t> losses_seen_ = 0;
};

}  // namespace peerwatt::metering
