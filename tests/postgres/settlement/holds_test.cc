#include <limits>

#include <gtest/gtest.h>

#include "libs/base/error.h"
#include "tests/postgres/settlement/hold_fixture.h"

namespace peerwatt::settlement {
namespace {

class HoldsTest : public HoldTest {};

TEST_F(HoldsTest, AvailableIsTheBalanceLessWhatIsHeld) {
  Fund("p1", 1000);
  EXPECT_EQ(Create({Hold("o1", "p1", 600)}), Reasons{""});
  EXPECT_EQ(BalanceOf("p1"), 1000);
  EXPECT_EQ(HeldOf("p1"), 600);
  EXPECT_EQ(Create({Hold("o2", "p1", 401)}), Reasons{"FUNDS_INSUFFICIENT"});
  EXPECT_EQ(Create({Hold("o3", "p1", 400)}), Reasons{""});
  EXPECT_EQ(HeldOf("p1"), 1000);
  EXPECT_EQ(Create({Hold("o4", "p1", 1)}), Reasons{"FUNDS_INSUFFICIENT"});
}

TEST_F(HoldsTest, EachHoldOfABatchIsDecidedInItsOrder) {
  Fund("p1", 1000);
  Fund("p2", 100);
  const Reasons reasons = Create({Hold("o1", "p1", 700), Hold("o2", "p1", 700),
                                  Hold("o3", "p1", 300), Hold("o4", "p2", 100),
                                  Hold("o5", "nobody", 1)});
  EXPECT_EQ(reasons, (Reasons{"", "FUNDS_INSUFFICIENT", "", "", "FUNDS_INSUFFICIENT"}));
  EXPECT_EQ(HeldOf("p1"), 1000);
  EXPECT_EQ(HeldOf("p2"), 100);
}

TEST_F(HoldsTest, OneOfABatchThatDoesNotStandHarmsNoOther) {
  Fund("p1", 1000);
  Fund("p2", 100);
  ASSERT_EQ(Create({Hold("o1", "p1", 100), Hold("o2", "p2", 10)}), (Reasons{"", ""}));
  EXPECT_EQ(Create({Hold("o3", "p1", 100), Hold("o4", "p2", 91)}),
            (Reasons{"", "FUNDS_INSUFFICIENT"}));
  EXPECT_EQ(Create({Hold("o5", "p1", 100), Hold("o2", "p2", 10)}), (Reasons{"", ""}));
  EXPECT_EQ(HeldOf("p1"), 300);
  EXPECT_EQ(HeldOf("p2"), 10);
}

TEST_F(HoldsTest, SumsThatOverflowAreRefused) {
  Fund("p1", 1000);
  const int64_t huge = std::numeric_limits<int64_t>::max() - 1;
  EXPECT_EQ(Create({Hold("o1", "p1", huge), Hold("o2", "p1", huge), Hold("o3", "p1", 1000)}),
            (Reasons{"FUNDS_INSUFFICIENT", "FUNDS_INSUFFICIENT", ""}));
  EXPECT_EQ(HeldOf("p1"), 1000);
}

TEST_F(HoldsTest, TheSameBatchAgainHoldsNothingMore) {
  Fund("p1", 1000);
  const std::vector<HoldRequest> batch = {Hold("o1", "p1", 600), Hold("o2", "p1", 400)};
  EXPECT_EQ(Create(batch), (Reasons{"", ""}));
  EXPECT_EQ(Create(batch), (Reasons{"", ""}));
  EXPECT_EQ(HeldOf("p1"), 1000);
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM holds"), 2);
  EXPECT_EQ(Create({Hold("o3", "p1", 1), Hold("o3", "p1", 1)}),
            (Reasons{"FUNDS_INSUFFICIENT", "FUNDS_INSUFFICIENT"}));
}

TEST_F(HoldsTest, AnOrderNamedTwiceInABatchIsHeldOnce) {
  Fund("p1", 1000);
  EXPECT_EQ(Create({Hold("o1", "p1", 600), Hold("o1", "p1", 600), Hold("o1", "p1", 1)}),
            (Reasons{"", "", "CONTENT_DIFFERS"}));
  EXPECT_EQ(HeldOf("p1"), 600);
}

TEST_F(HoldsTest, AKnownOrderWithOtherContentIsRefused) {
  Fund("p1", 1000);
  Fund("p2", 1000);
  ASSERT_EQ(Create({Hold("o1", "p1", 100)}), Reasons{""});
  EXPECT_EQ(Create({Hold("o1", "p1", 101)}), Reasons{"CONTENT_DIFFERS"});
  EXPECT_EQ(Create({Hold("o1", "p2", 100)}), Reasons{"CONTENT_DIFFERS"});
  EXPECT_EQ(Create({Hold("o1", "p1", 100)}, 1), Reasons{"CONTENT_DIFFERS"});
  EXPECT_EQ(HeldOf("p1"), 100);
  EXPECT_EQ(HeldOf("p2"), 0);
}

TEST_F(HoldsTest, ReasonsComeInTheirOrderOfPrecedence) {
  Fund("p1", 1000);
  ASSERT_EQ(Create({Hold("o1", "p1", 100)}), Reasons{""});
  SettleNothing(0);
  EXPECT_EQ(Create({Hold("o1", "p1", 5000)}), Reasons{"CONTENT_DIFFERS"});
  EXPECT_EQ(Create({Hold("o2", "p1", 5000)}), Reasons{"PERIOD_SETTLED"});
  EXPECT_EQ(Create({Hold("o2", "p1", 1)}), Reasons{"PERIOD_SETTLED"});
  EXPECT_EQ(Create({Hold("o2", "p1", 5000)}, 1), Reasons{"FUNDS_INSUFFICIENT"});
  EXPECT_EQ(Create({Hold("o2", "p1", 1)}, 1), Reasons{""});
}

TEST_F(HoldsTest, AKnownHoldOfASettledPeriodStillStands) {
  Fund("p1", 1000);
  ASSERT_EQ(Create({Hold("o1", "p1", 100)}), Reasons{""});
  ASSERT_EQ(Create({Hold("o2", "p1", 200)}, 1), Reasons{""});
  SettleNothing(0);
  EXPECT_EQ(HeldOf("p1"), 200) << "the holds of the settled period ended, the others did not";
  EXPECT_EQ(Create({Hold("o1", "p1", 100)}), Reasons{""});
  EXPECT_EQ(HeldOf("p1"), 200);
}

TEST_F(HoldsTest, AReductionLowersAndNeverRaises) {
  Fund("p1", 1000);
  ASSERT_EQ(Create({Hold("o1", "p1", 600)}), Reasons{""});
  Reduce("o1", 250);
  EXPECT_EQ(HeldOf("p1"), 250);
  Reduce("o1", 250);
  EXPECT_EQ(HeldOf("p1"), 250);
  Reduce("o1", 500);
  EXPECT_EQ(HeldOf("p1"), 250);
  EXPECT_EQ(Create({Hold("o2", "p1", 750)}), Reasons{""});
}

TEST_F(HoldsTest, AReductionToZeroReleases) {
  Fund("p1", 1000);
  ASSERT_EQ(Create({Hold("o1", "p1", 600), Hold("o2", "p1", 300)}), (Reasons{"", ""}));
  Reduce("o1", 0);
  EXPECT_EQ(HeldOf("p1"), 300);
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM holds WHERE state = 'ENDED' AND order_name = 'o1'"),
            1);
  Reduce("o1", 600);
  EXPECT_EQ(HeldOf("p1"), 300);
  EXPECT_EQ(Create({Hold("o1", "p1", 600)}), Reasons{""}) << "known, so it stands as it is";
  EXPECT_EQ(HeldOf("p1"), 300);
}

TEST_F(HoldsTest, AReductionTouchesOnlyItsOrderAndPeriod) {
  Fund("p1", 1000);
  ASSERT_EQ(Create({Hold("o1", "p1", 600)}), Reasons{""});
  Reduce("o1", 0, 1);
  Reduce("unknown", 0);
  EXPECT_EQ(HeldOf("p1"), 600);
}

TEST_F(HoldsTest, AReductionNamedTwiceTakesTheLower) {
  Fund("p1", 1000);
  Fund("p2", 1000);
  ASSERT_EQ(Create({Hold("o1", "p1", 600), Hold("o2", "p2", 500)}), (Reasons{"", ""}));
  const absl::Status status = holds_.ReduceHolds(
      community_, Quarter(0),
      {{"o1", Money::Micros(300)}, {"o2", Money::Micros(1)}, {"o1", Money::Micros(200)}});
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(HeldOf("p1"), 200);
  EXPECT_EQ(HeldOf("p2"), 1);
}

TEST_F(HoldsTest, AnUnknownCommunityHasNoHolds) {
  const CommunityId unknown("unknown");
  EXPECT_EQ(ReasonOf(holds_.CreateHolds(unknown, Quarter(0), {Hold("o1", "p1", 1)}).status()),
            "NOT_FOUND");
  EXPECT_EQ(ReasonOf(holds_.ReduceHolds(unknown, Quarter(0), {{"o1", Money()}})), "NOT_FOUND");
}

}  // namespace
}  // namespace peerwatt::settlement
