#include <barrier>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/postgres/settlement/run_fixture.h"

namespace peerwatt::settlement {
namespace {

constexpr uint32_t kSeed = 20260701;

class RestatementTest : public RunTest {};

TEST_F(RestatementTest, ACorrectedReadingPostsTheDifferenceOnly) {
  Replica replica(*this);
  replica.CatchUp();
  ExpectFirstRunOfFirstQuarter();
  metering_.Store("buyer", Quarter(0), 1500, 0);
  replica.CatchUp();
  EXPECT_EQ(PeriodAt(0).run_count, 2);
  const std::vector<PostedEntry> second = Entries(community_, 3);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].entry.idempotency_key, "retail:20260701t000000z:buyer:connection:2");
  EXPECT_EQ(second[0].entry.postings,
            (std::vector<Posting>{
                {SystemAccount(AccountKind::kMainGrid), Money::Micros(150'000)},
                {ParticipantAccount(ParticipantId("buyer")), Money::Micros(-150'000)}}));
  EXPECT_EQ(BalanceOf("buyer"), -370'000);
  EXPECT_EQ(PeriodAt(0).totals.retail, Energy::WattHours(900));
  ExpectSameAsFromScratch();
}

TEST_F(RestatementTest, WhatIsNoLongerDeliveredIsTakenBack) {
  Replica replica(*this);
  replica.CatchUp();
  metering_.Store("seller", Quarter(0), 0, 0);
  replica.CatchUp();
  EXPECT_EQ(BalanceOf("buyer"), -300'000) << "all from the main grid";
  EXPECT_EQ(BalanceOf("seller"), 0);
  EXPECT_EQ(SystemBalance(AccountKind::kNetworkOperator), 0);
  EXPECT_EQ(SystemBalance(AccountKind::kOperatorShare), 0);
  EXPECT_EQ(PeriodAt(0).totals.delivered, Energy());
  ExpectSameAsFromScratch();
}

TEST_F(RestatementTest, ARunWithoutDifferencePostsNothing) {
  Replica replica(*this);
  replica.CatchUp();
  StoreFirstQuarter();
  ASSERT_TRUE(replica.follower.Follow().ok());
  ASSERT_EQ(LoadProgress().dirty, std::vector<absl::Time>{Quarter(0)});
  replica.runner.Step();
  EXPECT_EQ(probe_.restated, 1);
  EXPECT_TRUE(LoadProgress().dirty.empty());
  EXPECT_EQ(PeriodAt(0).run_count, 1);
  EXPECT_EQ(Entries(community_).size(), 3U);
  EXPECT_EQ(NumberFrom("SELECT max(run) FROM settlement_lines"), 1);
  ExpectFirstRunOfFirstQuarter();
}

TEST_F(RestatementTest, ACorrectionTakenBackEndsWhereItBegan) {
  Replica replica(*this);
  replica.CatchUp();
  metering_.Store("seller", Quarter(0), 0, 300);
  replica.CatchUp();
  EXPECT_NE(BalanceOf("seller"), 220'000);
  metering_.Store("seller", Quarter(0), 0, 1500);
  replica.CatchUp();
  EXPECT_EQ(PeriodAt(0).run_count, 3);
  ExpectFirstRunOfFirstQuarter();
  ExpectSameAsFromScratch();
}

TEST_F(RestatementTest, TwoReplicasPostADifferenceOnce) {
  Replica first(*this);
  Replica second(*this);
  first.CatchUp();
  second.CatchUp();
  metering_.Store("buyer", Quarter(0), 1500, 0);
  ASSERT_TRUE(first.follower.Follow().ok());
  std::barrier<> both_have_read(2);
  market_.before_answer = [&] { both_have_read.arrive_and_wait(); };
  const RunRecord record = MakeRunRecord(RunKind::kCorrection, RunCalendar(),
                                         {Quarter(0), Quarter(1)}, Quarter(2), Quarter(2));
  {
    std::jthread other([&] {
      EXPECT_TRUE(first.settler.Restate(RulesOf("hamlet"), {Quarter(0)}, record).ok());
    });
    EXPECT_TRUE(second.settler.Restate(RulesOf("hamlet"), {Quarter(0)}, record).ok());
  }
  market_.before_answer = [] {};
  EXPECT_EQ(PeriodAt(0).run_count, 2);
  EXPECT_EQ(Entries(community_).size(), 4U);
  EXPECT_EQ(BalanceOf("buyer"), -370'000);
  ExpectSameAsFromScratch();
}

TEST_F(RestatementTest, ManyCorrectionsSumToASettlementFromScratch) {
  SCOPED_TRACE(absl::StrCat("seed ", kSeed));
  std::mt19937 random(kSeed);
  const auto number = [&](int64_t high) {
    return std::uniform_int_distribution<int64_t>(0, high)(random);
  };
  Replica replica(*this);
  replica.CatchUp();
  const std::vector<Member>& members = registry_.snapshot.members;
  for (int i = 0; i < 40; ++i) {
    const Member& member = members[static_cast<size_t>(number(2))];
    metering_.Store(member.point.value(), Quarter(0), number(2000), number(2000));
    replica.CatchUp();
  }
  EXPECT_GT(PeriodAt(0).run_count, 10);
  ExpectSameAsFromScratch();
}

}  // namespace
}  // namespace peerwatt::settlement
