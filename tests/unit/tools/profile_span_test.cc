#include "tools/peerwatt/profile_span.h"

#include <gtest/gtest.h>

namespace peerwatt::tool {
namespace {

absl::TimeZone Berlin() {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone("Europe/Berlin", &zone));
  return zone;
}

TEST(ProfileSpanTest, EndsOneIntervalAfterTheLastRow) {
  const auto span = SpanOfProfile("timestamp,electricity\n900,1\n1800,2\n2700,3\n").value();
  EXPECT_EQ(span.start, absl::FromUnixSeconds(900));
  EXPECT_EQ(span.end, absl::FromUnixSeconds(3600));
  EXPECT_EQ(span.interval, absl::Minutes(15));
}

TEST(ProfileSpanTest, ReadsSecondsWithAFractionOfZerosAndCarriageReturns) {
  const auto span = SpanOfProfile("timestamp,electricity\r\n900.0,1\r\n1800.00,2\r\n").value();
  EXPECT_EQ(span.end, absl::FromUnixSeconds(2700));
}

TEST(ProfileSpanTest, RefusesWhatHasNoSpan) {
  for (const char* csv :
       {"", "timestamp,electricity\n", "timestamp,electricity\n900,1\n",
        "timestamp,electricity\nx,1\ny,2\n", "t,e\n900.5,1\n1800.5,2\n", "t,e\n1800,1\n900,2\n"}) {
    EXPECT_EQ(SpanOfProfile(csv).status().code(), absl::StatusCode::kInvalidArgument) << csv;
  }
}

TEST(ProfileSpanTest, CountsLocalDays) {
  // Midnight in Berlin before 28 March 2021, the day that has 23 hours.
  const absl::Time start = absl::FromUnixSeconds(1'616'886'000);
  EXPECT_EQ(EndAfterLocalDays(start, 1, Berlin(), absl::InfiniteFuture()) - start, absl::Hours(23));
  EXPECT_EQ(EndAfterLocalDays(start, 2, Berlin(), absl::InfiniteFuture()) - start, absl::Hours(47));
}

TEST(ProfileSpanTest, FortyFiveDaysOverTheChangeOfTimeAre4316Quarters) {
  const absl::Time start = absl::FromUnixSeconds(1'613'343'600);
  EXPECT_EQ(
      (EndAfterLocalDays(start, 45, Berlin(), absl::InfiniteFuture()) - start) / absl::Minutes(15),
      4316);
}

TEST(ProfileSpanTest, NeverGoesBeyondTheLimit) {
  const absl::Time start = absl::FromUnixSeconds(1'613'343'600);
  EXPECT_EQ(EndAfterLocalDays(start, 5, Berlin(), start + absl::Hours(30)),
            start + absl::Hours(30));
}

}  // namespace
}  // namespace peerwatt::tool
