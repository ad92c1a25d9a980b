#include "services/metering/core/forecast/forecast.h"

#include <algorithm>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/metering/forecast_fixture.h"

namespace peerwatt::metering {
namespace {

using testing::Berlin;
using testing::ColumnOf;
using testing::Local;
using testing::SlotAt;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::Duration kQuarter = absl::Minutes(15);

/// A plan for one local day from what ended by `data_end`.
ForecastPlan DayPlan(absl::Time day, absl::Time data_end) {
  return {{day, day + absl::Hours(24)}, data_end, kQuarter, Berlin()};
}
/// A plan for the one quarter-hour at `start`, an hour ahead.
ForecastPlan HourPlan(absl::Time start) {
  return {{start, start + kQuarter}, start - absl::Hours(1), kQuarter, Berlin()};
}

int64_t Import(const ForecastPlan& plan, const ReadingColumn& column, ForecastModel model) {
  const PointForecast forecast = plan.Compute(column, model);
  EXPECT_EQ(forecast.model, model);
  return forecast.import_wh.empty() ? -1 : forecast.import_wh.front();
}
int64_t Export(const ForecastPlan& plan, const ReadingColumn& column, ForecastModel model) {
  const PointForecast forecast = plan.Compute(column, model);
  EXPECT_EQ(forecast.model, model);
  return forecast.export_wh.empty() ? -1 : forecast.export_wh.front();
}

TEST(SlotCalendarTest, CountsLocalDaysAndSlots) {
  const LocalSlot slot = SlotAt(Local(2026, 7, 3, 14, 45));  // A Friday.
  EXPECT_EQ(slot.slot, 14U * 4 + 3);
  EXPECT_EQ(slot.Weekday(), 4);
  EXPECT_FALSE(slot.IsWeekend());
  EXPECT_TRUE(SlotAt(Local(2026, 7, 4)).IsWeekend());
  EXPECT_TRUE(SlotAt(Local(2026, 7, 5, 23, 45)).IsWeekend());
  EXPECT_EQ(SlotAt(Local(2026, 7, 6)).Weekday(), 0);
  EXPECT_EQ(SlotAt(Local(1969, 12, 31)).Weekday(), 2);
}

TEST(SlotCalendarTest, KnowsDaysOf23And25Hours) {
  const SlotCalendar spring({Local(2026, 3, 29), Local(2026, 3, 30)}, kQuarter, Berlin());
  EXPECT_EQ(spring.slots().size(), 92U);
  EXPECT_EQ(spring.day_count(), 1U);
  EXPECT_EQ(spring.At(0, 7), 7);
  for (size_t slot = 8; slot < 12; ++slot) {  // 02:00 to 03:00 does not exist.
    EXPECT_EQ(spring.At(0, slot), SlotCalendar::kNoInterval);
  }
  EXPECT_EQ(spring.At(0, 12), 8);
  EXPECT_EQ(spring.At(0, 95), 91);

  const SlotCalendar autumn({Local(2026, 10, 25), Local(2026, 10, 26)}, kQuarter, Berlin());
  EXPECT_EQ(autumn.slots().size(), 100U);
  EXPECT_EQ(autumn.At(0, 8), 12);  // 02:00 comes twice; the second shows.
  EXPECT_EQ(autumn.At(0, 95), 99);
}

TEST(ForecastPlanTest, NeedsWholeDaysUpToTheLastIntervalThatEnded) {
  const ForecastPlan plan = DayPlan(Local(2026, 7, 10), Local(2026, 7, 9, 12, 7));
  EXPECT_EQ(plan.history().end, Local(2026, 7, 9, 12));
  EXPECT_EQ(plan.history().start, Local(2026, 6, 30) - absl::Hours(24 * 19));
}

TEST(ForecastTest, PersistenceIsTheSameLocalTimeOfTheLatestDayThatKnowsIt) {
  const ForecastPlan plan = DayPlan(Local(2026, 7, 10), Local(2026, 7, 9, 12));
  const ReadingColumn column =
      ColumnOf(plan, [](absl::Time at) { return SlotAt(at).day * 100 + int64_t(SlotAt(at).slot); });
  const PointForecast forecast = plan.Compute(column, ForecastModel::kPersistence);
  const int64_t today = SlotAt(Local(2026, 7, 9)).day * 100;
  ASSERT_EQ(forecast.import_wh.size(), 96U);
  EXPECT_EQ(forecast.import_wh[0], today);
  EXPECT_EQ(forecast.import_wh[47], today + 47);
  EXPECT_EQ(forecast.import_wh[48], today - 100 + 48);  // Today's is not over.
  EXPECT_THAT(forecast.export_wh, Each(0));
}

TEST(ForecastTest, PersistenceFollowsTheLocalTimeOverAClockChange) {
  const absl::Time start = Local(2026, 3, 29, 18);
  const ForecastPlan plan = HourPlan(start);
  const ReadingColumn column =
      ColumnOf(plan, [](absl::Time at) { return int64_t(SlotAt(at).slot); });
  EXPECT_EQ(Import(plan, column, ForecastModel::kPersistence), 18 * 4);
}

TEST(ForecastTest, WeekdayMeanIsOfTheSameWeekdayHalfToEven) {
  const absl::Time start = Local(2026, 7, 10, 18);
  const ForecastPlan plan = HourPlan(start);
  const int64_t day = SlotAt(start).day;
  const ReadingColumn column = ColumnOf(plan, [&](absl::Time at) -> std::optional<int64_t> {
    const LocalSlot slot = SlotAt(at);
    if (day - slot.day > 14) {
      return std::nullopt;
    }
    return slot.day == day - 7 ? 101 : slot.day == day - 14 ? 102 : 999;
  });
  EXPECT_EQ(Import(plan, column, ForecastModel::kWeekdayMean), 102);  // 101.5
}

TEST(ForecastTest, SmoothedIgnoresARarePeak) {
  const absl::Time start = Local(2026, 7, 10, 18);
  const ForecastPlan plan = HourPlan(start);
  const int64_t day = SlotAt(start).day;
  const ReadingColumn column = ColumnOf(plan, [&](absl::Time at) {
    return SlotAt(at).day == day - 1 && SlotAt(at).slot == 72 ? 2000 : 50;
  });
  EXPECT_EQ(Import(plan, column, ForecastModel::kPersistence), 2000);
  EXPECT_EQ(Import(plan, column, ForecastModel::kSmoothed), 50);
}

TEST(ForecastTest, SmoothedWeighsDaysOfTheSameKindMore) {
  const absl::Time saturday = Local(2026, 7, 11, 18);
  const auto level = [](absl::Time at) { return SlotAt(at).IsWeekend() ? 300 : 100; };
  const ForecastPlan weekend = DayPlan(saturday, saturday - absl::Hours(24));
  const ForecastPlan working = DayPlan(Local(2026, 7, 13, 18), Local(2026, 7, 12, 18));
  LoadWeights only_same;
  only_same.other_kind_quarters = 0;
  EXPECT_EQ(weekend.Compute(ColumnOf(weekend, level), ForecastModel::kSmoothed, only_same)
                .import_wh.front(),
            300);
  EXPECT_EQ(Import(working, ColumnOf(working, level), ForecastModel::kSmoothed), 100);
}

TEST(ForecastTest, SmoothedFollowsTheLatestHoursAndForgetsThemWithTheLead) {
  const absl::Time now = Local(2026, 7, 10, 18);
  const ForecastPlan plan{{now, now + absl::Hours(5)}, now, kQuarter, Berlin()};
  const ReadingColumn column =
      ColumnOf(plan, [&](absl::Time at) { return at >= now - absl::Hours(1) ? 500 : 100; });
  const std::vector<int64_t> values =
      plan.Compute(column, ForecastModel::kSmoothed).import_wh;
  EXPECT_EQ(values[0], 200);   // A quarter of 400 at once,
  EXPECT_EQ(values[8], 150);   // half of that after two hours,
  EXPECT_EQ(values[16], 100);  // nothing after four.
  EXPECT_TRUE(std::is_sorted(values.rbegin(), values.rend()));
}

TEST(ForecastTest, SmoothedIsNeverNegative) {
  const absl::Time now = Local(2026, 7, 10, 18);
  const ForecastPlan plan{{now, now + kQuarter}, now, kQuarter, Berlin()};
  LoadWeights strong;
  strong.level_percent = 100;
  const ReadingColumn column = ColumnOf(plan, [&](absl::Time at) {
    return at >= now - absl::Hours(1) ? 0 : SlotAt(at).slot == 72 ? 10 : 500;
  });
  EXPECT_EQ(plan.Compute(column, ForecastModel::kSmoothed, strong).import_wh.front(), 0);
}

TEST(ForecastTest, AnEstimatedValueWeighsHalf) {
  const absl::Time start = Local(2026, 7, 10, 18);  // A Friday.
  const ForecastPlan plan = DayPlan(start, start - absl::Hours(18));
  const int64_t day = SlotAt(start).day;
  ReadingColumn column = ColumnOf(plan, [&](absl::Time at) -> std::optional<int64_t> {
    const int64_t age = day - SlotAt(at).day;
    return age > 3 ? std::nullopt : std::optional<int64_t>(age == 1 ? 100 : 200);
  });
  LoadWeights even;
  even.decay_eighths = 8;
  EXPECT_EQ(plan.Compute(column, ForecastModel::kSmoothed, even).import_wh.front(), 200);
  for (size_t i = 0; i < column.qualities.size(); ++i) {
    if (column.import_wh[i] == 200) {
      column.qualities[i] = Quality::kEstimated;
    }
  }
  EXPECT_EQ(plan.Compute(column, ForecastModel::kSmoothed, even).import_wh.front(), 100);
}

/// A plant of 1000 Wh at noon whose sky is `percent` clear on a day.
int64_t Sun(absl::Time at, int64_t percent) {
  const int64_t from_noon = std::abs(static_cast<int64_t>(SlotAt(at).slot) - 48);
  return from_noon > 20 ? 0 : (1000 - from_noon * 50) * percent / 100;
}

TEST(ForecastTest, GenerationFollowsHowClearItIs) {
  const absl::Time start = Local(2026, 7, 10, 13);
  const ForecastPlan plan = HourPlan(start);
  const int64_t day = SlotAt(start).day;
  const auto no_import = [](absl::Time) { return 0; };
  const auto forecast = [&](int64_t today_percent) {
    const ReadingColumn column = ColumnOf(plan, no_import, [&](absl::Time at) {
      return Sun(at, SlotAt(at).day == day ? today_percent : SlotAt(at).day % 2 == 0 ? 100 : 20);
    });
    return Export(plan, column, ForecastModel::kSmoothed);
  };
  const int64_t clear = forecast(100);
  const int64_t dull = forecast(20);
  EXPECT_GT(clear, 740);  // Of 800.
  EXPECT_LE(clear, 800);
  EXPECT_LT(dull, 220);
  EXPECT_GE(dull, 160);
}

TEST(ForecastTest, GenerationIsNothingAtNightAndNeverAboveTheClearSky) {
  const absl::Time day = Local(2026, 7, 10);
  const ForecastPlan plan = DayPlan(day, day - absl::Hours(12));
  const ReadingColumn column = ColumnOf(
      plan, [](absl::Time) { return 3; }, [](absl::Time at) { return Sun(at, 90); });
  const PointForecast forecast = plan.Compute(column, ForecastModel::kSmoothed);
  ASSERT_EQ(forecast.export_wh.size(), 96U);
  for (size_t i = 0; i < 96; ++i) {
    EXPECT_EQ(forecast.export_wh[i], Sun(day + kQuarter * int64_t(i), 90)) << i;
  }
  EXPECT_THAT(forecast.import_wh, Each(3));
}

TEST(ForecastTest, FallsBackToASimplerModelAndSaysSo) {
  const absl::Time start = Local(2026, 7, 10, 18);
  const ForecastPlan plan = HourPlan(start);
  const struct {
    int64_t days;  // Complete days before today.
    ForecastModel asked;
    ForecastModel used;
  } cases[] = {
      {3, ForecastModel::kSmoothed, ForecastModel::kSmoothed},
      {2, ForecastModel::kSmoothed, ForecastModel::kSmoothed},  // Today is the third.
      {1, ForecastModel::kSmoothed, ForecastModel::kPersistence},
      {7, ForecastModel::kWeekdayMean, ForecastModel::kWeekdayMean},
      {6, ForecastModel::kWeekdayMean, ForecastModel::kPersistence},
      {1, ForecastModel::kPersistence, ForecastModel::kPersistence},
      {0, ForecastModel::kPersistence, ForecastModel::kNone},
      {0, ForecastModel::kSmoothed, ForecastModel::kNone},
  };
  for (const auto& c : cases) {
    const int64_t first_day = SlotAt(start).day - c.days;
    const ReadingColumn column = ColumnOf(plan, [&](absl::Time at) -> std::optional<int64_t> {
      return SlotAt(at).day >= first_day ? std::optional<int64_t>(7) : std::nullopt;
    });
    const PointForecast forecast = plan.Compute(column, c.asked);
    EXPECT_EQ(forecast.model, c.used) << c.days;
    EXPECT_EQ(forecast.import_wh.size(), c.used == ForecastModel::kNone ? 0U : 1U);
  }
}

TEST(ForecastTest, SaysNothingOfASlotThatWasNeverSeen) {
  const absl::Time day = Local(2026, 7, 10);
  const ForecastPlan plan = DayPlan(day, day);
  const ReadingColumn column = ColumnOf(plan, [](absl::Time at) -> std::optional<int64_t> {
    return SlotAt(at).slot == 50 ? std::nullopt : std::optional<int64_t>(7);
  });
  const PointForecast forecast = plan.Compute(column, ForecastModel::kSmoothed);
  EXPECT_EQ(forecast.model, ForecastModel::kNone);
  EXPECT_THAT(forecast.import_wh, IsEmpty());
}

TEST(ForecastTest, GapsAndLateReadingsAreBridged) {
  const absl::Time start = Local(2026, 7, 10, 18);
  const ForecastPlan plan = HourPlan(start);
  // Every third reading is missing, and all since yesterday noon.
  const ReadingColumn column = ColumnOf(plan, [&](absl::Time at) -> std::optional<int64_t> {
    const bool late = at >= Local(2026, 7, 9, 12);
    return late || (SlotAt(at).day * 96 + int64_t(SlotAt(at).slot)) % 7 == 0
               ? std::nullopt
               : std::optional<int64_t>(40);
  });
  EXPECT_EQ(Import(plan, column, ForecastModel::kSmoothed), 40);
}

TEST(ForecastTest, APlantThatStoodStillForWeeksIsStillKnown) {
  const absl::Time start = Local(2026, 7, 10, 12);
  const ForecastPlan plan = HourPlan(start);
  const int64_t day = SlotAt(start).day;
  const ReadingColumn column = ColumnOf(
      plan,
      [&](absl::Time at) -> std::optional<int64_t> {
        return day - SlotAt(at).day > 25 ? std::optional<int64_t>(0) : std::nullopt;
      },
      [](absl::Time at) { return Sun(at, 100); });
  EXPECT_EQ(Export(plan, column, ForecastModel::kSmoothed), 1000);
}

/// Fixed numbers of a fixed series: a change of any rounding or weight shows here, on any machine.
TEST(ForecastTest, IsTheSameOnEveryMachine) {
  const absl::Time start = Local(2026, 7, 10, 11);
  const ForecastPlan plan{{start, start + absl::Hours(1)}, start - absl::Hours(1), kQuarter,
                          Berlin()};
  uint64_t state = 42;
  const auto next = [&](uint64_t bound) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return static_cast<int64_t>((state >> 33) % bound);
  };
  const ReadingColumn column = ColumnOf(
      plan, [&](absl::Time) { return next(500); },
      [&](absl::Time at) { return Sun(at, 20 + next(80)); });
  const PointForecast forecast = plan.Compute(column, ForecastModel::kSmoothed);
  EXPECT_THAT(forecast.import_wh, ElementsAre(317, 202, 104, 256));
  EXPECT_THAT(forecast.export_wh, ElementsAre(489, 525, 527, 568));
  EXPECT_EQ(forecast, plan.Compute(column, ForecastModel::kSmoothed));
}

}  // namespace
}  // namespace peerwatt::metering
