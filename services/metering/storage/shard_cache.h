#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "services/metering/core/block.h"
#include "services/metering/core/day.h"

namespace peerwatt::metering {

/// Number of rows in `shards`.
inline constexpr int64_t kShardCount = 16;
/// The shard of a metering point.
inline int16_t ShardOf(int64_t point_no) { return static_cast<int16_t>(point_no % kShardCount); }
/// The shard that has a device's position. Never changes: it is where the position is stored.
int16_t ShardOf(const DeviceId& device);

using DayPtr = std::shared_ptr<const Day>;

/// Days of one point lie together, in their order.
struct ByPoint {
  bool operator()(const DayKey& a, const DayKey& b) const {
    return std::tie(a.point_no, a.day, a.resolution_s) <
           std::tie(b.point_no, b.day, b.resolution_s);
  }
};
using DayMap = absl::btree_map<DayKey, DayPtr, ByPoint>;

/// All that a view of a shard holds, and the block to which it reaches.
struct ShardContent {
  std::vector<std::pair<DayKey, DayPtr>> days;
  std::vector<DevicePosition> positions;
  int64_t version = 0;
};

/// The days and positions of a shard that stand in its blocks but not yet, or not all, in its
/// stored days and positions. A view of the blocks up to `version`: made anew from them after a
/// restart.
class Shard {
 public:
  using SteadyTime = std::chrono::steady_clock::time_point;

  /// Held by whoever moves the shard on, for as long as that takes: writers of this process come
  /// one after the other, and those of other processes wait at the row in the database.
  std::mutex order;

  /// The last block that is in this view.
  int64_t version() const;
  /// How often the view was lost.
  int64_t losses() const;
  /// The day, if it is here; otherwise storage has all of it.
  DayPtr Find(const DayKey& key) const;
  /// Days of a point from one day to another, any interval length.
  std::vector<std::pair<DayKey, DayPtr>> FindAll(int64_t point_no, int32_t first_day,
                                                 int32_t last_day) const;

  /// The last block that is in this view, and how far the device has come in what is here; 0 if
  /// that is not here: then storage has it.
  std::pair<int64_t, int64_t> PositionOf(const DeviceId& device) const;

  // The rest with `order` held.

  /// Takes over days, each complete up to its last block, and positions; the view then reaches to
  /// `version`.
  void Advance(std::vector<std::pair<DayKey, DayPtr>> days,
               const std::vector<DevicePosition>& positions, int64_t version);
  /// Forgets what is stored up to this block. Returns the number of days.
  size_t Forget(int64_t compacted_block_no);
  /// Starts over from a block up to which all is stored.
  void Reset(int64_t version);
  /// Starts over with nothing: the database has less than this view, so it is another one.
  void Lose();

  ShardContent Snapshot() const;
  /// Number of days here.
  size_t size() const;
  /// When the oldest of what is here came.
  std::optional<SteadyTime> since() const;

 private:
  struct PositionEntry {
    int64_t sequence = 0;
    int64_t block_no = 0;  ///< Once this one is compacted, storage has it.
  };

  mutable std::mutex mutex_;
  int64_t version_ = 0;
  int64_t losses_ = 0;
  DayMap days_;
  absl::flat_hash_map<DeviceId, PositionEntry> positions_;
  std::optional<SteadyTime> since_;
};

/// The shards of a process, and how many days they hold together.
class ShardCache {
 public:
  Shard& shard(int64_t number) { return shards_[static_cast<size_t>(number)]; }
  const Shard& shard(int64_t number) const { return shards_[static_cast<size_t>(number)]; }
  /// Days in all shards.
  size_t DayCount() const;
  /// How often views were lost, as the database had become another one.
  int64_t losses() const;
  /// Waits while there are more days than this, at most `timeout`. False when that was too short.
  bool WaitBelow(size_t days_max, std::chrono::milliseconds timeout);
  /// Tells those who wait that days went.
  void NotifyForgotten();

 private:
  std::array<Shard, kShardCount> shards_;
  std::mutex mutex_;
  std::condition_variable forgotten_;
};

}  // namespace peerwatt::metering
