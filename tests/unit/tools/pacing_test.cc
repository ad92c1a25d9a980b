#include "tools/peerwatt/pacing.h"

#include <gtest/gtest.h>

namespace peerwatt::tool {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'613'343'600);
const Timetable kTimetable{kStart, kStart + absl::Hours(24), absl::Minutes(15), absl::Hours(1)};

TEST(PacingTest, NothingIsDueDuringSetUp) {
  const Due due = DueAt(kTimetable, FirstInstant(kTimetable));
  EXPECT_EQ(due.readings, absl::InfinitePast());
  EXPECT_EQ(due.auctions, absl::InfinitePast());
  EXPECT_EQ(due.periods, absl::InfinitePast());
}

TEST(PacingTest, TheFirstAuctionIsDueAtItsGateClosure) {
  const absl::Time closure = kStart - absl::Hours(1);
  EXPECT_EQ(DueAt(kTimetable, closure - absl::Seconds(1)).auctions, absl::InfinitePast());
  EXPECT_EQ(DueAt(kTimetable, closure + kBehindBoundary).auctions, kStart + absl::Minutes(15));
}

TEST(PacingTest, TheFirstPeriodIsDueWhenItHasEnded) {
  const absl::Time end = kStart + absl::Minutes(15);
  EXPECT_EQ(DueAt(kTimetable, end - absl::Seconds(1)).periods, absl::InfinitePast());
  EXPECT_EQ(DueAt(kTimetable, end + kBehindBoundary).periods, end);
  EXPECT_EQ(DueAt(kTimetable, end + kBehindBoundary).readings, end);
}

TEST(PacingTest, ReadingsAndPeriodsEndWithTheTimetable) {
  const Due due = DueAt(kTimetable, LastInstant(kTimetable) + absl::Hours(5));
  EXPECT_EQ(due.readings, kTimetable.end);
  EXPECT_EQ(due.periods, kTimetable.end);
}

TEST(PacingTest, StepsVisitEveryBoundaryOnce) {
  int64_t steps = 0;
  absl::Time now = FirstInstant(kTimetable);
  while (now < LastInstant(kTimetable)) {
    const absl::Time next = NextInstant(kTimetable, now);
    EXPECT_EQ(next - now, kTimetable.interval);
    now = next;
    ++steps;
  }
  EXPECT_EQ(now, LastInstant(kTimetable));
  EXPECT_EQ(steps, StepCount(kTimetable));
  EXPECT_EQ(steps, 8 + 96);
}

TEST(PacingTest, ALongLeadStillLeavesTimeForSetUp) {
  Timetable timetable = kTimetable;
  timetable.gate_closure_lead = absl::Hours(6);
  EXPECT_EQ(DueAt(timetable, FirstInstant(timetable)).auctions, absl::InfinitePast());
}

}  // namespace
}  // namespace peerwatt::tool
