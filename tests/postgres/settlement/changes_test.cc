#include <gtest/gtest.h>

#include "tests/postgres/settlement/run_fixture.h"

namespace peerwatt::settlement {
namespace {

class ChangesTest : public RunTest {
 protected:
  ReadingChange Change(int64_t cursor, int quarter) {
    return {cursor, MeteringPointId("buyer"), community_,
            {Quarter(quarter), Quarter(quarter + 1)}};
  }
  int64_t Cursor() {
    const auto cursor = runs_.LoadWatchCursor();
    EXPECT_TRUE(cursor.ok()) << cursor.status();
    return cursor.ok() ? *cursor : -1;
  }
  int64_t MarkCount() { return NumberFrom("SELECT count(*) FROM dirty_periods"); }
};

TEST_F(ChangesTest, TheMarksAndTheCursorAreStoredTogether) {
  EXPECT_EQ(Cursor(), 0);
  const absl::Status status = runs_.MarkChanged({Change(5, 0), Change(6, 1)}, 6);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(Cursor(), 6);
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM dirty_periods "
                       "WHERE period_start_at < '2026-07-02 00:00Z'"),
            2);
}

TEST_F(ChangesTest, ACursorThatIsRefusedLeavesNoMark) {
  EXPECT_EQ(runs_.MarkChanged({Change(5, 0)}, -1).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(MarkCount(), 0);
  EXPECT_EQ(Cursor(), 0);
  ASSERT_TRUE(runs_.MarkChanged({Change(5, 0)}, 5).ok());
  EXPECT_GT(MarkCount(), 0);
}

TEST_F(ChangesTest, AMarkThatIsRefusedLeavesTheCursor) {
  ASSERT_TRUE(runs_.MarkChanged({}, 4).ok());
  EXPECT_EQ(runs_.MarkChanged({Change(5, 0), Change(0, 1)}, 6).code(),
            absl::StatusCode::kInternal);
  EXPECT_EQ(MarkCount(), 0);
  EXPECT_EQ(Cursor(), 4);
}

TEST_F(ChangesTest, TheCursorNeverGoesBack) {
  ASSERT_TRUE(runs_.MarkChanged({Change(9, 0)}, 9).ok());
  ASSERT_TRUE(runs_.MarkChanged({Change(5, 0)}, 5).ok());
  EXPECT_EQ(Cursor(), 9);
  EXPECT_EQ(NumberFrom("SELECT changed_cursor FROM dirty_periods "
                       "WHERE period_start_at < '2026-07-02 00:00Z'"),
            9);
}

TEST_F(ChangesTest, AFollowerGoesOnAfterTheStoredCursor) {
  {
    Replica replica(*this);
    replica.CatchUp();
    EXPECT_EQ(metering_.watched_after, 0);
  }
  EXPECT_EQ(Cursor(), 3);
  metering_.Store("buyer", Quarter(0), 1500, 0);
  Replica restarted(*this);
  restarted.CatchUp();
  EXPECT_EQ(metering_.watched_after, 3);
  EXPECT_EQ(Cursor(), 4);
  EXPECT_EQ(PeriodAt(0).run_count, 2);
}

TEST_F(ChangesTest, AChangeThatTheRunHasSeenIsNoReasonToRestate) {
  Replica replica(*this);
  replica.runner.Step();
  ASSERT_TRUE(replica.follower.Follow().ok());
  EXPECT_TRUE(LoadProgress().dirty.empty());
  replica.runner.Step();
  EXPECT_EQ(probe_.restated, 0);
  ExpectFirstRunOfFirstQuarter();
}

TEST_F(ChangesTest, AChangeThatComesBetweenReadingAndCommitIsRestated) {
  Replica replica(*this);
  // The run has its readings when it asks for trades; now a newer reading is stored and marked.
  bool stored = false;
  market_.before_answer = [&] {
    if (stored) return;
    stored = true;
    metering_.Store("buyer", Quarter(0), 1500, 0);
    EXPECT_TRUE(replica.follower.Follow().ok());
  };
  replica.runner.Step();
  EXPECT_EQ(PeriodAt(0).run_count, 1);
  ExpectFirstRunOfFirstQuarter();
  EXPECT_EQ(LoadProgress().dirty, std::vector<absl::Time>{Quarter(0)});
  replica.runner.Step();
  EXPECT_EQ(PeriodAt(0).run_count, 2);
  EXPECT_EQ(BalanceOf("buyer"), -370'000);
  EXPECT_TRUE(LoadProgress().dirty.empty());
}

TEST_F(ChangesTest, AReadingRestatesTheNextDayOnlyWhereItStandsIn) {
  // The second quarter has no reading of the consumer; it is settled when the grace is over.
  metering_.Store("buyer", Quarter(1), 100, 0);
  metering_.Store("seller", Quarter(1), 0, 100);
  clock_.Set(Quarter(2) + absl::Hours(1));
  Replica replica(*this);
  replica.CatchUp();
  ASSERT_EQ(PeriodAt(1).substituted_count, 1);
  ASSERT_EQ(PeriodAt(0).substituted_count, 0);
  const int64_t before = BalanceOf("consumer");
  metering_.Store("consumer", Quarter(0) - absl::Hours(24), 1000, 0);
  metering_.Store("consumer", Quarter(1) - absl::Hours(24), 1000, 0);
  ASSERT_TRUE(replica.follower.Follow().ok());
  EXPECT_EQ(LoadProgress().dirty, std::vector<absl::Time>{Quarter(1)});
  Replica restarted(*this);
  restarted.runner.Step();
  EXPECT_EQ(BalanceOf("consumer"), before - 300'000);
  EXPECT_EQ(PeriodAt(1).run_count, 2);
  EXPECT_EQ(PeriodAt(0).run_count, 1);
}

}  // namespace
}  // namespace peerwatt::settlement
