// What each policy makes of one period, as tables: who drew and fed in what, and what each then
// pays or gets. Retail 0.30, feed-in 0.08 per kWh; amounts in micro-units.

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "services/settlement/core/difference.h"
#include "services/settlement/core/journal_entry.h"
#include "services/settlement/core/settlement.h"

namespace peerwatt::settlement {
namespace {

using Amounts = std::map<LineKind, int64_t>;
using Bills = std::map<std::string, Amounts>;

Connection Drew(const std::string& id, int64_t wh, int64_t coefficient = 0,
                int32_t rank = kUnranked) {
  return {ParticipantId(id),
          GridConnectionId("c"),
          Energy::WattHours(wh),
          Energy(),
          false,
          coefficient,
          rank};
}
Connection Fed(const std::string& id, int64_t wh, int64_t coefficient = 0) {
  return {ParticipantId(id), GridConnectionId("c"), Energy(), Energy::WattHours(wh), false,
          coefficient};
}

SettlementInput InputOf(Mechanism mechanism, std::vector<Connection> connections) {
  SettlementInput input;
  input.tariff = {Price::MicrosPerKwh(300'000), Price::MicrosPerKwh(80'000)};
  input.terms.mechanism = mechanism;
  input.terms.imbalance_purchase = input.tariff.retail;
  input.terms.imbalance_sale = input.tariff.feed_in;
  input.connections = std::move(connections);
  return input;
}

/// Money by participant and kind, without what moves none.
Bills BillsOf(const SettlementResult& result) {
  Bills bills;
  for (const Line& line : result.lines) {
    if (IsReference(line.key.kind) || line.key.kind == LineKind::kSelfConsumption) continue;
    bills[line.key.participant.value()][line.key.kind] += line.amount.micros();
  }
  return bills;
}
Energy EnergyOf(const SettlementResult& result, const std::string& participant, LineKind kind) {
  Energy energy;
  for (const Line& line : result.lines) {
    if (line.key.participant.value() == participant && line.key.kind == kind) energy += line.energy;
  }
  return energy;
}

SettlementInput FirmInput(int64_t fed_in_wh, int64_t drawn_wh) {
  SettlementInput input = InputOf(
      Mechanism::kTrading, {Drew("buyer", drawn_wh), Fed("seller", fed_in_wh), Drew("other", 700)});
  input.terms.policy = DeliveryPolicy::kFirm;
  input.trades = {
      {TradeId("t1"), Energy::WattHours(10'000), Price::MicrosPerKwh(200'000), Price(), 0, 1}};
  return input;
}

struct FirmCase {
  const char* name;
  int64_t fed_in_wh;
  int64_t drawn_wh;
  Amounts buyer;
  Amounts seller;
};

// 10 kWh at 0.20, whoever delivers what: the trade pays 2.00, and who deviated meets the main grid.
TEST(SettleFirm, TheTradePaysAndWhoDeviatesBearsIt) {
  const std::vector<FirmCase> cases = {
      {"both as agreed",
       10'000,
       10'000,
       {{LineKind::kPurchase, -2'000'000}},
       {{LineKind::kSale, 2'000'000}}},
      {"the buyer drew 2.5 kWh more",
       10'000,
       12'500,
       {{LineKind::kPurchase, -2'000'000}, {LineKind::kImbalancePurchase, -750'000}},
       {{LineKind::kSale, 2'000'000}}},
      {"the buyer drew 4 kWh less",
       10'000,
       6'000,
       {{LineKind::kPurchase, -2'000'000}, {LineKind::kImbalanceSale, 320'000}},
       {{LineKind::kSale, 2'000'000}}},
      {"the seller fed in 6 kWh less",
       4'000,
       10'000,
       {{LineKind::kPurchase, -2'000'000}},
       {{LineKind::kSale, 2'000'000}, {LineKind::kImbalancePurchase, -1'800'000}}},
      {"the seller fed in 1 kWh more",
       11'000,
       10'000,
       {{LineKind::kPurchase, -2'000'000}},
       {{LineKind::kSale, 2'000'000}, {LineKind::kImbalanceSale, 80'000}}},
      {"nothing flowed",
       0,
       0,
       {{LineKind::kPurchase, -2'000'000}, {LineKind::kImbalanceSale, 800'000}},
       {{LineKind::kSale, 2'000'000}, {LineKind::kImbalancePurchase, -3'000'000}}},
  };
  for (const FirmCase& c : cases) {
    SCOPED_TRACE(c.name);
    const SettlementResult result = Settle(FirmInput(c.fed_in_wh, c.drawn_wh));
    // Who did not trade has not deviated from anything.
    EXPECT_EQ(BillsOf(result), (Bills{{"buyer", c.buyer},
                                      {"seller", c.seller},
                                      {"other", {{LineKind::kRetail, -210'000}}}}));
    EXPECT_EQ(result.totals.delivered, Energy::WattHours(10'000)) << "what was traded";
    EXPECT_EQ(result.totals.retail, Energy::WattHours(700));
  }
}

TEST(SettleFirm, ImbalanceHasItsOwnPrices) {
  SettlementInput input = FirmInput(8'000, 9'000);
  input.terms.imbalance_purchase = Price::MicrosPerKwh(500'000);
  input.terms.imbalance_sale = Price::MicrosPerKwh(-10'000);
  const Bills bills = BillsOf(Settle(input));
  EXPECT_EQ(bills.at("seller").at(LineKind::kImbalancePurchase), -1'000'000);
  EXPECT_EQ(bills.at("buyer").at(LineKind::kImbalanceSale), -10'000) << "an excess costs";
}

TEST(SettleFirm, FeesFollowTheTrade) {
  SettlementInput input = FirmInput(0, 0);
  input.fees.operator_share_ppm = 100'000;
  input.trades[0].network_fee = Price::MicrosPerKwh(20'000);
  const Bills bills = BillsOf(Settle(input));
  EXPECT_EQ(bills.at("buyer").at(LineKind::kNetworkFee), -200'000);
  EXPECT_EQ(bills.at("seller").at(LineKind::kOperatorShare), -200'000);
}

TEST(SettleFirm, ImbalanceMovesMoneyToAndFromTheMainGrid) {
  const SettlementResult result = Settle(FirmInput(4'000, 12'500));
  const RunEntries entries = EntriesOf(absl::UnixEpoch(), 1, result.lines);
  std::vector<std::string> keys;
  for (const JournalEntry& entry : entries.entries) keys.push_back(entry.idempotency_key);
  EXPECT_EQ(keys, (std::vector<std::string>{"trade:19700101t000000z:t1:1",
                                            "imbalance-purchase:19700101t000000z:buyer:c:1",
                                            "imbalance-purchase:19700101t000000z:seller:c:1",
                                            "retail:19700101t000000z:other:c:1"}));
  EXPECT_EQ(entries.entries[1].kind, "imbalance");
  EXPECT_EQ(entries.entries[1].postings[0],
            (Posting{SystemAccount(AccountKind::kMainGrid), Money::Micros(750'000)}));
}

struct SharingCase {
  const char* name;
  SharingKey key;
  std::vector<Connection> connections;
  std::map<std::string, int64_t> taken_wh;
  std::map<std::string, int64_t> given_wh;
};

TEST(SettleSharing, FollowsTheKey) {
  const std::vector<SharingCase> cases = {
      {"proportional, 1 and 3 of 10: all they need",
       SharingKey::kProportional,
       {Fed("p", 10), Drew("a", 1), Drew("b", 3)},
       {{"a", 1}, {"b", 3}},
       {{"p", 4}}},
      {"static, 10 % of 100 where 20 are needed",
       SharingKey::kStatic,
       {Fed("p", 100, 900'000), Drew("a", 20, 100'000)},
       {{"a", 10}},
       {{"p", 10}}},
      {"fixed key of five, 70 kWh: parts of 0.1 and 0.225, at most what is needed",
       SharingKey::kStatic,
       {Fed("p1", 70'000), Drew("p2", 20'000, 100'000), Drew("p3", 2'000, 225'000),
        Drew("p4", 30'000, 225'000), Drew("p5", 18'000, 225'000), Drew("p6", 20'000, 225'000)},
       {{"p2", 7'000}, {"p3", 2'000}, {"p4", 15'750}, {"p5", 15'750}, {"p6", 15'750}},
       {{"p1", 56'250}}},
      {"relative key of five: what p3 leaves goes to the others by coefficient",
       SharingKey::kRelative,
       {Fed("p1", 70'000), Drew("p2", 20'000, 100'000), Drew("p3", 2'000, 225'000),
        Drew("p4", 30'000, 225'000), Drew("p5", 18'000, 225'000), Drew("p6", 20'000, 225'000)},
       {{"p2", 9'231}, {"p3", 2'000}, {"p4", 20'769}, {"p5", 18'000}, {"p6", 20'000}},
       {{"p1", 70'000}}},
      {"the coefficient of a point that left keeps its part",
       SharingKey::kStatic,
       {Fed("p", 1000), Drew("a", 900, 400'000), Drew("b", 900, 400'000)},
       {{"a", 400}, {"b", 400}},
       {{"p", 800}}},
      {"equal among those that drew",
       SharingKey::kEqual,
       {Fed("p", 900), Drew("a", 900), Drew("b", 100), Drew("idle", 0)},
       {{"a", 450}, {"b", 100}},
       {{"p", 550}}},
      {"cascading: first rank, then second, those without a rank last",
       SharingKey::kCascading,
       {Fed("p", 1000), Drew("late", 500), Drew("b", 800, 0, 2), Drew("a", 600, 0, 1)},
       {{"a", 600}, {"b", 400}},
       {{"p", 1000}}},
      {"producers deliver in proportion to what they fed in",
       SharingKey::kProportional,
       {Fed("p", 3000), Fed("q", 1000), Drew("a", 1000)},
       {{"a", 1000}},
       {{"p", 750}, {"q", 250}}},
      {"an odd watt hour goes to the larger remainder, of equal ones to the lower name",
       SharingKey::kProportional,
       {Fed("q", 100), Fed("p", 100), Drew("a", 101)},
       {{"a", 101}},
       {{"p", 51}, {"q", 50}}},
      {"nothing was fed in", SharingKey::kEqual, {Drew("a", 100)}, {}, {}},
      {"nothing was drawn", SharingKey::kOptimal, {Fed("p", 100, 1'000'000)}, {}, {}},
  };
  for (const SharingCase& c : cases) {
    SCOPED_TRACE(c.name);
    SettlementInput input = InputOf(Mechanism::kSharing, c.connections);
    input.terms.key = c.key;
    const SettlementResult result = Settle(input);
    std::map<std::string, int64_t> taken;
    std::map<std::string, int64_t> given;
    for (const Line& line : result.lines) {
      if (line.key.kind == LineKind::kPoolPurchase) {
        taken[line.key.participant.value()] = line.energy.wh();
      }
      if (line.key.kind == LineKind::kPoolSale) {
        given[line.key.participant.value()] = line.energy.wh();
      }
    }
    EXPECT_EQ(taken, c.taken_wh);
    EXPECT_EQ(given, c.given_wh);
  }
}

// 3 kWh are shared at 0.10; the operator keeps a tenth of what producers get; the network gets
// 0.02.
TEST(SettleSharing, PaysTheInternalPriceAndLeavesTheRestToTheMainGrid) {
  SettlementInput input = InputOf(
      Mechanism::kSharing, {Fed("p", 3000), Fed("q", 1000), Drew("a", 2000), Drew("b", 1000)});
  input.terms.local_price = Price::MicrosPerKwh(100'000);
  input.fees = {100'000, Price::MicrosPerKwh(20'000)};
  EXPECT_EQ(BillsOf(Settle(input)),
            (Bills{{"a", {{LineKind::kPoolPurchase, -200'000}, {LineKind::kNetworkFee, -40'000}}},
                   {"b", {{LineKind::kPoolPurchase, -100'000}, {LineKind::kNetworkFee, -20'000}}},
                   {"p",
                    {{LineKind::kPoolSale, 225'000},
                     {LineKind::kOperatorShare, -22'500},
                     {LineKind::kFeedIn, 60'000}}},
                   {"q",
                    {{LineKind::kPoolSale, 75'000},
                     {LineKind::kOperatorShare, -7'500},
                     {LineKind::kFeedIn, 20'000}}}}));
  // The other way round there is too little, and consumers buy the rest.
  input = InputOf(Mechanism::kSharing, {Fed("p", 1000), Drew("a", 3000), Drew("b", 1000)});
  input.terms.local_price = Price::MicrosPerKwh(100'000);
  EXPECT_EQ(BillsOf(Settle(input)),
            (Bills{{"a", {{LineKind::kPoolPurchase, -75'000}, {LineKind::kRetail, -675'000}}},
                   {"b", {{LineKind::kPoolPurchase, -25'000}, {LineKind::kRetail, -225'000}}},
                   {"p", {{LineKind::kPoolSale, 100'000}}}}));
}

TEST(SettleSharing, EnergyMayBeFreeOrCostTheProducer) {
  SettlementInput input = InputOf(Mechanism::kSharing, {Fed("p", 1000), Drew("a", 1000)});
  const SettlementResult free = Settle(input);
  EXPECT_EQ(EnergyOf(free, "a", LineKind::kPoolPurchase), Energy::WattHours(1000));
  EXPECT_TRUE(EntriesOf(absl::UnixEpoch(), 1, free.lines).entries.empty());
  input.terms.local_price = Price::MicrosPerKwh(-50'000);
  input.fees.operator_share_ppm = 500'000;
  EXPECT_EQ(BillsOf(Settle(input)), (Bills{{"a", {{LineKind::kPoolPurchase, 50'000}}},
                                           {"p", {{LineKind::kPoolSale, -50'000}}}}));
}

TEST(SettleSharing, TradesOfTheMarketDoNotCount) {
  SettlementInput input = InputOf(Mechanism::kSharing, {Fed("p", 1000), Drew("a", 1000)});
  input.trades = {{TradeId("t1"), Energy::WattHours(1000), Price::MicrosPerKwh(1), Price(), 1, 0}};
  const SettlementResult result = Settle(input);
  EXPECT_EQ(EnergyOf(result, "a", LineKind::kPurchase), Energy());
  EXPECT_EQ(EnergyOf(result, "a", LineKind::kPoolPurchase), Energy::WattHours(1000));
}

// The classic pilot: 10 kWh at 5 are 50; the operator keeps 10; 30 and 10 go to the producers.
TEST(SettlePool, DividesWhatConsumersPaid) {
  SettlementInput input = InputOf(Mechanism::kFixedPricePool, {Fed("p1", 7500), Fed("p2", 2500),
                                                               Drew("c1", 6000), Drew("c2", 4000)});
  input.terms.local_price = Price::MicrosPerKwh(5'000'000);
  input.fees.operator_share_ppm = 200'000;
  const SettlementResult result = Settle(input);
  EXPECT_EQ(
      BillsOf(result),
      (Bills{{"c1", {{LineKind::kPoolPurchase, -30'000'000}}},
             {"c2", {{LineKind::kPoolPurchase, -20'000'000}}},
             {"p1", {{LineKind::kPoolSale, 37'500'000}, {LineKind::kOperatorShare, -7'500'000}}},
             {"p2", {{LineKind::kPoolSale, 12'500'000}, {LineKind::kOperatorShare, -2'500'000}}}}));
  // All of it moves in one entry.
  const RunEntries entries = EntriesOf(absl::UnixEpoch(), 1, result.lines);
  ASSERT_EQ(entries.entries.size(), 1);
  EXPECT_EQ(entries.entries[0].kind, "pool");
  EXPECT_EQ(entries.entries[0].idempotency_key, "pool:19700101t000000z:1");
  EXPECT_EQ(
      entries.entries[0].postings,
      (std::vector<Posting>{{SystemAccount(AccountKind::kOperatorShare), Money::Micros(10'000'000)},
                            {ParticipantAccount(ParticipantId("c1")), Money::Micros(-30'000'000)},
                            {ParticipantAccount(ParticipantId("c2")), Money::Micros(-20'000'000)},
                            {ParticipantAccount(ParticipantId("p1")), Money::Micros(30'000'000)},
                            {ParticipantAccount(ParticipantId("p2")), Money::Micros(10'000'000)}}));
}

TEST(SettlePool, TakesTheOperatorsShareOnceFromAllThatWasPaid) {
  // 3 times 0.5 micro-units would round to 0 each; together they are 2 (half to even of 1.5).
  SettlementInput input =
      InputOf(Mechanism::kFixedPricePool, {Fed("p", 1), Fed("q", 1), Fed("r", 1), Drew("a", 3)});
  input.terms.local_price = Price::MicrosPerKwh(1000);
  input.fees.operator_share_ppm = 500'000;
  const Bills bills = BillsOf(Settle(input));
  int64_t kept = 0;
  for (const char* producer : {"p", "q", "r"})
    kept -= bills.at(producer).at(LineKind::kOperatorShare);
  EXPECT_EQ(kept, 2);
}

TEST(Settle, ACorrectedMeterPostsDifferencesOfThePoolOnly) {
  SettlementInput input =
      InputOf(Mechanism::kSharing, {Fed("p", 1000), Drew("a", 500), Drew("b", 500)});
  input.terms.local_price = Price::MicrosPerKwh(100'000);
  std::vector<PostedLine> posted;
  for (const Line& line : Settle(input).lines)
    posted.push_back({line.key, line.energy, line.amount});
  input.connections[1].import_energy = Energy::WattHours(300);
  const RunEntries entries =
      EntriesOf(absl::UnixEpoch(), 2, DifferenceOf(Settle(input).lines, posted));
  ASSERT_EQ(entries.entries.size(), 2);
  EXPECT_EQ(entries.entries[0].idempotency_key, "pool:19700101t000000z:2");
  EXPECT_EQ(
      entries.entries[0].postings,
      (std::vector<Posting>{{ParticipantAccount(ParticipantId("a")), Money::Micros(20'000)},
                            {ParticipantAccount(ParticipantId("p")), Money::Micros(-20'000)}}));
  EXPECT_EQ(entries.entries[1].kind, "feed-in");
}

}  // namespace
}  // namespace peerwatt::settlement
