// Broken on purpose: rounding half down, not up, and rounding each part instead of the running
// total, both turn SplitsWithCarry red; days of 24 hours turn CountsIntervalsByTheCalendar red.
#include "services/metering/core/vee/calendar.h"

#include <numeric>
#include <random>

#include <gtest/gtest.h>

#include "services/metering/core/vee/completeness.h"
#include "services/metering/core/vee/split.h"
#include "tests/unit/metering/fakes.h"

namespace peerwatt::metering {
namespace {

TEST(CalendarTest, CountsIntervalsByTheCalendar) {
  const absl::Duration quarter = absl::Minutes(15);
  struct Case {
    const char* zone;
    absl::CivilDay day;
    absl::Duration step;
    int64_t count;
  };
  const Case cases[] = {
      {"Europe/Berlin", absl::CivilDay(2026, 3, 28), quarter, 96},
      {"Europe/Berlin", absl::CivilDay(2026, 3, 29), quarter, 92},
      {"Europe/Berlin", absl::CivilDay(2026, 10, 25), quarter, 100},
      {"Europe/Berlin", absl::CivilDay(2026, 10, 25), absl::Minutes(5), 300},
      {"Europe/Berlin", absl::CivilDay(2026, 10, 25), absl::Minutes(60), 25},
      {"Europe/Lisbon", absl::CivilDay(2026, 3, 29), quarter, 92},
      {"America/New_York", absl::CivilDay(2026, 3, 8), quarter, 92},
      {"America/New_York", absl::CivilDay(2026, 3, 29), quarter, 96},
      {"Australia/Lord_Howe", absl::CivilDay(2026, 4, 5), quarter, 98},  // Half an hour back.
      {"Asia/Kolkata", absl::CivilDay(2026, 3, 29), absl::Minutes(60), 24},
      {"UTC", absl::CivilDay(2026, 10, 25), quarter, 96},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(IntervalsInDay(one.day, ZoneOf(one.zone), one.step), one.count)
        << one.zone << " " << one.day;
  }
  const absl::TimeZone berlin = ZoneOf("Europe/Berlin");
  EXPECT_EQ(IntervalsInMonth(absl::CivilMonth(2026, 3), berlin, quarter), 2972);
  EXPECT_EQ(IntervalsInMonth(absl::CivilMonth(2026, 10), berlin, quarter), 2980);
  EXPECT_EQ(IntervalsInMonth(absl::CivilMonth(2026, 2), berlin, quarter), 28 * 96);
}

TEST(CalendarTest, DaysOfAZoneFollowEachOtherWithoutGap) {
  for (const char* name :
       {"Europe/Berlin", "Asia/Kolkata", "America/Sao_Paulo", "Asia/Kathmandu"}) {
    const absl::TimeZone zone = ZoneOf(name);
    for (absl::CivilDay day(2018, 1, 1); day < absl::CivilDay(2019, 1, 1); ++day) {
      const Interval span = LocalDay(day, zone, absl::Minutes(60));
      EXPECT_EQ(span.end, LocalDay(day + 1, zone, absl::Minutes(60)).start);
      EXPECT_EQ(LocalDayAround(span.start, zone, absl::Minutes(60)), span) << name << " " << day;
      EXPECT_EQ(LocalDayAround(span.end - absl::Minutes(60), zone, absl::Minutes(60)), span);
    }
  }
}

TEST(CalendarTest, FindsTheChangeOfTheClock) {
  const absl::TimeZone berlin = ZoneOf("Europe/Berlin");
  const absl::Duration quarter = absl::Minutes(15);
  const auto spring = ClockChangeIn(LocalDay(absl::CivilDay(2026, 3, 29), berlin, quarter), berlin);
  ASSERT_TRUE(spring.has_value());
  EXPECT_EQ(spring->at, absl::FromCivil(absl::CivilSecond(2026, 3, 29, 1), absl::UTCTimeZone()));
  EXPECT_EQ(spring->forward, absl::Hours(1));
  const auto autumn =
      ClockChangeIn(LocalDay(absl::CivilDay(2026, 10, 25), berlin, quarter), berlin);
  ASSERT_TRUE(autumn.has_value());
  EXPECT_EQ(autumn->at, absl::FromCivil(absl::CivilSecond(2026, 10, 25, 1), absl::UTCTimeZone()));
  EXPECT_EQ(autumn->forward, -absl::Hours(1));
  EXPECT_FALSE(ClockChangeIn(LocalDay(absl::CivilDay(2026, 3, 28), berlin, quarter), berlin));
  EXPECT_FALSE(ClockChangeIn(LocalDay(absl::CivilDay(2026, 3, 29), absl::UTCTimeZone(), quarter),
                             absl::UTCTimeZone()));
}

TEST(SplitTest, SplitsWithCarry) {
  using Parts = std::vector<int64_t>;
  EXPECT_EQ(SplitWithCarry(20'003, 4), (Parts{5001, 5001, 5000, 5001}));
  EXPECT_EQ(SplitWithCarry(100'005, 4), (Parts{25'001, 25'002, 25'001, 25'001}));
  EXPECT_EQ(SplitWithCarry(888'123, 4), (Parts{222'031, 222'031, 222'030, 222'031}));
  EXPECT_EQ(SplitWithCarry(0, 4), (Parts{0, 0, 0, 0}));
  EXPECT_EQ(SplitWithCarry(7, 1), (Parts{7}));
}

TEST(SplitTest, PartsSumToTheWholeAndDifferByAtMostOne) {
  constexpr uint32_t kSeed = 20260329;
  std::mt19937_64 random(kSeed);
  SCOPED_TRACE(kSeed);
  for (int round = 0; round < 10'000; ++round) {
    const int64_t whole = static_cast<int64_t>(random() % 1'000'000'000'000);
    const int64_t count = static_cast<int64_t>(random() % 12) + 1;
    const std::vector<int64_t> parts = SplitWithCarry(whole, count);
    EXPECT_EQ(std::accumulate(parts.begin(), parts.end(), int64_t{0}), whole);
    for (const int64_t part : parts) {
      EXPECT_GE(part, whole / count);
      EXPECT_LE(part, whole / count + 1);
    }
  }
}

TEST(SplitTest, WhichResolutionsAreTaken) {
  const absl::Duration quarter = absl::Minutes(15);
  EXPECT_TRUE(IsSplittable(quarter, quarter));
  EXPECT_TRUE(IsSplittable(absl::Minutes(45), quarter));
  EXPECT_TRUE(IsSplittable(absl::Hours(1), quarter));
  EXPECT_TRUE(IsSplittable(absl::Hours(1), absl::Hours(1)));
  EXPECT_FALSE(IsSplittable(absl::Hours(2), quarter));
  EXPECT_FALSE(IsSplittable(absl::Minutes(20), quarter));
  EXPECT_FALSE(IsSplittable(absl::Minutes(5), quarter));
  EXPECT_FALSE(IsSplittable(absl::ZeroDuration(), quarter));
}

TEST(SplitTest, KeepsWeakerQualityAndAGivenMethod) {
  Series hours = testing::Quarters("p", absl::FromUnixSeconds(0), 2, 20'003);
  hours.resolution = absl::Hours(1);
  hours.export_wh = {0, 4};
  hours.qualities = {Quality::kMeasured, Quality::kEstimated};
  Series split = SplitSeries(hours, absl::Minutes(15));
  EXPECT_EQ(split.import_wh,
            (std::vector<int64_t>{5001, 5001, 5000, 5001, 5001, 5001, 5001, 5001}));
  EXPECT_EQ(split.export_wh, (std::vector<int64_t>{0, 0, 0, 0, 1, 1, 1, 1}));
  EXPECT_EQ(split.qualities, (std::vector<Quality>{
                                 Quality::kCalculated, Quality::kCalculated, Quality::kCalculated,
                                 Quality::kCalculated, Quality::kEstimated, Quality::kEstimated,
                                 Quality::kEstimated, Quality::kEstimated}));
  EXPECT_EQ(split.method, Method::kSplit);
  EXPECT_EQ(split.Span(), hours.Span());
  hours.qualities = {};
  hours.export_wh = {};
  hours.method = Method::kManual;
  split = SplitSeries(hours, absl::Minutes(15));
  EXPECT_EQ(split.qualities, (std::vector<Quality>{Quality::kCalculated}));
  EXPECT_TRUE(split.export_wh.empty());
  EXPECT_EQ(split.method, Method::kManual);
}

TEST(CompletenessTest, CountsByQuality) {
  ReadingColumn column;
  column.qualities = {Quality::kMeasured,  Quality::kMissing,   Quality::kMeasured,
                      Quality::kEstimated, Quality::kMissing,   Quality::kMissing,
                      Quality::kMeasured,  Quality::kCalculated, Quality::kMeasured,
                      Quality::kEstimated};
  EXPECT_EQ(CompletenessOf(column), (Completeness{.expected = 10,
                                                  .measured = 4,
                                                  .calculated = 1,
                                                  .estimated = 2,
                                                  .missing = 3}));
}

}  // namespace
}  // namespace peerwatt::metering
