// Holds the smoothed model against the simple ones on readings that were measured.
#include <cstdlib>
#include <vector>

#include <gtest/gtest.h>

#include "bench/metering/backtest.h"
#include "bench/metering/neighbourhood.h"

namespace peerwatt::metering {
namespace {

TEST(MeasuredBacktestTest, SmoothedBeatsTheSimpleModels) {
  const char* folder = std::getenv("PEERWATT_HAMLET_DIR");
  ASSERT_NE(folder, nullptr);
  const auto measured = MeasuredNeighbourhood(folder);
  ASSERT_TRUE(measured.ok()) << measured.status();
  ASSERT_EQ(measured->households.size(), 16U);
  ASSERT_EQ(measured->plants.size(), 3U);
  for (const bool generation : {false, true}) {
    for (const Horizon horizon : {Horizon::kGateClosure, Horizon::kDayAhead}) {
      const std::vector<Score> scores =
          Backtest({.neighbourhood = &*measured, .generation = generation, .horizon = horizon},
                   {ForecastModel::kPersistence, ForecastModel::kWeekdayMean,
                    ForecastModel::kSmoothed});
      EXPECT_EQ(scores[2].simpler, 0);
      EXPECT_LT(scores[2].absolute_error_wh, scores[0].absolute_error_wh) << "persistence";
      EXPECT_LT(scores[2].absolute_error_wh, scores[1].absolute_error_wh) << "weekday mean";
    }
  }
}

}  // namespace
}  // namespace peerwatt::metering
