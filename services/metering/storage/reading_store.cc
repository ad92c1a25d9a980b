#include "services/metering/storage/reading_store.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <chrono>
#include <mutex>
#include <utility>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/metering/core/block.h"
#include "services/metering/storage/column_reader.h"
#include "services/metering/storage/day_reader.h"
#include "services/metering/storage/group_writer.h"
#include "services/metering/storage/queries.h"
#include "services/metering/storage/shard_sync.h"

namespace peerwatt::metering {
namespace {

/// Days that one listing statement looks at: bounds its work where readings are sparse.
constexpr int32_t kListWindowDays = 64;
/// How long storing waits for compaction before it says that it cannot.
constexpr std::chrono::milliseconds kCompactionWait{1000};

std::vector<MeteringPointId> PointsOf(absl::Span<const AcceptedBatch> batches) {
  std::vector<MeteringPointId> points;
  for (const AcceptedBatch& batch : batches) {
    for (const Series& series : batch.batch->series) {
      points.push_back(series.metering_point);
    }
  }
  return points;
}

/// The shards that hold the slices and the positions, in their order.
std::vector<int32_t> ShardsOf(const std::vector<SentSlice>& slices,
                              const std::vector<DevicePosition>& positions) {
  std::array<bool, kShardCount> touched{};
  for (const SentSlice& sent : slices) {
    touched[static_cast<size_t>(sent.shard_no)] = true;
  }
  for (const DevicePosition& position : positions) {
    touched[static_cast<size_t>(ShardOf(position.device))] = true;
  }
  std::vector<int32_t> shards;
  for (size_t shard_no = 0; shard_no < touched.size(); ++shard_no) {
    if (touched[shard_no]) {
      shards.push_back(static_cast<int32_t>(shard_no));
    }
  }
  return shards;
}

int32_t DayOf(absl::Time time) {
  return static_cast<int32_t>(absl::ToUnixSeconds(time) / kDaySeconds);
}

Reading ReadingFrom(const DayKey& key, size_t slot, const DayValue& value) {
  return {.start = key.StartOf(slot),
          .imported = Energy::WattHours(value.import_wh),
          .exported = Energy::WattHours(value.export_wh),
          .quality = value.provenance.quality,
          .revision = value.revision,
          .created_at = absl::FromUnixMicros(value.provenance.created_us),
          .method = value.provenance.method,
          .length = absl::Seconds(key.resolution_s)};
}

/// Adds what a query asks of a day, up to its limit.
void AddReadings(const ListQuery& query, const DayKey& key, const Day& day,
                 std::vector<Reading>& readings) {
  const int64_t as_of_us = query.as_of.has_value() ? absl::ToUnixMicros(*query.as_of) : INT64_MAX;
  for (size_t slot = 0; slot < day.slot_count(); ++slot) {
    const absl::Time start = key.StartOf(slot);
    if ((query.start.has_value() && start < *query.start) ||
        (query.end.has_value() && start >= *query.end) ||
        (query.after.has_value() && start < *query.after)) {
      continue;
    }
    std::vector<DayValue> values;
    if (query.revisions) {
      values = day.Revisions(slot, as_of_us);
    } else if (const DayValue value = day.AsOf(slot, as_of_us); value.revision > 0) {
      values.push_back(value);
    }
    for (const DayValue& value : values) {
      const bool is_before = query.after.has_value() && start == *query.after &&
                             value.revision <= query.after_revision;
      if (!is_before && readings.size() < query.limit) {
        readings.push_back(ReadingFrom(key, slot, value));
      }
    }
  }
}

}  // namespace

PointNumbers& PostgresReadingStore::Numbers() {
  // A database that has less than before is another one, with other numbers of points.
  const int64_t losses = cache_.losses();
  if (losses_seen_.exchange(losses) != losses) {
    numbers_.Clear();
  }
  return numbers_;
}

absl::StatusOr<std::vector<StoredCounts>> PostgresReadingStore::Store(
    absl::Span<const AcceptedBatch> batches, absl::Time now) {
  if (!cache_.WaitBelow(kWaitingDaysMax, kCompactionWait)) {
    return Error(kDatabaseUnavailable, "too many readings wait for compaction");
  }
  PW_ASSIGN_OR_RETURN(const PointNumberMap numbers, Numbers().FindOrMake(PointsOf(batches)));
  PW_ASSIGN_OR_RETURN(const std::vector<SentSlice> slices, SlicesOf(batches, numbers));
  const std::vector<DevicePosition> positions = PositionsOf(batches);
  const std::vector<int32_t> shards = ShardsOf(slices, positions);
  std::vector<std::unique_lock<std::mutex>> orders;
  orders.reserve(shards.size());
  for (const int32_t shard_no : shards) {
    orders.emplace_back(cache_.shard(shard_no).order);
  }
  std::optional<GroupWriter> writer;
  const absl::Status status = pool_.Run([&](pqxx::work& tx) {
    writer.emplace(batches.size(), slices, positions, cache_, now);
    return writer->Write(tx, shards);
  });
  PW_RETURN_IF_ERROR(status);
  writer->Publish();
  return writer->counts();
}

absl::StatusOr<int64_t> PostgresReadingStore::AcknowledgedSequence(const DeviceId& device) {
  const int16_t shard_no = ShardOf(device);
  int64_t last_block_no = 0;
  int64_t compacted = 0;
  const auto ask = [&] {
    return pool_.Run([&](pqxx::work& tx) {
      const pqxx::result found =
          postgres::Exec(tx, kSelectDevice, static_cast<int32_t>(shard_no), device.value());
      last_block_no = postgres::Int64From(found[0][0]);
      compacted = found[0][1].is_null() ? 0 : postgres::Int64From(found[0][1]);
      return absl::OkStatus();
    });
  };
  // The view comes first: what goes from it is compacted by then.
  auto [version, sequence] = cache_.shard(shard_no).PositionOf(device);
  PW_RETURN_IF_ERROR(ask());
  if (version < last_block_no) {
    // Blocks that the view lacked are in it now, or were compacted.
    PW_RETURN_IF_ERROR(CatchUpAll(pool_, {shard_no}, cache_));
    sequence = cache_.shard(shard_no).PositionOf(device).second;
    PW_RETURN_IF_ERROR(ask());
  }
  return std::max(sequence, compacted);
}

absl::StatusOr<std::vector<Reading>> PostgresReadingStore::List(const ListQuery& query) {
  PW_ASSIGN_OR_RETURN(const PointNumberMap numbers, Numbers().Find({query.metering_point}));
  std::vector<Reading> readings;
  if (numbers.empty()) {
    return readings;
  }
  const int64_t point_no = numbers.begin()->second;
  PW_RETURN_IF_ERROR(CatchUpAll(pool_, {ShardOf(point_no)}, cache_));
  DayReader reader(pool_, cache_, point_no);
  PW_ASSIGN_OR_RETURN(const auto bounds, reader.Bounds());
  if (!bounds.has_value()) {
    return readings;
  }
  auto [first, last] = *bounds;
  if (query.start.has_value()) {
    first = std::max(first, DayOf(*query.start));
  }
  if (query.after.has_value()) {
    first = std::max(first, DayOf(*query.after));
  }
  if (query.end.has_value()) {
    last = std::min(last, DayOf(*query.end));
  }
  for (; first <= last && readings.size() < query.limit; first += kListWindowDays) {
    PW_ASSIGN_OR_RETURN(const auto days,
                        reader.Days(first, std::min(last, first + kListWindowDays - 1)));
    for (const auto& [key, day] : days) {
      AddReadings(query, key, *day, readings);
    }
  }
  return readings;
}

absl::StatusOr<std::optional<Reading>> PostgresReadingStore::Latest(
    const MeteringPointId& point) {
  PW_ASSIGN_OR_RETURN(const PointNumberMap numbers, Numbers().Find({point}));
  if (numbers.empty()) {
    return std::nullopt;
  }
  const int64_t point_no = numbers.begin()->second;
  PW_RETURN_IF_ERROR(CatchUpAll(pool_, {ShardOf(point_no)}, cache_));
  DayReader reader(pool_, cache_, point_no);
  PW_ASSIGN_OR_RETURN(const auto bounds, reader.Bounds());
  if (!bounds.has_value()) {
    return std::nullopt;
  }
  for (int32_t last = bounds->second; last >= bounds->first; last -= kListWindowDays) {
    PW_ASSIGN_OR_RETURN(
        const auto days,
        reader.Days(std::max(bounds->first, last - kListWindowDays + 1), last));
    for (auto found = days.rbegin(); found != days.rend(); ++found) {
      if (const std::optional<size_t> slot = found->second->LastSlot(); slot.has_value()) {
        return ReadingFrom(found->first, *slot, found->second->At(*slot));
      }
    }
  }
  return std::nullopt;
}

absl::StatusOr<ReadingColumns> PostgresReadingStore::Columns(
    const std::vector<MeteringPointId>& points, Interval span, absl::Duration resolution) {
  PW_ASSIGN_OR_RETURN(const std::vector<int64_t> point_numbers, Numbers().FindEach(points));
  std::bitset<kShardCount> asked;
  for (const int64_t number : point_numbers) {
    if (number != kNobody) {
      asked.set(static_cast<size_t>(ShardOf(number)));
    }
  }
  std::vector<int32_t> shards;
  for (int32_t shard_no = 0; shard_no < kShardCount; ++shard_no) {
    if (asked.test(static_cast<size_t>(shard_no))) {
      shards.push_back(shard_no);
    }
  }
  ReadingColumns answer;
  // The horizon comes first: what is final when it is read, the readings read later show. A
  // horizon read after them could promise a change that they do not show.
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    answer.cursor = postgres::Int64From(postgres::Exec(tx, kSelectHorizon)[0][0]) - 1;
    return absl::OkStatus();
  }));
  PW_RETURN_IF_ERROR(CatchUpAll(pool_, shards, cache_));
  PW_ASSIGN_OR_RETURN(answer.columns,
                      ReadColumns(pool_, cache_, point_numbers, span, resolution));
  return answer;
}

absl::StatusOr<std::vector<Change>> PostgresReadingStore::ChangesAfter(int64_t cursor,
                                                                       int32_t limit) {
  std::vector<Change> changes;
  std::vector<int64_t> point_numbers;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    changes.clear();
    point_numbers.clear();
    for (const pqxx::row& row : postgres::Exec(tx, kSelectChanges, cursor, limit)) {
      PW_ASSIGN_OR_RETURN(const std::vector<WrittenSpan> spans,
                          UnpackSpans(postgres::BytesFrom(row[2])));
      int64_t position = postgres::Int64From(row[0]) - postgres::Int64From(row[1]);
      for (const WrittenSpan& span : spans) {
        if (++position > cursor && std::ssize(changes) < limit) {
          changes.push_back({.cursor = position,
                             .metering_point = {},
                             .community = span.community,
                             .span = {absl::FromUnixSeconds(span.start_s),
                                      absl::FromUnixSeconds(span.end_s)}});
          point_numbers.push_back(span.point_no);
        }
      }
    }
    return absl::OkStatus();
  }));
  PW_ASSIGN_OR_RETURN(std::vector<MeteringPointId> names, Numbers().NamesOf(point_numbers));
  for (size_t i = 0; i < changes.size(); ++i) {
    changes[i].metering_point = std::move(names[i]);
  }
  return changes;
}

}  // namespace peerwatt::metering
