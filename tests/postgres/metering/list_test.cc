#include <gmock/gmock.h>

#include "tests/postgres/metering/store_fixture.h"

namespace peerwatt::metering {
namespace {

using ::testing::ElementsAre;
using testing::Quarters;
using testing::StoreTest;

class ListTest : public StoreTest {
 protected:
  ListQuery Query() {
    return {.metering_point = MeteringPointId("m1"),
            .start = std::nullopt,
            .end = std::nullopt,
            .resolution = absl::Minutes(15),
            .as_of = std::nullopt,
            .after = std::nullopt,
            .after_revision = INT32_MAX};
  }
  static std::vector<int64_t> ImportsOf(const std::vector<Reading>& readings) {
    std::vector<int64_t> imports;
    for (const Reading& reading : readings) {
      imports.push_back(reading.imported.wh());
    }
    return imports;
  }
};

using Imports = std::vector<int64_t>;

TEST_F(ListTest, NothingIsFoundForAPointWithoutReadings) {
  EXPECT_TRUE(List(Query()).empty());
  Store(BatchOf({Quarters("m2", Start(), 4)}));
  EXPECT_TRUE(List(Query()).empty());
}

TEST_F(ListTest, SpanIsHalfOpenAtBothEnds) {
  Store(BatchOf({Quarters("m1", Start(), 6, 0), Quarters("m2", Start(), 6, 100)}));
  EXPECT_EQ(ImportsOf(List(Query())), Imports({0, 1, 2, 3, 4, 5}));
  ListQuery query = Query();
  query.start = Quarter(2);
  query.end = Quarter(4);
  EXPECT_EQ(ImportsOf(List(query)), Imports({2, 3}));
  query.start = Quarter(2) + absl::Microseconds(1);
  query.end = Quarter(4) + absl::Microseconds(1);
  EXPECT_EQ(ImportsOf(List(query)), Imports({3, 4}));
}

TEST_F(ListTest, ShowsTheHighestRevisionOrAll) {
  Store(BatchOf({Quarters("m1", Start(), 2, 0)}));
  Store(BatchOf({Quarters("m1", Start(), 2, 50)}));
  EXPECT_EQ(ImportsOf(List(Query())), Imports({50, 51}));
  ListQuery query = Query();
  query.revisions = true;
  EXPECT_EQ(ImportsOf(List(query)), Imports({0, 50, 1, 51}));
}

TEST_F(ListTest, ShowsTheStateAsItWasKnown) {
  const absl::Time first = now_;
  Store(BatchOf({Quarters("m1", Start(), 2, 0)}));
  now_ += absl::Hours(1);
  Store(BatchOf({Quarters("m1", Quarter(1), 2, 50)}));
  ListQuery query = Query();
  query.as_of = first - absl::Microseconds(1);
  EXPECT_EQ(ImportsOf(List(query)), Imports({}));
  query.as_of = now_ - absl::Microseconds(1);
  EXPECT_EQ(ImportsOf(List(query)), Imports({0, 1}));
  query.as_of = now_;
  EXPECT_EQ(ImportsOf(List(query)), Imports({0, 50, 51}));
}

TEST_F(ListTest, PagesMeetAlsoInsideAReadingsRevisions) {
  for (const int64_t wh : {0, 10, 20}) {
    Store(BatchOf({Quarters("m1", Start(), 2, wh)}));
  }
  ListQuery query = Query();
  query.revisions = true;
  query.after_revision = 0;
  query.limit = 2;
  Imports all;
  for (auto page = List(query); !page.empty(); page = List(query)) {
    for (const Reading& reading : page) {
      all.push_back(reading.imported.wh());
    }
    query.after = page.back().start;
    query.after_revision = page.back().revision;
  }
  EXPECT_EQ(all, Imports({0, 10, 20, 1, 11, 21}));
}

TEST_F(ListTest, CrossesLongStretchesWithoutReadings) {
  Store(BatchOf({Quarters("m1", Start(), 1, 7), Quarters("m1", Quarter(20'000), 1, 8),
                 Quarters("m2", Quarter(30'000), 1, 9)}));
  EXPECT_EQ(ImportsOf(List(Query())), Imports({7, 8}));
}

TEST_F(ListTest, ColumnsHaveAValueForEachIntervalInTheOrderAsked) {
  Series generation = Quarters("m2", Quarter(1), 2, 0);
  generation.export_wh = {40, 50};
  generation.qualities = {Quality::kEstimated, Quality::kMeasured};
  Store(BatchOf({Quarters("m1", Start(), 2, 10), generation}));
  const ReadingColumns answer = Columns({"m2", "nobody", "m1", "m1"}, 0, 4);
  ASSERT_EQ(answer.columns.size(), 4u);
  EXPECT_THAT(answer.columns[0].export_wh, ElementsAre(0, 40, 50, 0));
  EXPECT_THAT(answer.columns[0].qualities, ElementsAre(Quality::kMissing, Quality::kEstimated,
                                                       Quality::kMeasured, Quality::kMissing));
  EXPECT_THAT(answer.columns[1].revisions, ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(answer.columns[2].import_wh, ElementsAre(10, 11, 0, 0));
  EXPECT_EQ(answer.columns[3].import_wh, answer.columns[2].import_wh);
}

}  // namespace
}  // namespace peerwatt::metering
