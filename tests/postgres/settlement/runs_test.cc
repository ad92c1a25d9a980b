// The calendar of runs, with the runner that keeps it.

#include <gtest/gtest.h>

#include "libs/base/error.h"
#include "services/settlement/core/run_desk.h"
#include "services/settlement/storage/postgres_run_log.h"
#include "tests/postgres/settlement/run_fixture.h"

namespace peerwatt::settlement {
namespace {

class RunsTest : public RunTest {
 protected:
  absl::Time Day(int day, int hour = 0) { return Start() + absl::Hours(24 * day + hour); }

  /// Nothing flows in the first quarters of the next days, so that no substitute does.
  void SetUp() override {
    RunTest::SetUp();
    for (const int day : {1, 2, 3}) {
      for (const char* point : {"buyer", "seller", "consumer"}) {
        metering_.Store(point, Day(day), 0, 0);
      }
    }
  }

  void SetCalendar(RunCalendar calendar) {
    calendar.created_at = clock_.Now();
    const auto in_force = log_.AddCalendar(community_, calendar);
    ASSERT_TRUE(in_force.ok()) << in_force.status();
    ASSERT_EQ(in_force->version, calendar.version);
  }
  static RunCalendar ByCalendar() {
    RunCalendar calendar;
    calendar.version = 1;
    calendar.corrects_at_once = false;
    calendar.run_time = absl::Hours(3);
    calendar.has_daily_runs = true;
    calendar.correction_window_days = 2;
    return calendar;
  }
  std::vector<LoggedRun> Runs(std::optional<RunKind> kind = std::nullopt) {
    RunFilter filter;
    filter.kind = kind;
    const auto runs = log_.ListRuns(community_, filter, 1000);
    EXPECT_TRUE(runs.ok()) << runs.status();
    return *runs;
  }
  std::vector<LateChange> Late() {
    const auto late = log_.ListLateChanges(
        community_, {absl::InfinitePast(), absl::InfinitePast(), 0}, 1000);
    EXPECT_TRUE(late.ok()) << late.status();
    return *late;
  }

  PostgresRunLog log_{pool_};
};

TEST_F(RunsTest, ByDefaultARunIsWrittenDownAndCorrectionsAreImmediate) {
  Replica replica(*this);
  replica.CatchUp();
  metering_.Store("buyer", Quarter(0), 1500, 0);
  replica.CatchUp();
  const std::vector<LoggedRun> runs = Runs();
  ASSERT_EQ(runs.size(), 2U);
  const LoggedRun& first = runs[1].record.kind == RunKind::kFirst ? runs[1] : runs[0];
  const LoggedRun& second = runs[1].record.kind == RunKind::kFirst ? runs[0] : runs[1];
  EXPECT_EQ(first.record.kind, RunKind::kFirst);
  EXPECT_EQ(first.record.as_of, Quarter(1));
  EXPECT_EQ(first.record.span, (Interval{Quarter(0), Quarter(1)}));
  EXPECT_EQ(first.period_count, 1);
  EXPECT_EQ(first.posted_period_count, 1);
  EXPECT_EQ(first.entry_count, 3);
  EXPECT_EQ(first.moved, Money::Micros(220'000 + 120'000 + 40'000)) << "credits of three entries";
  EXPECT_EQ(first.readings_cursor, 12);
  EXPECT_EQ(second.record.kind, RunKind::kCorrection);
  EXPECT_EQ(second.entry_count, 1);
  EXPECT_EQ(second.moved, Money::Micros(150'000));
  EXPECT_EQ(second.readings_cursor, 13);
  RunFilter of_period;
  of_period.period_start = Quarter(1);
  EXPECT_TRUE(log_.ListRuns(community_, of_period, 10)->empty());
  of_period.period_start = Quarter(0);
  EXPECT_EQ(log_.ListRuns(community_, of_period, 10)->size(), 2U);
  EXPECT_EQ(log_.ListRuns(community_, of_period, 1)->front().record.id, runs[0].record.id);
}

TEST_F(RunsTest, AFirstRunWithADelayWaitsForItAndForNothingElse) {
  RunCalendar calendar;
  calendar.version = 1;
  calendar.first_run_delay = absl::Minutes(5);
  SetCalendar(calendar);
  Replica replica(*this);
  replica.CatchUp();
  EXPECT_EQ(PeriodAt(0).run_count, 0) << "complete, but five minutes are not over";
  clock_.Set(Quarter(1) + absl::Minutes(5));
  replica.CatchUp();
  ExpectFirstRunOfFirstQuarter();
  clock_.Set(Quarter(2) + absl::Minutes(5));
  replica.CatchUp();
  EXPECT_EQ(PeriodAt(1).run_count, 1) << "readings are missing, and nobody waits";
  EXPECT_EQ(PeriodAt(1).substituted_count, 3);
}

TEST_F(RunsTest, CorrectionsWaitForTheRunsOfTheCalendar) {
  SetCalendar(ByCalendar());
  Replica replica(*this);
  replica.CatchUp();
  metering_.Store("buyer", Quarter(0), 1500, 0);
  replica.CatchUp();
  EXPECT_EQ(PeriodAt(0).run_count, 1) << "held back";
  ASSERT_EQ(LoadProgress().dirty.size(), 1U);
  clock_.Set(Day(1, 3) - absl::Seconds(1));
  replica.CatchUp();
  EXPECT_EQ(PeriodAt(0).run_count, 1);
  clock_.Set(Day(1, 3));
  replica.CatchUp();
  EXPECT_EQ(PeriodAt(0).run_count, 2);
  EXPECT_EQ(BalanceOf("buyer"), -370'000);
  ASSERT_EQ(Runs(RunKind::kDaily).size(), 1U);
  EXPECT_EQ(Runs(RunKind::kDaily)[0].posted_period_count, 1);
  EXPECT_EQ(Runs(RunKind::kDaily)[0].record.calendar_version, 1);
  metering_.Store("buyer", Quarter(0), 1400, 0);
  clock_.Set(Day(2, 3));
  replica.CatchUp();
  EXPECT_EQ(Runs(RunKind::kDaily).size(), 2U);
  EXPECT_EQ(PeriodAt(0).run_count, 3);
  clock_.Set(Day(3, 3));
  replica.CatchUp();
  ASSERT_EQ(Runs(RunKind::kFinal).size(), 1U);
  EXPECT_EQ(Runs(RunKind::kFinal)[0].period_count, 96) << "all of the day, changed or not";
  EXPECT_EQ(Runs(RunKind::kFinal)[0].posted_period_count, 0);
  EXPECT_EQ(PeriodAt(0).run_count, 3);
  EXPECT_EQ(BalanceOf("buyer"), -340'000);
}

TEST_F(RunsTest, AChangeAfterTheWindowIsListedAndNeverPosted) {
  RunCalendar calendar;
  calendar.version = 1;
  calendar.correction_window_days = 1;
  SetCalendar(calendar);
  Replica replica(*this);
  replica.CatchUp();
  clock_.Set(Day(2));
  replica.CatchUp();
  ASSERT_EQ(Runs(RunKind::kFinal).size(), 1U);
  const int32_t run_count = PeriodAt(0).run_count;
  const std::vector<std::string> balances = BalancesOf(community_);
  metering_.Store("buyer", Quarter(0), 9'000, 0);
  replica.CatchUp();
  EXPECT_EQ(PeriodAt(0).run_count, run_count);
  EXPECT_EQ(BalancesOf(community_), balances);
  EXPECT_TRUE(LoadProgress().dirty.empty());
  ASSERT_EQ(Late().size(), 1U);
  EXPECT_EQ(Late()[0].period_start, Quarter(0));
  EXPECT_EQ(Late()[0].listed_at, Day(2));
  EXPECT_EQ(Late()[0].cursor, metering_.cursor());
  metering_.Store("buyer", Quarter(96), 100, 0);
  replica.CatchUp();
  EXPECT_EQ(PeriodAt(96).run_count, 2) << "a day later the window is open";
  EXPECT_EQ(Late().size(), 1U);
}

TEST_F(RunsTest, ACalendarThatChangedMeanwhileIsNotReplaced) {
  SetCalendar(ByCalendar());
  RunCalendar other = ByCalendar();
  other.monthly_run_day = 9;
  EXPECT_EQ(ReasonOf(log_.AddCalendar(community_, other).status()), "CALENDAR_CHANGED");
  other.version = 3;
  EXPECT_EQ(ReasonOf(log_.AddCalendar(community_, other).status()), "CALENDAR_CHANGED");
  other.version = 2;
  EXPECT_EQ(log_.AddCalendar(community_, other)->version, 2);
  other.version = 2;
  EXPECT_EQ(log_.AddCalendar(community_, other)->version, 2) << "the same again";
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM run_calendars"), 2);
}

TEST_F(RunsTest, ARequestedRunFindsWhatNoChangeTold) {
  Replica replica(*this);
  replica.CatchUp();
  RunDesk desk(replica.ledgers, replica.settler, runs_, clock_, clock_);
  ASSERT_TRUE(desk.RunNow(community_, {Start(), Day(1)}).ok());
  EXPECT_EQ(PeriodAt(0).run_count, 1) << "no difference, nothing posted";
  registry_.snapshot.fees.operator_share_ppm = 200'000;
  clock_.Advance(absl::Seconds(1));
  const auto record = desk.RunNow(community_, {Start(), Day(1)});
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(SystemBalance(AccountKind::kOperatorShare), 40'000);
  const LoggedRun run = Runs(RunKind::kRequested).front();
  EXPECT_EQ(run.record.id, record->id);
  EXPECT_EQ(run.period_count, 1);
  EXPECT_EQ(run.moved, Money::Micros(20'000));
  ExpectSameAsFromScratch();
}

TEST_F(RunsTest, ARunThatWaitsIsNotOver) {
  SetCalendar(ByCalendar());
  Replica replica(*this);
  replica.CatchUp();
  metering_.Store("buyer", Quarter(0), 1500, 0);
  market_.final_until = Start();
  clock_.Set(Day(1, 3));
  replica.CatchUp();
  EXPECT_TRUE(Runs(RunKind::kDaily).empty());
  market_.final_until = absl::InfiniteFuture();
  clock_.Advance(absl::Minutes(1));
  replica.CatchUp();
  ASSERT_EQ(Runs(RunKind::kDaily).size(), 1U);
  EXPECT_EQ(BalanceOf("buyer"), -370'000);
}

}  // namespace
}  // namespace peerwatt::settlement
