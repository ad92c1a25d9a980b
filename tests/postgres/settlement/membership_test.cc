// Who a period is settled with: members as of then, whatever they are now.

#include <gtest/gtest.h>

#include "tests/postgres/settlement/run_fixture.h"

namespace peerwatt::settlement {
namespace {

constexpr int64_t kAbsurdWh = 1'000'000'000'000'000;

class MembershipTest : public RunTest {
 protected:
  void SetUp() override {
    RunTest::SetUp();
    market_.trades.clear();
  }
  /// A quarter in which everybody draws so much, and nobody trades.
  void StoreQuarter(int quarter, int64_t wh) {
    for (const char* point : {"buyer", "seller", "consumer"}) {
      metering_.Store(point, Quarter(quarter), wh, 0);
    }
  }
  /// From a quarter on, the consumer's point is another's, or nobody's.
  void HandOver(int quarter, const std::string& participant) {
    CommunitySnapshot after = registry_.snapshot;
    after.membership_version = static_cast<int64_t>(registry_.later.size()) + 1;
    after.members.pop_back();
    if (!participant.empty()) {
      after.members.push_back({MeteringPointId("consumer"), ParticipantId(participant),
                               GridConnectionId("connection-2")});
    }
    registry_.later[Quarter(quarter)] = after;
  }
};

TEST_F(MembershipTest, APointThatChangesHandsMidDayIsEachHoldersForHisTime) {
  StoreQuarter(0, 1000);
  StoreQuarter(1, 1000);
  HandOver(1, "heir");
  clock_.Set(Quarter(2));
  Replica replica(*this);
  replica.CatchUp();
  EXPECT_EQ(BalanceOf("consumer"), -300'000) << "the first quarter, in the same batch";
  EXPECT_EQ(BalanceOf("heir"), -300'000);
  // A correction of his time is his, though the point is the heir's by now.
  metering_.Store("consumer", Quarter(0), 2000, 0);
  replica.CatchUp();
  EXPECT_EQ(BalanceOf("consumer"), -600'000);
  EXPECT_EQ(BalanceOf("heir"), -300'000);
}

TEST_F(MembershipTest, AParticipantWhoLeavesIsSettledUntilThen) {
  StoreQuarter(0, 1000);
  for (const char* point : {"buyer", "seller"}) metering_.Store(point, Quarter(1), 1000, 0);
  HandOver(1, "");
  clock_.Set(Quarter(2));
  Replica replica(*this);
  replica.CatchUp();
  EXPECT_EQ(PeriodAt(1).run_count, 1) << "nobody waits for readings of a point that left";
  EXPECT_EQ(PeriodAt(1).substituted_count, 0);
  EXPECT_EQ(BalanceOf("consumer"), -300'000);
  metering_.Store("consumer", Quarter(1), 5000, 0);
  replica.CatchUp();
  EXPECT_EQ(BalanceOf("consumer"), -300'000) << "what flows there is none of his";
  metering_.Store("consumer", Quarter(0), 3000, 0);
  replica.CatchUp();
  EXPECT_EQ(BalanceOf("consumer"), -900'000);
}

TEST_F(MembershipTest, APointThatJoinedLaterIsNotMissingBefore) {
  for (const char* point : {"buyer", "seller"}) metering_.Store(point, Quarter(0), 1000, 0);
  metering_.Store("consumer", Quarter(1), 500, 0);
  for (const char* point : {"buyer", "seller"}) metering_.Store(point, Quarter(1), 1000, 0);
  registry_.snapshot.members[2].joined_at = Quarter(1);
  registry_.snapshot.members.push_back({MeteringPointId("late"), ParticipantId("late"),
                                        GridConnectionId("c-late"), Quarter(2)});
  clock_.Set(Quarter(2));
  Replica replica(*this);
  replica.CatchUp();
  EXPECT_EQ(PeriodAt(0).substituted_count, 0);
  EXPECT_EQ(PeriodAt(1).run_count, 1) << "nobody waits for a point of the next quarter";
  EXPECT_EQ(BalanceOf("late"), 0);
}

TEST_F(MembershipTest, ATradeOfTheFormerHolderDeliversNothing) {
  StoreQuarter(1, 1000);
  metering_.Store("seller", Quarter(1), 0, 1000);
  market_.trades[Quarter(1)] = {{TradeId("t9"), Energy::WattHours(500),
                                 Price::MicrosPerKwh(200'000), Price(), MeteringPointId("consumer"),
                                 MeteringPointId("seller"), ParticipantId("consumer"),
                                 ParticipantId("seller")}};
  HandOver(1, "heir");
  clock_.Set(Quarter(2));
  Replica replica(*this);
  replica.CatchUp();
  EXPECT_EQ(PeriodAt(1).totals.delivered, Energy());
  EXPECT_EQ(BalanceOf("heir"), -300'000) << "all from the main grid";
}

TEST_F(MembershipTest, AnAbsurdReadingHindersNobodyAndIsMarked) {
  StoreQuarter(0, 1000);
  metering_.Store("buyer", Quarter(0), kAbsurdWh, kAbsurdWh - 1);
  Replica replica(*this);
  replica.CatchUp();
  EXPECT_EQ(PeriodAt(0).run_count, 1) << "at once: it is there";
  EXPECT_EQ(PeriodAt(0).substituted_count, 1);
  EXPECT_EQ(BalanceOf("consumer"), -300'000);
  EXPECT_EQ(BalanceOf("seller"), -300'000);
  EXPECT_EQ(BalanceOf("buyer"), 0);
  EXPECT_EQ(NumberFrom("SELECT absurd_count FROM run_periods"), 1);
  // As the substitute of the next day it is of no use either.
  clock_.Set(Quarter(97) + absl::Hours(1));
  replica.CatchUp();
  EXPECT_EQ(BalanceOf("buyer"), 0);
  metering_.Store("buyer", Quarter(0), -1, 0);
  replica.CatchUp();
  EXPECT_EQ(BalanceOf("buyer"), 0);
  metering_.Store("buyer", Quarter(0), 1'000'000'000, 0);
  replica.CatchUp();
  EXPECT_EQ(BalanceOf("buyer"), 2 * -300'000'000'000) << "the most that can flow, on both days";
}

TEST_F(MembershipTest, EverybodyElseIsSettledWhenAMeterIsSilent) {
  for (const char* point : {"seller", "consumer"}) metering_.Store(point, Quarter(1), 1000, 0);
  clock_.Set(Quarter(2));
  Replica replica(*this);
  replica.CatchUp();
  EXPECT_EQ(PeriodAt(1).run_count, 0) << "within the time of grace";
  clock_.Set(Quarter(2) + absl::Hours(1));
  replica.CatchUp();
  EXPECT_EQ(PeriodAt(1).run_count, 1);
  EXPECT_EQ(PeriodAt(1).substituted_count, 1);
}

}  // namespace
}  // namespace peerwatt::settlement
