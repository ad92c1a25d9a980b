// One table per rule of the auction, to be read by people who know markets. Energy in Wh, prices in
// micro-units per kWh, orders in time order. An owner is a letter: 'A' may hold several accounts.

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/numeric/int128.h"
#include "libs/base/error.h"
#include "services/market/checker/checker.h"
#include "services/market/core/clearing.h"
#include "services/market/core/clearing/network.h"
#include "services/market/core/clearing/preferences.h"

namespace peerwatt::market {
namespace {

using clearing::Edge;
using clearing::Entry;
using clearing::Network;
using clearing::Outcome;
using clearing::Rules;
using clearing::SelfTradeMode;
using clearing::TieRule;
using clearing::Way;

constexpr Way kBid = Way::kBuy;
constexpr Way kOffer = Way::kSell;

struct Row {
  Way way;
  char owner;
  int64_t energy_wh;
  int64_t limit;
  int64_t fill_wh;  // Expected.
  uint32_t zone = 0;
};

struct Scenario {
  const char* name;
  std::vector<Row> orders;
  std::vector<int64_t> prices;  // Expected, by zone; of zones that trade.
  Rules rules = {};
  std::vector<Edge> edges = {};
  std::optional<int64_t> welfare_micros = {};  // Expected, if it says so.
};

void ExpectOutcome(const Scenario& scenario) {
  SCOPED_TRACE(scenario.name);
  std::vector<Entry> book;
  std::vector<uint32_t> zones;
  for (const Row& row : scenario.orders) {
    book.push_back(MakeEntry(row.way, static_cast<uint32_t>(row.owner),
                             Energy::WattHours(row.energy_wh), Price::MicrosPerKwh(row.limit)));
    zones.push_back(row.zone);
  }
  Network network;
  network.edges = scenario.edges;
  network.zones = static_cast<uint32_t>(scenario.prices.size());
  clearing::Scratch scratch;
  Outcome outcome;
  ASSERT_TRUE(ClearNetwork(book, zones, network, scenario.rules, scratch, outcome).ok());
  for (size_t i = 0; i < book.size(); ++i) {
    EXPECT_EQ(outcome.fills[i].wh(), scenario.orders[i].fill_wh) << "order " << i;
  }
  for (size_t zone = 0; zone < network.zones; ++zone) {
    EXPECT_EQ(outcome.zones[zone].price, scenario.prices[zone]) << "zone " << zone;
  }
  if (scenario.welfare_micros.has_value()) {
    EXPECT_EQ(outcome.welfare_milli_micros, absl::int128(*scenario.welfare_micros) * 1000);
  }
  EXPECT_TRUE(checker::Check(book, zones, network, scenario.rules, outcome).ok());
}

Rules With(TieRule tie_rule) { return {tie_rule, SelfTradeMode::kKeepGreaterWelfare}; }
Rules With(SelfTradeMode mode) { return {TieRule::kTime, mode}; }
Edge Line(uint32_t from, uint32_t to, int32_t fee, std::optional<int64_t> capacity_wh = {}) {
  Edge edge = {from, to, fee, std::nullopt, std::nullopt};
  if (capacity_wh.has_value()) {
    edge.capacity = Energy::WattHours(*capacity_wh);
    edge.capacity_back = edge.capacity;
  }
  return edge;
}

TEST(Scenarios, PriceIsTheMidpointOfWhatSupportsTheOutcome) {
  for (const Scenario& scenario : std::vector<Scenario>{
           {"both sides used up: between 20 and 30",
            {{kBid, 'A', 10, 30, 10}, {kOffer, 'B', 10, 20, 10}},
            {25}},
           {"a bid left over lifts the lower bound",
            {{kBid, 'A', 10, 30, 10}, {kBid, 'C', 5, 24, 0}, {kOffer, 'B', 10, 20, 10}},
            {27}},
           {"an offer left over lowers the upper bound",
            {{kBid, 'A', 10, 30, 10}, {kOffer, 'B', 10, 20, 10}, {kOffer, 'C', 5, 22, 0}},
            {21}},
           {"who is served in part sets the price",
            {{kBid, 'A', 10, 30, 7}, {kOffer, 'B', 7, 20, 7}},
            {30}},
           {"below zero", {{kBid, 'A', 10, -10, 10}, {kOffer, 'B', 10, -25, 10}}, {-18}},
       }) {
    ExpectOutcome(scenario);
  }
}

TEST(Scenarios, EqualLimitsTradeByTimeOrProRata) {
  const std::vector<Row> by_time = {{kBid, 'A', 30, 9, 30},
                                    {kBid, 'B', 50, 9, 20},
                                    {kBid, 'C', 20, 9, 0},
                                    {kBid, 'D', 5, 10, 5},
                                    {kOffer, 'E', 55, 1, 55}};
  const std::vector<Row> pro_rata = {{kBid, 'A', 30, 9, 15},
                                     {kBid, 'B', 50, 9, 25},
                                     {kBid, 'C', 20, 9, 10},
                                     {kBid, 'D', 5, 10, 5},
                                     {kOffer, 'E', 55, 1, 55}};
  const std::vector<Row> remainders = {
      {kBid, 'A', 3, 9, 1}, {kBid, 'B', 3, 9, 1}, {kBid, 'C', 4, 9, 2}, {kOffer, 'E', 4, 1, 4}};
  const std::vector<Row> equal = {
      {kBid, 'A', 1, 9, 1}, {kBid, 'B', 1, 9, 0}, {kOffer, 'E', 1, 1, 1}};
  ExpectOutcome({"by time, the better limit before", by_time, {9}, With(TieRule::kTime)});
  ExpectOutcome({"pro rata, the better limit before", pro_rata, {9}, With(TieRule::kProRata)});
  ExpectOutcome(
      {"the largest remainder gets the odd one", remainders, {9}, With(TieRule::kProRata)});
  ExpectOutcome({"of equal remainders the earlier", equal, {9}, With(TieRule::kProRata)});
}

TEST(Scenarios, NobodyTradesWithHimself) {
  const Rules bids = With(SelfTradeMode::kWithdrawBids);
  const Rules offers = With(SelfTradeMode::kWithdrawOffers);
  const Rules greater = With(SelfTradeMode::kKeepGreaterWelfare);
  // A wants 10 and has 10; B sells 4 and C buys 3. A would buy and sell more than all together.
  const std::vector<Row> without_bids = {{kBid, 'A', 10, 90, 0},
                                         {kBid, 'C', 3, 80, 3},
                                         {kOffer, 'A', 10, 10, 3},
                                         {kOffer, 'B', 4, 20, 0}};
  const std::vector<Row> without_offers = {{kBid, 'A', 10, 90, 4},
                                           {kBid, 'C', 3, 80, 0},
                                           {kOffer, 'A', 10, 10, 0},
                                           {kOffer, 'B', 4, 20, 4}};
  ExpectOutcome({"bids are withdrawn: A sells to C, welfare 210", without_bids, {10}, bids});
  ExpectOutcome({"offers are withdrawn: A buys from B, 280", without_offers, {90}, offers});
  ExpectOutcome({"whichever leaves more", without_offers, {90}, greater});
  ExpectOutcome({"others are there: nothing is withdrawn",
                 {{kBid, 'A', 10, 90, 10},
                  {kBid, 'B', 10, 80, 10},
                  {kOffer, 'A', 10, 10, 10},
                  {kOffer, 'C', 10, 20, 10}},
                 {50},
                 greater});
  // Nothing trades: any price up to the offer's limit supports that; the price says nothing.
  ExpectOutcome(
      {"alone", {{kBid, 'A', 10, 90, 0}, {kOffer, 'A', 10, 10, 0}}, {-499'999'995}, greater});
}

TEST(Scenarios, ZonesPayTheFeeAndFullLinesPartPrices) {
  ExpectOutcome({"documented book of BEST simply: 200 Wh, welfare 0.9 instead of 0.7",
                 {{kBid, 'A', 100, 10'000'000, 100, 1},
                  {kBid, 'B', 100, 7'000'000, 0, 1},
                  {kBid, 'C', 100, 10'000'000, 100, 0},
                  {kOffer, 'D', 100, 6'000'000, 100, 1},
                  {kOffer, 'E', 100, 4'000'000, 100, 1}},
                 {9'000'000, 8'000'000},
                 {},
                 {Line(0, 1, 1'000'000)},
                 900'000});
  ExpectOutcome({"a fee too dear keeps the zones apart",
                 {{kBid, 'A', 10, 30, 0, 0}, {kOffer, 'B', 10, 20, 0, 1}},
                 {30, 19},
                 {},
                 {Line(0, 1, 11)}});
  ExpectOutcome({"a full line: cheap where the sun shines, dear behind the line",
                 {{kBid, 'A', 10, 100, 4, 1}, {kOffer, 'B', 10, 20, 4, 0}},
                 {20, 100},
                 {},
                 {Line(0, 1, 5, 4)}});
  ExpectOutcome({"through a zone that trades nothing itself",
                 {{kBid, 'A', 10, 40, 10, 2}, {kOffer, 'B', 12, 20, 10, 0}},
                 {20, 25, 30},
                 {},
                 {Line(0, 1, 5), Line(1, 2, 5)}});
  ExpectOutcome({"round a full line the other way",
                 {{kBid, 'A', 10, 40, 10, 1}, {kOffer, 'B', 12, 20, 10, 0}},
                 {20, 34, 27},
                 {},
                 {Line(0, 1, 5, 4), Line(0, 2, 7), Line(2, 1, 7)}});
}

TEST(Scenarios, PreferencesAreKept) {
  // 0: anybody. 1: solar (type 0) only. 2: not from B. 3: solar from zone 0, or from C.
  std::vector<clearing::Preference> preferences(4);
  constexpr uint32_t kAnyType = ~uint32_t{0};
  constexpr uint32_t kSolar = 1;
  preferences[1].any_of = {{kSolar, {}, {}, {}}};
  preferences[2].any_of = {{kAnyType, {}, {}, {'B'}}};
  preferences[3].any_of = {{kSolar, {0}, {}, {}}, {kAnyType, {}, {'C'}, {}}};
  const auto request = [](Way way, char owner, int64_t energy, int64_t limit, uint8_t type,
                          uint32_t preference) {
    clearing::Request made;
    made.entry = MakeEntry(way, static_cast<uint32_t>(owner), Energy::WattHours(energy),
                           Price::MicrosPerKwh(limit));
    made.type = type;
    made.preference = preference;
    made.account = made.entry.owner();
    return made;
  };
  const std::vector<clearing::Request> requests = {
      request(kBid, 'A', 10, 90, 0, 1),  request(kBid, 'D', 10, 80, 0, 2),
      request(kBid, 'E', 10, 70, 0, 3),  request(kOffer, 'B', 25, 10, 0, 0),
      request(kOffer, 'C', 5, 20, 1, 0), request(kOffer, 'F', 3, 30, 1, 0)};
  const auto result = ClearWithPreferences(requests, preferences, {}, TieRule::kTime);
  ASSERT_TRUE(result.ok());
  // A and E take solar from B; D takes wind from C and F, who are dearer.
  const std::vector<int64_t> expected = {10, 8, 10, 20, 5, 3};
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(result->outcome.fills[i].wh(), expected[i]) << "order " << i;
  }
  EXPECT_EQ(result->requiring.wh(), 30);
  EXPECT_EQ(result->requiring_traded.wh(), 28);
}

TEST(Scenarios, APremiumBuysGreenEnergy) {
  std::vector<clearing::Preference> preferences(2);
  preferences[1].premium = 30;
  preferences[1].premium_types = 1;
  const auto offer = [](char owner, int64_t limit, uint8_t type) {
    clearing::Request made;
    made.entry = MakeEntry(kOffer, static_cast<uint32_t>(owner), Energy::WattHours(10),
                           Price::MicrosPerKwh(limit));
    made.type = type;
    return made;
  };
  clearing::Request bid;
  bid.entry = MakeEntry(kBid, 'A', Energy::WattHours(10), Price::MicrosPerKwh(50));
  bid.preference = 1;
  // Green costs 25 more: less than the premium. 35 more: more than it.
  for (const auto& [green_limit, buys_green] : {std::pair(65, true), std::pair(75, false)}) {
    const auto result = ClearWithPreferences(
        std::vector<clearing::Request>{bid, offer('G', green_limit, 0), offer('B', 40, 1)},
        preferences, {}, TieRule::kTime);
    ASSERT_TRUE(result.ok());
    ASSERT_EQ(result->deals.size(), 1u);
    EXPECT_EQ(result->deals[0].offer, buys_green ? 1u : 2u);
    EXPECT_EQ(result->premium_met.wh(), buys_green ? 10 : 0);
    EXPECT_EQ(result->premium_traded.wh(), 10);
  }
}

TEST(Scenarios, RefusesNetworksAndPreferencesThatCannotBe) {
  clearing::Scratch scratch;
  Outcome outcome;
  for (const Network& network : std::vector<Network>{{0, {}},
                                                     {2, {Line(0, 2, 1)}},
                                                     {2, {Line(1, 1, 1)}},
                                                     {2, {Line(0, 1, -1)}},
                                                     {2, {Line(0, 1, 1, -1)}}}) {
    EXPECT_EQ(ReasonOf(ClearNetwork({}, {}, network, {}, scratch, outcome)), "NETWORK_INVALID");
  }
  const auto reason = [](const clearing::Request& request, const Network& network) {
    const std::vector<clearing::Preference> preferences(1);
    return ReasonOf(ClearWithPreferences(std::vector<clearing::Request>{request}, preferences,
                                         network, TieRule::kTime)
                        .status());
  };
  clearing::Request request;
  request.entry = MakeEntry(kBid, 'A', Energy::WattHours(1), Price::MicrosPerKwh(1));
  EXPECT_EQ(reason(request, {}), "");
  EXPECT_EQ(reason(request, {2, {Line(0, 1, 1, 5)}}), "");
  request.preference = 1;
  EXPECT_EQ(reason(request, {}), "PREFERENCES_INVALID");
}

// 10^6 orders, each owner with several accounts on both sides, a few with very many.
TEST(Scenarios, AMillionOrdersHoldNoSelfTradeInAnyMode) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto draw = [&](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  };
  for (const SelfTradeMode mode : {SelfTradeMode::kKeepGreaterWelfare, SelfTradeMode::kWithdrawBids,
                                   SelfTradeMode::kWithdrawOffers}) {
    for (const uint32_t zones : {1u, 20u}) {
      // One owner holds most of the market where he can: energy has to be withdrawn.
      const int64_t giant_share = draw(55, 80);
      std::vector<Entry> book;
      std::vector<uint32_t> zone_of;
      Network network;
      network.zones = zones;
      for (uint32_t zone = 1; zone < zones; ++zone) {
        network.edges.push_back(Line(static_cast<uint32_t>(draw(0, zone - 1)), zone,
                                     static_cast<int32_t>(draw(0, 20'000))));
      }
      for (int i = 0; i < 170'000; ++i) {
        const uint32_t owner =
            static_cast<uint32_t>(draw(0, 99) < giant_share ? 1 : draw(2, 5'000));
        book.push_back(MakeEntry(draw(0, 1) == 0 ? kBid : kOffer, owner,
                                 Energy::WattHours(draw(1, 2'000)),
                                 Price::MicrosPerKwh(draw(-50'000, 350'000))));
        zone_of.push_back(static_cast<uint32_t>(draw(0, zones - 1)));
      }
      clearing::Scratch scratch;
      Outcome outcome;
      ASSERT_TRUE(ClearNetwork(book, zone_of, network, With(mode), scratch, outcome).ok());
      std::vector<checker::Trade> trades;
      for (const clearing::Pair& pair : PairOutcome(book, zone_of, network, outcome)) {
        trades.push_back({pair.bid, pair.offer, pair.energy});
      }
      EXPECT_FALSE(outcome.withdrawn.empty()) << "the case is too easy";
      EXPECT_TRUE(checker::CheckTrades(book, outcome, trades).ok());
      const std::vector<uint32_t> no_zones;
      EXPECT_EQ(checker::NameOf(checker::Check(book, zones == 1 ? no_zones : zone_of, network,
                                               With(mode), outcome)
                                    .flaw),
                "NONE");
    }
  }
}

}  // namespace
}  // namespace peerwatt::market
