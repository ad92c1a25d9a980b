#include "tools/peerwatt/backoff.h"

#include <gtest/gtest.h>

namespace peerwatt::tool {
namespace {

TEST(RestartBackoffTest, StartsAProcessThatLivedLongAtOnce) {
  RestartBackoff backoff;
  EXPECT_EQ(backoff.PauseAfter(absl::Seconds(2)), absl::ZeroDuration());
  EXPECT_EQ(backoff.PauseAfter(absl::Hours(2)), absl::ZeroDuration());
}

TEST(RestartBackoffTest, WaitsLongerForEachEarlyDeathUpToABound) {
  RestartBackoff backoff;
  const absl::Duration young = absl::Milliseconds(10);
  EXPECT_EQ(backoff.PauseAfter(young), absl::Milliseconds(100));
  EXPECT_EQ(backoff.PauseAfter(young), absl::Milliseconds(200));
  for (int i = 0; i < 10; ++i) backoff.PauseAfter(young);
  EXPECT_EQ(backoff.PauseAfter(young), absl::Seconds(5));
}

TEST(RestartBackoffTest, ForgetsEarlyDeathsAfterALongLife) {
  RestartBackoff backoff;
  backoff.PauseAfter(absl::ZeroDuration());
  backoff.PauseAfter(absl::ZeroDuration());
  backoff.PauseAfter(absl::Minutes(1));
  EXPECT_EQ(backoff.PauseAfter(absl::ZeroDuration()), absl::Milliseconds(100));
}

}  // namespace
}  // namespace peerwatt::tool
