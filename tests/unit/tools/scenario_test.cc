#include "tools/peerwatt/scenario.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/unit/tools/temporary_folder.h"
#include "tools/peerwatt/files.h"

namespace peerwatt::tool {
namespace {

class MeasuredScenarioTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(MakeDirectory(folder_.path() + "/load", 0700).ok());
    ASSERT_TRUE(MakeDirectory(folder_.path() + "/pv", 0700).ok());
  }
  void Write(const std::string& file, int64_t first, int64_t rows, int64_t step = 900) {
    std::string csv = "timestamp,electricity\n";
    for (int64_t i = 0; i < rows; ++i) absl::StrAppend(&csv, first + i * step, ",1\n");
    ASSERT_TRUE(WriteFile(folder_.path() + "/" + file, csv, 0600).ok());
  }

  TemporaryFolder folder_;
};

TEST_F(MeasuredScenarioTest, NamesHouseholdsByTheirFilesInOrder) {
  Write("load/hh_2_0.csv", 0, 96);
  Write("load/hh_1_0.csv", 0, 96);
  Write("pv/pv_1_pu.csv", 0, 96);
  const Scenario scenario = MeasuredScenario(folder_.path(), 16, 1, 1).value();
  ASSERT_EQ(scenario.households.size(), 2u);
  EXPECT_EQ(scenario.households[0].id, "hh-1-0");
  EXPECT_EQ(scenario.households[0].points.size(), 2u);
  EXPECT_EQ(scenario.households[0].points[1].source.at("kwp_milli"), 4000);
  EXPECT_EQ(scenario.households[1].points.size(), 1u);
}

TEST_F(MeasuredScenarioTest, PlaysOnlyWhatAllProfilesCover) {
  Write("load/a_1.csv", 0, 96);
  Write("load/a_2.csv", 1800, 90);
  Write("pv/pv_1_pu.csv", 0, 50);
  const Scenario scenario = MeasuredScenario(folder_.path(), 16, 9, 1).value();
  EXPECT_EQ(scenario.timetable.start, absl::FromUnixSeconds(1800));
  EXPECT_EQ(scenario.timetable.end, absl::FromUnixSeconds(50 * 900));
  EXPECT_EQ(scenario.interval_count(), 48);
}

TEST_F(MeasuredScenarioTest, NamesTheFileAtFault) {
  Write("load/a_1.csv", 0, 96, 600);
  Write("pv/pv_1_pu.csv", 0, 96);
  const auto status = MeasuredScenario(folder_.path(), 16, 1, 1).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("a_1.csv"), absl::string_view::npos);
  EXPECT_EQ(MeasuredScenario(folder_.path() + "/none", 16, 1, 1).status().code(),
            absl::StatusCode::kNotFound);
}

TEST(GeneratedScenarioTest, StartsAtLocalMidnightAndIsTheSameForTheSameSeed) {
  const Scenario one = GeneratedScenario(16, 2, 7).value();
  const Scenario two = GeneratedScenario(16, 2, 7).value();
  EXPECT_EQ(TimeText(one.timetable.start), "2026-05-31T22:00:00Z");
  EXPECT_EQ(one.interval_count(), 192);
  for (size_t i = 0; i < one.households.size(); ++i) {
    EXPECT_EQ(one.households[i].bid_price, two.households[i].bid_price);
    EXPECT_EQ(one.households[i].points[0].source, two.households[i].points[0].source);
  }
  EXPECT_NE(BidPriceOf(7, 0), BidPriceOf(8, 0));
}

TEST(GeneratedScenarioTest, LimitPricesStayInTheirRanges) {
  for (int i = 0; i < 1000; ++i) {
    EXPECT_GE(BidPriceOf(3, i).micros_per_kwh(), 200'000);
    EXPECT_LE(BidPriceOf(3, i).micros_per_kwh(), 270'000);
    EXPECT_GE(OfferPriceOf(3, i).micros_per_kwh(), 80'000);
    EXPECT_LE(OfferPriceOf(3, i).micros_per_kwh(), 180'000);
  }
}

TEST(GeneratedScenarioTest, EverySecondHouseholdHasPvOfFourToTenKilowatts) {
  for (int i = 0; i < 99; ++i) {
    if (i % 2 == 1) {
      EXPECT_EQ(PvPeakOf(i), 0);
    } else {
      EXPECT_GE(PvPeakOf(i), 4'000);
      EXPECT_LE(PvPeakOf(i), 10'000);
    }
  }
}

}  // namespace
}  // namespace peerwatt::tool
