#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/postgres/pool.h"
#include "services/metering/storage/shard_cache.h"

namespace peerwatt::metering {

/// When a shard is compacted.
struct CompactionOptions {
  size_t days = 4096;                               ///< As soon as it holds so many days …
  absl::Duration delay = absl::Minutes(15);         ///< … or the oldest is that old.
  absl::Duration interval = absl::Milliseconds(100);  ///< How often that is looked at.
};

/// Writes the days of one shard that stand in its blocks into storage and drops the blocks.
/// Returns how many days were written; 0 also when another process is at it.
absl::StatusOr<size_t> CompactShard(postgres::Pool& pool, ShardCache& cache, int16_t shard_no);

/// A thread that compacts shards when they are due. Storing goes on meanwhile.
class Compactor {
 public:
  /// done: hears of each compaction: days written, or the error; after an error it tries again.
  Compactor(const CompactionOptions& options, postgres::Pool& pool, ShardCache& cache,
            std::function<void(const absl::StatusOr<size_t>&, absl::Duration)> done);
  ~Compactor();
  Compactor(const Compactor&) = delete;
  Compactor& operator=(const Compactor&) = delete;

 private:
  void Run();
  /// After a start, blocks of before are due too.
  void CatchUpOnce();
  bool IsDue(const Shard& shard) const;

  const CompactionOptions options_;
  postgres::Pool& pool_;
  ShardCache& cache_;
  const std::function<void(const absl::StatusOr<size_t>&, absl::Duration)> done_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool end_ = false;
  bool caught_up_ = false;
  std::thread thread_;
};

}  // namespace peerwatt::metering
