#include "bench/metering/backtest.h"

#include <vector>

#include <gtest/gtest.h>

#include "bench/metering/neighbourhood.h"

namespace peerwatt::metering {
namespace {

const std::vector<ForecastModel> kModels = {
    ForecastModel::kPersistence, ForecastModel::kWeekdayMean, ForecastModel::kSmoothed};

std::vector<Score> ScoresOf(const Neighbourhood& neighbourhood, bool generation, Horizon horizon,
                            DaySpan days = kJudgementDays) {
  return Backtest({.neighbourhood = &neighbourhood,
                   .generation = generation,
                   .horizon = horizon,
                   .days = days},
                  kModels);
}

void ExpectSmoothedBest(const Neighbourhood& neighbourhood, bool generation, Horizon horizon) {
  const std::vector<Score> scores = ScoresOf(neighbourhood, generation, horizon);
  EXPECT_GT(scores[2].intervals, 0);
  EXPECT_EQ(scores[2].simpler, 0);
  EXPECT_LT(scores[2].absolute_error_wh, scores[0].absolute_error_wh) << "persistence";
  EXPECT_LT(scores[2].absolute_error_wh, scores[1].absolute_error_wh) << "weekday mean";
}

TEST(BacktestTest, CountsEveryIntervalOfTheDaysOnce) {
  const auto made = GeneratedNeighbourhood(1);
  ASSERT_TRUE(made.ok()) << made.status();
  // 15 days, one of 23 hours.
  const int64_t quarters = 15 * 96 - 4;
  for (const Horizon horizon : {Horizon::kGateClosure, Horizon::kDayAhead}) {
    const std::vector<Score> scores = ScoresOf(*made, true, horizon);
    EXPECT_EQ(scores[0].intervals, quarters * 3);
    EXPECT_EQ(scores[0].actual_wh, scores[2].actual_wh);
  }
}

TEST(BacktestTest, ForecastsSeeNothingThatHadNotEnded) {
  auto made = GeneratedNeighbourhood(1);
  ASSERT_TRUE(made.ok()) << made.status();
  const DaySpan one_day{30, 31};
  const Score before = ScoresOf(*made, false, Horizon::kDayAhead, one_day)[2];
  // Whatever comes after noon of day 29 may change only the truth, not the forecast.
  const size_t noon = 29 * 96 + 48;
  for (ReadingColumn& column : made->households) {
    for (size_t i = noon; i < column.import_wh.size(); ++i) {
      column.import_wh[i] += 100'000;
    }
  }
  const Score after = ScoresOf(*made, false, Horizon::kDayAhead, one_day)[2];
  EXPECT_EQ(after.error_wh, before.error_wh - 100'000 * before.intervals);
}

TEST(BacktestTest, SmoothedBeatsTheSimpleModelsOnMadeUpHouseholds) {
  const auto made = GeneratedNeighbourhood(1);
  ASSERT_TRUE(made.ok()) << made.status();
  ExpectSmoothedBest(*made, false, Horizon::kGateClosure);
  ExpectSmoothedBest(*made, false, Horizon::kDayAhead);
}

TEST(BacktestTest, SmoothedBeatsTheSimpleModelsOnMadeUpPlantsAnHourAhead) {
  const auto made = GeneratedNeighbourhood(1);
  ASSERT_TRUE(made.ok()) << made.status();
  ExpectSmoothedBest(*made, true, Horizon::kGateClosure);
}

}  // namespace
}  // namespace peerwatt::metering
