// After settlement runs: the mutual fund's waterfall, and payment rules of pools carried out.

#include <gtest/gtest.h>

#include <thread>

#include "services/settlement/storage/ledger_session.h"
#include "tests/postgres/settlement/payments_fixture.h"

namespace peerwatt::settlement {
namespace {

class WaterfallTest : public PaymentsTest {
 protected:
  void SetFund(int64_t limit, int64_t micros) {
    PaymentSettings settings;
    settings.community = community_;
    settings.fund_limit = Money::Micros(limit);
    Put(settings);
    const auto entry = MakeEntry("transfer", "seed", std::nullopt,
                                 {{SystemAccount(AccountKind::kOperatorShare),
                                   Money::Micros(-micros)},
                                  {AccountId(kMutualFundAccount), Money::Micros(micros)}});
    const absl::Status seeded =
        WriteLedger(pool_, cache_, community_, clock_.Now(), [&](pqxx::work&, LedgerSession& l) {
          l.Post({*entry});
          return absl::OkStatus();
        });
    ASSERT_TRUE(seeded.ok()) << seeded;
  }
  int64_t FundBalance() {
    return books_.FindAccount(community_, AccountId(kMutualFundAccount))
        .value()
        ->balance.micros();
  }
  int64_t Run() {
    const auto moves = process_->rounds.RunWaterfall(community_, clock_.Now());
    EXPECT_TRUE(moves.ok()) << moves.status();
    return moves.value_or(-1);
  }
  Wallet WalletOf(const std::string& participant) {
    return process_->payments.GetWallet(community_, ParticipantId(participant)).value();
  }
};

TEST_F(WaterfallTest, TheFundLendsAndGetsBackFirst) {
  Replica replica(*this);
  clock_.Set(Quarter(1));
  replica.CatchUp();
  ExpectFirstRunOfFirstQuarter();
  EXPECT_EQ(Run(), 0) << "there is no fund";
  SetFund(150'000, 200'000);
  // Needs: 0.15, at the limit, and 0.12; there are 0.20.
  EXPECT_EQ(Run(), 2);
  EXPECT_EQ(BalanceOf("buyer"), -220'000 + 111'111);
  EXPECT_EQ(BalanceOf("consumer"), -120'000 + 88'889) << "the rest is on credit";
  EXPECT_EQ(FundBalance(), 0);
  EXPECT_EQ(Run(), 0) << "once for all that is settled";
  Fund("consumer", 1'000'000);
  EXPECT_EQ(Run(), 0);
  EXPECT_EQ(WalletOf("consumer").Withdrawable(), Money::Micros(1'000'000 - 31'111 - 88'889));
  for (const char* name : {"buyer", "seller", "consumer"}) {
    metering_.Store(name, Quarter(1), 0, 0);
  }
  clock_.Set(Quarter(2));
  replica.CatchUp();
  EXPECT_EQ(Run(), 2);
  EXPECT_EQ(BalanceOf("consumer"), 1'000'000 - 120'000) << "gives back what it was lent";
  EXPECT_EQ(BalanceOf("buyer"), -220'000 + 150'000) << "is lent on, up to the limit";
  EXPECT_EQ(FundBalance(), 50'000);
  EXPECT_EQ(WalletOf("buyer").fund_advance, Money::Micros(150'000));
  EXPECT_EQ(WalletOf("consumer").fund_advance, Money());
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM fund_moves"), 4);
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM journal_entries WHERE kind LIKE 'fund-%'"), 4);
}

TEST_F(WaterfallTest, WhatTheFundLentIsNotPaidOut) {
  Replica replica(*this);
  clock_.Set(Quarter(1));
  replica.CatchUp();
  SetFund(150'000, 200'000);
  EXPECT_EQ(Run(), 2);
  Fund("consumer", 31'111 + 88'889);
  EXPECT_EQ(ReasonOf(CreatePayout("consumer", "out", 10'000).status()), "FUNDS_INSUFFICIENT");
}

/// A pool with the classic pilot's rules: 5 per kWh, whole kWh, payments of 40.
class PoolRulesTest : public PaymentsTest {
 protected:
  void SetUp() override {
    PaymentsTest::SetUp();
    market_.trades.clear();
    market_.answers = false;
    replica_ = std::make_unique<Replica>(*this);
  }
  void UsePool(int64_t price, int64_t collection_quantum, int64_t payout_quantum) {
    Scheme pool;
    pool.id = SchemeId("pilot");
    pool.starts_at = Quarter(0);
    pool.mechanism = Mechanism::kFixedPricePool;
    pool.local_price = Price::MicrosPerKwh(price * 1'000'000);
    pool.operator_share_ppm = 200'000;
    pool.portions = PoolPortions{Energy::WattHours(1000),
                                 Money::Micros(collection_quantum * 1'000'000),
                                 Money::Micros(payout_quantum * 1'000'000)};
    registry_.schemes = {pool};
  }
  void Add(const std::string& participant) {
    registry_.snapshot.members.push_back({MeteringPointId(participant),
                                          ParticipantId(participant),
                                          GridConnectionId("connection")});
  }
  /// Settles a quarter in which members draw (negative) or feed in watt hours.
  void Settle(int quarter, const std::map<std::string, int64_t>& flows) {
    for (const Member& member : registry_.snapshot.members) {
      const auto flow = flows.find(member.point.value());
      const int64_t wh = flow == flows.end() ? 0 : flow->second;
      metering_.Store(member.point.value(), Quarter(quarter), wh < 0 ? -wh : 0,
                      wh > 0 ? wh : 0);
    }
    clock_.Set(Quarter(quarter + 1));
    replica_->CatchUp();
  }
  /// Does what is due, as often as it takes.
  void Pay() {
    ASSERT_TRUE(process_->ledgers.Refresh().ok());
    for (int i = 0; i < 4; ++i) {
      const absl::Status done = process_->job.Step();
      ASSERT_TRUE(done.ok()) << done;
    }
  }
  /// What was asked of a participant so far, in whole units.
  int64_t AskedOf(const std::string& participant) {
    int64_t micros = 0;
    for (const Payment& one : PaymentsOf(participant, PaymentKind::kCollection)) {
      micros += one.amount.micros();
    }
    EXPECT_EQ(micros % 1'000'000, 0);
    return micros / 1'000'000;
  }

  std::unique_ptr<Replica> replica_;
};

TEST_F(PoolRulesTest, OnlyWholeKilowattHoursAreAskedForOnce) {
  UsePool(5, 5, 40);
  Settle(0, {{"buyer", -990}, {"seller", 20'000}});
  Pay();
  EXPECT_EQ(AskedOf("buyer"), 0) << "0.99 kWh";
  Settle(1, {{"buyer", -10}, {"seller", 20'000}});
  Pay();
  EXPECT_EQ(AskedOf("buyer"), 5) << "1.00 kWh";
  Settle(2, {{"buyer", -9'400}, {"seller", 20'000}});
  Pay();
  EXPECT_EQ(AskedOf("buyer"), 50) << "10.4 kWh";
  Pay();
  EXPECT_EQ(AskedOf("buyer"), 50) << "once";
  EXPECT_EQ(BalanceOf("buyer"), -2'000'000) << "the books are exact";
}

TEST_F(PoolRulesTest, MultiplesOfTheQuantumAreCollected) {
  UsePool(1, 25, 1000);
  for (const char* name : {"p24", "p25", "p49", "p74"}) Add(name);
  Settle(0, {{"p24", -24'000}, {"p25", -25'000}, {"p49", -49'000}, {"p74", -74'000},
             {"seller", 200'000}});
  Pay();
  EXPECT_EQ(AskedOf("p24"), 0);
  EXPECT_EQ(AskedOf("p25"), 25);
  EXPECT_EQ(AskedOf("p49"), 25);
  EXPECT_EQ(AskedOf("p74"), 50);
  EXPECT_EQ(BalanceOf("p74"), -24'000'000);
}

TEST_F(PoolRulesTest, WhatIsPaidIsKeptAndHandedOn) {
  UsePool(5, 50, 40);
  Settle(0, {{"buyer", -10'000}, {"seller", 7'500}, {"consumer", 2'500}});
  Pay();
  EXPECT_EQ(AskedOf("buyer"), 50);
  EXPECT_EQ(NumberFrom("SELECT sum(kept_micros) FROM pool_distributions"), 10'000'000);
  EXPECT_EQ(NumberFrom("SELECT sum(distributed_micros) FROM pool_distributions"), 40'000'000);
  EXPECT_EQ(provider_.charged["participants/seller/payouts/pilot.1"], Money::Micros(30'000'000));
  EXPECT_EQ(provider_.charged["participants/consumer/payouts/pilot.1"],
            Money::Micros(10'000'000));
  EXPECT_EQ(BalanceOf("buyer"), 0);
  EXPECT_EQ(BalanceOf("seller"), 0);
  EXPECT_EQ(BalanceOf("consumer"), 0);
  EXPECT_EQ(SystemBalance(AccountKind::kOperatorShare), 10'000'000);
  EXPECT_EQ(Transit(), -10'000'000) << "what the operator kept is at the bank";
}

TEST_F(PoolRulesTest, AWalletPaysFirst) {
  UsePool(5, 25, 40);
  Fund("buyer", 30'000'000);
  Settle(0, {{"buyer", -10'000}, {"seller", 10'000}});
  Pay();
  const std::vector<Payment> asked = PaymentsOf("buyer", PaymentKind::kCollection);
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_EQ(asked[0].method, CollectionMethod::kWallet);
  EXPECT_EQ(asked[0].amount, Money::Micros(25'000'000));
  EXPECT_EQ(asked[1].method, CollectionMethod::kProvider);
  EXPECT_EQ(asked[1].amount, Money::Micros(25'000'000));
  EXPECT_EQ(BalanceOf("buyer"), 30'000'000 - 50'000'000 + 25'000'000);
}

TEST_F(PoolRulesTest, ByBankCollectionsAreInFilesAndWaitForMandates) {
  UsePool(5, 50, 40);
  UseBank();
  Settle(0, {{"buyer", -10'000}, {"seller", 7'500}, {"consumer", 2'500}});
  Pay();
  EXPECT_EQ(AskedOf("buyer"), 0) << "no mandate yet";
  PutDetails("buyer", "M-1");
  PutDetails("seller");
  Pay();
  EXPECT_EQ(AskedOf("buyer"), 50);
  const auto file = CreateFile("c1", PaymentKind::kCollection);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_NE(file->content.find("pain.008.001.08"), std::string::npos);
  EXPECT_NE(file->content.find("FRST"), std::string::npos);
  const std::string end = PaymentsOf("buyer", PaymentKind::kCollection)[0].end_to_end_id;
  ASSERT_TRUE(
      process_
          ->Import(community_, StatementFile("S1", 0, {{5000, StatementEntry(5000, "B1", end)}}))
          .ok());
  EXPECT_EQ(BalanceOf("buyer"), 0);
  Pay();
  EXPECT_EQ(PaymentOf(NameOf("seller", "pilot.1")).state, PaymentState::kPending);
  EXPECT_EQ(HeldOf("seller"), 30'000'000);
  EXPECT_TRUE(PaymentsOf("consumer", PaymentKind::kPayout).empty()) << "stays in its wallet";
  // The collection goes back: it is owed again, and not asked for until there is another mandate.
  ASSERT_TRUE(process_
                  ->Import(community_,
                           StatementFile("S2", 5000, {{-5000, StatementEntry(-5000, "B2", end, "",
                                                                             "MD06")}}))
                  .ok());
  EXPECT_EQ(BalanceOf("buyer"), -50'000'000);
  Pay();
  EXPECT_EQ(AskedOf("buyer"), 50);
  PutDetails("buyer", "M-2");
  Pay();
  EXPECT_EQ(AskedOf("buyer"), 100);
}

TEST_F(PoolRulesTest, ManyProcessesDoItOnce) {
  UsePool(5, 50, 40);
  Settle(0, {{"buyer", -10'000}, {"seller", 7'500}, {"consumer", 2'500}});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      LedgerCache cache{crypto::Sha256};
      PayingProcess process(pool_, cache, registry_, runs_, provider_, clock_);
      ASSERT_TRUE(process.ledgers.Refresh().ok());
      for (int step = 0; step < 4; ++step) {
        EXPECT_TRUE(process.job.Step().ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(AskedOf("buyer"), 50);
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM payments"), 3);
  EXPECT_EQ(BalanceOf("seller"), 0);
}

}  // namespace
}  // namespace peerwatt::settlement
