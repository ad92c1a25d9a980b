#include <algorithm>
#include <barrier>
#include <thread>

#include <gtest/gtest.h>

#include "libs/base/error.h"
#include "tests/postgres/settlement/run_fixture.h"

namespace peerwatt::settlement {
namespace {

class SettlementRunTest : public RunTest {
 protected:
  void Hold(const std::string& order, int64_t micros, int quarter) {
    const auto reasons = holds_.CreateHolds(
        community_, Quarter(quarter), {{order, ParticipantId("buyer"), Money::Micros(micros)}});
    ASSERT_TRUE(reasons.ok()) << reasons.status();
    ASSERT_EQ(reasons->front(), "");
  }
  /// A run of the first quarter with one retail line of the buyer.
  RunCommit RetailRun() {
    RunCommit run;
    run.community = community_;
    run.period = {Quarter(0), Quarter(1)};
    Line line;
    line.key = {ParticipantId("buyer"), GridConnectionId("connection"), LineKind::kRetail,
                TradeId()};
    line.energy = Energy::WattHours(100);
    line.price = Price::MicrosPerKwh(300'000);
    line.amount = Money::Micros(-30'000);
    run.lines = {line};
    run.entries = EntriesOf(Quarter(0), 1, run.lines);
    run.totals.drawn = run.totals.retail = line.energy;
    run.now = Quarter(1);
    run.record = FirstRunOf(run.period);
    return run;
  }
};

TEST_F(SettlementRunTest, APeriodThatIsOverIsSettled) {
  Replica replica(*this);
  clock_.Set(Quarter(1) - absl::Microseconds(1));
  replica.CatchUp();
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM settlement_periods"), 0);
  clock_.Set(Quarter(1));
  replica.CatchUp();
  ExpectFirstRunOfFirstQuarter();
  const std::vector<PostedEntry> entries = Entries(community_);
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].entry.idempotency_key, "trade:20260701t000000z:t1:1");
  EXPECT_EQ(entries[1].entry.idempotency_key, "retail:20260701t000000z:consumer:connection:1");
  EXPECT_EQ(entries[2].entry.idempotency_key, "feed-in:20260701t000000z:seller:connection:1");
  EXPECT_EQ(LoadProgress().settled_through, Quarter(1));
  EXPECT_EQ(PeriodAt(0).run_count, 1);
}

TEST_F(SettlementRunTest, TwoReplicasSettleAPeriodOnce) {
  Fund("buyer", 1'000'000);
  Hold("o1", 220'000, 0);
  Hold("o2", 100'000, 0);
  Hold("o3", 50'000, 1);
  // Both have seen the period unsettled before either commits.
  std::barrier<> both_have_read(2);
  market_.before_answer = [&] { both_have_read.arrive_and_wait(); };
  Replica first(*this);
  Replica second(*this);
  {
    const auto settle = [&](Replica& replica) {
      const auto waiting = replica.settler.SettleFirst(
          RulesOf("hamlet"), {Quarter(0)}, FirstRunOf({Quarter(0), Quarter(1)}));
      EXPECT_TRUE(waiting.ok()) << "the slower one gives way: " << waiting.status();
    };
    std::jthread other([&] { settle(first); });
    settle(second);
  }
  EXPECT_EQ(probe_.settled, 1);
  EXPECT_EQ(PeriodAt(0).run_count, 1);
  EXPECT_EQ(BalanceOf("buyer"), 1'000'000 - 220'000);
  EXPECT_EQ(BalanceOf("seller"), 220'000);
  EXPECT_EQ(Entries(community_).size(), 4U) << "the deposit and one entry each";
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM settlement_lines WHERE entry_no IS NOT NULL"), 6);
  EXPECT_EQ(NumberFrom("SELECT max(run) FROM settlement_lines"), 1);
  EXPECT_EQ(HeldOf("buyer"), 50'000) << "the holds of the period ended, the other did not";
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM holds WHERE state = 'OPEN'"), 1);
  EXPECT_EQ(LoadProgress().settled_through, Quarter(1));
}

TEST_F(SettlementRunTest, OfTwoCommitsOfOneRunOneIsSuperseded) {
  std::barrier<> start(2);
  std::vector<std::string> reasons(2);
  const auto commit = [&](size_t i) {
    start.arrive_and_wait();
    const absl::Status status = runs_.CommitRun(RetailRun());
    reasons[i] = status.ok() ? "" : ReasonOf(status);
  };
  {
    std::jthread other([&] { commit(0); });
    commit(1);
  }
  std::sort(reasons.begin(), reasons.end());
  EXPECT_EQ(reasons, (std::vector<std::string>{"", "RUN_SUPERSEDED"}));
  EXPECT_EQ(BalanceOf("buyer"), -30'000);
  EXPECT_EQ(Entries(community_).size(), 1U);
}

TEST_F(SettlementRunTest, ARunThatFailsAtItsLastStepLeavesNothing) {
  Fund("buyer", 1'000'000);
  Hold("o1", 220'000, 0);
  // The database refuses a retail line of a trade. Lines are written after all else.
  RunCommit broken = RetailRun();
  broken.lines[0].key.trade = TradeId("t1");
  EXPECT_EQ(runs_.CommitRun(broken).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(BalanceOf("buyer"), 1'000'000);
  EXPECT_EQ(HeldOf("buyer"), 220'000);
  EXPECT_EQ(Entries(community_).size(), 1U) << "the deposit";
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM settlement_periods"), 0);
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM settlement_lines"), 0);
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM holds WHERE state = 'OPEN'"), 1);
  EXPECT_EQ(LoadProgress().settled_through, Quarter(0));
  // The same run without the fault goes through.
  const absl::Status status = runs_.CommitRun(RetailRun());
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(BalanceOf("buyer"), 970'000);
  EXPECT_EQ(HeldOf("buyer"), 0);
  EXPECT_EQ(LoadProgress().settled_through, Quarter(1));
}

TEST_F(SettlementRunTest, TheMarkWaitsForTheOldestUnsettledPeriod) {
  for (const int quarter : {1, 2, 4}) {
    RunCommit run;
    run.community = community_;
    run.period = {Quarter(quarter), Quarter(quarter + 1)};
    run.now = Quarter(6);
    run.record = FirstRunOf(run.period);
    ASSERT_TRUE(runs_.CommitRun(run).ok());
  }
  EXPECT_EQ(LoadProgress().settled_through, Quarter(0));
  EXPECT_EQ(LoadProgress().settled_beyond,
            (std::vector<absl::Time>{Quarter(1), Quarter(2), Quarter(4)}));
  ASSERT_TRUE(runs_.CommitRun(RetailRun()).ok());
  EXPECT_EQ(LoadProgress().settled_through, Quarter(3));
  EXPECT_EQ(LoadProgress().settled_beyond, std::vector<absl::Time>{Quarter(4)});
}

TEST_F(SettlementRunTest, ARestartedRunnerSettlesNothingTwice) {
  {
    Replica replica(*this);
    replica.CatchUp();
  }
  Replica restarted(*this);
  restarted.CatchUp();
  EXPECT_EQ(probe_.settled, 1);
  EXPECT_EQ(probe_.restated, 0);
  ExpectFirstRunOfFirstQuarter();
  EXPECT_EQ(Entries(community_).size(), 3U);
}

}  // namespace
}  // namespace peerwatt::settlement
