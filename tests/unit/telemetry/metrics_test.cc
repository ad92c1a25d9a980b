#include "libs/telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace peerwatt::telemetry {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(MetricsTest, SaysWhichVersionRuns) {
  const Metrics metrics;
  EXPECT_THAT(metrics.Serialize(), HasSubstr("peerwatt_build_info{version=\"0."));
  EXPECT_THAT(metrics.Serialize(), Not(HasSubstr("version=\"\"")));
}

TEST(MetricsTest, GivesTheSameSeriesForTheSameNameAndLabels) {
  Metrics metrics;
  Counter& first = metrics.AddCounter("a_total", "A.", {{"result", "x"}});
  Counter& same = metrics.AddCounter("a_total", "A.", {{"result", "x"}});
  Counter& other = metrics.AddCounter("a_total", "A.", {{"result", "y"}});
  EXPECT_EQ(&first, &same);
  EXPECT_NE(&first, &other);
  first.Increment(2);
  same.Increment();
  EXPECT_THAT(metrics.Serialize(), HasSubstr("a_total{result=\"x\"} 3"));
  EXPECT_THAT(metrics.Serialize(), HasSubstr("a_total{result=\"y\"} 0"));
}

}  // namespace
}  // namespace peerwatt::telemetry
