// Tables that a market expert can read: who comes, what is answered, what rests and trades.

#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/postgres/market/trading_fixture.h"

namespace peerwatt::market {
namespace {

// A step, and what is answered: state and energy traded so far, or why it is refused.
using Steps = std::vector<std::pair<const char*, const char*>>;

struct Scenario {
  const char* name;
  Steps steps;
  const char* rests;
  const char* trades;
  // What is held at the end, in micro-units.
  std::vector<std::pair<const char*, int64_t>> held = {};
};

void PrintTo(const Scenario& scenario, std::ostream* out) { *out << scenario.name; }

const Scenario kScenarios[] = {
    {"TheBetterPriceFirstThenTheEarlier",
     {{"p5 o1 sells 100 at 210 GTC", "ACTIVE 0"},
      {"p6 o2 sells 100 at 200 GTC", "ACTIVE 0"},
      {"p7 o3 sells 100 at 200 GTC", "ACTIVE 0"},
      {"p8 b1 buys 250 at 220 GTC", "FILLED 250"}},
     "buy | sell 50@210",
     "b1<-o2 100@200, b1<-o3 100@200, b1<-o1 50@210",
     {{"b1", 100 * 250 * 2 + 50 * 260}}},
    {"TheRestingOrdersPriceCounts",
     {{"p5 b1 buys 100 at 300 GTC", "ACTIVE 0"}, {"p6 o1 sells 100 at 100 GTC", "FILLED 100"}},
     "buy | sell",
     "b1<-o1 100@300",
     {{"b1", 100 * 350}}},
    {"WhatDoesNotTradeRests",
     {{"p5 o1 sells 100 at 200 GTC", "ACTIVE 0"}, {"p6 b1 buys 300 at 250 GTC", "ACTIVE 100"}},
     "buy 200@250 | sell",
     "b1<-o1 100@200",
     {{"b1", 100 * 250 + 200 * 300}}},
    {"ImmediateOrCancel",
     {{"p5 o1 sells 100 at 200 GTC", "ACTIVE 0"},
      {"p6 b1 buys 300 at 250 IOC", "CANCELLED 100"},
      {"p6 b2 buys 300 at 250 IOC", "CANCELLED 0"}},
     "buy | sell",
     "b1<-o1 100@200",
     {{"b1", 100 * 250}, {"b2", 0}}},
    {"FillOrKill",
     {{"p5 o1 sells 100 at 200 GTC", "ACTIVE 0"},
      {"p6 b1 buys 101 at 250 FOK", "CANCELLED 0"},
      {"p6 b2 buys 100 at 250 FOK", "FILLED 100"}},
     "buy | sell",
     "b2<-o1 100@200",
     {{"b1", 0}, {"b2", 100 * 250}}},
    {"AMarketOrderIsBoundedByThePriceLimits",
     {{"p5 o1 sells 100 at 390 GTC", "ACTIVE 0"},
      {"p6 b1 buys 150 at market IOC", "CANCELLED 100"},
      {"p6 b2 buys 150 at market FOK", "CANCELLED 0"}},
     "buy | sell",
     "b1<-o1 100@390",
     {{"b1", 100 * 440}}},
    {"ReducedItKeepsItsPlace",
     {{"p5 o1 sells 100 at 200 GTC", "ACTIVE 0"},
      {"p6 o2 sells 100 at 200 GTC", "ACTIVE 0"},
      {"p5 o1 amends 60 at 200", "ACTIVE 0"},
      {"p7 b1 buys 60 at 200 GTC", "FILLED 60"}},
     "buy | sell 100@200",
     "b1<-o1 60@200"},
    {"IncreasedItIsTheNewest",
     {{"p5 o1 sells 100 at 200 GTC", "ACTIVE 0"},
      {"p6 o2 sells 100 at 200 GTC", "ACTIVE 0"},
      {"p5 o1 amends 110 at 200", "ACTIVE 0"},
      {"p7 b1 buys 60 at 200 GTC", "FILLED 60"}},
     "buy | sell 150@200(2)",
     "b1<-o2 60@200"},
    {"AnAmendedLimitMayTrade",
     {{"p5 o1 sells 100 at 300 GTC", "ACTIVE 0"},
      {"p6 b1 buys 40 at 200 GTC", "ACTIVE 0"},
      {"p5 o1 amends 100 at 200", "ACTIVE 40"}},
     "buy | sell 60@200",
     "b1<-o1 40@200"},
    {"AnAmendmentNamesTheWholeEnergy",
     {{"p5 o1 sells 100 at 200 GTC", "ACTIVE 0"},
      {"p6 b1 buys 40 at 200 GTC", "FILLED 40"},
      {"p5 o1 amends 70 at 200", "ACTIVE 40"},
      {"p5 o1 amends 70 at 200", "ACTIVE 40"},
      {"p5 o1 amends 40 at 200", "FILLED 40"},
      {"p5 o1 amends 90 at 200", "ORDER_NOT_ACTIVE"}},
     "buy | sell",
     "b1<-o1 40@200"},
    {"AnAmendmentNeedsNoMoreMoneyThanIsHeld",
     {{"p5 b1 buys 100 at 200 GTC", "ACTIVE 0"},
      {"p5 b1 amends 101 at 200", "HOLD_TOO_SMALL"},
      {"p5 b1 amends 100 at 201", "HOLD_TOO_SMALL"},
      {"p5 b1 amends 125 at 150", "ACTIVE 0"},
      {"p5 b1 amends 60 at 150", "ACTIVE 0"},
      {"p5 b1 amends 100 at 200", "HOLD_TOO_SMALL"}},
     "buy 60@150 | sell",
     "",
     {{"b1", 60 * 200}}},
    {"CancelledItKeepsWhatItTraded",
     {{"p5 b1 buys 300 at 200 GTC", "ACTIVE 0"},
      {"p6 o1 sells 100 at 200 GTC", "FILLED 100"},
      {"p6 b1 cancels", "PERMISSION_DENIED"},
      {"p5 b9 cancels", "PERMISSION_DENIED"},
      {"p5 b1 cancels", "CANCELLED 100"},
      {"p5 b1 cancels", "CANCELLED 100"},
      {"p6 o1 cancels", "ORDER_NOT_ACTIVE"}},
     "buy | sell",
     "b1<-o1 100@200",
     {{"b1", 100 * 250}}},
    {"NobodyTradesWithHimself",
     {{"p5 o1 sells 100 at 200 GTC", "ACTIVE 0"},
      {"p6 o2 sells 100 at 210 GTC", "ACTIVE 0"},
      {"p5 b1 buys 150 at 220 GTC", "ACTIVE 100"}},
     "buy 50@220 | sell 100@200",
     "b1<-o2 100@210"},
    {"NorWithAnAccountOfTheSameOwner",
      {"p6 belongs p5", ""},
      {"p5 o1 sells 100 at 200 GTC", "ACTIVE 0"},
      {"p6 b1 buys 100 at 220 GTC", "ACTIVE 0"},
      {"p7 b2 buys 100 at 220 IOC", "FILLED 100"}},
     "buy 100@220 | sell",
     "b2<-o1 100@200"},
    {"NegativePricesAreHeldForOffers",
     {{"p5 b1 buys 100 at -100 GTC", "PRICE_OUT_OF_RANGE"},
      {"p5 b1 buys 100 at 0 GTC", "ACTIVE 0"},
      {"p6 o1 sells 100 at 0 GTC", "FILLED 100"}},
     "buy | sell",
     "b1<-o1 100@0",
     {{"b1", 100 * 50}, {"o1", -1}}},
    {"WhatRestsIsInTheClosingAuction",
     {{"p5 b1 buys 300 at 200 GTC", "ACTIVE 0"},
      {"p6 o1 sells 100 at 200 GTC", "FILLED 100"},
      {"p7 o2 sells 150 at 180", "ACTIVE 0"},
      {"p8 b2 buys 10 at 150 GTC", "ACTIVE 0"},
      {"the gate closes", ""}},
     "buy | sell",
     "b1<-o1 100@200, b1<-o2 150@200*",
     {{"b1", 250 * 250}, {"b2", 0}}},
    {"WhatWasAmendedIsTheNewestThereToo",
     {{"p5 o1 sells 100 at 150 GTC", "ACTIVE 0"},
      {"p6 o2 sells 100 at 150 GTC", "ACTIVE 0"},
      {"p5 o1 amends 100 at 160", "ACTIVE 0"},
      {"p5 o1 amends 100 at 150", "ACTIVE 0"},
      {"p7 b1 buys 100 at 200", "ACTIVE 0"},
      {"the gate closes", ""}},
     "buy | sell",
     "b1<-o2 100@150*"},
    {"AfterGateClosureNothingMatches",
     {{"p5 b1 buys 100 at 200 GTC", "ACTIVE 0"},
      {"the gate closes", ""},
      {"p6 o1 sells 100 at 200 GTC", "GATE_CLOSED"},
      {"p5 b1 amends 50 at 200", "GATE_CLOSED"},
      {"p5 b1 cancels", "GATE_CLOSED"}},
     "buy | sell",
     "",
     {{"b1", 0}}},
    {"AHaltedMarketDoesNotTrade",
     {{"p5 b1 buys 100 at 200 GTC", "ACTIVE 0"},
      {"the market halts", ""},
      {"p6 o1 sells 100 at 200 GTC", "MARKET_HALTED"},
      {"p5 b1 amends 50 at 200", "MARKET_HALTED"},
      {"the market resumes", ""},
      {"p6 o1 sells 40 at 200 GTC", "FILLED 40"},
      {"the market halts", ""},
      {"p5 b1 cancels", "CANCELLED 40"}},
     "buy | sell",
     "b1<-o1 40@200",
     {{"b1", 40 * 250}}},
    {"TheKillSwitchTakesOrdersOutOfTheBook",
     {{"p5 b1 buys 100 at 200 GTC", "ACTIVE 0"},
      {"p6 b2 buys 100 at 190 GTC", "ACTIVE 0"},
      {"p7 o1 sells 30 at 200 GTC", "FILLED 30"},
      {"p5 is switched off", ""},
      {"p5 b3 buys 100 at 200 GTC", "TRADING_BLOCKED"},
      {"p7 o2 sells 50 at 100 GTC", "FILLED 50"}},
     "buy 50@190 | sell",
     "b1<-o1 30@200, b2<-o2 50@190",
     {{"b1", 30 * 250}}},
    {"SoldEnergyIsNotOfferedTwice",
     {{"p5 o1 sells 9000 at 200 GTC", "ACTIVE 0"},
      {"p6 b1 buys 6000 at 200 GTC", "FILLED 6000"},
      {"p5 o1 cancels", "CANCELLED 6000"},
      {"p5 o2 sells 4001 at 200 GTC", "EXPORT_CAPACITY_EXCEEDED"},
      {"p5 o3 sells 4000 at 200 GTC", "ACTIVE 0"},
      {"p5 o3 amends 4001 at 200", "EXPORT_CAPACITY_EXCEEDED"},
      {"p5 o3 amends 3999 at 200", "ACTIVE 0"}},
     "buy | sell 3999@200",
     "b1<-o1 6000@200"},
    {"RefusedAsAllOrdersAre",
     {{"p5 b1 buys 10001 at 200 GTC", "ENERGY_OUT_OF_RANGE"},
      {"p5 b1 buys 0 at 200 GTC", "ENERGY_OUT_OF_RANGE"},
      {"p5 b1 buys 100 at 401 GTC", "PRICE_OUT_OF_RANGE"},
      {"p5 b1 buys 100 at 400 GTC", "ACTIVE 0"},
      {"p5 b1 buys 100 at 400 GTC", "ACTIVE 0"},
      {"p5 b1 buys 101 at 400 GTC", "CONTENT_DIFFERS"},
      {"p5 b1 buys 100 at 400 IOC", "CONTENT_DIFFERS"},
      {"p5 b1 buys 100 at 400", "CONTENT_DIFFERS"}},
     "buy 100@400 | sell",
     ""},
    {"ARepeatedOrderIsTheOneThatWasAmended",
     {{"p5 b1 buys 100 at 200 GTC", "ACTIVE 0"},
      {"p5 b1 amends 80 at 180", "ACTIVE 0"},
      {"p5 b1 buys 100 at 200 GTC", "ACTIVE 0"},
      {"p5 b1 buys 80 at 180 GTC", "CONTENT_DIFFERS"}},
     "buy 80@180 | sell",
     ""},
};

class TradingScenarioTest : public ::testing::TestWithParam<Scenario> {};

TEST_P(TradingScenarioTest, TradesAsTheTableSays) {
  const Scenario& scenario = GetParam();
  TradingWorld world;
  for (const auto& [step, answer] : scenario.steps) {
    world.clock.Advance(absl::Seconds(1));
    EXPECT_EQ(world.Do(step), answer) << step;
  }
  EXPECT_EQ(world.Traded(), scenario.trades);
  EXPECT_EQ(world.Rests(), scenario.rests);
  for (const auto& [id, micros] : scenario.held) {
    EXPECT_EQ(world.Held(id), micros) << "held for " << id;
  }
}

INSTANTIATE_TEST_SUITE_P(All, TradingScenarioTest, ::testing::ValuesIn(kScenarios),
                         [](const ::testing::TestParamInfo<Scenario>& scenario) {
                           return std::string(scenario.param.name);
                         });

}  // namespace
}  // namespace peerwatt::market
