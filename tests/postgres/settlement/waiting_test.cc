// What a period waits for, and that one that waits hinders no other.

#include <gtest/gtest.h>

#include "tests/postgres/settlement/run_fixture.h"

namespace peerwatt::settlement {
namespace {

class WaitingTest : public RunTest {
 protected:
  void StoreQuarter(int quarter) {
    metering_.Store("buyer", Quarter(quarter), 100, 0);
    metering_.Store("seller", Quarter(quarter), 0, 100);
    metering_.Store("consumer", Quarter(quarter), 100, 0);
  }
};

TEST_F(WaitingTest, AnIncompletePeriodDoesNotHinderALaterOne) {
  metering_.Store("buyer", Quarter(1), 100, 0);
  StoreQuarter(2);
  clock_.Set(Quarter(3));
  Replica replica(*this);
  replica.CatchUp();
  EXPECT_EQ(LoadProgress().settled_through, Quarter(1));
  EXPECT_EQ(LoadProgress().settled_beyond, std::vector<absl::Time>{Quarter(2)});
}

TEST_F(WaitingTest, TheLastMissingReadingSettlesThePeriodAtOnce) {
  metering_.Store("buyer", Quarter(1), 100, 0);
  clock_.Set(Quarter(2));
  Replica replica(*this);
  replica.CatchUp();
  ASSERT_EQ(LoadProgress().settled_through, Quarter(1));
  // The clock stands still: neither time nor a pause makes the runner look again, only the change.
  metering_.Store("seller", Quarter(1), 0, 100);
  ASSERT_TRUE(replica.follower.Follow().ok());
  const int asked = metering_.query_count;
  replica.runner.Step();
  EXPECT_EQ(metering_.query_count, asked) << "one reading is still missing";
  metering_.Store("consumer", Quarter(1), 100, 0);
  replica.CatchUp();
  EXPECT_EQ(LoadProgress().settled_through, Quarter(2));
  EXPECT_EQ(PeriodAt(1).substituted_count, 0);
}

TEST_F(WaitingTest, AnIdleStepAsksNobody) {
  Replica replica(*this);
  replica.CatchUp();
  const int asked = metering_.query_count;
  for (int i = 0; i < 100; ++i) replica.runner.Step();
  EXPECT_EQ(metering_.query_count, asked);
}

TEST_F(WaitingTest, AMissingReadingIsReplacedWhenTheGraceIsOver) {
  metering_.Store("consumer", Quarter(1) - absl::Hours(24), 700, 0);
  metering_.Store("buyer", Quarter(1), 100, 0);
  // The community's grace is an hour.
  clock_.Set(Quarter(2) + absl::Hours(1) - absl::Microseconds(1));
  Replica replica(*this);
  replica.CatchUp();
  EXPECT_EQ(LoadProgress().settled_through, Quarter(1));
  clock_.Set(Quarter(2) + absl::Hours(1));
  replica.runner.Step();
  EXPECT_EQ(LoadProgress().settled_through, Quarter(2));
  const SettledPeriod period = PeriodAt(1);
  EXPECT_EQ(period.substituted_count, 2) << "the consumer by yesterday's value, the seller by zero";
  EXPECT_EQ(period.totals.drawn, Energy::WattHours(800));
  EXPECT_EQ(period.totals.fed_in, Energy());
}

TEST_F(WaitingTest, APeriodWaitsForItsAuction) {
  StoreQuarter(1);
  market_.final_until = Quarter(1);
  clock_.Set(Quarter(2));
  Replica replica(*this);
  replica.CatchUp();
  EXPECT_EQ(LoadProgress().settled_through, Quarter(1));
  market_.final_until = Quarter(2);
  clock_.Advance(absl::Seconds(1));
  replica.runner.Step();
  EXPECT_EQ(LoadProgress().settled_through, Quarter(2));
}

TEST_F(WaitingTest, APeerThatDoesNotAnswerIsAskedAgainAndNothingIsSkipped) {
  market_.answers = false;
  Replica replica(*this);
  replica.CatchUp();
  EXPECT_EQ(LoadProgress().settled_through, Quarter(0));
  const int asked = metering_.query_count;
  replica.runner.Step();
  EXPECT_EQ(metering_.query_count, asked) << "not before a pause";
  market_.answers = true;
  clock_.Advance(absl::Seconds(1));
  replica.runner.Step();
  ExpectFirstRunOfFirstQuarter();
}

TEST_F(WaitingTest, ADayThatWasMissedIsCaughtUpInOrder) {
  constexpr int kQuarters = 200;  // more than two batches
  for (int quarter = 1; quarter < kQuarters; ++quarter) StoreQuarter(quarter);
  clock_.Set(Quarter(kQuarters));
  Replica replica(*this);
  replica.CatchUp();
  EXPECT_EQ(LoadProgress().settled_through, Quarter(kQuarters));
  EXPECT_EQ(probe_.settled, kQuarters);
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM journal_entries AS a JOIN journal_entries AS b "
                       "ON b.entry_no = a.entry_no + 1 "
                       "WHERE b.period_start_at < a.period_start_at"),
            0);
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM dirty_periods WHERE period_start_at < "
                       "(SELECT settled_through_at FROM ledgers)"),
            0)
      << "what a run has seen leaves no mark";
}

TEST_F(WaitingTest, ReadingsBeforeTheFirstPeriodLeaveNoMark) {
  Replica replica(*this);
  replica.CatchUp();
  metering_.Store("buyer", Quarter(-200), 100, 0);
  replica.CatchUp();
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM dirty_periods WHERE period_start_at < "
                       "(SELECT settled_through_at FROM ledgers)"),
            0);
}

}  // namespace
}  // namespace peerwatt::settlement
