#include <algorithm>
#include <random>

#include "absl/strings/str_cat.h"
#include "services/metering/storage/compactor.h"
#include "tests/postgres/metering/store_fixture.h"

namespace peerwatt::metering {
namespace {

using testing::Quarters;
using testing::StoreTest;

constexpr int kDays = 40;
constexpr int kQuarters = kDays * 96;

/// Columns against the list of each point, which reads whole days one by one.
class ColumnsTest : public StoreTest {
 protected:
  std::string RandomPoint() {
    return absl::StrCat("m", std::uniform_int_distribution(0, 149)(random_));
  }

  /// A series somewhere in the days, with or without export, of any width, perhaps a correction.
  Series RandomSeries() {
    const int count = std::uniform_int_distribution(1, 200)(random_);
    const int first = std::uniform_int_distribution(0, kQuarters - count)(random_);
    Series series = Quarters(RandomPoint(), Quarter(first), static_cast<size_t>(count), 0);
    std::uniform_int_distribution<int64_t> value(0, kLargest[random_() % 3]);
    for (int64_t& wh : series.import_wh) {
      wh = value(random_);
    }
    if (random_() % 3 == 0) {
      series.export_wh = series.import_wh;
      std::reverse(series.export_wh.begin(), series.export_wh.end());
    }
    if (random_() % 4 == 0) {
      series.qualities = {Quality::kEstimated};
    }
    return series;
  }

  void CompactSome() {
    for (int16_t shard_no = 0; shard_no < kShardCount; ++shard_no) {
      if (random_() % 2 == 0) {
        ASSERT_TRUE(CompactShard(pool_, store_.cache(), shard_no).ok());
      }
    }
  }

  /// What the list of a point says of the span.
  ReadingColumn Expected(const std::string& point, int first, int count) {
    ReadingColumn column = ReadingColumn::Missing(static_cast<size_t>(count));
    for (const Reading& reading : List({.metering_point = MeteringPointId(point),
                                        .start = Quarter(first),
                                        .end = Quarter(first + count),
                                        .resolution = absl::Minutes(15),
                                        .as_of = std::nullopt,
                                        .after = std::nullopt,
                                        .limit = 100'000})) {
      const auto i = static_cast<size_t>((reading.start - Quarter(first)) / absl::Minutes(15));
      column.import_wh[i] = reading.imported.wh();
      column.export_wh[i] = reading.exported.wh();
      column.qualities[i] = reading.quality;
      column.revisions[i] = reading.revision;
    }
    return column;
  }

  void Compare(const std::vector<std::string>& points, int first, int count) {
    const ReadingColumns answer = Columns(points, first, count);
    ASSERT_EQ(answer.columns.size(), points.size());
    for (size_t i = 0; i < points.size(); ++i) {
      const ReadingColumn expected = Expected(points[i], first, count);
      EXPECT_EQ(answer.columns[i].import_wh, expected.import_wh) << points[i];
      EXPECT_EQ(answer.columns[i].export_wh, expected.export_wh) << points[i];
      EXPECT_EQ(answer.columns[i].qualities, expected.qualities) << points[i];
      EXPECT_EQ(answer.columns[i].revisions, expected.revisions) << points[i];
    }
  }

  static constexpr int64_t kLargest[] = {200, 60'000, 2'000'000};
  std::mt19937 random_{20260701};
};

TEST_F(ColumnsTest, EqualTheListsWhateverIsCompacted) {
  for (int round = 0; round < 12; ++round) {
    std::vector<Series> series;
    for (int i = 0; i < 40; ++i) {
      series.push_back(RandomSeries());
    }
    Store(BatchOf(std::move(series)));
    CompactSome();
    std::vector<std::string> points;
    for (int i = 0; i < 25; ++i) {
      points.push_back(RandomPoint());  // Some twice, some without a reading.
    }
    const int count = std::uniform_int_distribution(1, 300)(random_);
    Compare(points, std::uniform_int_distribution(0, kQuarters - count)(random_), count);
  }
}

TEST_F(ColumnsTest, AreReadOverSeveralConnections) {
  std::vector<std::string> points;
  std::vector<Series> series;
  for (int i = 0; i < 150; ++i) {
    points.push_back(absl::StrCat("m", i));
    Series days = Quarters(points.back(), Quarter((i % 3) * 96), (kDays - 3) * 96, i);
    days.import_wh.back() = 70'000 + i;
    series.push_back(std::move(days));
  }
  Store(BatchOf(std::move(series)));
  for (int16_t shard_no = 0; shard_no < kShardCount; ++shard_no) {
    ASSERT_TRUE(CompactShard(pool_, store_.cache(), shard_no).ok());
  }
  Compare(points, 0, kQuarters);
}

}  // namespace
}  // namespace peerwatt::metering
