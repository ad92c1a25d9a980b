#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "libs/postgres/codec.h"
#include "services/metering/core/block.h"
#include "tests/postgres/metering/store_fixture.h"

namespace peerwatt::metering {
namespace {

using testing::Quarters;
using testing::StoreTest;

/// A transaction that has its number and has stored something, but does not commit yet.
class OpenWriter {
 public:
  explicit OpenWriter(const std::string& dsn) : connection_(dsn), tx_(connection_) {
    const WrittenSpan span{
        .community = CommunityId("c1"), .point_no = 1, .start_s = 900, .end_s = 1800};
    position_ = postgres::Int64From(
        tx_.exec_params1("INSERT INTO changes (position, span_count, shard_no, spans) "
                         "VALUES ((pg_current_xact_id()::text::bigint << 20) + 1, 1, 1, $1) "
                         "RETURNING position",
                         postgres::ToSqlBytes(PackSpans({&span, 1})))[0]);
  }
  void Commit() { tx_.commit(); }
  int64_t position() const { return position_; }

 private:
  pqxx::connection connection_;
  pqxx::work tx_;
  int64_t position_ = 0;
};

/// What a cursor without a horizon would do: everything that is visible.
std::vector<int64_t> NaiveChangesAfter(const std::string& dsn, int64_t cursor) {
  pqxx::connection connection(dsn);
  pqxx::work tx(connection);
  std::vector<int64_t> positions;
  for (const pqxx::row& row : tx.exec_params(
           "SELECT position FROM changes WHERE position > $1 ORDER BY position", cursor)) {
    positions.push_back(postgres::Int64From(row[0]));
  }
  return positions;
}

TEST_F(StoreTest, TellsWhichSpanOfWhichPointChanged) {
  Series series = Quarters("m1", Start(), 10);
  Store(BatchOf({series}));
  series.import_wh[3] = 500;
  series.import_wh[5] = 500;
  Store(BatchOf({series}));
  const std::vector<Change> changes = ChangesAfter(0);
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].span, (Interval{Start(), Quarter(10)}));
  EXPECT_EQ(changes[0].metering_point, MeteringPointId("m1"));
  EXPECT_EQ(changes[0].community, CommunityId("c1"));
  EXPECT_EQ(changes[1].span, (Interval{Quarter(3), Quarter(6)}));
}

TEST_F(StoreTest, PagesOfChangesMeetWithoutGapOrOverlap) {
  std::vector<Series> series;
  for (int i = 0; i < 25; ++i) {
    series.push_back(Quarters("m" + std::to_string(i), Start(), 1));
  }
  Store(BatchOf(std::move(series)));
  std::vector<std::string> points;
  int64_t cursor = 0;
  for (auto page = ChangesAfter(0, 10); !page.empty(); page = ChangesAfter(cursor, 10)) {
    for (const Change& change : page) {
      EXPECT_GT(change.cursor, cursor);
      cursor = change.cursor;
      points.push_back(change.metering_point.value());
    }
  }
  ASSERT_EQ(points.size(), 25u);
  EXPECT_EQ(std::set(points.begin(), points.end()).size(), 25u);
}

TEST_F(StoreTest, ChangesWaitForAnOlderTransactionThatANaiveCursorMisses) {
  OpenWriter older(database_->dsn());
  Store(BatchOf({Quarters("m1", Start(), 1)}));

  // Negative control: a naive cursor sees the younger change and moves past the older one.
  const auto naive = NaiveChangesAfter(database_->dsn(), 0);
  ASSERT_EQ(naive.size(), 1u);
  EXPECT_TRUE(ChangesAfter(0).empty()) << "the younger change is not final yet";
  const ReadingColumns before = Columns({"m1"}, 0, 1);
  EXPECT_LT(before.cursor, older.position()) << "a query promises no more than what is final";
  EXPECT_EQ(before.columns[0].revisions[0], 1) << "what it shows may be newer";

  older.Commit();
  EXPECT_TRUE(NaiveChangesAfter(database_->dsn(), naive.back()).empty())
      << "the naive cursor missed it";
  const std::vector<Change> changes = ChangesAfter(before.cursor);
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].cursor, older.position());
  EXPECT_EQ(changes[1].metering_point, MeteringPointId("m1"));
}

TEST_F(StoreTest, EveryChangeUpToTheCursorOfAQueryIsInItsAnswer) {
  Store(BatchOf({Quarters("m1", Start(), 1)}));
  const int64_t cursor = Columns({"m1"}, 0, 1).cursor;
  EXPECT_GE(cursor, ChangesAfter(0).back().cursor);
  EXPECT_TRUE(ChangesAfter(cursor).empty());
  Store(BatchOf({Quarters("m1", Quarter(1), 1)}));
  EXPECT_EQ(ChangesAfter(cursor).size(), 1u);
}

TEST_F(StoreTest, APageOfChangesIsFullWhileThereIsMore) {
  constexpr int kPoints = 160;  // Ten spans in each row.
  constexpr int kGroups = 3;
  for (int group = 0; group < kGroups; ++group) {
    std::vector<Series> series;
    for (int i = 0; i < kPoints; ++i) {
      series.push_back(Quarters(absl::StrCat("m", i), Quarter(group), 1, 1));
    }
    Store(BatchOf(std::move(series)));
  }
  for (const int32_t limit : {1, 7, 9, 10, 11, 25, 300}) {
    int64_t cursor = 0;
    int left = kPoints * kGroups;
    while (left > 0) {
      const std::vector<Change> page = ChangesAfter(cursor, limit);
      ASSERT_EQ(std::ssize(page), std::min(limit, left)) << "limit " << limit;
      left -= limit;
      cursor = page.back().cursor;
    }
    EXPECT_TRUE(ChangesAfter(cursor, limit).empty());
  }
}

}  // namespace
}  // namespace peerwatt::metering
