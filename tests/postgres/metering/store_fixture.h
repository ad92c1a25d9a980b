#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "services/metering/storage/all_queries.h"
#include "services/metering/storage/migrations.h"
#include "services/metering/storage/reading_store.h"
#include "tests/support/postgres_fixture.h"
#include "tests/unit/metering/fakes.h"

namespace peerwatt::metering::testing {

/// A store on a database of its own.
class StoreTest : public ::testing::Test {
 protected:
  /// 2026-07-01 00:00 UTC, on every grid.
  static absl::Time Start() { return absl::FromUnixSeconds(1'782'864'000); }
  static absl::Time Quarter(int i) { return Start() + absl::Minutes(15) * i; }

  static Batch BatchOf(std::vector<Series> series, std::string device = "", int64_t sequence = 0) {
    return {.device = DeviceId(std::move(device)),
            .sequence = sequence,
            .series = std::move(series)};
  }

  /// Stores batches in one transaction; fails the test when that fails.
  std::vector<StoredCounts> Store(const std::vector<Batch>& batches) {
    std::vector<AcceptedBatch> accepted;
    for (const Batch& batch : batches) {
      accepted.push_back(
          {&batch, std::vector<CommunityId>(batch.series.size(), CommunityId("c1"))});
    }
    auto counts = store_.Store(accepted, now_);
    EXPECT_TRUE(counts.ok()) << counts.status();
    return counts.ok() ? *counts : std::vector<StoredCounts>(batches.size());
  }
  StoredCounts Store(const Batch& batch) { return Store(std::vector<Batch>{batch}).at(0); }

  /// All revisions of a metering point.
  std::vector<Reading> Revisions(const std::string& point) {
    return List({.metering_point = MeteringPointId(point),
                 .start = std::nullopt,
                 .end = std::nullopt,
                 .resolution = absl::Minutes(15),
                 .revisions = true,
                 .as_of = std::nullopt,
                 .after = std::nullopt,
                 .limit = 100'000});
  }
  std::vector<Reading> List(const ListQuery& query) {
    auto readings = store_.List(query);
    EXPECT_TRUE(readings.ok()) << readings.status();
    return readings.ok() ? *readings : std::vector<Reading>();
  }
  ReadingColumns Columns(const std::vector<std::string>& names, int first, int count) {
    std::vector<MeteringPointId> points;
    for (const std::string& name : names) {
      points.emplace_back(name);
    }
    auto columns =
        store_.Columns(points, {Quarter(first), Quarter(first + count)}, absl::Minutes(15));
    EXPECT_TRUE(columns.ok()) << columns.status();
    return *columns;
  }
  std::vector<Change> ChangesAfter(int64_t cursor, int32_t limit = 1000) {
    auto changes = store_.ChangesAfter(cursor, limit);
    EXPECT_TRUE(changes.ok()) << changes.status();
    return *changes;
  }

  std::unique_ptr<peerwatt::testing::TestDatabase> database_ =
      peerwatt::testing::TestDatabase::Create("metering", Migrations());
  postgres::Pool pool_{database_->dsn(), AllQueries(), 8};
  PostgresReadingStore store_{pool_};
  absl::Time now_ = Start() + absl::Hours(24);
};

}  // namespace peerwatt::metering::testing
