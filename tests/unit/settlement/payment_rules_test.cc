// The classic pilot: 5 per kWh, whole kilowatt hours, paid in multiples of 25, 20 % for the
// operator, distributed in multiples of 40.

#include "services/settlement/core/payment_rules.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace peerwatt::settlement {
namespace {

constexpr int64_t kUnit = 1'000'000;

Money Units(int64_t units) { return Money::Micros(units * kUnit); }

PaymentRules Pilot() {
  return {Price::MicrosPerKwh(5 * kUnit), Energy::WattHours(1000), Units(25), Units(40), 200'000};
}

PaymentAccount AccountOf(const std::string& id) {
  PaymentAccount account;
  account.participant = ParticipantId(id);
  return account;
}

struct Amounts {
  int64_t in;
  int64_t out;
};

TEST(RequestedFor, CountsWholeKilowattHours) {
  for (const Amounts& row : std::vector<Amounts>{
           {0, 0}, {990, 0}, {1000, 5}, {10'400, 50}, {10'999, 50}, {11'000, 55}, {-2000, 0}}) {
    EXPECT_EQ(RequestedFor(Pilot(), Energy::WattHours(row.in)), Units(row.out)) << row.in;
  }
}

TEST(NextRequest, AsksOnce) {
  PaymentAccount account = AccountOf("c");
  account.used = Energy::WattHours(10'400);
  EXPECT_EQ(NextRequest(Pilot(), account), Units(50));
  account.requested = Units(50);
  EXPECT_EQ(NextRequest(Pilot(), account), Units(0));
  account.used = Energy::WattHours(11'000);
  EXPECT_EQ(NextRequest(Pilot(), account), Units(5)) << "0.4 of before and 0.6 of now";
  account.used = Energy::WattHours(9'900);
  EXPECT_EQ(NextRequest(Pilot(), account), Units(-5)) << "a correction gives credit";
}

TEST(NextCollection, TakesMultiplesOfTheQuantum) {
  for (const Amounts& row :
       std::vector<Amounts>{{24, 0}, {25, 25}, {49, 25}, {50, 50}, {74, 50}, {75, 75}, {-30, 0}}) {
    EXPECT_EQ(NextCollection(Pilot(), Units(row.in)), Units(row.out)) << row.in;
  }
}

TEST(NextDistribution, KeepsTheShareAndDividesTheRestByContribution) {
  std::vector<PaymentAccount> accounts = {AccountOf("c"), AccountOf("p1"), AccountOf("p2")};
  accounts[1].contributed = Energy::WattHours(7500);
  accounts[2].contributed = Energy::WattHours(2500);
  const Distribution next = NextDistribution(Pilot(), {Units(50), Units(0), Units(0)}, accounts);
  EXPECT_EQ(next.kept, Units(10));
  EXPECT_EQ(next.distributed, Units(40));
  EXPECT_EQ(next.parts, (std::vector<Money>{Units(0), Units(30), Units(10)}));
}

TEST(NextDistribution, WaitsForAWholeQuantum) {
  std::vector<PaymentAccount> accounts = {AccountOf("p1")};
  accounts[0].contributed = Energy::WattHours(1);
  const Distribution first = NextDistribution(Pilot(), {Units(25), Units(0), Units(0)}, accounts);
  EXPECT_EQ(first.kept, Units(5));
  EXPECT_EQ(first.distributed, Units(0)) << "20 are less than 40";
  const Distribution second = NextDistribution(Pilot(), {Units(50), Units(5), Units(0)}, accounts);
  EXPECT_EQ(second.kept, Units(5));
  EXPECT_EQ(second.distributed, Units(40));
}

TEST(NextDistribution, NobodyPaysBackWhatACorrectionTakesAway) {
  // p1 got 30 and p2 10; then p1's meter is corrected to half of all that was fed in.
  std::vector<PaymentAccount> accounts = {AccountOf("p1"), AccountOf("p2")};
  accounts[0].contributed = accounts[1].contributed = Energy::WattHours(2500);
  accounts[0].received = Units(30);
  accounts[1].received = Units(10);
  const PaymentPot pot = {Units(100), Units(10), Units(40)};
  const Distribution next = NextDistribution(Pilot(), pot, accounts);
  EXPECT_EQ(next.kept, Units(10));
  EXPECT_EQ(next.parts, (std::vector<Money>{Units(10), Units(30)})) << "both have 40 now";
}

TEST(NextDistribution, WithoutContributionsTheMoneyWaits) {
  const Distribution next =
      NextDistribution(Pilot(), {Units(100), Units(0), Units(0)}, {AccountOf("c")});
  EXPECT_EQ(next.kept, Units(20));
  EXPECT_EQ(next.distributed, Units(0));
}

/// A community under the rules, which collects and distributes whenever it is told to.
struct Community {
  PaymentRules rules;
  PaymentPot pot;
  std::vector<PaymentAccount> accounts;

  void Look() {
    for (PaymentAccount& account : accounts) {
      account.requested += NextRequest(rules, account);
      const Money paid = NextCollection(rules, OutstandingOf(account));
      ASSERT_GE(paid, Money());
      ASSERT_EQ(paid.micros() % rules.collection_quantum.micros(), 0);
      account.paid += paid;
      pot.paid += paid;
    }
    const Distribution next = NextDistribution(rules, pot, accounts);
    ASSERT_GE(next.kept, Money());
    ASSERT_EQ(next.distributed.micros() % rules.payout_quantum.micros(), 0);
    pot.kept += next.kept;
    pot.distributed += next.distributed;
    Money parts;
    for (size_t i = 0; i < accounts.size(); ++i) {
      ASSERT_GE(next.parts[i], Money());
      accounts[i].received += next.parts[i];
      parts += next.parts[i];
    }
    ASSERT_EQ(parts, next.distributed);
    ASSERT_GE(pot.paid, pot.kept + pot.distributed) << "nothing is given that was not paid";
  }
};

TEST(PaymentRules, ComeToTheSameHoweverOftenOneLooks) {
  constexpr uint32_t kSeed = 20260701;
  std::mt19937 random(kSeed);
  const auto draw = [&](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  };
  for (int round = 0; round < 2000; ++round) {
    SCOPED_TRACE("seed " + std::to_string(kSeed) + " round " + std::to_string(round));
    Community often{Pilot(), {}, {}};
    often.rules.price = Price::MicrosPerKwh(draw(1, 9'000'001));
    often.rules.operator_share_ppm = draw(0, 1'000'000);
    often.rules.collection_quantum = Money::Micros(draw(1, 25'000'000));
    often.rules.payout_quantum = Money::Micros(draw(1, 40'000'000));
    for (int64_t i = draw(1, 5); i > 0; --i)
      often.accounts.push_back(AccountOf("p" + std::to_string(i)));
    for (int step = 0; step < 20; ++step) {
      PaymentAccount& one = often.accounts[static_cast<size_t>(
          draw(0, static_cast<int64_t>(often.accounts.size()) - 1))];
      one.used += Energy::WattHours(draw(0, 4000));
      one.contributed += Energy::WattHours(draw(0, 4000));
      ASSERT_NO_FATAL_FAILURE(often.Look());
    }
    Community once{often.rules, {}, often.accounts};
    for (PaymentAccount& account : once.accounts) {
      account.requested = account.paid = account.received = Money();
    }
    std::reverse(once.accounts.begin(), once.accounts.end());
    ASSERT_NO_FATAL_FAILURE(once.Look());
    std::reverse(once.accounts.begin(), once.accounts.end());
    EXPECT_EQ(once.pot.paid, often.pot.paid);
    EXPECT_EQ(once.pot.kept, often.pot.kept);
    EXPECT_EQ(once.pot.distributed, often.pot.distributed);
    for (size_t i = 0; i < once.accounts.size(); ++i) {
      EXPECT_EQ(once.accounts[i].requested, often.accounts[i].requested);
      EXPECT_EQ(once.accounts[i].paid, often.accounts[i].paid);
    }
  }
}

}  // namespace
}  // namespace peerwatt::settlement
