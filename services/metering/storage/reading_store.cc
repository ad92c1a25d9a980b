#include "services/metering/storage/reading_store.h"

#include <algorithm>
#include <utility>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/metering/core/waves.h"
#include "services/metering/storage/queries.h"
#include "services/metering/storage/store_wave.h"

namespace peerwatt::metering {
namespace {

/// Intervals that one listing statement looks at: bounds its work where readings are sparse.
constexpr int64_t kListWindowIntervals = 4096;

std::vector<MeteringPointId> PointsOf(absl::Span<const AcceptedBatch> batches) {
  std::vector<MeteringPointId> points;
  for (const AcceptedBatch& batch : batches) {
    for (const Series& series : batch.batch->series) {
      points.push_back(series.metering_point);
    }
  }
  std::sort(points.begin(), points.end());
  points.erase(std::unique(points.begin(), points.end()), points.end());
  return points;
}

std::vector<int64_t> NumbersOf(const PointNumberMap& numbers) {
  std::vector<int64_t> sorted;
  sorted.reserve(numbers.size());
  for (const auto& [point, number] : numbers) {
    sorted.push_back(number);
  }
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

/// Writers wait here for each other, so that each sees the revisions of the one before.
/// False when a point is gone: the database is not the one that gave the numbers.
bool LockPoints(pqxx::work& tx, const PointNumberMap& numbers) {
  const pqxx::result locked =
      postgres::Exec(tx, kLockPoints, postgres::ToSqlArray(NumbersOf(numbers)));
  return postgres::Int64From(locked[0][0]) == static_cast<int64_t>(numbers.size());
}

/// Stores all batches, wave by wave, and what changed. Returns counts per batch.
std::vector<StoredCounts> StoreWaves(pqxx::work& tx, absl::Span<const AcceptedBatch> batches,
                                     const PointNumberMap& numbers, absl::Time now) {
  std::vector<StoredCounts> counts;
  counts.reserve(batches.size());
  ChangeColumns changes;
  for (const size_t end : SplitIntoWaves(batches)) {
    WaveColumns columns(numbers);
    for (size_t i = counts.size(); i < end; ++i) {
      columns.Add(batches[i]);
    }
    const std::vector<StoredCounts> wave = columns.Store(tx, now, changes);
    counts.insert(counts.end(), wave.begin(), wave.end());
  }
  changes.Store(tx, batches);
  return counts;
}

Reading ReadingFrom(const pqxx::row& row) {
  return {.start = absl::FromUnixSeconds(postgres::Int64From(row[0])),
          .imported = Energy::WattHours(postgres::Int64From(row[1])),
          .exported = Energy::WattHours(postgres::Int64From(row[2])),
          .quality = static_cast<Quality>(postgres::Int32From(row[3])),
          .revision = postgres::Int32From(row[4]),
          .created_at = absl::FromUnixMicros(postgres::Int64From(row[5]))};
}

/// First and last interval start that a listing can find, in seconds; empty when first > last.
std::pair<int64_t, int64_t> ListBounds(pqxx::work& tx, const ListQuery& query) {
  const int64_t step_s = absl::ToInt64Seconds(query.resolution);
  const pqxx::result bounds = postgres::Exec(tx, kSelectBounds);
  if (bounds[0][0].is_null()) {
    return {0, -1};
  }
  int64_t first_s = postgres::Int64From(bounds[0][0]);
  int64_t last_s = postgres::Int64From(bounds[0][1]);
  if (query.start.has_value()) {
    first_s = std::max(first_s, absl::ToUnixSeconds(*query.start + absl::Seconds(1) -
                                                    absl::Nanoseconds(1)));
  }
  if (query.end.has_value()) {
    last_s = std::min(last_s, absl::ToUnixSeconds(*query.end - absl::Nanoseconds(1)));
  }
  if (query.after.has_value()) {
    first_s = std::max(first_s, absl::ToUnixSeconds(*query.after));
  }
  return {(first_s + step_s - 1) / step_s * step_s, last_s};
}

}  // namespace

absl::StatusOr<std::vector<StoredCounts>> PostgresReadingStore::Store(
    absl::Span<const AcceptedBatch> batches, absl::Time now) {
  PW_ASSIGN_OR_RETURN(const PointNumberMap numbers, numbers_.FindOrMake(PointsOf(batches)));
  std::vector<StoredCounts> counts;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    if (!LockPoints(tx, numbers)) {
      numbers_.Clear();
      return Error(kDatabaseUnavailable, "metering points are gone; their numbers are read anew");
    }
    counts = StoreWaves(tx, batches, numbers, now);
    return absl::OkStatus();
  }));
  return counts;
}

absl::StatusOr<int64_t> PostgresReadingStore::AcknowledgedSequence(const DeviceId& device) {
  int64_t sequence = 0;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    const pqxx::result found = postgres::Exec(tx, kSelectDevice, device.value());
    sequence = found.empty() ? 0 : postgres::Int64From(found[0][0]);
    return absl::OkStatus();
  }));
  return sequence;
}

absl::StatusOr<std::vector<Reading>> PostgresReadingStore::List(const ListQuery& query) {
  PW_ASSIGN_OR_RETURN(const PointNumberMap numbers, numbers_.Find({query.metering_point}));
  std::vector<Reading> readings;
  if (numbers.empty()) {
    return readings;
  }
  const int64_t point_no = numbers.begin()->second;
  const int64_t step_s = absl::ToInt64Seconds(query.resolution);
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    readings.clear();
    auto [first_s, last_s] = ListBounds(tx, query);
    const int64_t after_s = query.after.has_value() ? absl::ToUnixSeconds(*query.after) : -1;
    for (; first_s <= last_s && readings.size() < query.limit;
         first_s += kListWindowIntervals * step_s) {
      const int64_t window_last_s =
          std::min(last_s, first_s + (kListWindowIntervals - 1) * step_s);
      for (const pqxx::row& row : postgres::Exec(
               tx, kListReadings, point_no, first_s, window_last_s, step_s,
               postgres::ToSql(query.as_of), query.revisions ? INT32_MAX : 1, after_s,
               query.after_revision, static_cast<int64_t>(query.limit - readings.size()))) {
        readings.push_back(ReadingFrom(row));
      }
    }
    return absl::OkStatus();
  }));
  return readings;
}

absl::StatusOr<ReadingColumns> PostgresReadingStore::Columns(
    const std::vector<MeteringPointId>& points, Interval span, absl::Duration resolution) {
  PW_ASSIGN_OR_RETURN(const PointNumberMap numbers, numbers_.Find(points));
  std::vector<int64_t> point_numbers;
  point_numbers.reserve(points.size());
  for (const MeteringPointId& point : points) {
    const auto number = numbers.find(point);
    point_numbers.push_back(number == numbers.end() ? 0 : number->second);
  }
  const int64_t step_s = absl::ToInt64Seconds(resolution);
  const size_t intervals = static_cast<size_t>(span.length() / resolution);
  ReadingColumns answer;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    // The horizon comes first: what is final when it is read, the later snapshot of the readings
    // sees. A horizon read after the readings could promise a change that they do not show.
    answer.cursor = postgres::Int64From(postgres::Exec(tx, kSelectHorizon)[0][0]) - 1;
    const ReadingColumn empty{std::vector<int64_t>(intervals, 0),
                              std::vector<int64_t>(intervals, 0),
                              std::vector<Quality>(intervals, Quality::kMissing),
                              std::vector<int32_t>(intervals, 0)};
    answer.columns.assign(points.size(), empty);
    for (const pqxx::row& row : postgres::Exec(
             tx, kSelectColumns, postgres::ToSqlArray(point_numbers),
             absl::ToUnixSeconds(span.start), absl::ToUnixSeconds(span.end) - step_s, step_s)) {
      ReadingColumn& column = answer.columns[static_cast<size_t>(postgres::Int64From(row[0]))];
      const size_t i = static_cast<size_t>(postgres::Int64From(row[1]));
      column.import_wh[i] = postgres::Int64From(row[2]);
      column.export_wh[i] = postgres::Int64From(row[3]);
      column.qualities[i] = static_cast<Quality>(postgres::Int32From(row[4]));
      column.revisions[i] = postgres::Int32From(row[5]);
    }
    return absl::OkStatus();
  }));
  return answer;
}

absl::StatusOr<std::vector<Change>> PostgresReadingStore::ChangesAfter(int64_t cursor,
                                                                       int32_t limit) {
  std::vector<Change> changes;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    changes.clear();
    for (const pqxx::row& row : postgres::Exec(tx, kSelectChanges, cursor, limit)) {
      changes.push_back({.cursor = postgres::Int64From(row[0]),
                         .metering_point = MeteringPointId(postgres::TextFrom(row[1])),
                         .community = CommunityId(postgres::TextFrom(row[2])),
                         .span = {absl::FromUnixSeconds(postgres::Int64From(row[3])),
                                  absl::FromUnixSeconds(postgres::Int64From(row[4]))}});
    }
    return absl::OkStatus();
  }));
  return changes;
}

}  // namespace peerwatt::metering
