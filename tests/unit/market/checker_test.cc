#include "services/market/checker/checker.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "libs/base/error.h"
#include "services/market/core/clearing.h"

namespace peerwatt::market {
namespace {

using checker::Flaw;
using clearing::Entry;
using clearing::Network;
using clearing::Outcome;
using clearing::Way;

// Zone 0 sells 6 to zone 1 over a line of 6 at a fee of 5; offers at 20 and 35, bids at 100 and 90.
struct Proven {
  std::vector<Entry> book = {
      MakeEntry(Way::kBuy, 1, Energy::WattHours(10), Price::MicrosPerKwh(100)),
      MakeEntry(Way::kBuy, 2, Energy::WattHours(10), Price::MicrosPerKwh(90)),
      MakeEntry(Way::kSell, 3, Energy::WattHours(10), Price::MicrosPerKwh(20)),
      MakeEntry(Way::kSell, 4, Energy::WattHours(10), Price::MicrosPerKwh(35))};
  std::vector<uint32_t> zones = {1, 0, 0, 1};
  Network network = {2, {{0, 1, 5, Energy::WattHours(6), std::nullopt}}};
  Outcome outcome;

  Proven() {
    outcome.fills = {Energy::WattHours(10), Energy::WattHours(10), Energy::WattHours(10),
                     Energy::WattHours(10)};
    outcome.energy = Energy::WattHours(20);
    outcome.welfare_milli_micros = 10 * (100 + 90 - 20 - 35);
    outcome.zones = {{62, 35, 90}, {65, 35, 95}};
    outcome.flows = {{0, 0}};
  }
  Flaw Check() const { return checker::Check(book, zones, network, {}, outcome).flaw; }
};

struct Tampering {
  const char* name;
  Flaw flaw;
  std::function<void(Proven&)> tamper;
};

TEST(CheckerTest, SeesEachFlaw) {
  const std::vector<Tampering> all = {
      {"as it is", Flaw::kNone, [](Proven&) {}},
      {"a fill is missing", Flaw::kShape, [](Proven& p) { p.outcome.fills.pop_back(); }},
      {"an unknown zone", Flaw::kShape, [](Proven& p) { p.zones[0] = 2; }},
      {"a flow is missing", Flaw::kShape, [](Proven& p) { p.outcome.flows.clear(); }},
      {"a fill above the order", Flaw::kFill,
       [](Proven& p) { p.outcome.fills[0] = Energy::WattHours(11); }},
      {"a fill below zero", Flaw::kFill,
       [](Proven& p) { p.outcome.fills[0] = Energy::WattHours(-1); }},
      {"an order that wants more", Flaw::kPassedOver,
       [](Proven& p) { p.outcome.fills[0] = Energy::WattHours(9); }},
      {"a bid that pays more than its limit", Flaw::kUnwilling,
       [](Proven& p) { p.outcome.zones[1].high = 101, p.outcome.zones[1].price = 68; }},
      {"an offer that gets less than its limit", Flaw::kUnwilling,
       [](Proven& p) { p.outcome.zones[1].low = 33, p.outcome.zones[1].price = 64; }},
      {"a price off the middle", Flaw::kPrice, [](Proven& p) { ++p.outcome.zones[0].price; }},
      {"bounds that cross", Flaw::kPrice,
       [](Proven& p) {
         p.outcome.zones[0] = {62, 63, 62};
       }},
      {"prices too far apart", Flaw::kArbitrage,
       [](Proven& p) {
         p.outcome.zones[0] = {56, 30, 82};
       }},
      {"a flow that does not pay its fee", Flaw::kFlowAtLoss,
       [](Proven& p) { p.outcome.flows[0].energy_wh = 1; }},
      {"a flow above the capacity", Flaw::kCapacity,
       [](Proven& p) { p.outcome.flows[0].energy_wh = 7; }},
      {"congestion where there is none", Flaw::kCongestion,
       [](Proven& p) { p.outcome.flows[0].congestion = 1; }},
      {"another energy", Flaw::kEnergy,
       [](Proven& p) { p.outcome.energy = Energy::WattHours(21); }},
      {"another welfare", Flaw::kWelfare, [](Proven& p) { ++p.outcome.welfare_milli_micros; }},
      {"a zone that does not balance", Flaw::kBalance,
       [](Proven& p) { p.book[1].energy = p.outcome.fills[1] = Energy::WattHours(9); }},
  };
  for (const Tampering& tampering : all) {
    Proven proven;
    tampering.tamper(proven);
    EXPECT_EQ(checker::NameOf(proven.Check()), checker::NameOf(tampering.flaw)) << tampering.name;
  }
}

TEST(CheckerTest, SeesOwnersThatMeetThemselves) {
  Proven proven;
  proven.network = {};
  proven.zones.clear();
  proven.outcome.zones = {{62, 35, 90}};
  proven.outcome.flows.clear();
  EXPECT_EQ(proven.Check(), Flaw::kNone);
  for (Entry& entry : proven.book) {
    entry.owner_and_way = 14 | (entry.owner_and_way & 1);
  }
  EXPECT_EQ(proven.Check(), Flaw::kSelfTrade);
  const std::vector<checker::Trade> trades = {{0, 2, Energy::WattHours(10)},
                                              {1, 3, Energy::WattHours(10)}};
  EXPECT_EQ(checker::CheckTrades(proven.book, proven.outcome, trades).flaw, Flaw::kSelfTrade);
}

TEST(CheckerTest, SeesWithdrawalsThatWereNotNeeded) {
  Proven proven;
  proven.network = {};
  proven.zones.clear();
  proven.outcome.zones = {{62, 35, 90}};
  proven.outcome.flows.clear();
  proven.book[0].energy = Energy::WattHours(11);
  proven.outcome.withdrawn.assign(4, Energy());
  proven.outcome.withdrawn[0] = Energy::WattHours(1);
  EXPECT_EQ(proven.Check(), Flaw::kWithdrawal);
}

TEST(CheckerTest, SeesTradesThatDoNotAddUp) {
  const Proven proven;
  using Trades = std::vector<checker::Trade>;
  const Energy ten = Energy::WattHours(10);
  const auto flaw = [&](const Trades& trades) {
    return checker::CheckTrades(proven.book, proven.outcome, trades).flaw;
  };
  EXPECT_EQ(flaw({{0, 2, ten}, {1, 3, ten}}), Flaw::kNone);
  EXPECT_EQ(flaw({{0, 2, ten}}), Flaw::kTrade);
  EXPECT_EQ(flaw({{0, 2, ten}, {1, 3, Energy::WattHours(9)}}), Flaw::kTrade);
  EXPECT_EQ(flaw({{2, 0, ten}, {1, 3, ten}}), Flaw::kTrade);
  EXPECT_EQ(flaw({{0, 2, ten}, {1, 4, ten}}), Flaw::kTrade);
  EXPECT_EQ(flaw({{0, 2, ten}, {1, 3, ten}, {0, 3, Energy()}}), Flaw::kTrade);
}

TEST(ProveTest, RefusesAnOutcomeThatIsNotOptimal) {
  Proven proven;
  proven.outcome.zones = {{62, 35, 90}};
  proven.outcome.flows.clear();
  const std::vector<clearing::Pair> trades = {{0, 2, Energy::WattHours(10)},
                                              {1, 3, Energy::WattHours(10)}};
  EXPECT_TRUE(Prove(proven.book, {}, {}, {}, proven.outcome, trades).ok());
  EXPECT_EQ(ReasonOf(Prove(proven.book, {}, {}, {}, proven.outcome, {})), "OUTCOME_UNPROVEN");
  ++proven.outcome.welfare_milli_micros;
  const absl::Status status = Prove(proven.book, {}, {}, {}, proven.outcome, trades);
  EXPECT_EQ(ReasonOf(status), "OUTCOME_UNPROVEN");
  EXPECT_EQ(DetailOf(status).metadata.at("flaw"), "WELFARE");
}

}  // namespace
}  // namespace peerwatt::market
