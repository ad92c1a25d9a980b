#include "services/settlement/core/run_plan.h"

#include <gtest/gtest.h>

#include "libs/base/error.h"
#include "services/settlement/core/run_desk.h"

namespace peerwatt::settlement {
namespace {

absl::TimeZone Berlin() {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone("Europe/Berlin", &zone));
  return zone;
}

absl::Time Utc(int year, int month, int day, int hour = 0, int minute = 0) {
  return absl::FromCivil(absl::CivilSecond(year, month, day, hour, minute),
                         absl::UTCTimeZone());
}

RunCalendar FullCalendar() {
  RunCalendar calendar;
  calendar.version = 1;
  calendar.corrects_at_once = false;
  calendar.run_time = absl::Hours(3);
  calendar.has_daily_runs = true;
  calendar.monthly_run_day = 5;
  calendar.correction_window_days = 60;
  return calendar;
}

CommunityRules Rules() {
  CommunityRules rules;
  rules.id = CommunityId("hamlet");
  rules.currency = "EUR";
  rules.interval = absl::Minutes(15);
  rules.trading_start = Utc(2026, 7, 1);
  return rules;
}

Progress Reached(const RunReach& reach, absl::Time settled_through,
                 std::vector<absl::Time> dirty) {
  Progress progress;
  progress.settled_through = settled_through;
  progress.dirty = std::move(dirty);
  progress.reach = reach;
  return progress;
}

TEST(RunCalendar, IsCheckedFieldByField) {
  EXPECT_TRUE(CheckRunCalendar(RunCalendar()).ok());
  EXPECT_TRUE(CheckRunCalendar(FullCalendar()).ok());
  const auto reason_with = [](auto change) {
    RunCalendar calendar = FullCalendar();
    change(calendar);
    return ReasonOf(CheckRunCalendar(calendar));
  };
  const auto refused = [&](auto change) { EXPECT_EQ(reason_with(change), "FIELD_INVALID"); };
  refused([](RunCalendar& c) { c.first_run_delay = -absl::Seconds(1); });
  refused([](RunCalendar& c) { c.first_run_delay = absl::Hours(24 * 30) + absl::Seconds(1); });
  refused([](RunCalendar& c) { c.run_time = absl::Hours(24); });
  refused([](RunCalendar& c) { c.run_time = absl::Seconds(30); });
  refused([](RunCalendar& c) { c.monthly_run_day = 29; });
  refused([](RunCalendar& c) { c.monthly_run_day = -1; });
  refused([](RunCalendar& c) { c.correction_window_days = 0; });
  refused([](RunCalendar& c) { c.correction_window_days = 3654; });
  EXPECT_EQ(reason_with([](RunCalendar& c) { c.correction_window_days = 3653; }), "");
  EXPECT_EQ(reason_with([](RunCalendar& c) { c.first_run_delay = absl::ZeroDuration(); }), "");
}

TEST(DueReach, IsThatOfTheLastRunTime) {
  const RunCalendar calendar = FullCalendar();
  const absl::TimeZone utc = absl::UTCTimeZone();
  const RunReach before = DueReach(calendar, utc, Utc(2026, 8, 5, 3) - absl::Seconds(1));
  EXPECT_EQ(before.daily, Utc(2026, 8, 4));
  EXPECT_EQ(before.monthly, Utc(2026, 7, 1)) << "the month's run is on the fifth";
  const RunReach at = DueReach(calendar, utc, Utc(2026, 8, 5, 3));
  EXPECT_EQ(at.daily, Utc(2026, 8, 5));
  EXPECT_EQ(at.monthly, Utc(2026, 8, 1));
  EXPECT_EQ(at.final, Utc(2026, 6, 6)) << "sixty days before the fifth";
  EXPECT_EQ(NextRunAt(calendar, utc, Utc(2026, 8, 5, 3)), Utc(2026, 8, 6, 3));
  EXPECT_EQ(NextRunAt(calendar, utc, Utc(2026, 8, 5, 3) - absl::Seconds(1)), Utc(2026, 8, 5, 3));
}

TEST(DueReach, IsNeverWhereTheCalendarHasNoSuchRuns) {
  const RunReach reach = DueReach(RunCalendar(), absl::UTCTimeZone(), Utc(2026, 8, 5, 3));
  EXPECT_EQ(reach.daily, absl::InfinitePast());
  EXPECT_EQ(reach.monthly, absl::InfinitePast());
  EXPECT_EQ(reach.final, Utc(2023, 8, 5)) << "three years";
}

TEST(DueReach, CountsLocalDaysWhenTheClockChanges) {
  RunCalendar calendar = FullCalendar();
  calendar.run_time = absl::Hours(2) + absl::Minutes(30);
  const absl::TimeZone zone = Berlin();
  // 2026-03-29: 02:00 to 03:00 is skipped, so the run is at 03:00 local, 01:00 UTC.
  EXPECT_EQ(NextRunAt(calendar, zone, Utc(2026, 3, 28, 12)), Utc(2026, 3, 29, 1));
  EXPECT_EQ(DueReach(calendar, zone, Utc(2026, 3, 29, 1)).daily, Utc(2026, 3, 28, 23));
  EXPECT_EQ(DueReach(calendar, zone, Utc(2026, 3, 30, 0, 30)).daily, Utc(2026, 3, 29, 22))
      << "a day of 23 hours";
  // 2026-10-25: 02:30 is there twice; the run takes the first, and only that.
  EXPECT_EQ(NextRunAt(calendar, zone, Utc(2026, 10, 24, 12)), Utc(2026, 10, 25, 0, 30));
  EXPECT_EQ(NextRunAt(calendar, zone, Utc(2026, 10, 25, 0, 30)), Utc(2026, 10, 26, 1, 30));
}

TEST(PlanRuns, PostsChangesAtOnceByDefault) {
  const std::vector<absl::Time> dirty{Utc(2026, 7, 1), Utc(2026, 7, 20, 10)};
  const RunPlan plan =
      PlanRuns(Rules(), RunCalendar(), Reached({}, Utc(2026, 7, 21), dirty), Utc(2026, 7, 21));
  ASSERT_EQ(plan.runs.size(), 1U);
  EXPECT_EQ(plan.runs[0].kind, RunKind::kCorrection);
  EXPECT_EQ(plan.runs[0].starts, dirty);
  EXPECT_TRUE(plan.late.empty());
}

TEST(PlanRuns, HoldsChangesBackForTheRunThatCoversThem) {
  const absl::Time today = Utc(2026, 8, 6, 10);
  const absl::Time yesterday = Utc(2026, 8, 5, 10);
  const absl::Time last_month = Utc(2026, 7, 20, 10);
  RunReach reach{Utc(2026, 8, 5), Utc(2026, 8, 1), absl::InfinitePast()};
  const auto plan_at = [&](absl::Time now) {
    return PlanRuns(Rules(), FullCalendar(),
                    Reached(reach, Utc(2026, 8, 6, 12), {last_month, yesterday, today}), now);
  };
  EXPECT_TRUE(plan_at(Utc(2026, 8, 6, 2, 59)).runs.empty());
  const RunPlan daily = plan_at(Utc(2026, 8, 6, 12));
  ASSERT_EQ(daily.runs.size(), 1U);
  EXPECT_EQ(daily.runs[0].kind, RunKind::kDaily);
  EXPECT_EQ(daily.runs[0].starts, std::vector<absl::Time>{yesterday});
  EXPECT_EQ(daily.runs[0].span, (Interval{Utc(2026, 8, 1), Utc(2026, 8, 6)}));
  reach = daily.runs[0].reach;
  EXPECT_TRUE(plan_at(Utc(2026, 8, 6, 23)).runs.empty()) << "once a day";
  const RunPlan monthly = plan_at(Utc(2026, 9, 5, 3));
  ASSERT_EQ(monthly.runs.size(), 3U);
  EXPECT_EQ(monthly.runs[0].kind, RunKind::kFinal);
  EXPECT_EQ(monthly.runs[0].span, (Interval{Utc(2026, 7, 1), Utc(2026, 7, 7)}));
  EXPECT_EQ(monthly.runs[1].kind, RunKind::kMonthly);
  EXPECT_EQ(monthly.runs[1].starts, (std::vector<absl::Time>{last_month, yesterday, today}));
  EXPECT_EQ(monthly.runs[2].kind, RunKind::kDaily);
  EXPECT_TRUE(monthly.runs[2].starts.empty());
}

TEST(PlanRuns, AFinalRunHasAllPeriodsAndWhatComesLaterIsLate) {
  RunCalendar calendar;
  calendar.correction_window_days = 1;
  const absl::Time changed = Utc(2026, 7, 1, 8);
  const Progress progress = Reached({}, Utc(2026, 7, 3, 6), {changed, Utc(2026, 7, 2, 1)});
  const RunPlan plan = PlanRuns(Rules(), calendar, progress, Utc(2026, 7, 3, 6));
  ASSERT_EQ(plan.runs.size(), 2U);
  EXPECT_EQ(plan.runs[0].kind, RunKind::kFinal);
  EXPECT_EQ(plan.runs[0].starts.size(), 96U);
  EXPECT_EQ(plan.runs[0].reach.final, Utc(2026, 7, 2));
  EXPECT_EQ(plan.runs[1].starts, std::vector<absl::Time>{Utc(2026, 7, 2, 1)});
  const RunPlan later = PlanRuns(
      Rules(), calendar, Reached(plan.runs[0].reach, Utc(2026, 7, 3, 6), {changed}),
      Utc(2026, 7, 3, 6));
  EXPECT_TRUE(later.runs.empty());
  EXPECT_EQ(later.late, std::vector<absl::Time>{changed});
}

TEST(PlanRuns, AFinalRunWaitsForWhatIsNotSettledAndTakesAMonthAtMost) {
  RunCalendar calendar;
  calendar.correction_window_days = 1;
  RunPlan plan = PlanRuns(Rules(), calendar, Reached({}, Utc(2026, 7, 1, 2), {}),
                          Utc(2026, 12, 1));
  ASSERT_EQ(plan.runs.size(), 1U);
  EXPECT_EQ(plan.runs[0].starts.size(), 8U);
  EXPECT_FALSE(plan.has_more);
  plan = PlanRuns(Rules(), calendar, Reached({}, Utc(2026, 11, 1), {}), Utc(2026, 12, 1));
  EXPECT_EQ(plan.runs[0].starts.size(), 31U * 96);
  EXPECT_TRUE(plan.has_more);
}

TEST(PlanRuns, AWindowMadeLongerOpensNothingThatIsFinal) {
  RunReach reach;
  reach.final = Utc(2026, 7, 10);
  const RunPlan plan = PlanRuns(
      Rules(), RunCalendar(),
      Reached(reach, Utc(2026, 7, 20), {Utc(2026, 7, 9, 23), Utc(2026, 7, 10)}),
      Utc(2026, 7, 20));
  EXPECT_EQ(plan.late, std::vector<absl::Time>{Utc(2026, 7, 9, 23)});
  ASSERT_EQ(plan.runs.size(), 1U);
  EXPECT_EQ(plan.runs[0].starts, std::vector<absl::Time>{Utc(2026, 7, 10)});
}

TEST(OpenPeriods, AreSettledAndNotFinal) {
  Progress progress = Reached({}, Utc(2026, 7, 1, 1), {});
  progress.settled_beyond = {Utc(2026, 7, 1, 1, 30), Utc(2026, 7, 1, 9)};
  progress.reach.final = Utc(2026, 7, 1, 0, 20);
  EXPECT_EQ(OpenPeriods(Rules(), progress, {Utc(2026, 6, 1), Utc(2026, 7, 1, 2)}),
            (std::vector<absl::Time>{Utc(2026, 7, 1, 0, 30), Utc(2026, 7, 1, 0, 45),
                                     Utc(2026, 7, 1, 1, 30)}));
}

}  // namespace
}  // namespace peerwatt::settlement
