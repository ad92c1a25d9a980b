#include "services/market/core/order_desk.h"

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/postgres/market/peers.h"

namespace peerwatt::market {
namespace {

class OrderDeskTest : public ::testing::Test {
 protected:
  OrderDeskTest() : now_(world_.start - absl::Hours(3)) { world_.RunUntilDone(now_); }

  Order Bid(const std::string& id, int64_t wh = 400, int64_t limit = 200'000) {
    Order order;
    order.auction = world_.Key();
    order.id = OrderId(id);
    order.side = Side::kBid;
    order.metering_point = MeteringPointId("m1");
    order.participant = ParticipantId("p1");
    order.energy = Energy::WattHours(wh);
    order.limit = Price::MicrosPerKwh(limit);
    return order;
  }
  Order Offer(const std::string& id, int64_t wh) {
    Order order = Bid(id, wh, 100'000);
    order.side = Side::kOffer;
    order.metering_point = MeteringPointId("m4");
    order.participant = ParticipantId("p3");
    return order;
  }
  absl::StatusOr<Order> Create(const Order& order, bool validate_only = false) {
    return world_.desk.Create(order, validate_only, now_);
  }
  std::string ReasonFor(const Order& order) { return ReasonOf(Create(order).status()); }
  int64_t Held(const std::string& id) { return world_.settlement.HeldFor(world_.start, id); }
  void CloseGate() {
    now_ = world_.start - absl::Hours(1);
    world_.RunUntilDone(now_);
  }

  World world_;
  absl::Time now_;
};

TEST_F(OrderDeskTest, HoldsMoneyBeforeAnOrderIsActive) {
  const auto order = Create(Bid("b1"));
  ASSERT_TRUE(order.ok()) << order.status();
  EXPECT_EQ(order->state, OrderState::kActive);
  EXPECT_EQ(order->create_time, now_);
  EXPECT_EQ(Held("b1"), 400 * 250);
}

TEST_F(OrderDeskTest, RepeatingACreateGivesTheSameOrder) {
  ASSERT_TRUE(Create(Bid("b1")).ok());
  now_ += absl::Minutes(1);
  const auto again = Create(Bid("b1"));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->create_time, now_ - absl::Minutes(1));
  EXPECT_EQ(world_.auctions.OrdersOf(world_.Key())->size(), 1u);
  EXPECT_EQ(ReasonFor(Bid("b1", 401)), "CONTENT_DIFFERS");
  EXPECT_EQ(ReasonFor(Bid("b1", 400, 200'001)), "CONTENT_DIFFERS");
  CloseGate();
  EXPECT_EQ(Create(Bid("b1"))->state, OrderState::kExpired) << "a late retry gets its answer";
  EXPECT_EQ(ReasonFor(Bid("b2")), "GATE_CLOSED");
}

TEST_F(OrderDeskTest, ManyAtOnceKeepOne) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      const auto order = Create(Bid("b1"));
      EXPECT_TRUE(order.ok() && order->state == OrderState::kActive) << order.status();
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(world_.auctions.OrdersOf(world_.Key())->size(), 1u);
  EXPECT_EQ(Held("b1"), 400 * 250);
}

TEST_F(OrderDeskTest, RefusesAnOrderWithoutFundsTheSameWayTwice) {
  world_.settlement.balances[ParticipantId("p1")] = 400 * 250 - 1;
  EXPECT_EQ(ReasonFor(Bid("b1")), "FUNDS_INSUFFICIENT");
  world_.settlement.balances[ParticipantId("p1")] = World::kFunds;
  EXPECT_EQ(ReasonFor(Bid("b1")), "FUNDS_INSUFFICIENT");
  EXPECT_EQ(world_.orders.GetOrder(world_.Key(), OrderId("b1"))->rejection_reason,
            "FUNDS_INSUFFICIENT");
  EXPECT_EQ(Create(Bid("b2"))->state, OrderState::kActive);
}

TEST_F(OrderDeskTest, RefusesAnothersMeteringPointBeforeAnythingElse) {
  Order order = Bid("b1", 0);
  order.participant = ParticipantId("p2");
  CloseGate();
  EXPECT_EQ(ReasonFor(order), "PERMISSION_DENIED");
  order.metering_point = MeteringPointId("nowhere");
  EXPECT_EQ(ReasonFor(order), "GATE_CLOSED");
  order.auction.delivery_start += absl::Seconds(1);
  EXPECT_EQ(ReasonFor(order), "NOT_FOUND");
}

TEST_F(OrderDeskTest, ValidateOnlyKeepsNothing) {
  EXPECT_TRUE(Create(Bid("b1"), true).ok());
  EXPECT_EQ(ReasonOf(Create(Bid("b1", 2'001), true).status()), "ENERGY_OUT_OF_RANGE");
  EXPECT_TRUE(world_.auctions.OrdersOf(world_.Key())->empty());
  EXPECT_EQ(Held("b1"), -1);
}

TEST_F(OrderDeskTest, OffersOfAConnectionShareItsCapacity) {
  ASSERT_TRUE(Create(Offer("o1", 600)).ok());
  EXPECT_EQ(ReasonFor(Offer("o2", 401)), "EXPORT_CAPACITY_EXCEEDED");
  ASSERT_TRUE(Create(Offer("o3", 400)).ok());
  EXPECT_EQ(ReasonFor(Offer("o4", 1)), "EXPORT_CAPACITY_EXCEEDED");
  ASSERT_TRUE(world_.desk.Cancel(world_.Key(), OrderId("o1"), ParticipantId("p3"), now_).ok());
  EXPECT_TRUE(Create(Offer("o5", 600)).ok());
}

TEST_F(OrderDeskTest, OffersPlacedAtOnceDoNotExceedTheCapacity) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&, i] { (void)Create(Offer("o" + std::to_string(i) + "x", 300)); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(world_.auctions.OrdersOf(world_.Key())->size(), 3u);
}

TEST_F(OrderDeskTest, CancelReleasesTheHoldAndCanBeRepeated) {
  ASSERT_TRUE(Create(Bid("b1")).ok());
  const auto cancel = [&](const std::string& id, const std::string& caller) {
    return world_.desk.Cancel(world_.Key(), OrderId(id), ParticipantId(caller), now_);
  };
  EXPECT_EQ(ReasonOf(cancel("b1", "p2").status()), "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(cancel("b9", "p2").status()), "PERMISSION_DENIED");
  world_.weather.FailAt(0, false);
  EXPECT_EQ(ReasonOf(cancel("b1", "p1").status()), "PEER_UNAVAILABLE");
  EXPECT_EQ(Held("b1"), 400 * 250);
  EXPECT_EQ(cancel("b1", "p1")->state, OrderState::kCancelled);
  EXPECT_EQ(Held("b1"), 0);
  EXPECT_EQ(cancel("b1", "p1")->state, OrderState::kCancelled);
  ASSERT_TRUE(Create(Bid("b2")).ok());
  CloseGate();
  EXPECT_EQ(ReasonOf(cancel("b2", "p1").status()), "GATE_CLOSED");
  EXPECT_EQ(cancel("b1", "p1")->state, OrderState::kCancelled) << "a late retry";
}

TEST_F(OrderDeskTest, GateClosureFinishesWhatWasInFlight) {
  // Settlement made the hold but its answer was lost: the order stays pending.
  world_.weather.FailAt(1, true);
  EXPECT_EQ(ReasonFor(Bid("b1")), "PEER_UNAVAILABLE");
  EXPECT_EQ(world_.orders.GetOrder(world_.Key(), OrderId("b1"))->state, OrderState::kPending);
  ASSERT_TRUE(Create(Offer("o1", 100)).ok());
  CloseGate();
  const auto order = world_.orders.GetOrder(world_.Key(), OrderId("b1"));
  EXPECT_EQ(order->state, OrderState::kPartiallyFilled);
  EXPECT_EQ(order->filled.wh(), 100);
  EXPECT_EQ(Held("b1"), 100 * 250) << "what 100 Wh cost at 0.20 and the fee of 0.05";
  EXPECT_EQ(Create(Bid("b1"))->state, OrderState::kPartiallyFilled);
}

TEST_F(OrderDeskTest, ARetryFinishesAPendingOrder) {
  world_.weather.FailAt(1, false);
  EXPECT_EQ(ReasonFor(Bid("b1")), "PEER_UNAVAILABLE");
  EXPECT_EQ(Create(Bid("b1"))->state, OrderState::kActive);
}

TEST_F(OrderDeskTest, ManualAndStandingOrdersOfAConnectionShareItsCapacity) {
  world_.AddStandingOrders();
  world_.metering.forecasts[MeteringPointId("m4")].exported = Energy::WattHours(1'500);
  ASSERT_TRUE(Create(Offer("o1", 900)).ok());
  CloseGate();
  const auto standing = world_.orders.GetOrder(world_.Key(), OrderId("so-m4"));
  ASSERT_TRUE(standing.ok());
  EXPECT_EQ(standing->energy.wh(), 100);
}

TEST_F(OrderDeskTest, AParticipantDoesNotTradeWithHimself) {
  Order bid = Bid("b1", 500);
  bid.participant = ParticipantId("p3");
  bid.metering_point = MeteringPointId("m3");
  ASSERT_TRUE(Create(bid).ok());
  ASSERT_TRUE(Create(Offer("o1", 500)).ok());
  CloseGate();
  EXPECT_EQ(world_.view.GetAuction(world_.Key())->cleared_energy.wh(), 0);
  EXPECT_EQ(Held("b1"), 0);
}

class StandingOrderTest : public OrderDeskTest {
 protected:
  StandingOrder Standing(const std::string& id, const std::string& point) {
    StandingOrder order;
    order.participant = ParticipantId("p3");
    order.id = StandingOrderId(id);
    order.metering_point = MeteringPointId(point);
    order.bid_price = Price::MicrosPerKwh(300'000);
    order.create_time = now_;
    return order;
  }
};

TEST_F(StandingOrderTest, AConnectionHasOneActiveOne) {
  ASSERT_TRUE(world_.desk.CreateStanding(Standing("one", "m3")).ok());
  EXPECT_TRUE(world_.desk.CreateStanding(Standing("one", "m3")).ok()) << "a retry";
  EXPECT_EQ(ReasonOf(world_.desk.CreateStanding(Standing("one", "m4")).status()),
            "CONTENT_DIFFERS");
  EXPECT_EQ(ReasonOf(world_.desk.CreateStanding(Standing("two", "m4")).status()),
            "STANDING_ORDER_ACTIVE");
  const auto cancel = [&](const std::string& id) {
    return world_.orders.CancelStandingOrder(world_.community, ParticipantId("p3"),
                                             StandingOrderId(id), world_.start);
  };
  EXPECT_FALSE(cancel("one")->active);
  EXPECT_FALSE(cancel("one")->active) << "a retry";
  EXPECT_EQ(ReasonOf(cancel("nine").status()), "NOT_FOUND");
  EXPECT_TRUE(world_.desk.CreateStanding(Standing("two", "m4")).ok());
  const auto all = world_.view.ListStandingOrders(world_.community, ParticipantId("p3"), {"", 10});
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].id.value(), "one");
  EXPECT_FALSE((*all)[1].offer_price.has_value());
}

TEST_F(StandingOrderTest, ChecksOwnerAndPrices) {
  EXPECT_EQ(ReasonOf(world_.desk.CreateStanding(Standing("one", "nowhere")).status()),
            "METERING_POINT_UNKNOWN");
  EXPECT_EQ(ReasonOf(world_.desk.CreateStanding(Standing("one", "m1")).status()),
            "PERMISSION_DENIED");
  StandingOrder dear = Standing("one", "m3");
  dear.bid_price = Price::MicrosPerKwh(400'001);
  EXPECT_EQ(ReasonOf(world_.desk.CreateStanding(dear).status()), "PRICE_OUT_OF_RANGE");
}

TEST_F(OrderDeskTest, ListsPageAndHideWhatIsAnothers) {
  ASSERT_TRUE(Create(Bid("b1")).ok());
  ASSERT_TRUE(Create(Bid("b2")).ok());
  ASSERT_TRUE(Create(Offer("o1", 100)).ok());
  const auto ids = [&](const std::string& owner, const std::string& after, int32_t limit) {
    std::string text;
    const std::vector<Order> orders =
        *world_.view.ListOrders(world_.Key(), ParticipantId(owner), {after, limit});
    for (const Order& order : orders) {
      text += order.id.value() + " ";
    }
    return text;
  };
  EXPECT_EQ(ids("", "", 10), "b1 b2 o1 ");
  EXPECT_EQ(ids("", "b1", 1), "b2 ");
  EXPECT_EQ(ids("p3", "", 10), "o1 ");
  CloseGate();
  const auto trades = [&](const std::string& owner) {
    return world_.view.ListTrades(world_.Key(), ParticipantId(owner), 0, 10)->size();
  };
  EXPECT_EQ(trades(""), 1u);
  EXPECT_EQ(trades("p1"), 1u);
  EXPECT_EQ(trades("p3"), 1u);
  EXPECT_EQ(trades("p2"), 0u);
  const Interval day = {world_.start, world_.start + absl::Hours(24)};
  EXPECT_EQ(world_.view.ListAuctions(world_.community, day, 3)->size(), 3u);
}

}  // namespace
}  // namespace peerwatt::market
