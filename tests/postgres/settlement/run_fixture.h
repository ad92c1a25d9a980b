#pragma once

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/settlement/core/change_follower.h"
#include "services/settlement/core/ledgers.h"
#include "services/settlement/core/runner.h"
#include "services/settlement/core/tariff_follower.h"
#include "tests/postgres/settlement/ledger_fixture.h"
#include "tests/postgres/settlement/peers.h"

namespace peerwatt::settlement {

/// A buyer, a seller and a consumer who does not trade. In the first quarter the seller sells the
/// buyer 1000 Wh at 0.20; all deliver, the seller has 500 Wh left, the consumer draws 400 Wh.
class RunTest : public LedgerTest {
 protected:
  /// One running settlement service, without its threads.
  struct Replica {
    explicit Replica(RunTest& test)
        : ledgers(test.registry_, test.runs_),
          settler({test.registry_, test.market_, test.metering_}, test.runs_, test.clock_,
                  test.clock_, test.probe_),
          runner(ledgers, settler, test.runs_, test.clock_, test.clock_, test.probe_),
          follower(test.metering_, test.runs_, ledgers, runner),
          tariff_follower(test.registry_, test.runs_, ledgers, runner) {
      const absl::Status status = ledgers.Refresh();
      EXPECT_TRUE(status.ok()) << status;
    }
    /// Takes what metering stored and the registry has, then does what is due.
    void CatchUp() {
      absl::Status status = follower.Follow();
      EXPECT_TRUE(status.ok()) << status;
      status = tariff_follower.Follow();
      EXPECT_TRUE(status.ok()) << status;
      runner.Step();
    }
    Ledgers ledgers;
    BatchSettler settler;
    Runner runner;
    ChangeFollower follower;
    TariffFollower tariff_follower;
  };

  void SetUp() override {
    registry_.rules = {RulesOf("hamlet")};
    CommunitySnapshot& snapshot = registry_.snapshot;
    snapshot.fees = {100'000};
    registry_.AddTariff("t1", absl::InfinitePast(), FlatTariff());
    for (const char* name : {"buyer", "seller", "consumer"}) {
      snapshot.members.push_back(
          {MeteringPointId(name), ParticipantId(name), GridConnectionId("connection")});
    }
    market_.trades[Quarter(0)] = {{TradeId("t1"), Energy::WattHours(1000),
                                   Price::MicrosPerKwh(200'000), Price::MicrosPerKwh(20'000),
                                   MeteringPointId("buyer"), MeteringPointId("seller"),
                                   ParticipantId("buyer"), ParticipantId("seller")}};
    StoreFirstQuarter();
    LedgerTest::SetUp();
  }

  /// 0.30 from the grid, 0.08 to it.
  static TariffRules FlatTariff() {
    TariffRules rules;
    rules.retail.default_price = Price::MicrosPerKwh(300'000);
    rules.feed_in.default_price = Price::MicrosPerKwh(80'000);
    return rules;
  }

  void StoreFirstQuarter() {
    metering_.Store("buyer", Quarter(0), 1000, 0);
    metering_.Store("seller", Quarter(0), 0, 1500);
    metering_.Store("consumer", Quarter(0), 400, 0);
  }

  Progress LoadProgress() {
    const auto progress = runs_.LoadProgress(community_);
    EXPECT_TRUE(progress.ok()) << progress.status();
    return progress.ok() ? *progress : Progress();
  }
  SettledPeriod PeriodAt(int quarter) {
    const auto period = books_.FindPeriod(community_, Quarter(quarter));
    EXPECT_TRUE(period.ok()) << period.status();
    return period.ok() && period->has_value() ? **period : SettledPeriod();
  }
  int64_t SystemBalance(AccountKind kind) {
    const auto account = books_.FindAccount(community_, SystemAccount(kind));
    EXPECT_TRUE(account.ok() && account->has_value()) << account.status();
    return account.ok() && account->has_value() ? (*account)->balance.micros() : 0;
  }
  /// What the first run of the first quarter comes to, by hand.
  void ExpectFirstRunOfFirstQuarter() {
    EXPECT_EQ(BalanceOf("buyer"), -220'000) << "1 kWh at 0.20 and 0.02 for the network";
    EXPECT_EQ(BalanceOf("seller"), 220'000) << "0.20 less a tenth, 0.5 kWh at 0.08";
    EXPECT_EQ(BalanceOf("consumer"), -120'000) << "0.4 kWh at 0.30";
    EXPECT_EQ(SystemBalance(AccountKind::kMainGrid), 80'000);
    EXPECT_EQ(SystemBalance(AccountKind::kNetworkOperator), 20'000);
    EXPECT_EQ(SystemBalance(AccountKind::kOperatorShare), 20'000);
  }

  /// Settles a second community from scratch with the readings of now, and compares the books.
  void ExpectSameAsFromScratch() {
    const CommunityId scratch("scratch");
    registry_.rules = {RulesOf("scratch")};
    Replica replica(*this);
    replica.runner.Step();
    EXPECT_EQ(BalancesOf(community_), BalancesOf(scratch));
    for (const Member& member : registry_.snapshot.members) {
      EXPECT_EQ(SumsOf(community_, member.participant), SumsOf(scratch, member.participant))
          << member.participant.value();
    }
  }
  std::vector<std::string> BalancesOf(const CommunityId& community) {
    const auto accounts = books_.ListAccounts(community, AccountId(), 1000);
    EXPECT_TRUE(accounts.ok()) << accounts.status();
    std::vector<std::string> balances;
    for (const Account& account : *accounts) {
      if (account.balance == Money()) continue;
      balances.push_back(absl::StrCat(account.id.value(), " ", account.balance.micros()));
    }
    return balances;
  }
  /// Sum of energy and money by kind of line, without the kinds that were taken back in full.
  std::vector<std::string> SumsOf(const CommunityId& community, const ParticipantId& participant) {
    const auto items = books_.SumLines(community, participant, {});
    EXPECT_TRUE(items.ok()) << items.status();
    std::vector<std::string> sums;
    for (const BillItem& item : *items) {
      if (item.energy == Energy() && item.amount == Money()) continue;
      sums.push_back(absl::StrCat(static_cast<int>(item.kind), " ", item.energy.wh(), " ",
                                  item.amount.micros()));
    }
    return sums;
  }

  FakeRegistry registry_;
  FakeMarket market_;
  FakeMetering metering_;
  CountingProbe probe_;
  ManualClock clock_{Quarter(1)};
};

}  // namespace peerwatt::settlement
