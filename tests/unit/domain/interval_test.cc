#include "libs/domain/interval.h"

#include <gtest/gtest.h>

namespace peerwatt {
namespace {

TEST(IntervalTest, WritesAndReadsAnInstantAsASegment) {
  const absl::Time time = absl::FromUnixSeconds(1782900900);
  EXPECT_EQ(TimeSegment(time), "20260701t101500z");
  const auto parsed = ParseTimeSegment("20260701t101500z");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(*parsed, time);
  EXPECT_EQ(TimeSegment(*ParseTimeSegment("20240229t235959z") + absl::Seconds(1)),
            "20240301t000000z");
  EXPECT_EQ(TimeSegment(*ParseTimeSegment("10000101t000000z")), "10000101t000000z");
  EXPECT_EQ(TimeSegment(*ParseTimeSegment("99991231t235959z")), "99991231t235959z");
}

TEST(IntervalTest, RefusesWhatIsNoInstant) {
  for (const char* bad : {"", "20260701", "20260701T101500Z", "20260231t101500z",
                          "20260701t251500z", "20260701t101500z ", "2026070at101500z",
                          "20260701t101560z", "20260001t101500z", "20260701t240000z",
                          "02260701t101500z", "20260229t101500z"}) {
    EXPECT_FALSE(ParseTimeSegment(bad).ok()) << bad;
  }
}

TEST(IntervalTest, KnowsTheGrid) {
  const absl::Duration quarter = absl::Minutes(15);
  EXPECT_TRUE(IsOnGrid(absl::FromUnixSeconds(1613343600), quarter));
  EXPECT_FALSE(IsOnGrid(absl::FromUnixSeconds(1613343601), quarter));
  EXPECT_EQ(FloorToGrid(absl::FromUnixSeconds(1613344499), quarter),
            absl::FromUnixSeconds(1613343600));
  EXPECT_EQ(FloorToGrid(absl::FromUnixSeconds(-1), quarter), absl::FromUnixSeconds(-900));
  EXPECT_TRUE(IsIntervalLength(quarter));
  EXPECT_FALSE(IsIntervalLength(absl::Minutes(10)));
}

}  // namespace
}  // namespace peerwatt
