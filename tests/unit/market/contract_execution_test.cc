// What contracts come to at gate closure and in clearing.

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "services/market/core/auction_hash.h"
#include "services/market/core/order_rules.h"
#include "services/market/core/replay.h"
#include "tests/unit/market/contract_fixture.h"

namespace peerwatt::market {
namespace {

using Lines = std::vector<std::string>;

TEST(ContractExecutionTest, PlacesABidAndAnOffer) {
  ContractFixture f;
  f.Add("k1", "b", "s", 500, 200'000);
  const ContractOrders made = f.Execute();
  ASSERT_EQ(made.orders.size(), 2u);
  const Order& bid = made.orders[0];
  const Order& offer = made.orders[1];
  EXPECT_EQ(bid.id.value(), "ct-k1-b");
  EXPECT_EQ(offer.id.value(), "ct-k1-o");
  EXPECT_EQ(bid.participant.value(), "b");
  EXPECT_EQ(offer.participant.value(), "s");
  EXPECT_EQ(bid.energy, Wh(500));
  EXPECT_EQ(offer.energy, Wh(500));
  EXPECT_EQ(bid.limit, Micros(200'000));
  EXPECT_EQ(offer.limit, Micros(200'000));
  EXPECT_EQ(bid.hold.micros(), 500 * 250) << "price and flat fee";
  EXPECT_EQ(offer.hold.micros(), 0);
  EXPECT_EQ(bid.contract.value(), "k1");
  EXPECT_EQ(bid.contract_price, "fixed");
  EXPECT_EQ(bid.state, OrderState::kPending);
  EXPECT_EQ(ContractedBy(made.orders).at(GridConnectionId("s")).sold, Wh(500));
  EXPECT_EQ(ContractedBy(made.orders).at(GridConnectionId("b")).bought, Wh(500));
}

TEST(ContractExecutionTest, HoldsForTheWorstPrice) {
  ContractFixture f;
  PriceFormula& price = f.Add("k1", "b", "s", 500, 0).versions[0].terms.price;
  price.is_indexed = true;
  price.floor = Micros(-20'000);
  price.cap = Micros(300'000);
  EXPECT_EQ(f.Execute().orders[0].hold.micros(), 500 * 350);
  EXPECT_EQ(f.Execute().orders[1].hold.micros(), 500 * 20) << "the seller may have to pay";
  price.cap.reset();
  EXPECT_EQ(f.Execute().orders[0].hold.micros(), 500 * 450) << "the community's highest price";
  f.network = TwoZones(30'000, std::nullopt);
  f.MemberOf("b").zone = ZoneId("south");
  EXPECT_EQ(f.Execute().orders[0].hold.micros(), 500 * 480) << "and the fee of the line";
}

TEST(ContractExecutionTest, EachConditionHasItsReason) {
  const struct {
    const char* what;
    std::function<void(ContractFixture&)> apply;
    const char* told;
  } kTable[] = {
      {"all is well", [](auto&) {}, "k1 500 "},
      {"the market is halted", [](auto& f) { f.closing.halted = true; }, "k1 500 MARKET_HALTED"},
      {"the buyer's point has gone",
       [](auto& f) { f.snapshot.members.erase(f.snapshot.members.begin()); },
       "k1 500 METERING_POINT_UNKNOWN"},
      {"the seller's point is another's now",
       [](auto& f) { f.MemberOf("s").participant = ParticipantId("x"); },
       "k1 500 METERING_POINT_UNKNOWN"},
      {"the buyer is not approved", [](auto& f) { f.MemberOf("b").approved = false; },
       "k1 500 PARTICIPANT_NOT_APPROVED"},
      {"the seller is not approved", [](auto& f) { f.MemberOf("s").approved = false; },
       "k1 500 PARTICIPANT_NOT_APPROVED"},
      {"the seller's kill switch is set",
       [](auto& f) { f.closing.killed.insert(ParticipantId("s")); }, "k1 500 TRADING_BLOCKED"},
      {"the buyer's kill switch is set",
       [](auto& f) { f.closing.killed.insert(ParticipantId("b")); }, "k1 500 TRADING_BLOCKED"},
      {"another's kill switch is set", [](auto& f) { f.closing.killed.insert(ParticipantId("t")); },
       "k1 500 "},
      {"one owner stands behind both",
       [](auto& f) { f.closing.owners[ParticipantId("s")] = ParticipantId("b"); },
       "k1 500 SELF_DEALING"},
      {"the limits ask for larger orders", [](auto& f) { f.closing.limits.energy_min = Wh(501); },
       "k1 500 ENERGY_OUT_OF_RANGE"},
      {"the limits ask for smaller orders", [](auto& f) { f.closing.limits.energy_max = Wh(499); },
       "k1 500 ENERGY_OUT_OF_RANGE"},
      {"the buyer cannot draw as much", [](auto& f) { f.MemberOf("b").import_capacity_w = 1'996; },
       "k1 500 ENERGY_OUT_OF_RANGE"},
      {"the price is beyond the limits",
       [](auto& f) { f.closing.limits.price_max = Micros(199'999); }, "k1 500 PRICE_OUT_OF_RANGE"},
      {"open offers leave as much",
       [](auto& f) { f.closing.offered[GridConnectionId("s")] = Wh(500); }, "k1 500 "},
      {"open offers leave too little",
       [](auto& f) { f.closing.offered[GridConnectionId("s")] = Wh(501); },
       "k1 500 EXPORT_CAPACITY_EXCEEDED"},
      {"no line leads there",
       [](auto& f) {
         f.network = TwoZones(0, std::nullopt);
         f.network.lines.edges.clear();
         f.MemberOf("b").zone = ZoneId("south");
       },
       "k1 500 ZONES_UNCONNECTED"},
  };
  for (const auto& row : kTable) {
    ContractFixture f;
    f.Add("k1", "b", "s", 500, 200'000);
    row.apply(f);
    EXPECT_EQ(f.Told(), Lines({row.told})) << row.what;
    EXPECT_EQ(f.Execute().orders.size(), std::string(row.told) == "k1 500 " ? 2u : 0u) << row.what;
  }
}

TEST(ContractExecutionTest, OlderContractsComeFirstAndNothingIsSoldTwice) {
  ContractFixture f;
  f.Add("z", "b", "s", 600, 200'000);
  f.Add("a", "b", "s", 600, 300'000);
  f.Add("m", "b", "s", 400, 100'000);
  EXPECT_EQ(f.Told(), Lines({"z 600 ", "a 600 EXPORT_CAPACITY_EXCEEDED", "m 400 "}));
  f.MemberOf("b").import_capacity_w = 3'600;
  EXPECT_EQ(f.Told(), Lines({"z 600 ", "a 600 ENERGY_OUT_OF_RANGE", "m 400 ENERGY_OUT_OF_RANGE"}))
      << "nor is more bought than can be drawn";
}

TEST(ContractExecutionTest, AShareIsOfTheNetOfTheSellersConnection) {
  ContractFixture f;
  ContractWindow& window = f.Add("k1", "b", "s", 0, 200'000).versions[0].terms.profile.windows[0];
  window.output_share_ppm = 250'000;
  EXPECT_EQ(f.Told(), Lines({"k1 200 "}));
  EXPECT_EQ(PointsOfShares(f.contracts, f.auction, f.snapshot).size(), 1u);
  f.AddMember("load", 4'000, 0).grid_connection = GridConnectionId("s");
  EXPECT_EQ(f.Told(), Lines({"k1 0 FORECAST_MISSING"})) << "of a point of the connection";
  EXPECT_EQ(PointsOfShares(f.contracts, f.auction, f.snapshot).size(), 2u);
  f.forecasts[MeteringPointId("load")] = {Wh(401), Energy()};
  EXPECT_EQ(f.Told(), Lines({"k1 99 "}));
  f.forecasts[MeteringPointId("load")] = {Wh(900), Energy()};
  EXPECT_EQ(f.Told(), Lines()) << "nothing is due when nothing is fed in";
  EXPECT_TRUE(f.Execute().orders.empty());
}

TEST(ContractExecutionTest, WhatIsNotDueIsNotMentioned) {
  ContractFixture f;
  Contract& contract = f.Add("k1", "b", "s", 500, 200'000);
  EXPECT_TRUE(AnyDue(f.contracts, f.auction));
  contract.versions[0].terms.valid_from = f.start + absl::Minutes(15);
  EXPECT_EQ(f.Told(), Lines());
  EXPECT_FALSE(AnyDue(f.contracts, f.auction));
}

// The orders of a fixture as settlement left them: all paid.
std::vector<Order> Paid(ContractFixture& f) {
  std::vector<Order> orders = f.Execute().orders;
  for (Order& order : orders) {
    order.state = OrderState::kActive;
  }
  return orders;
}

TEST(ContractClearingTest, TradesAtTheFixedPriceBesideTheAuction) {
  ContractFixture f;
  f.Add("k1", "b", "s", 500, 200'000);
  std::vector<Order> orders = Paid(f);
  orders.push_back(HandOrder("x", "b", Side::kBid, 100, 390'000));
  orders.push_back(HandOrder("y", "t", Side::kOffer, 100, 90'000));
  const auto outcome = DecideOutcome(f.auction, f.network, orders);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->clearing_price, Micros(240'000)) << "the auction's own";
  EXPECT_EQ(outcome->cleared_energy, Wh(100));
  EXPECT_EQ(outcome->order_count, 2);
  ASSERT_EQ(outcome->trades.size(), 2u);
  EXPECT_EQ(outcome->trades[0].origin, TradeOrigin::kAuction);
  const Trade& trade = outcome->trades[1];
  EXPECT_EQ(trade.origin, TradeOrigin::kContract);
  EXPECT_EQ(trade.number, 2);
  EXPECT_EQ(trade.bid.value(), "ct-k1-b");
  EXPECT_EQ(trade.offer.value(), "ct-k1-o");
  EXPECT_EQ(trade.energy, Wh(500));
  EXPECT_EQ(trade.price, Micros(200'000));
  EXPECT_EQ(trade.network_fee, Micros(50'000));
  EXPECT_EQ(outcome->orders[0].state, OrderState::kFilled);
  EXPECT_EQ(outcome->orders[1].state, OrderState::kFilled);
  const std::vector<HoldReduction> needed = HoldsNeeded(orders, outcome->trades);
  ASSERT_EQ(needed.size(), 1u);
  EXPECT_EQ(needed[0].amount, orders[0].hold);
}

TEST(ContractClearingTest, AnIndexedPriceFollowsTheZone) {
  const struct {
    const char* what;
    Party zone_of;
    bool auction_trades;
    std::optional<int64_t> fallback;
    std::optional<int64_t> price;
  } kTable[] = {
      // South offers at 90,000, north bids for less than the line carries: 90,000 and 120,000.
      {"the seller's zone", Party::kSeller, true, {}, 90'000},
      {"the buyer's zone", Party::kBuyer, true, {}, 120'000},
      {"nothing was cleared: fallback", Party::kBuyer, false, 150'000, 150'000},
      {"nothing was cleared: no trade", Party::kBuyer, false, {}, {}},
  };
  for (const auto& row : kTable) {
    ContractFixture f;
    f.network = TwoZones(30'000, std::nullopt);
    f.MemberOf("b").zone = ZoneId("north");
    f.MemberOf("s").zone = ZoneId("south");
    PriceFormula& price = f.Add("k1", "b", "s", 500, 0).versions[0].terms.price;
    price.is_indexed = true;
    price.index = row.zone_of;
    if (row.fallback.has_value()) {
      price.fallback = Micros(*row.fallback);
    }
    std::vector<Order> orders = Paid(f);
    if (row.auction_trades) {
      orders.push_back(HandOrder("x", "b", Side::kBid, 100, 390'000, "north"));
      orders.push_back(HandOrder("y", "t", Side::kOffer, 200, 90'000, "south"));
    }
    const auto outcome = DecideOutcome(f.auction, f.network, orders);
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    const size_t others = row.auction_trades ? 1 : 0;
    ASSERT_EQ(outcome->trades.size(), others + (row.price.has_value() ? 1 : 0)) << row.what;
    EXPECT_EQ(outcome->orders[0].state,
              row.price.has_value() ? OrderState::kFilled : OrderState::kExpired);
    if (row.price.has_value()) {
      const Trade& trade = outcome->trades.back();
      EXPECT_EQ(trade.price, Micros(*row.price)) << row.what;
      EXPECT_EQ(trade.buyer_price, Micros(*row.price + 30'000)) << "the line's fee";
      EXPECT_EQ(trade.network_fee, Micros(80'000)) << "line and flat fee";
    }
  }
}

TEST(ContractClearingTest, WithPreferencesTheIndexIsTheMeanOfTheZone) {
  ContractFixture f;
  PriceFormula& price = f.Add("k1", "b", "s", 500, 0).versions[0].terms.price;
  price.is_indexed = true;
  std::vector<Order> orders = Paid(f);
  // Two goods of two prices: 100 Wh of the sun for 300,000, 300 Wh of the wind for 100,000.
  orders.push_back(HandOrder("x1", "u", Side::kBid, 100, 300'000));
  orders.back().preference = "sources=solar";
  orders.push_back(HandOrder("x2", "v", Side::kBid, 300, 100'000));
  orders.push_back(HandOrder("y1", "t", Side::kOffer, 100, 300'000));
  orders.back().source = EnergySource::kSolar;
  orders.push_back(HandOrder("y2", "w", Side::kOffer, 300, 100'000));
  orders.back().source = EnergySource::kWind;
  const auto outcome = DecideOutcome(f.auction, f.network, orders);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_FALSE(outcome->clearing.zones[0].price.has_value());
  EXPECT_EQ(outcome->trades.back().price, Micros(150'000));
}

TEST(ContractClearingTest, ARefusedOrderTakesItsPartnerAlong) {
  for (const size_t refused : {size_t{0}, size_t{1}}) {
    ContractFixture f;
    f.Add("k1", "b", "s", 500, 200'000);
    std::vector<Order> orders = Paid(f);
    orders[refused].state = OrderState::kRejected;
    orders[refused].rejection_reason = "FUNDS_INSUFFICIENT";
    RefuseContracts(f.network, orders);
    EXPECT_EQ(orders[refused].rejection_reason, "FUNDS_INSUFFICIENT");
    EXPECT_EQ(orders[1 - refused].state, OrderState::kRejected);
    EXPECT_EQ(orders[1 - refused].rejection_reason, "COUNTER_ORDER_REFUSED");
    const auto outcome = DecideOutcome(f.auction, f.network, orders);
    EXPECT_TRUE(outcome->trades.empty());
    EXPECT_TRUE(outcome->orders.empty());
  }
}

TEST(ContractClearingTest, ContractsComeBeforeTheAuctionOnALine) {
  ContractFixture f;
  f.network = TwoZones(30'000, Wh(700));
  f.MemberOf("s").zone = ZoneId("south");
  f.MemberOf("t").zone = ZoneId("south");
  f.MemberOf("b").zone = ZoneId("north");
  f.Add("k1", "b", "s", 500, 200'000);
  f.Add("k2", "b", "t", 300, 200'000);
  f.Add("k3", "b", "t", 100, 200'000);
  std::vector<Order> orders = Paid(f);
  orders.push_back(HandOrder("x", "b", Side::kBid, 1'000, 390'000, "north"));
  orders.push_back(HandOrder("y", "w", Side::kOffer, 1'000, 90'000, "south"));
  RefuseContracts(f.network, orders);
  EXPECT_EQ(orders[0].state, OrderState::kActive);
  EXPECT_EQ(orders[2].rejection_reason, "LINE_FULL");
  EXPECT_EQ(orders[3].rejection_reason, "LINE_FULL");
  EXPECT_EQ(orders[4].state, OrderState::kActive) << "there is room for the smaller one";
  const auto outcome = DecideOutcome(f.auction, f.network, orders);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->cleared_energy, Wh(100)) << "what contracts leave of the line";
  EXPECT_EQ(outcome->trades.size(), 3u);
}

TEST(ContractClearingTest, AnAuctionWithContractsIsClearedAgainBitIdentically) {
  ContractFixture f;
  f.network = TwoZones(30'000, Wh(900));
  f.MemberOf("s").zone = ZoneId("south");
  f.Add("k1", "b", "s", 300, 200'000);
  PriceFormula& price = f.Add("k2", "b", "t", 100, 0).versions[0].terms.price;
  price.is_indexed = true;
  f.Add("k3", "b", "t", 100, 200'000);
  std::vector<Order> orders = Paid(f);
  orders[4].state = OrderState::kRejected;
  orders[4].rejection_reason = "FUNDS_INSUFFICIENT";
  for (const bool trades : {true, false}) {
    if (trades) {
      orders.push_back(HandOrder("x", "b", Side::kBid, 100, 390'000));
      orders.push_back(HandOrder("y", "w", Side::kOffer, 100, 90'000));
    } else {
      orders.pop_back();  // Nothing clears: k2 expires.
    }
    RefuseContracts(f.network, orders);
    const auto outcome = DecideOutcome(f.auction, f.network, orders);
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    const std::string bytes = CanonicalBytes(f.auction, f.network, orders, *outcome);
    // As the database has them afterwards.
    std::vector<Order> stored = orders;
    size_t next = 0;
    for (Order& order : stored) {
      if (order.state == OrderState::kActive) {
        order.state = outcome->orders[next++].state;
      }
    }
    Reactivate(stored);
    const auto again = DecideOutcome(f.auction, f.network, stored);
    EXPECT_EQ(CanonicalBytes(f.auction, f.network, stored, *again), bytes);
    // The bytes stand for the contracts too.
    stored[0].contract_price = "index seller 1000000 0 else none";
    EXPECT_NE(CanonicalBytes(f.auction, f.network, stored, *again), bytes);
  }
}

TEST(ContractForecastTest, StandingOrdersBidTheRest) {
  ContractFixture f;
  f.Add("k1", "b", "s", 300, 200'000);
  StandingOrder standing;
  standing.participant = ParticipantId("s");
  standing.metering_point = MeteringPointId("s");
  standing.offer_price = Micros(80'000);
  standing.bid_price = Micros(300'000);
  const std::vector<Candidate> candidates = Candidates({standing}, f.snapshot);
  Closing closing;
  closing.contracted = ContractedBy(f.Execute().orders);
  const PlacementStep step = {kRampSteps, f.auction.gate_closure, nullptr};
  const auto place = [&](int64_t forecast) {
    f.Forecast("s", forecast);
    closing.offered = {{GridConnectionId("s"), Wh(300)}};
    return PlaceStandingOrders(f.auction, candidates, f.snapshot, f.forecasts, closing, step);
  };
  ASSERT_EQ(place(800).size(), 1u);
  EXPECT_EQ(place(800)[0].energy, Wh(500));
  EXPECT_EQ(place(800)[0].side, Side::kOffer);
  EXPECT_EQ(place(2'000)[0].energy, Wh(700)) << "what the connection can feed in besides";
  EXPECT_TRUE(place(300).empty());
  f.MemberOf("s").import_capacity_w = 8'000;
  closing.offered.clear();
  const auto short_of = PlaceStandingOrders(f.auction, Candidates({standing}, f.snapshot),
                                            f.snapshot, f.forecasts, closing, step);
  EXPECT_TRUE(short_of.empty());
  f.Forecast("s", 200);
  const auto bids = PlaceStandingOrders(f.auction, Candidates({standing}, f.snapshot), f.snapshot,
                                        f.forecasts, closing, step);
  ASSERT_EQ(bids.size(), 1u);
  EXPECT_EQ(bids[0].side, Side::kBid) << "sold more than it has: it buys the difference";
  EXPECT_EQ(bids[0].energy, Wh(100));
}

}  // namespace
}  // namespace peerwatt::market
