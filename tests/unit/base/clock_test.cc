#include "libs/base/clock.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace peerwatt {
namespace {

TEST(ClockTest, SharedClockShowsWhatTheWriterSetInEveryMapping) {
  const std::string path =
      (std::filesystem::temp_directory_path() / ("peerwatt-clock-" + std::to_string(getpid())))
          .string();
  auto writer = SharedClock::Open(path, true);
  ASSERT_TRUE(writer.ok()) << writer.status();
  const absl::Time first = absl::FromUnixMicros(1613343600000001);
  (*writer)->Set(first);
  auto reader = SharedClock::Open(path, false);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ((*reader)->Now(), first);
  (*writer)->Set(first + absl::Minutes(15));
  EXPECT_EQ((*reader)->Now(), first + absl::Minutes(15));
  std::filesystem::remove(path);
}

TEST(ClockTest, SharedClockNeedsItsFile) {
  EXPECT_FALSE(SharedClock::Open("/nonexistent/clock", false).ok());
}

TEST(ClockTest, ScaledClockRunsFactorTimesAsFastFromItsEpoch) {
  const absl::Time epoch = absl::FromUnixSeconds(1'000'000);
  const ScaledClock clock(epoch, absl::Now() - absl::Seconds(10), 100);
  EXPECT_GE(clock.Now(), epoch + absl::Seconds(1000));
  EXPECT_LT(clock.Now(), epoch + absl::Seconds(1000) + absl::Hours(1));
}

}  // namespace
}  // namespace peerwatt
