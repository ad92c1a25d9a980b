#include "services/settlement/core/deposits.h"

#include <barrier>
#include <thread>

#include <gtest/gtest.h>

#include "libs/base/error.h"
#include "tests/postgres/settlement/ledger_fixture.h"
#include "tests/postgres/settlement/peers.h"

namespace peerwatt::settlement {
namespace {

class DepositTest : public LedgerTest {
 protected:
  void SetUp() override {
    LedgerTest::SetUp();
    registry_.rules = {RulesOf("hamlet")};
  }
  absl::StatusOr<Deposit> Pay(const std::string& id, int64_t micros) {
    return desk_.Create({ParticipantId("p1"), community_, "EUR"}, id, Money::Micros(micros));
  }
  DepositState StateOf(const std::string& id) {
    const auto deposit = deposits_.GetDeposit(community_, ParticipantId("p1"), id);
    EXPECT_TRUE(deposit.ok()) << deposit.status();
    return deposit.ok() ? deposit->state : DepositState::kPending;
  }

  FakeRegistry registry_;
  FakePayments payments_;
  ManualClock clock_{Start()};
  Ledgers ledgers_{registry_, runs_};
  DepositDesk desk_{ledgers_, payments_, deposits_, clock_};
};

TEST_F(DepositTest, AConfirmedDepositIsOneEntry) {
  const auto deposit = Pay("d1", 5'000'000);
  ASSERT_TRUE(deposit.ok()) << deposit.status();
  EXPECT_EQ(deposit->state, DepositState::kSucceeded);
  EXPECT_EQ(deposit->currency, "EUR");
  const std::vector<PostedEntry> entries = Entries(community_);
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].entry,
            MakeDepositEntry(ParticipantId("p1"), "d1", Money::Micros(5'000'000)));
  EXPECT_EQ(BalanceOf("p1"), 5'000'000);
}

TEST_F(DepositTest, TheSameIdTwiceIsOneEntry) {
  const auto first = Pay("d1", 5'000'000);
  clock_.Advance(absl::Minutes(1));
  const auto second = Pay("d1", 5'000'000);
  ASSERT_TRUE(first.ok() && second.ok()) << first.status() << second.status();
  EXPECT_EQ(second->created_at, first->created_at);
  EXPECT_EQ(second->state, DepositState::kSucceeded);
  EXPECT_EQ(Entries(community_).size(), 1U);
  EXPECT_EQ(BalanceOf("p1"), 5'000'000);
  EXPECT_EQ(payments_.charged.size(), 1U);
}

TEST_F(DepositTest, TheSameIdWithAnotherAmountIsRefused) {
  ASSERT_TRUE(Pay("d1", 5'000'000).ok());
  EXPECT_EQ(ReasonOf(Pay("d1", 5'000'001).status()), "CONTENT_DIFFERS");
  EXPECT_EQ(BalanceOf("p1"), 5'000'000);
  ASSERT_TRUE(Pay("d2", 5'000'001).ok());
  EXPECT_EQ(BalanceOf("p1"), 10'000'001);
}

TEST_F(DepositTest, TheSameIdAtOnceIsOneEntry) {
  constexpr int kThreads = 8;
  std::barrier<> start(kThreads);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        start.arrive_and_wait();
        const auto deposit = Pay("d1", 5'000'000);
        EXPECT_TRUE(deposit.ok()) << deposit.status();
      });
    }
  }
  EXPECT_EQ(Entries(community_).size(), 1U);
  EXPECT_EQ(BalanceOf("p1"), 5'000'000);
}

TEST_F(DepositTest, ADeclinedDepositPostsNothing) {
  payments_.limit = Money::Micros(4'999'999);
  EXPECT_EQ(ReasonOf(Pay("d1", 5'000'000).status()), "PAYMENT_DECLINED");
  EXPECT_EQ(StateOf("d1"), DepositState::kDeclined);
  // It stays declined, even when the provider would take it now.
  payments_.limit = Money::Micros(5'000'000);
  EXPECT_EQ(ReasonOf(Pay("d1", 5'000'000).status()), "PAYMENT_DECLINED");
  ASSERT_TRUE(desk_.FinishPending().ok());
  EXPECT_EQ(StateOf("d1"), DepositState::kDeclined);
  EXPECT_TRUE(Entries(community_).empty());
  EXPECT_EQ(BalanceOf("p1"), 0);
  EXPECT_TRUE(Pay("d2", 5'000'000).ok());
}

TEST_F(DepositTest, APendingDepositIsFinishedByRecoveryOnce) {
  payments_.answers = false;
  EXPECT_EQ(Pay("d1", 5'000'000).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Pay("d2", 7'000'000).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(StateOf("d1"), DepositState::kPending);
  EXPECT_EQ(desk_.FinishPending().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(Entries(community_).empty());
  payments_.answers = true;
  payments_.limit = Money::Micros(6'000'000);
  ASSERT_TRUE(desk_.FinishPending().ok());
  EXPECT_EQ(StateOf("d1"), DepositState::kSucceeded);
  EXPECT_EQ(StateOf("d2"), DepositState::kDeclined);
  ASSERT_TRUE(desk_.FinishPending().ok());
  EXPECT_EQ(Entries(community_).size(), 1U);
  EXPECT_EQ(BalanceOf("p1"), 5'000'000);
  EXPECT_EQ(payments_.last_currency, "EUR");
}

TEST_F(DepositTest, AChargeWhoseAnswerIsLostIsPostedOnceByRecovery) {
  payments_.loses_answer = true;
  EXPECT_EQ(Pay("d1", 5'000'000).status().code(), absl::StatusCode::kUnavailable);
  ASSERT_EQ(payments_.charged.size(), 1U);
  EXPECT_TRUE(Entries(community_).empty());
  payments_.loses_answer = false;
  // Recovery, and the caller who tries again, at once.
  {
    std::jthread recovery([&] { EXPECT_TRUE(desk_.FinishPending().ok()); });
    EXPECT_TRUE(Pay("d1", 5'000'000).ok());
  }
  EXPECT_EQ(payments_.charged.size(), 1U);
  EXPECT_EQ(Entries(community_).size(), 1U);
  EXPECT_EQ(BalanceOf("p1"), 5'000'000);
}

TEST_F(DepositTest, DepositsOfParticipantsDoNotMeet) {
  ASSERT_TRUE(Pay("d1", 5'000'000).ok());
  ASSERT_TRUE(desk_.Create({ParticipantId("p2"), community_, "EUR"}, "d1",
                           Money::Micros(1'000'000)).ok());
  EXPECT_EQ(BalanceOf("p1"), 5'000'000);
  EXPECT_EQ(BalanceOf("p2"), 1'000'000);
  EXPECT_EQ(ReasonOf(desk_.Create({ParticipantId("p1"), CommunityId("unknown"), "EUR"}, "d3",
                                  Money::Micros(1)).status()),
            "NOT_FOUND");
}

}  // namespace
}  // namespace peerwatt::settlement
