#include "agent/register_track.h"

#include <vector>

#include "gtest/gtest.h"

namespace peerwatt::agent {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1767225600);  // on the grid

Observation At(int64_t seconds, int64_t import_wh, int64_t export_wh = 0,
               const char* meter = "m1") {
  return {kStart + absl::Seconds(seconds), meter, RegisterValue{import_wh * 1000, 0},
          RegisterValue{export_wh * 1000, 0}};
}

// What a track decides, as seconds since the start and import in watt hours.
using Decided = std::vector<std::pair<int64_t, int64_t>>;
Decided Feed(RegisterTrack& track, const std::vector<Observation>& observations) {
  std::vector<Boundary> decided;
  for (const Observation& observation : observations) track.Observe(observation, decided);
  Decided out;
  for (const Boundary& boundary : decided) {
    out.emplace_back(absl::ToInt64Seconds(boundary.time - kStart), boundary.imported->mwh / 1000);
  }
  return out;
}

TEST(RegisterTrackTest, TakesTheNearestObservationWithinTheTolerance) {
  struct Case {
    std::vector<Observation> observations;
    Decided decided;
  };
  const std::vector<Case> cases = {
      {{At(0, 100), At(900, 200)}, {{0, 100}, {900, 200}}},
      {{At(5, 100), At(895, 200), At(904, 210)}, {{0, 100}, {900, 210}}},
      {{At(5, 100), At(896, 200), At(904, 210)}, {{0, 100}, {900, 200}}},  // the earlier of two
      {{At(15, 100), At(885, 200), At(950, 210)}, {{0, 100}, {900, 200}}},
      {{At(16, 100), At(884, 200), At(916, 210)}, {}},
      {{At(0, 100), At(895, 200), At(4000, 300)}, {{0, 100}, {900, 200}}},
      // A silence over several boundaries: only its ends count.
      {{At(0, 100), At(1790, 200), At(4500, 300), At(4501, 301)},
       {{0, 100}, {1800, 200}, {4500, 300}}},
      {{At(0, 100), At(3610, 200)}, {{0, 100}, {3600, 200}}}};
  for (size_t i = 0; i < cases.size(); ++i) {
    RegisterTrack track(TrackOptions{});
    EXPECT_EQ(Feed(track, cases[i].observations), cases[i].decided) << "case " << i;
    EXPECT_EQ(track.unused(), 0) << "case " << i;
  }
}

TEST(RegisterTrackTest, DoesNotUseWhatCannotBeTrue) {
  RegisterTrack track({.power_max_w = 10'000});
  EXPECT_EQ(Feed(track, {At(0, 1000), At(890, 900), At(895, 1200), At(898, 1'000'000),
                         At(894, 1201), At(901, 1202)}),
            (Decided{{0, 1000}, {900, 1202}}));
  EXPECT_EQ(track.unused(), 3);
  Observation empty = At(902, 1);
  empty.imported.reset();
  empty.exported.reset();
  Observation partial = At(903, 1300);
  partial.exported.reset();
  EXPECT_EQ(Feed(track, {empty, partial}), Decided{});
  EXPECT_EQ(track.unused(), 5);
  EXPECT_EQ(track.restarts(), 0);
}

TEST(RegisterTrackTest, BelievesAnExchangeAfterThreeThatAgree) {
  RegisterTrack track(TrackOptions{});
  EXPECT_EQ(Feed(track, {At(0, 1000), At(10, 5, 0, "m2"), At(20, 6, 0, "m2"), At(30, 1001),
                         At(40, 7, 0, "m2"), At(50, 8, 0, "m2"), At(60, 9, 0, "m2"),
                         At(900, 10, 0, "m2")}),
            (Decided{{0, 1000}, {900, 10}}));
  EXPECT_EQ(track.restarts(), 1);
}

TEST(RegisterTrackTest, BeginsAnewWhenTheTimeFallsBack) {
  RegisterTrack track(TrackOptions{});
  EXPECT_EQ(Feed(track, {At(90'000, 1000), At(0, 1001), At(900, 1010)}),
            (Decided{{90'000, 1000}, {0, 1001}, {900, 1010}}));
  EXPECT_EQ(track.restarts(), 1);
}

TEST(RegisterTrackTest, GoesOnAfterARestart) {
  RegisterTrack track(TrackOptions{});
  track.Resume({kStart, "m1", RegisterValue{1'000'000, 0}, RegisterValue{0, 0}});
  EXPECT_EQ(Feed(track, {At(0, 1000), At(1, 1000), At(900, 1100)}), (Decided{{900, 1100}}));
}

TEST(CountedTest, FollowsARolloverAndRefusesAStepBack) {
  const auto counted = [](int64_t from, int64_t to, int64_t rollover) {
    return CountedMwh({from, rollover}, {to, rollover});
  };
  EXPECT_EQ(counted(10, 30, 0), 20);
  EXPECT_EQ(counted(990, 30, 1000), 40);
  EXPECT_EQ(counted(30, 10, 0), std::nullopt);
  EXPECT_EQ(counted(30, 10, 1000), std::nullopt);
  EXPECT_EQ(counted(1500, 10, 1000), std::nullopt);
  EXPECT_EQ(CountedMwh({990, 1000}, {30, 2000}), std::nullopt);
}

std::vector<IntervalEnergy> Intervals(IntervalMaker& maker, const std::vector<Boundary>& at) {
  std::vector<IntervalEnergy> intervals;
  for (const Boundary& boundary : at) maker.Add(boundary, intervals);
  return intervals;
}

Boundary Edge(int64_t seconds, int64_t import_mwh, const char* meter = "m1",
              int64_t rollover_mwh = 0) {
  return {kStart + absl::Seconds(seconds), meter, RegisterValue{import_mwh, rollover_mwh},
          std::nullopt};
}

TEST(IntervalMakerTest, IntervalsAddUpToWhatTheRegisterShows) {
  IntervalMaker maker(absl::Minutes(15), absl::Hours(24));
  const auto intervals = Intervals(
      maker, {Edge(0, 999), Edge(900, 1000), Edge(1800, 2999), Edge(2700, 2999), Edge(3600, 3000)});
  ASSERT_EQ(intervals.size(), 4u);
  const int64_t wh[] = {1, 1, 0, 1};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(intervals[i].imported.wh(), wh[i]);
    EXPECT_EQ(intervals[i].start, kStart + static_cast<int64_t>(i) * absl::Minutes(15));
    EXPECT_FALSE(intervals[i].estimated);
  }
}

TEST(IntervalMakerTest, FillsAGapOnTheStraightLineExactly) {
  IntervalMaker maker(absl::Minutes(15), absl::Hours(24));
  const auto intervals = Intervals(maker, {Edge(0, 500), Edge(2700, 100'500), Edge(3600, 100'999)});
  ASSERT_EQ(intervals.size(), 4u);
  const int64_t wh[] = {33, 34, 33, 0};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(intervals[i].imported.wh(), wh[i]);
    EXPECT_EQ(intervals[i].estimated, i < 3);
  }
}

TEST(IntervalMakerTest, LeavesLongGapsAndExchangesOpenAndFollowsARollover) {
  IntervalMaker maker(absl::Minutes(15), absl::Hours(1));
  EXPECT_TRUE(Intervals(maker, {Edge(0, 0), Edge(4500, 9000)}).empty());
  EXPECT_TRUE(Intervals(maker, {Edge(5400, 1000, "m2")}).empty());
  EXPECT_TRUE(Intervals(maker, {Edge(6300, 500, "m2")}).empty()) << "a step back";
  EXPECT_TRUE(Intervals(maker, {Edge(7200, 999'000, "m3", 1'000'000)}).empty());
  const auto rolled = Intervals(maker, {Edge(8100, 4000, "m3", 1'000'000)});
  ASSERT_EQ(rolled.size(), 1u);
  EXPECT_EQ(rolled[0].imported.wh(), 5);
}

}  // namespace
}  // namespace peerwatt::agent
