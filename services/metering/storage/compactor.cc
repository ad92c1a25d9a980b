#include "services/metering/storage/compactor.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/metering/core/day_codec.h"
#include "services/metering/storage/queries.h"
#include "services/metering/storage/shard_sync.h"

namespace peerwatt::metering {
namespace {

using postgres::ToSqlArray;

/// Days in one statement.
constexpr size_t kDaysPerStatement = 1024;
/// Devices in one statement.
constexpr size_t kDevicesPerStatement = 4096;

using KeyedDay = std::pair<DayKey, DayPtr>;

void StoreDays(pqxx::work& tx, int16_t shard_no, absl::Span<const KeyedDay> days) {
  std::vector<int32_t> numbers;
  std::vector<int64_t> points;
  std::vector<int32_t> resolutions;
  std::vector<int64_t> last_blocks;
  std::vector<int32_t> import_lengths;
  std::vector<int32_t> export_lengths;
  std::vector<int32_t> detail_lengths;
  std::string bytes;
  for (const auto& [key, day] : days) {
    numbers.push_back(key.day);
    points.push_back(key.point_no);
    resolutions.push_back(key.resolution_s);
    last_blocks.push_back(day->last_block_no);
    const PackedDay packed = DayCodec::Pack(*day);
    import_lengths.push_back(static_cast<int32_t>(packed.import_wh.size()));
    export_lengths.push_back(static_cast<int32_t>(packed.export_wh.size()));
    detail_lengths.push_back(static_cast<int32_t>(packed.detail.size()));
    bytes += packed.import_wh;
    bytes += packed.export_wh;
    bytes += packed.detail;
  }
  postgres::Exec(tx, kStoreDays, static_cast<int32_t>(shard_no), ToSqlArray(numbers),
                 ToSqlArray(points), ToSqlArray(resolutions), ToSqlArray(last_blocks),
                 ToSqlArray(import_lengths), ToSqlArray(export_lengths),
                 ToSqlArray(detail_lengths), postgres::ToSqlBytes(bytes));
}

void StorePositions(pqxx::work& tx, int16_t shard_no, absl::Span<const DevicePosition> positions) {
  std::vector<std::string> devices;
  std::vector<int64_t> sequences;
  for (const DevicePosition& position : positions) {
    devices.push_back(position.device.value());
    sequences.push_back(position.sequence);
  }
  postgres::Exec(tx, kStorePositions, static_cast<int32_t>(shard_no), ToSqlArray(devices),
                 ToSqlArray(sequences));
}

}  // namespace

absl::StatusOr<size_t> CompactShard(postgres::Pool& pool, ShardCache& cache, int16_t shard_no) {
  Shard& shard = cache.shard(shard_no);
  auto [days, positions, version] = shard.Snapshot();
  std::sort(days.begin(), days.end(),
            [](const KeyedDay& a, const KeyedDay& b) { return a.first < b.first; });
  std::sort(positions.begin(), positions.end(),
            [](const auto& a, const auto& b) { return a.device < b.device; });
  bool compacted = false;
  int64_t stored_block_no = 0;
  PW_RETURN_IF_ERROR(pool.Run([&, all = absl::MakeConstSpan(days),
                               devices = absl::MakeConstSpan(positions),
                               up_to = version](pqxx::work& tx) -> absl::Status {
    compacted = false;
    const pqxx::result row =
        postgres::Exec(tx, kLockCompaction, static_cast<int32_t>(shard_no));
    stored_block_no = row.empty() ? 0 : postgres::Int64From(row[0][0]);
    if (row.empty() || stored_block_no >= up_to) {
      return absl::OkStatus();
    }
    for (size_t first = 0; first < all.size(); first += kDaysPerStatement) {
      StoreDays(tx, shard_no, all.subspan(first, kDaysPerStatement));
    }
    for (size_t first = 0; first < devices.size(); first += kDevicesPerStatement) {
      StorePositions(tx, shard_no, devices.subspan(first, kDevicesPerStatement));
    }
    postgres::Exec(tx, kEndCompaction, static_cast<int32_t>(shard_no), up_to);
    compacted = true;
    return absl::OkStatus();
  }));
  shard.Forget(compacted ? version : stored_block_no);
  cache.NotifyForgotten();
  return compacted ? days.size() : 0;
}

Compactor::Compactor(const CompactionOptions& options, postgres::Pool& pool, ShardCache& cache,
                     std::function<void(const absl::StatusOr<size_t>&, absl::Duration)> done)
    : options_(options),
      pool_(pool),
      cache_(cache),
      done_(std::move(done)),
      thread_([this] { Run(); }) {}

Compactor::~Compactor() {
  {
    const std::lock_guard lock(mutex_);
    end_ = true;
  }
  ended_.notify_all();
  thread_.join();
}

bool Compactor::IsDue(const Shard& shard) const {
  const size_t count = shard.size();
  const auto since = shard.since();
  return count >= options_.days ||
         (since.has_value() &&
          std::chrono::steady_clock::now() - *since >= absl::ToChronoMicroseconds(options_.delay));
}

void Compactor::CatchUpOnce() {
  std::vector<int32_t> all(kShardCount);
  std::iota(all.begin(), all.end(), 0);
  caught_up_ = CatchUpAll(pool_, all, cache_).ok();
}

void Compactor::Run() {
  std::unique_lock lock(mutex_);
  while (!ended_.wait_for(lock, absl::ToChronoMicroseconds(options_.interval),
                          [this] { return end_; })) {
    lock.unlock();
    if (!caught_up_) {
      CatchUpOnce();
    }
    for (int16_t shard_no = 0; shard_no < kShardCount; ++shard_no) {
      if (!IsDue(cache_.shard(shard_no))) {
        continue;
      }
      const auto began = std::chrono::steady_clock::now();
      const absl::StatusOr<size_t> days = CompactShard(pool_, cache_, shard_no);
      done_(days, absl::FromChrono(std::chrono::steady_clock::now() - began));
    }
    lock.lock();
  }
}

}  // namespace peerwatt::metering
