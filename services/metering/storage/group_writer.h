#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/postgres/pool.h"
#include "services/metering/core/block.h"
#include "services/metering/core/ports.h"
#include "services/metering/core/slice.h"
#include "services/metering/storage/point_numbers.h"
#include "services/metering/storage/shard_cache.h"

namespace peerwatt::metering {

/// A slice with the batch and the series that it is of.
struct SentSlice {
  int16_t shard_no = 0;
  Slice slice;
  size_t batch_no = 0;
  const CommunityId* community = nullptr;
};

/// Cuts all series of the batches at midnights, ordered by shard, day and point; slices of one
/// day stay in the order of the batches.
/// Errors: kInternal when an energy is not between 0 and `kIntervalEnergyWhMax`.
absl::StatusOr<std::vector<SentSlice>> SlicesOf(absl::Span<const AcceptedBatch> batches,
                                                const PointNumberMap& numbers);

/// The highest sequence of each device among the batches.
std::vector<DevicePosition> PositionsOf(absl::Span<const AcceptedBatch> batches);

/// One attempt to store slices in one transaction: decides what is new and writes it as blocks.
class GroupWriter {
 public:
  /// positions: how far devices have come with it. All references must outlive this object;
  /// `order` of all shards of the slices and devices is held.
  GroupWriter(size_t batch_count, const std::vector<SentSlice>& slices,
              const std::vector<DevicePosition>& positions, ShardCache& cache, absl::Time now)
      : slices_(slices), positions_(positions), cache_(cache), now_(now), counts_(batch_count) {}

  /// Locks these shards, decides and writes. Errors: kDataLoss; DATABASE_UNAVAILABLE.
  absl::Status Write(pqxx::work& tx, const std::vector<int32_t>& shard_numbers);
  /// After the commit: takes what was written into the views of the shards.
  void Publish();
  const std::vector<StoredCounts>& counts() const { return counts_; }

 private:
  /// What is new in one shard.
  struct ShardWork {
    BlockWriter block;
    int64_t block_no = 0;
    std::vector<WrittenSpan> spans;
    std::vector<std::pair<DayKey, DayPtr>> days;
    std::vector<DevicePosition> positions;

    bool empty() const { return block.empty() && positions.empty(); }
  };
  /// Blocks and changes as they go to the database.
  struct Columns;

  absl::Status LockShards(pqxx::work& tx, const std::vector<int32_t>& shard_numbers);
  absl::Status Decide(pqxx::work& tx);
  /// Writes the slices from `begin` to `end`, all of one day that was `before`.
  void DecideDay(size_t begin, size_t end, const Day* before);
  /// Notes what was stored of a slice as changed. first_span: of the slice's day in its shard.
  void Note(const SentSlice& sent, const SliceResult& result, size_t first_span);
  /// Takes the positions that are further than what is known.
  void Advance();
  void StoreBlocks(pqxx::work& tx);

  const std::vector<SentSlice>& slices_;
  const std::vector<DevicePosition>& positions_;
  ShardCache& cache_;
  const absl::Time now_;
  std::vector<StoredCounts> counts_;
  std::array<ShardWork, kShardCount> work_;
};

}  // namespace peerwatt::metering
