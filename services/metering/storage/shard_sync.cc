#include "services/metering/storage/shard_sync.h"

#include <algorithm>
#include <utility>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/metering/core/block.h"
#include "services/metering/core/day_codec.h"
#include "services/metering/storage/queries.h"

namespace peerwatt::metering {
namespace {

using postgres::BytesFrom;
using postgres::Int64From;
using postgres::ToSqlArray;

/// A block that a view lacks.
struct MissedBlock {
  int64_t block_no = 0;
  int64_t created_us = 0;
  std::vector<BlockEntry> entries;
  std::vector<DevicePosition> positions;
};

absl::StatusOr<std::vector<MissedBlock>> BlocksFrom(const pqxx::result& rows) {
  std::vector<MissedBlock> blocks;
  for (const pqxx::row& row : rows) {
    if (!row[2].is_null()) {
      PW_ASSIGN_OR_RETURN(std::vector<BlockEntry> entries, ReadBlock(BytesFrom(row[4])));
      PW_ASSIGN_OR_RETURN(std::vector<DevicePosition> positions,
                          UnpackPositions(BytesFrom(row[5])));
      blocks.push_back({Int64From(row[2]), Int64From(row[3]), std::move(entries),
                        std::move(positions)});
    }
  }
  return blocks;
}

/// The days of the blocks' entries as they are without these blocks, to be written on.
absl::StatusOr<absl::btree_map<DayKey, Day, ByPoint>> DaysOf(
    pqxx::work& tx, const std::vector<MissedBlock>& blocks, const Shard& shard) {
  absl::btree_map<DayKey, Day, ByPoint> days;
  std::vector<DayKey> missing;
  for (const MissedBlock& block : blocks) {
    for (const BlockEntry& entry : block.entries) {
      const auto [place, is_new] = days.try_emplace(entry.key, entry.key.SlotCount());
      if (!is_new) {
        continue;
      }
      if (const DayPtr known = shard.Find(entry.key); known != nullptr) {
        place->second = *known;
      } else {
        missing.push_back(entry.key);
      }
    }
  }
  PW_ASSIGN_OR_RETURN(const std::vector<DayPtr> stored, LoadDays(tx, missing));
  for (size_t i = 0; i < missing.size(); ++i) {
    if (stored[i] != nullptr) {
      days.at(missing[i]) = *stored[i];
    }
  }
  return days;
}

}  // namespace

absl::StatusOr<std::vector<DayPtr>> LoadDays(pqxx::work& tx, const std::vector<DayKey>& keys) {
  std::vector<DayPtr> days(keys.size());
  if (keys.empty()) {
    return days;
  }
  std::vector<int32_t> shard_numbers;
  std::vector<int32_t> day_numbers;
  std::vector<int64_t> points;
  std::vector<int32_t> resolutions;
  for (const DayKey& key : keys) {
    shard_numbers.push_back(ShardOf(key.point_no));
    day_numbers.push_back(key.day);
    points.push_back(key.point_no);
    resolutions.push_back(key.resolution_s);
  }
  for (const pqxx::row& row :
       postgres::Exec(tx, kSelectDays, ToSqlArray(shard_numbers), ToSqlArray(day_numbers),
                      ToSqlArray(points), ToSqlArray(resolutions))) {
    const size_t i = static_cast<size_t>(Int64From(row[0]));
    PW_ASSIGN_OR_RETURN(Day day, DayCodec::Unpack(keys[i].SlotCount(), BytesFrom(row[2]),
                                                  BytesFrom(row[3]), BytesFrom(row[4])));
    day.last_block_no = Int64From(row[1]);
    days[i] = std::make_shared<const Day>(std::move(day));
  }
  return days;
}

absl::Status CatchUp(pqxx::work& tx, int16_t shard_no, Shard& shard) {
  const int64_t seen = shard.version();
  const pqxx::result rows =
      postgres::Exec(tx, kSelectBlocks, static_cast<int32_t>(shard_no), seen);
  const int64_t last_block_no = Int64From(rows[0][0]);
  const int64_t compacted_block_no = Int64From(rows[0][1]);
  if (last_block_no < seen) {
    shard.Lose();
    return Error(kDatabaseUnavailable, "the database has fewer blocks than before");
  }
  if (compacted_block_no > seen) {
    shard.Reset(compacted_block_no);
  }
  PW_ASSIGN_OR_RETURN(const std::vector<MissedBlock> blocks, BlocksFrom(rows));
  PW_ASSIGN_OR_RETURN(auto days, DaysOf(tx, blocks, shard));
  for (const MissedBlock& block : blocks) {
    for (const BlockEntry& entry : block.entries) {
      Apply(entry, block.block_no, block.created_us, days.at(entry.key));
    }
    // A day may stand in several entries of a block; only after the last does it have the block.
    for (const BlockEntry& entry : block.entries) {
      Day& day = days.at(entry.key);
      day.last_block_no = std::max(day.last_block_no, block.block_no);
    }
  }
  std::vector<DevicePosition> positions;
  for (const MissedBlock& block : blocks) {
    positions.insert(positions.end(), block.positions.begin(), block.positions.end());
  }
  std::vector<std::pair<DayKey, DayPtr>> advanced;
  for (auto& [key, day] : days) {
    advanced.emplace_back(key, std::make_shared<const Day>(std::move(day)));
  }
  shard.Advance(std::move(advanced), positions, last_block_no);
  return absl::OkStatus();
}

absl::Status CatchUpAll(postgres::Pool& pool, const std::vector<int32_t>& shard_numbers,
                        ShardCache& cache) {
  std::vector<std::pair<int16_t, int64_t>> last_blocks;
  PW_RETURN_IF_ERROR(pool.Run([&](pqxx::work& tx) {
    last_blocks.clear();
    for (const pqxx::row& row : postgres::Exec(tx, kSelectShards, ToSqlArray(shard_numbers))) {
      last_blocks.emplace_back(static_cast<int16_t>(postgres::Int32From(row[0])),
                               Int64From(row[1]));
    }
    return absl::OkStatus();
  }));
  for (const auto& [shard_no, last_block_no] : last_blocks) {
    Shard& shard = cache.shard(shard_no);
    if (shard.version() == last_block_no) {
      continue;
    }
    const std::lock_guard order(shard.order);
    PW_RETURN_IF_ERROR(pool.Run(
        [&, number = shard_no](pqxx::work& tx) { return CatchUp(tx, number, shard); }));
  }
  return absl::OkStatus();
}

}  // namespace peerwatt::metering
