#include "services/market/core/order_rules.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "libs/base/error.h"
#include "services/market/core/order_desk.h"

namespace peerwatt::market {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

struct Case {
  Auction auction;
  Placing placing;
  absl::Time now = kStart - absl::Hours(2);
  std::optional<Member> member;
  CommunitySnapshot snapshot;
  Energy offered;
  Order order;
};

// An order that keeps every rule: 1000 Wh of 1500 Wh offered, at a price within the bounds.
Case ValidCase() {
  Case c;
  c.auction.key = {CommunityId("c1"), kStart};
  c.auction.delivery_end = kStart + absl::Minutes(15);
  c.auction.gate_closure = kStart - absl::Hours(1);
  Member member;
  member.metering_point = MeteringPointId("m1");
  member.participant = ParticipantId("p1");
  member.community = CommunityId("c1");
  member.grid_connection = GridConnectionId("g1");
  member.approved = true;
  member.import_capacity_w = 8'000;
  member.export_capacity_w = 2'000;
  c.member = member;
  Member second = member;
  second.metering_point = MeteringPointId("m2");
  second.export_capacity_w = 4'000;
  second.import_capacity_w = 0;
  Member other = member;
  other.metering_point = MeteringPointId("m3");
  other.grid_connection = GridConnectionId("g2");
  c.snapshot.members = {member, second, other};
  c.snapshot.rules.id = CommunityId("c1");
  c.snapshot.rules.interval = absl::Minutes(15);
  c.snapshot.rules.price_min = Price::MicrosPerKwh(-100'000);
  c.snapshot.rules.price_max = Price::MicrosPerKwh(500'000);
  c.order.auction = c.auction.key;
  c.order.side = Side::kOffer;
  c.order.metering_point = MeteringPointId("m1");
  c.order.energy = Energy::WattHours(1'000);
  c.order.limit = Price::MicrosPerKwh(100'000);
  return c;
}

std::string ReasonFor(const Case& c) {
  Placing placing = c.placing;
  placing.auction = c.auction;
  placing.offered = c.offered;
  const auto limits = LimitsOfAll(c.snapshot);
  return ReasonOf(CheckOrder(c.order, {c.now, c.member, c.snapshot.rules,
                                       limits.at(GridConnectionId("g1")), placing}));
}

struct Break {
  std::string reason;
  std::function<void(Case&)> apply;
};

TEST(CheckOrderTest, TheFirstBrokenRuleWins) {
  const std::vector<Break> in_order = {
      {"GATE_CLOSED", [](Case& c) { c.now = c.auction.gate_closure; }},
      {"MARKET_HALTED", [](Case& c) { c.placing.halted = true; }},
      {"METERING_POINT_UNKNOWN", [](Case& c) { c.member->community = CommunityId("c2"); }},
      {"POINT_IS_BOUNDARY", [](Case& c) { c.member->is_boundary = true; }},
      {"PARTICIPANT_NOT_APPROVED", [](Case& c) { c.member->approved = false; }},
      {"TRADING_BLOCKED", [](Case& c) { c.placing.is_killed = true; }},
      {"ENERGY_OUT_OF_RANGE", [](Case& c) { c.order.energy = kEnergyMax + Energy::WattHours(1); }},
      {"PRICE_OUT_OF_RANGE", [](Case& c) { c.order.limit = Price::MicrosPerKwh(500'001); }},
      {"PREFERENCES_INVALID",
       [](Case& c) {
         c.order.preference = "zones=east";
         c.placing.network = std::make_shared<NetworkVersion>();
       }},
      {"PREFERENCES_UNSUPPORTED",
       [](Case& c) {
         if (c.placing.network == nullptr) {
           c.order.preference = "except=p2";
           c.placing.network = std::make_shared<NetworkVersion>();
         }
         c.placing.load = {0, 1'000, 0, 0};
       }},
      {"ORDER_COUNT_EXCEEDED", [](Case& c) { c.placing.open_orders = 1'000'000; }},
      {"EXPORT_CAPACITY_EXCEEDED", [](Case& c) { c.offered = Energy::WattHours(501); }},
  };
  EXPECT_EQ(ReasonFor(ValidCase()), "");
  for (size_t first = 0; first < in_order.size(); ++first) {
    Case alone = ValidCase();
    in_order[first].apply(alone);
    EXPECT_EQ(ReasonFor(alone), in_order[first].reason);
    Case with_later = ValidCase();
    for (size_t i = first; i < in_order.size(); ++i) {
      in_order[i].apply(with_later);
    }
    EXPECT_EQ(ReasonFor(with_later), in_order[first].reason);
  }
}

TEST(CheckOrderTest, JudgesAtEachBound) {
  struct Bound {
    const char* name;
    std::function<void(Case&)> apply;
    std::string reason;
  };
  const auto energy = [](Side side, int64_t wh) {
    return [side, wh](Case& c) {
      c.order.side = side;
      c.order.energy = Energy::WattHours(wh);
    };
  };
  const auto price = [](int64_t micros) {
    return [micros](Case& c) { c.order.limit = Price::MicrosPerKwh(micros); };
  };
  const std::vector<Bound> bounds = {
      {"last microsecond", [](Case& c) { c.now = c.auction.gate_closure - absl::Microseconds(1); },
       ""},
      {"gate closure", [](Case& c) { c.now = c.auction.gate_closure; }, "GATE_CLOSED"},
      {"frozen early", [](Case& c) { c.auction.state = AuctionState::kClosed; }, "GATE_CLOSED"},
      {"unknown point", [](Case& c) { c.member.reset(); }, "METERING_POINT_UNKNOWN"},
      {"no energy", energy(Side::kBid, 0), "ENERGY_OUT_OF_RANGE"},
      {"negative energy", energy(Side::kBid, -1), "ENERGY_OUT_OF_RANGE"},
      {"least energy", energy(Side::kBid, 1), ""},
      {"most a bid may", energy(Side::kBid, 2'000), ""},
      {"more than a bid may", energy(Side::kBid, 2'001), "ENERGY_OUT_OF_RANGE"},
      {"most an offer may", energy(Side::kOffer, 1'500), ""},
      {"more than an offer may", energy(Side::kOffer, 1'501), "EXPORT_CAPACITY_EXCEEDED"},
      {"no energy offered", energy(Side::kOffer, 0), "ENERGY_OUT_OF_RANGE"},
      {"capacity left", [](Case& c) { c.offered = Energy::WattHours(500); }, ""},
      {"lowest price", price(-100'000), ""},
      {"below", price(-100'001), "PRICE_OUT_OF_RANGE"},
      {"highest price", price(500'000), ""},
      {"above", price(500'001), "PRICE_OUT_OF_RANGE"},
  };
  for (const Bound& bound : bounds) {
    Case c = ValidCase();
    bound.apply(c);
    EXPECT_EQ(ReasonFor(c), bound.reason) << bound.name;
  }
}

Money HoldOf(Side side, int64_t wh, int64_t limit, int64_t fee) {
  Order order;
  order.side = side;
  order.energy = Energy::WattHours(wh);
  order.limit = Price::MicrosPerKwh(limit);
  return HoldFor(order, Price::MicrosPerKwh(fee));
}

TEST(HoldForTest, ReservesTheWorstCaseRoundedUp) {
  EXPECT_EQ(HoldOf(Side::kBid, 1'000, 300'000, 50'000).micros(), 350'000);
  EXPECT_EQ(HoldOf(Side::kBid, 1, 300'000, 50'001).micros(), 351);
  EXPECT_EQ(HoldOf(Side::kBid, 1'000, -60'000, 50'000).micros(), 0);
  EXPECT_EQ(HoldOf(Side::kBid, 1'000, -50'000, 50'001).micros(), 1);
  EXPECT_EQ(HoldOf(Side::kOffer, 1'000, 300'000, 50'000).micros(), 0);
  EXPECT_EQ(HoldOf(Side::kOffer, 1, -1'001, 50'000).micros(), 2);
}

TEST(HoldsNeededTest, KeepsWhatTheTradesCostAndReleasesTheRest) {
  std::vector<Order> orders(4);
  const char* ids[] = {"b1", "b2", "o1", "o2"};
  for (size_t i = 0; i < orders.size(); ++i) {
    orders[i].id = OrderId(ids[i]);
    orders[i].hold = Money::Micros(1'000'000);
  }
  orders[3].hold = Money();
  Trade first;
  first.bid = OrderId("b1");
  first.offer = OrderId("o1");
  first.energy = Energy::WattHours(1);
  first.price = Price::MicrosPerKwh(1'500);
  first.network_fee = Price::MicrosPerKwh(100);
  Trade second = first;
  second.offer = OrderId("o2");
  const auto needed = HoldsNeeded(orders, {first, second});
  ASSERT_EQ(needed.size(), 3u);
  EXPECT_EQ(needed[0].amount.micros(), 2 * (2 + 1));  // Each trade is rounded up by itself.
  EXPECT_EQ(needed[1].amount.micros(), 0);
  EXPECT_EQ(needed[2].amount.micros(), 0);

  first.price = Price::MicrosPerKwh(-1'500);
  const auto negative = HoldsNeeded(orders, {first});
  EXPECT_EQ(negative[0].amount.micros(), 0);
  EXPECT_EQ(negative[2].amount.micros(), 2);  // The seller pays.
}

TEST(RejectionTest, NamesFundsOrTheReasonOfSettlement) {
  EXPECT_EQ(ReasonOf(Rejection("FUNDS_INSUFFICIENT")), "FUNDS_INSUFFICIENT");
  EXPECT_EQ(ReasonOf(Rejection("ACCOUNT_UNKNOWN")), "HOLD_REFUSED");
  EXPECT_EQ(DetailOf(Rejection("ACCOUNT_UNKNOWN")).metadata.at("hold_reason"), "ACCOUNT_UNKNOWN");
}

}  // namespace
}  // namespace peerwatt::market
