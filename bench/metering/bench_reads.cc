// Reads of readings, from packed days and from rows keyed by point and time. Prints JSON lines:
// name, seconds of both, in a database that is given by PEERWATT_DATABASE_DSN (a superuser's).
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/flags.h"
#include "services/metering/storage/queries.h"
#include "services/metering/storage/reading_store.h"

ABSL_FLAG(std::string, database_dsn, "", "PostgreSQL connection string");
ABSL_FLAG(int, points, 100'000, "Metering points");
ABSL_FLAG(int, days, 2, "Days of readings of each, from the first of the month on");
ABSL_FLAG(int, month_points, 100, "Of these, points with a month of readings");
ABSL_FLAG(int, points_per_query, 10'000, "Most points that one query asks for");

namespace peerwatt::metering {
namespace {

constexpr int64_t kFirstDayS = 1'782'864'000;  // 2026-07-01
constexpr size_t kSlots = 96;
constexpr int kMonthDays = 30;
constexpr int kRounds = 5;

double Seconds(absl::FunctionRef<void()> work) {
  const auto began = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

double MedianOf(absl::FunctionRef<void()> work) {
  std::vector<double> seconds;
  for (int i = 0; i < kRounds; ++i) {
    seconds.push_back(Seconds(work));
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[kRounds / 2];
}

std::vector<MeteringPointId> Points(int count) {
  std::vector<MeteringPointId> points;
  for (int i = 0; i < count; ++i) {
    points.emplace_back(absl::StrCat("read-", i));
  }
  return points;
}

/// Stores one day of some points.
void StoreDay(PostgresReadingStore& store, int points, int day) {
  constexpr int kSeriesPerBatch = 500;
  for (int first = 0; first < points; first += kSeriesPerBatch) {
    Batch batch{.device = DeviceId(), .sequence = 0, .series = {}};
    for (int i = first; i < std::min(points, first + kSeriesPerBatch); ++i) {
      Series series{.metering_point = MeteringPointId(absl::StrCat("read-", i)),
                    .start = absl::FromUnixSeconds(kFirstDayS + day * kDaySeconds),
                    .resolution = absl::Minutes(15),
                    .import_wh = {},
                    .export_wh = {},
                    .qualities = {}};
      for (size_t k = 0; k < kSlots; ++k) {
        series.import_wh.push_back((i * 7 + static_cast<int64_t>(k) * 13 + day) % 900);
      }
      batch.series.push_back(std::move(series));
    }
    const std::vector<AcceptedBatch> accepted = {
        {&batch, std::vector<CommunityId>(batch.series.size(), CommunityId("c"))}};
    PW_CHECK(store.Store(accepted, absl::Now()).ok(), "a batch is not stored");
  }
}

void Compact(PostgresReadingStore& store, postgres::Pool& pool) {
  for (int16_t shard_no = 0; shard_no < kShardCount; ++shard_no) {
    PW_CHECK(CompactShard(pool, store.cache(), shard_no).ok(), "a shard is not compacted");
  }
}

int64_t SumOfColumns(PostgresReadingStore& store, const std::vector<MeteringPointId>& points,
                     int64_t start_s, int64_t end_s) {
  const auto per_query = static_cast<size_t>(absl::GetFlag(FLAGS_points_per_query));
  int64_t sum = 0;
  for (size_t first = 0; first < points.size(); first += per_query) {
    const std::vector<MeteringPointId> some(
        points.begin() + static_cast<ptrdiff_t>(first),
        points.begin() + static_cast<ptrdiff_t>(std::min(points.size(), first + per_query)));
    const auto columns =
        store.Columns(some, {absl::FromUnixSeconds(start_s), absl::FromUnixSeconds(end_s)},
                      absl::Minutes(15));
    PW_CHECK(columns.ok(), "columns are not read");
    for (const ReadingColumn& column : columns->columns) {
      for (const int64_t wh : column.import_wh) {
        sum += wh;
      }
    }
  }
  return sum;
}

/// The same from rows: each row comes here, as it would to a service.
int64_t SumOfRows(pqxx::connection& connection, const std::string& where) {
  pqxx::work tx(connection);
  int64_t sum = 0;
  for (const pqxx::row& row : tx.exec(
           "SELECT point_no, interval_start_at, import_wh, export_wh, quality, revision "
           "FROM read_rows WHERE " + where)) {
    sum += row[2].as<int64_t>();
  }
  return sum;
}

void Print(const char* name, double packed_s, double rows_s) {
  std::printf("{\"name\": \"%s\", \"packed_s\": %.6f, \"rows_s\": %.6f}\n", name, packed_s,
              rows_s);
}

void Compare(PostgresReadingStore& store, pqxx::connection& rows, const char* name, int points,
             int64_t start_s, int64_t end_s) {
  const std::vector<MeteringPointId> ids = Points(points);
  const std::string where = absl::StrCat(
      "point_no < ", points, " AND interval_start_at >= to_timestamp(", start_s,
      ") AND interval_start_at < to_timestamp(", end_s, ")");
  PW_CHECK(SumOfColumns(store, ids, start_s, end_s) == SumOfRows(rows, where),
           "packed days and rows differ");
  Print(name, MedianOf([&] { SumOfColumns(store, ids, start_s, end_s); }),
        MedianOf([&] { SumOfRows(rows, where); }));
}

/// The same readings as rows, in the order in which they come: interval by interval.
void MakeRows(pqxx::connection& rows, int points, int days, int month_points) {
  pqxx::nontransaction tx(rows);
  tx.exec("CREATE TABLE read_rows (point_no bigint, interval_start_at timestamptz, import_wh "
          "bigint, export_wh bigint, quality smallint, revision integer)");
  for (int day = 0; day < kMonthDays; ++day) {
    tx.exec(absl::StrCat(
        "INSERT INTO read_rows SELECT p, to_timestamp(", kFirstDayS + day * kDaySeconds,
        " + k * 900), (p * 7 + k * 13 + ", day, ") % 900, 0, 1, 1 FROM generate_series(0, 95) k, ",
        "generate_series(0, ", (day < days ? points : month_points) - 1, ") p ORDER BY k, p"));
  }
  tx.exec("ALTER TABLE read_rows ADD PRIMARY KEY (point_no, interval_start_at)");
  tx.exec("VACUUM ANALYZE read_rows");
  tx.exec("VACUUM ANALYZE days");
}

void Run() {
  const std::string dsn = absl::GetFlag(FLAGS_database_dsn);
  const int points = absl::GetFlag(FLAGS_points);
  const int days = absl::GetFlag(FLAGS_days);
  const int month_points = absl::GetFlag(FLAGS_month_points);
  postgres::Pool pool(dsn, Queries(), 8);
  PostgresReadingStore store(pool);
  for (int day = 0; day < kMonthDays; ++day) {
    StoreDay(store, day < days ? points : month_points, day);
    Compact(store, pool);
  }
  pqxx::connection rows(dsn);
  MakeRows(rows, points, days, month_points);
  const int64_t slot_s = kFirstDayS + 40 * 900;
  Compare(store, rows, "slot", points, slot_s, slot_s + 900);
  Compare(store, rows, "month", 1, kFirstDayS, kFirstDayS + kMonthDays * kDaySeconds);
  Compare(store, rows, "day_of_1000", 1000, kFirstDayS, kFirstDayS + kDaySeconds);
}

}  // namespace
}  // namespace peerwatt::metering

int main(int argc, char** argv) {
  peerwatt::StartProcess(argc, argv, "bench_reads", "Times reads of readings.", {"database_dsn"});
  peerwatt::metering::Run();
  return 0;
}
