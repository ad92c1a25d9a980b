#include "services/settlement/core/settlement.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "services/settlement/core/journal_entry.h"

namespace peerwatt::settlement {
namespace {

constexpr int64_t kRetail = 300'000;
constexpr int64_t kFeedIn = 80'000;

Connection MakeConnection(const std::string& id, int64_t import_wh, int64_t export_wh) {
  return {ParticipantId(id), GridConnectionId("c-" + id), Energy::WattHours(import_wh),
          Energy::WattHours(export_wh), false};
}

ConnectedTrade MakeTrade(const std::string& id, int64_t energy_wh, int64_t price, size_t buyer,
                         size_t seller, int64_t network_fee = 0) {
  return {TradeId(id),
          Energy::WattHours(energy_wh),
          Price::MicrosPerKwh(price),
          Price::MicrosPerKwh(network_fee),
          buyer,
          seller};
}

SettlementInput MakeInput(std::vector<Connection> connections,
                          std::vector<ConnectedTrade> trades) {
  SettlementInput input;
  input.tariff = {Price::MicrosPerKwh(kRetail), Price::MicrosPerKwh(kFeedIn)};
  input.connections = std::move(connections);
  input.trades = std::move(trades);
  return input;
}

/// Sum over the lines of a kind of a participant; `trade` empty sums all.
Line SumOf(const SettlementResult& result, const std::string& participant, LineKind kind,
           const std::string& trade = "") {
  Line sum;
  for (const Line& line : result.lines) {
    if (line.key.participant.value() != participant || line.key.kind != kind) continue;
    if (!trade.empty() && line.key.trade.value() != trade) continue;
    sum.energy += line.energy;
    sum.amount += line.amount;
    sum.price = line.price;
    sum.substituted = sum.substituted || line.substituted;
  }
  return sum;
}

int64_t AmountOf(const SettlementResult& result, const std::string& participant, LineKind kind) {
  return SumOf(result, participant, kind).amount.micros();
}
int64_t EnergyOf(const SettlementResult& result, const std::string& participant, LineKind kind,
                 const std::string& trade = "") {
  return SumOf(result, participant, kind, trade).energy.wh();
}

struct AtomicCase {
  int64_t fed_in_wh;
  int64_t drawn_wh;
  int64_t buyer_to_seller;
  int64_t buyer_to_main_grid;
  int64_t main_grid_to_seller;
};

// Hour-ahead prosumer contract: 10 kWh at 0.20, retail 0.30, feed-in 0.08, no fees.
TEST(Settle, MovesTradeRetailAndFeedInTogether) {
  const std::vector<AtomicCase> cases = {
      {10'000, 10'000, 2'000'000, 0, 0},
      {10'000, 12'500, 2'000'000, 750'000, 0},
      {10'000, 6'000, 1'200'000, 0, 320'000},
      {4'000, 10'000, 800'000, 1'800'000, 0},
  };
  for (const AtomicCase& c : cases) {
    SCOPED_TRACE(testing::Message() << c.fed_in_wh << " in, " << c.drawn_wh << " out");
    const SettlementResult result =
        Settle(MakeInput({MakeConnection("b", c.drawn_wh, 0), MakeConnection("s", 0, c.fed_in_wh)},
                         {MakeTrade("t1", 10'000, 200'000, 0, 1)}));
    EXPECT_EQ(AmountOf(result, "b", LineKind::kPurchase), -c.buyer_to_seller);
    EXPECT_EQ(AmountOf(result, "s", LineKind::kSale), c.buyer_to_seller);
    EXPECT_EQ(AmountOf(result, "b", LineKind::kRetail), -c.buyer_to_main_grid);
    EXPECT_EQ(AmountOf(result, "s", LineKind::kFeedIn), c.main_grid_to_seller);
  }
}

// A sale that relieves a full line: what it costs less for the network, the buyer gets.
TEST(Settle, PaysTheBuyerANetworkFeeBelowZero) {
  const SettlementResult result =
      Settle(MakeInput({MakeConnection("b", 700, 0), MakeConnection("s", 0, 1000)},
                       {MakeTrade("t1", 1000, 200'000, 0, 1, -25'001)}));
  EXPECT_EQ(AmountOf(result, "b", LineKind::kPurchase), -140'000);
  EXPECT_EQ(SumOf(result, "b", LineKind::kNetworkFee).price, Price::MicrosPerKwh(-25'001));
  EXPECT_EQ(AmountOf(result, "b", LineKind::kNetworkFee), 17'501) << "17500.7, half to even";
  EXPECT_EQ(AmountOf(result, "s", LineKind::kSale), 140'000);
  const RunEntries run = EntriesOf(absl::UnixEpoch(), 1, result.lines);
  ASSERT_EQ(run.entries.size(), 2U) << "the trade, and the rest fed in";
  Money sum;
  Money network;
  for (const Posting& posting : run.entries[0].postings) {
    sum += posting.amount;
    if (posting.account == SystemAccount(AccountKind::kNetworkOperator)) network = posting.amount;
  }
  EXPECT_EQ(sum, Money());
  EXPECT_EQ(network, Money::Micros(-17'501));
}

TEST(Settle, SettlesOneWayWhicheverTradeComesFirst) {
  std::vector<Connection> connections = {MakeConnection("b", 700, 0), MakeConnection("c", 500, 0),
                                         MakeConnection("s", 0, 1001)};
  std::vector<ConnectedTrade> trades = {MakeTrade("t1", 800, 200'000, 0, 2),
                                        MakeTrade("t2", 800, 200'000, 1, 2)};
  const SettlementResult forward = Settle(MakeInput(connections, trades));
  std::swap(trades[0], trades[1]);
  EXPECT_EQ(Settle(MakeInput(connections, trades)).lines, forward.lines);
}

TEST(Settle, SharesAShortfallInProportionToTheTrades) {
  // The seller sold 3 + 1 kWh and fed in 2 kWh: 1.5 and 0.5.
  const SettlementResult result = Settle(MakeInput(
      {MakeConnection("b", 3000, 0), MakeConnection("c", 1000, 0), MakeConnection("s", 0, 2000)},
      {MakeTrade("t1", 3000, 200'000, 0, 2), MakeTrade("t2", 1000, 200'000, 1, 2)}));
  EXPECT_EQ(EnergyOf(result, "s", LineKind::kSale, "t1"), 1500);
  EXPECT_EQ(EnergyOf(result, "s", LineKind::kSale, "t2"), 500);
  EXPECT_EQ(EnergyOf(result, "b", LineKind::kRetail), 1500);
  EXPECT_EQ(EnergyOf(result, "c", LineKind::kRetail), 500);
}

TEST(Settle, GivesTheOddWattHourToTheSmallerTradeId) {
  const SettlementResult result = Settle(MakeInput(
      {MakeConnection("b", 100, 0), MakeConnection("c", 100, 0), MakeConnection("s", 0, 101)},
      {MakeTrade("t2", 100, 200'000, 0, 2), MakeTrade("t1", 100, 200'000, 1, 2)}));
  EXPECT_EQ(EnergyOf(result, "s", LineKind::kSale, "t1"), 51);
  EXPECT_EQ(EnergyOf(result, "s", LineKind::kSale, "t2"), 50);
}

TEST(Settle, DeliversTheLesserOfBothSides) {
  // The buyer drew half of what it bought, the seller fed in all it sold.
  const SettlementResult result = Settle(MakeInput(
      {MakeConnection("b", 500, 0), MakeConnection("s", 0, 1000)},
      {MakeTrade("t1", 1000, 200'000, 0, 1)}));
  EXPECT_EQ(EnergyOf(result, "b", LineKind::kPurchase), 500);
  EXPECT_EQ(EnergyOf(result, "s", LineKind::kSale), 500);
  EXPECT_EQ(EnergyOf(result, "s", LineKind::kFeedIn), 500);
  EXPECT_EQ(result.totals.delivered, Energy::WattHours(500));
}

TEST(Settle, NetsPointsBehindAConnectionFirst) {
  const SettlementResult result =
      Settle(MakeInput({MakeConnection("p", 400, 1000), MakeConnection("q", 700, 300)}, {}));
  EXPECT_EQ(EnergyOf(result, "p", LineKind::kSelfConsumption), 400);
  EXPECT_EQ(EnergyOf(result, "p", LineKind::kFeedIn), 600);
  EXPECT_EQ(EnergyOf(result, "q", LineKind::kSelfConsumption), 300);
  EXPECT_EQ(EnergyOf(result, "q", LineKind::kRetail), 400);
  EXPECT_EQ(AmountOf(result, "p", LineKind::kSelfConsumption), 0);
  EXPECT_EQ(result.totals, (PeriodTotals{Energy::WattHours(400), Energy::WattHours(600),
                                         Energy::WattHours(700), Energy(),
                                         Energy::WattHours(400), Energy::WattHours(600)}));
}

TEST(Settle, DeliversNothingWhereNothingFlowed) {
  const SettlementResult result = Settle(MakeInput(
      {MakeConnection("b", 0, 0), MakeConnection("s", 0, 0)},
      {MakeTrade("t1", 1000, 200'000, 0, 1)}));
  EXPECT_TRUE(result.lines.empty());
}

TEST(Settle, ChargesNetworkFeeAndOperatorShare) {
  SettlementInput input = MakeInput({MakeConnection("b", 1500, 0), MakeConnection("s", 0, 1500)},
                                    {MakeTrade("t1", 1500, 200'001, 0, 1, 10'001)});
  input.fees = {25'000};
  const SettlementResult result = Settle(input);
  // 1.5 · 200001 = 300001.5 → 300002 (even); 1.5 · 10001 = 15001.5 → 15002; 2.5 % of 300002 =
  // 7500.05 → 7500.
  EXPECT_EQ(AmountOf(result, "b", LineKind::kPurchase), -300'002);
  EXPECT_EQ(AmountOf(result, "s", LineKind::kSale), 300'002);
  EXPECT_EQ(AmountOf(result, "b", LineKind::kNetworkFee), -15'002);
  EXPECT_EQ(AmountOf(result, "s", LineKind::kOperatorShare), -7'500);
}

TEST(Settle, ChargesEachTradeTheFeeOfItsOwnPath) {
  // The buyer is in the north. t1 comes from the north at the flat fee of 0.01; t2 from the south,
  // where energy costs 0.06 less: 0.02 is the line's fee, 0.04 its congestion.
  const SettlementResult result = Settle(MakeInput(
      {MakeConnection("b", 3000, 0), MakeConnection("n", 0, 1000), MakeConnection("s", 0, 2000)},
      {MakeTrade("t1", 1000, 200'000, 0, 1, 10'000),
       MakeTrade("t2", 2000, 140'000, 0, 2, 70'000)}));
  EXPECT_EQ(AmountOf(result, "n", LineKind::kSale), 200'000);
  EXPECT_EQ(AmountOf(result, "s", LineKind::kSale), 280'000);
  EXPECT_EQ(AmountOf(result, "b", LineKind::kPurchase), -480'000);
  EXPECT_EQ(SumOf(result, "b", LineKind::kNetworkFee, "t1").amount.micros(), -10'000);
  EXPECT_EQ(SumOf(result, "b", LineKind::kNetworkFee, "t2").amount.micros(), -140'000);
  // 0.21 per kWh from either.
  EXPECT_EQ(
      AmountOf(result, "b", LineKind::kPurchase) + AmountOf(result, "b", LineKind::kNetworkFee),
      -3 * 210'000);
}

TEST(Settle, RoundsHalfToEvenOnceForBothSides) {
  // 0.5 · 200001 = 100000.5 → 100000; 0.5 · 200003 = 100001.5 → 100002.
  for (const auto& [price, amount] :
       std::vector<std::pair<int64_t, int64_t>>{{200'001, 100'000}, {200'003, 100'002}}) {
    const SettlementResult result = Settle(MakeInput(
        {MakeConnection("b", 500, 0), MakeConnection("s", 0, 500)},
        {MakeTrade("t1", 500, price, 0, 1)}));
    EXPECT_EQ(AmountOf(result, "b", LineKind::kPurchase), -amount);
    EXPECT_EQ(AmountOf(result, "s", LineKind::kSale), amount);
  }
}

TEST(Settle, TurnsTheSignsAtNegativePrices) {
  SettlementInput input = MakeInput({MakeConnection("b", 2000, 0), MakeConnection("s", 0, 3000)},
                                    {MakeTrade("t1", 1000, -50'000, 0, 1, 5'000)});
  input.tariff = {Price::MicrosPerKwh(-10'000), Price::MicrosPerKwh(-20'000)};
  input.fees = {100'000};
  const SettlementResult result = Settle(input);
  EXPECT_EQ(AmountOf(result, "b", LineKind::kPurchase), 50'000);
  EXPECT_EQ(AmountOf(result, "s", LineKind::kSale), -50'000);
  EXPECT_EQ(AmountOf(result, "b", LineKind::kNetworkFee), -5'000);
  EXPECT_EQ(AmountOf(result, "b", LineKind::kRetail), 10'000);
  EXPECT_EQ(AmountOf(result, "s", LineKind::kFeedIn), -40'000);
}

TEST(Settle, TakesNoOperatorShareFromANegativeAmount) {
  SettlementInput input = MakeInput({MakeConnection("b", 1000, 0), MakeConnection("s", 0, 1000)},
                                    {MakeTrade("t1", 1000, -50'000, 0, 1)});
  input.fees.operator_share_ppm = 100'000;
  EXPECT_EQ(EnergyOf(Settle(input), "s", LineKind::kOperatorShare), 0);
}

TEST(Settle, KnowsWhatItWouldHaveCostWithoutNeighbours) {
  const SettlementResult result = Settle(MakeInput(
      {MakeConnection("b", 1000, 0), MakeConnection("s", 0, 3000)},
      {MakeTrade("t1", 1000, 200'000, 0, 1)}));
  EXPECT_EQ(AmountOf(result, "b", LineKind::kReferenceDraw), -300'000);
  EXPECT_EQ(AmountOf(result, "s", LineKind::kReferenceFeedIn), 240'000);
}

TEST(Settle, MarksLinesOfAConnectionWithASubstitute) {
  SettlementInput input = MakeInput({MakeConnection("b", 1000, 0), MakeConnection("s", 0, 3000)},
                                    {MakeTrade("t1", 1000, 200'000, 0, 1)});
  input.connections[0].substituted = true;
  const SettlementResult result = Settle(input);
  EXPECT_TRUE(SumOf(result, "b", LineKind::kPurchase).substituted);
  EXPECT_FALSE(SumOf(result, "s", LineKind::kSale).substituted);
}

TEST(Settle, KeepsToItsMeterWhereOneParticipantHasTwoConnections) {
  std::vector<Connection> connections = {MakeConnection("p", 1000, 0), MakeConnection("p", 0, 800)};
  connections[1].id = GridConnectionId("c-second");
  const SettlementResult result =
      Settle(MakeInput(connections, {MakeTrade("t1", 1000, 200'000, 0, 1)}));
  EXPECT_EQ(EnergyOf(result, "p", LineKind::kPurchase), 800);
  EXPECT_EQ(EnergyOf(result, "p", LineKind::kRetail), 200);
  // Buying from oneself moves no money, so there is no entry for the trade.
  const RunEntries entries = EntriesOf(absl::UnixEpoch(), 1, result.lines);
  ASSERT_EQ(entries.entries.size(), 1);
  EXPECT_EQ(entries.entries[0].kind, "retail");
}

TEST(SettleDeathTest, StopsAtATradeThatOccursTwice) {
  EXPECT_DEATH(Settle(MakeInput({MakeConnection("b", 1, 0), MakeConnection("s", 0, 1)},
                                {MakeTrade("t1", 1, 1, 0, 1), MakeTrade("t1", 1, 1, 0, 1)})),
               "a trade occurs once");
}

}  // namespace
}  // namespace peerwatt::settlement
