// Each rule on a day that keeps it and on one that breaks it.
//
// Broken on purpose, each of these goes red here: FindGaps without the declared period
// (FindsNoGapOutsideOfTheDeclaredPeriod), `>` for `>=` at the ends of a run (AGapAtHeadAndTail),
// kOutlierFloorDivisor 50 -> 5000 (ASmallDeviationIsNoOutlier), deviations 8 -> 80
// (ASpikeIsAnOutlier), 1.4826 left out (HampelThreshold), the look at the days before left out of
// the zero run (AGenerationPointMayStandStillAtNight), the day's begin as the start of a zero run
// (AZeroRunCountsFromTheDayBefore), `count != expected` left out (ADayOf96InsteadOf100), and each
// of the three cases of the collapsed hour (CollapsedHour*).
#include "services/metering/core/vee/rules.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/metering/core/vee/outlier.h"
#include "tests/unit/metering/vee_fixture.h"

namespace peerwatt::metering {
namespace {

using testing::VeePoint;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Names = std::vector<std::string>;

const absl::CivilDay kFirst(2026, 7, 1);
const absl::CivilDay kDay(2026, 7, 8);
const absl::CivilDay kSpring(2026, 3, 29);
const absl::CivilDay kAutumn(2026, 10, 25);

TEST(VeeRulesTest, AWholeDayHasNoFindings) {
  EXPECT_THAT(VeePoint(kFirst, 10).Rules(kDay), IsEmpty());
  EXPECT_THAT(VeePoint(kSpring - 7, 10).Rules(kSpring), IsEmpty());
  EXPECT_THAT(VeePoint(kAutumn - 7, 10).Rules(kAutumn), IsEmpty());
}

TEST(VeeRulesTest, AGapAtHeadInTheMiddleAndAtTheTail) {
  VeePoint point(kFirst, 10);
  const size_t day = point.IndexOf(absl::CivilSecond(kDay));
  point.Remove(day, 2);
  point.Remove(day + 40, 1);
  point.Remove(day + 95, 3);  // Two of them on the next day.
  const std::vector<Found> found = point.Examine(kDay);
  ASSERT_THAT(VeePoint::NamesOf(found), ElementsAre("GAP", "GAP", "GAP"));
  const absl::Time start = point.TimeOf(absl::CivilSecond(kDay));
  EXPECT_EQ(found[0].span, (Interval{start, start + absl::Minutes(30)}));
  EXPECT_EQ(found[1].span, (Interval{start + absl::Hours(10), start + absl::Minutes(615)}));
  EXPECT_EQ(found[2].span, (Interval{start + absl::Minutes(15 * 95), start + absl::Hours(24)}));
  EXPECT_EQ(found[0].message, "2 intervals without a value");
}

TEST(VeeRulesTest, FindsNoGapOutsideOfTheDeclaredPeriod) {
  VeePoint point(kFirst, 10);
  const size_t day = point.IndexOf(absl::CivilSecond(kFirst));
  point.Remove(day, 8);
  const DayView view{.day = LocalDay(kFirst, point.zone_, point.step_),
                     .declared = {point.span_.start + absl::Hours(2), point.span_.end},
                     .column_start = point.span_.start,
                     .column = &point.column_,
                     .member = &point.member_};
  EXPECT_THAT(ExamineDay(view), IsEmpty());
}

TEST(VeeRulesTest, EnergyInADirectionWithoutCapacity) {
  VeePoint point(kFirst, 10);
  const size_t noon = point.IndexOf(absl::CivilSecond(2026, 7, 8, 12));
  point.SetExport(noon, 3, 1);
  const std::vector<Found> found = point.Examine(kDay);
  ASSERT_THAT(VeePoint::NamesOf(found), ElementsAre("NEGATIVE_ON_ONE_WAY"));
  EXPECT_EQ(found[0].span.length(), absl::Minutes(45));
  point.member_.export_capacity_w = 4;
  EXPECT_THAT(point.Rules(kDay), IsEmpty());
}

TEST(VeeRulesTest, MoreThanTheCapacityLetsThrough) {
  VeePoint point(kFirst, 10, 2500);
  EXPECT_THAT(point.Rules(kDay), IsEmpty());
  point.SetImport(point.IndexOf(absl::CivilSecond(2026, 7, 8, 12)), 1, 2501);
  EXPECT_THAT(point.Rules(kDay), ElementsAre("IMPLAUSIBLE"));
}

TEST(VeeRulesTest, ASpikeIsAnOutlier) {
  VeePoint point(kFirst, 10);
  // The floor of the deviation is 2500 Wh / 50 = 50 Wh: 8 · 1.4826 · 50 = 593.04 Wh from 200.
  point.SetImport(point.IndexOf(absl::CivilSecond(2026, 7, 8, 12)), 1, 794);
  EXPECT_THAT(point.Rules(kDay), ElementsAre("OUTLIER"));
}

TEST(VeeRulesTest, ASmallDeviationIsNoOutlier) {
  VeePoint point(kFirst, 10);
  point.SetImport(point.IndexOf(absl::CivilSecond(2026, 7, 8, 12)), 1, 793);
  EXPECT_THAT(point.Rules(kDay), IsEmpty());
}

TEST(VeeRulesTest, WhatHappensEveryDayIsNoOutlier) {
  VeePoint point(kFirst, 10);
  for (int day = 1; day <= 8; ++day) {
    point.SetImport(point.IndexOf(absl::CivilSecond(2026, 7, day, 11)), 9, 2000);
  }
  EXPECT_THAT(point.Rules(kDay), IsEmpty());
}

TEST(VeeRulesTest, NeitherEstimatedNorEarlyValuesAreOutliers) {
  VeePoint point(kFirst, 10);
  const size_t noon = point.IndexOf(absl::CivilSecond(2026, 7, 8, 12));
  point.SetImport(noon, 1, 2000);
  point.column_.qualities[noon] = Quality::kEstimated;
  EXPECT_THAT(point.Rules(kDay), IsEmpty());
  point.SetImport(point.IndexOf(absl::CivilSecond(2026, 7, 3, 12)), 1, 2000);
  EXPECT_THAT(point.Rules(absl::CivilDay(2026, 7, 3)), IsEmpty());
  point.SetImport(point.IndexOf(absl::CivilSecond(2026, 7, 4, 15)), 1, 2000);
  EXPECT_THAT(point.Rules(absl::CivilDay(2026, 7, 4)), ElementsAre("OUTLIER"));
}

TEST(VeeRulesTest, HampelThreshold) {
  // Median 10, deviations 0 1 1 2 2 of it, so 1 · 1.4826 · 3 = 4.4478.
  for (const auto& [value, is_outlier] : std::vector<std::pair<int64_t, bool>>{
           {14, false}, {15, true}, {6, false}, {5, true}, {10, false}}) {
    std::vector<int64_t> window = {8, 9, 10, 11, 12};
    EXPECT_EQ(IsHampelOutlier(value, window, {.deviations = 3, .deviation_min = 1}), is_outlier)
        << value;
  }
  std::vector<int64_t> flat = {7, 7, 7, 7};
  EXPECT_FALSE(IsHampelOutlier(7, flat, {.deviations = 3, .deviation_min = 1}));
  EXPECT_TRUE(IsHampelOutlier(12, flat, {.deviations = 3, .deviation_min = 1}));
}

TEST(VeeRulesTest, AConsumptionPointThatStandsStill) {
  VeePoint point(kFirst, 10);
  const size_t morning = point.IndexOf(absl::CivilSecond(2026, 7, 8, 6));
  point.SetImport(morning, 24, 0);  // 6 hours: still fine.
  EXPECT_THAT(point.Rules(kDay), IsEmpty());
  point.SetImport(morning, 25, 0);
  const std::vector<Found> found = point.Examine(kDay);
  ASSERT_THAT(VeePoint::NamesOf(found), ElementsAre("ZERO_RUN"));
  EXPECT_EQ(found[0].span.length(), absl::Minutes(25 * 15));
}

TEST(VeeRulesTest, AZeroRunCountsFromTheDayBefore) {
  VeePoint point(kFirst, 10);
  point.SetImport(point.IndexOf(absl::CivilSecond(2026, 7, 7, 20)), 32, 0);  // Until 4 o'clock.
  EXPECT_THAT(point.Rules(kDay - 1), IsEmpty());
  const std::vector<Found> found = point.Examine(kDay);
  ASSERT_THAT(VeePoint::NamesOf(found), ElementsAre("ZERO_RUN"));
  EXPECT_EQ(found[0].span.start, point.TimeOf(absl::CivilSecond(kDay)));
  EXPECT_EQ(found[0].span.length(), absl::Hours(4));
}

TEST(VeeRulesTest, AGenerationPointMayStandStillAtNight) {
  VeePoint point(kFirst, 10, 0);
  point.member_.export_capacity_w = 10'000;
  for (int day = 1; day <= 8; ++day) {
    point.SetExport(point.IndexOf(absl::CivilSecond(2026, 7, day, 6)), 56, 300);
  }
  EXPECT_THAT(point.Rules(kDay), IsEmpty());
  point.SetExport(point.IndexOf(absl::CivilSecond(2026, 7, 8, 6)), 56, 0);
  EXPECT_THAT(point.Rules(kDay), ElementsAre("ZERO_RUN"));
}

TEST(VeeRulesTest, AnEmptyHouseIsFoundFromItsFirstDayOnlyWhereNothingIsFedIn) {
  VeePoint point(kFirst, 10, 0);
  EXPECT_THAT(point.Rules(kFirst), ElementsAre("ZERO_RUN"));
  EXPECT_THAT(point.Rules(kDay), IsEmpty());  // By then zero is usual.
  point.member_.export_capacity_w = 5'000;
  EXPECT_THAT(point.Rules(kFirst), IsEmpty());
}

TEST(VeeRulesTest, ADayOf96InsteadOf100) {
  VeePoint point(kAutumn - 7, 10);
  const size_t day = point.IndexOf(absl::CivilSecond(kAutumn));
  point.Remove(day + 50, 4);
  const std::vector<Found> found = point.Examine(kAutumn);
  ASSERT_THAT(VeePoint::NamesOf(found), ElementsAre("GAP", "WRONG_LENGTH"));
  EXPECT_EQ(found[1].message, "96 values where the calendar has 100");
  EXPECT_EQ(found[1].span.length(), absl::Hours(25));
}

TEST(VeeRulesTest, CollapsedHourMissingFirst) {
  VeePoint point(kAutumn - 7, 10);
  point.Remove(point.IndexOf(absl::CivilSecond(kAutumn)) + 8, 4);
  EXPECT_EQ(point.Rules(kAutumn), (Names{"GAP", "WRONG_LENGTH", "COLLAPSED_DST_HOUR"}));
}

TEST(VeeRulesTest, CollapsedHourMissingSecond) {
  VeePoint point(kAutumn - 7, 10);
  const size_t day = point.IndexOf(absl::CivilSecond(kAutumn));
  point.Remove(day + 12, 4);
  const std::vector<Found> found = point.Examine(kAutumn);
  ASSERT_EQ(VeePoint::NamesOf(found), (Names{"GAP", "WRONG_LENGTH", "COLLAPSED_DST_HOUR"}));
  EXPECT_EQ(point.IndexOf(found[2].span.start), day + 12);
  EXPECT_EQ(found[2].span.length(), absl::Hours(1));
}

TEST(VeeRulesTest, CollapsedHourShiftsTheRestOfTheDay) {
  // 96 values sent from local midnight on end an hour before the next one.
  VeePoint point(kAutumn - 7, 10);
  point.Remove(point.IndexOf(absl::CivilSecond(kAutumn)) + 96, 4);
  EXPECT_EQ(point.Rules(kAutumn), (Names{"GAP", "WRONG_LENGTH", "COLLAPSED_DST_HOUR"}));
}

TEST(VeeRulesTest, AnotherMissingHourIsNotTheCollapsedOne) {
  VeePoint point(kAutumn - 7, 10);
  const size_t day = point.IndexOf(absl::CivilSecond(kAutumn));
  for (const size_t first : {day, day + 4, day + 10, day + 16, day + 92}) {
    VeePoint spoilt = point;
    spoilt.Remove(first, 4);
    EXPECT_EQ(spoilt.Rules(kAutumn), (Names{"GAP", "WRONG_LENGTH"})) << first;
  }
  point.Remove(day + 8, 8);  // Both repeated hours are gone.
  EXPECT_EQ(point.Rules(kAutumn), (Names{"GAP", "WRONG_LENGTH"}));
}

TEST(VeeRulesTest, A96ValueSeriesOnADayOf92RunsOver) {
  VeePoint point(kSpring - 7, 10);
  const size_t next = point.IndexOf(absl::CivilSecond(kSpring + 1));
  for (size_t i = next; i < next + 4; ++i) {
    point.column_.revisions[i] = 2;
  }
  const std::vector<Found> found = point.Examine(kSpring);
  ASSERT_THAT(VeePoint::NamesOf(found), ElementsAre("WRONG_LENGTH"));
  EXPECT_EQ(found[0].message, "96 values sent where the calendar has 92");
  // Once the day is corrected, it is over.
  for (size_t i = point.IndexOf(absl::CivilSecond(kSpring)) + 8; i < next; ++i) {
    point.column_.revisions[i] = 2;
  }
  EXPECT_THAT(point.Rules(kSpring), IsEmpty());
}

TEST(VeeRulesTest, ACorrectionOfTheNextDayIsNoOverrun) {
  VeePoint point(kSpring - 7, 10);
  const size_t next = point.IndexOf(absl::CivilSecond(kSpring + 1));
  for (size_t i = next; i < next + 8; ++i) {
    point.column_.revisions[i] = 2;
  }
  EXPECT_THAT(point.Rules(kSpring), IsEmpty());
}

TEST(VeeRulesTest, AFindingIsOneForBothDirections) {
  const absl::Time at = absl::FromUnixSeconds(900);
  const std::vector<Found> merged =
      Merged({{Rule::kOutlier, {at, at + absl::Minutes(15)}, "export"},
              {Rule::kGap, {at, at + absl::Minutes(15)}, "gap"},
              {Rule::kOutlier, {at, at + absl::Minutes(30)}, "import"}});
  ASSERT_EQ(merged.size(), 2U);
  EXPECT_EQ(merged[1], (Found{Rule::kOutlier, {at, at + absl::Minutes(30)}, "export; import"}));
}

TEST(VeeRulesTest, EveryRuleHasAnIdOfItsOwn) {
  std::set<std::string> names;
  for (const Rule rule : kRules) {
    names.emplace(RuleName(rule));
  }
  EXPECT_EQ(names.size(), kRules.size());
  EXPECT_FALSE(names.contains(""));
}

}  // namespace
}  // namespace peerwatt::metering
