// Limits, halts and kill switches: what they do to orders, and that nothing slips through.

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "services/market/storage/control_store.h"
#include "tests/postgres/market/peers.h"

namespace peerwatt::market {
namespace {

class ControlsTest : public ::testing::Test {
 protected:
  ControlsTest() : store_(world_.pool), now_(world_.start - absl::Hours(3)) {
    world_.RunUntilDone(now_);
  }

  Order Bid(const std::string& id, int64_t wh = 400, int interval = 0) {
    Order order;
    order.auction = world_.Key(interval);
    order.id = OrderId(id);
    order.side = Side::kBid;
    order.metering_point = MeteringPointId("m1");
    order.participant = ParticipantId("p1");
    order.energy = Energy::WattHours(wh);
    order.limit = Price::MicrosPerKwh(200'000);
    return order;
  }
  Order Offer(const std::string& id, int64_t wh) {
    Order order = Bid(id, wh);
    order.side = Side::kOffer;
    order.metering_point = MeteringPointId("m4");
    order.participant = ParticipantId("p3");
    order.limit = Price::MicrosPerKwh(100'000);
    return order;
  }
  absl::StatusOr<Order> Create(const Order& order, bool validate_only = false) {
    return world_.desk.Create(order, validate_only, now_);
  }
  std::string ReasonFor(const Order& order) { return ReasonOf(Create(order).status()); }
  Act ActOf(const std::string& reason, bool by_operator = true) {
    return {"users/op", reason, now_, by_operator};
  }
  void Halt(bool halted) {
    World::Require(store_.SetHalt(world_.community, halted, ActOf("strange prices")));
  }
  absl::StatusOr<std::vector<CancelledOrder>> Kill(const std::string& participant,
                                                   bool by_operator = true) {
    return KillAndRelease(store_, world_.settlement, world_.community, ParticipantId(participant),
                          ActOf("asked for", by_operator));
  }
  LimitsVersion Limits(int32_t version, absl::Time from, int64_t wh_max) {
    LimitsVersion limits;
    limits.version = version;
    limits.valid_from = from;
    limits.limits.energy_max = Energy::WattHours(wh_max);
    return limits;
  }
  void CloseGate() {
    now_ = world_.start - absl::Hours(1);
    world_.RunUntilDone(now_);
  }
  std::string Actions() {
    std::string actions;
    const std::vector<ControlEvent> events = *store_.ListEvents(world_.community, 0, 100);
    for (const ControlEvent& event : events) {
      actions += event.action + " ";
    }
    return actions;
  }

  World world_;
  PostgresControlStore store_;
  absl::Time now_;
};

TEST_F(ControlsTest, AHaltedMarketRefusesOrdersUntilItResumes) {
  ASSERT_TRUE(Create(Bid("b1")).ok());
  Halt(true);
  Halt(true);
  const absl::Status refused = Create(Bid("b2")).status();
  EXPECT_EQ(ReasonOf(refused), "MARKET_HALTED");
  EXPECT_EQ(DetailOf(refused).metadata.at("halt_reason"), "strange prices");
  EXPECT_TRUE(Create(Bid("b1")).ok()) << "a retry gets its answer";
  EXPECT_TRUE(world_.desk.Cancel(world_.Key(), OrderId("b1"), ParticipantId("p1"), now_).ok());
  Halt(false);
  EXPECT_TRUE(Create(Bid("b2")).ok());
  EXPECT_EQ(Actions(), "HALT RESUME ");
}

TEST_F(ControlsTest, AGateThatClosesDuringAHaltEndsWithoutTrades) {
  world_.AddStandingOrders();
  ASSERT_TRUE(Create(Bid("b1")).ok());
  ASSERT_TRUE(Create(Offer("o1", 300)).ok());
  Halt(true);
  CloseGate();
  Halt(false);
  const Auction auction = *world_.view.GetAuction(world_.Key());
  EXPECT_TRUE(auction.holds_reduced) << "it is final";
  EXPECT_EQ(auction.cleared_energy, Energy());
  EXPECT_EQ(world_.auctions.OrdersOf(world_.Key())->size(), 2u) << "no standing order bids";
  EXPECT_EQ(world_.orders.GetOrder(world_.Key(), OrderId("b1"))->state, OrderState::kExpired);
  EXPECT_EQ(world_.settlement.HeldFor(world_.start, "b1"), 0);
  now_ += absl::Minutes(15);
  world_.RunUntilDone(now_);
  EXPECT_GT(world_.view.GetAuction(world_.Key(1))->cleared_energy, Energy()) << "the next trades";
}

TEST_F(ControlsTest, AKillSwitchCancelsReleasesAndRefuses) {
  ASSERT_TRUE(Create(Bid("b1")).ok());
  ASSERT_TRUE(Create(Bid("b2", 300, 1)).ok());
  ASSERT_TRUE(Create(Offer("o1", 300)).ok());
  world_.weather.FailAt(0, false);
  EXPECT_EQ(ReasonOf(Kill("p1").status()), "PEER_UNAVAILABLE") << "cancelled, not yet released";
  world_.weather.FailAt(-1, false);
  ASSERT_TRUE(Kill("p1").ok());
  EXPECT_EQ(world_.orders.GetOrder(world_.Key(), OrderId("b1"))->state, OrderState::kCancelled);
  EXPECT_EQ(world_.orders.GetOrder(world_.Key(1), OrderId("b2"))->state, OrderState::kCancelled);
  EXPECT_EQ(world_.orders.GetOrder(world_.Key(), OrderId("o1"))->state, OrderState::kActive);
  EXPECT_EQ(ReasonFor(Bid("b3")), "TRADING_BLOCKED");
  CloseGate();
  EXPECT_EQ(world_.settlement.HeldFor(world_.start, "b1"), 0);
  World::Require(store_.Lift(world_.community, ParticipantId("p1"), ActOf("all is well")));
  EXPECT_TRUE(Create(Bid("b4", 400, 1)).ok());
  EXPECT_EQ(Actions(), "KILL LIFT ");
}

TEST_F(ControlsTest, OnlyAnOperatorLiftsWhatAnOperatorSet) {
  const auto lift = [&](bool by_operator) {
    return ReasonOf(store_.Lift(world_.community, ParticipantId("p1"), ActOf("go", by_operator)));
  };
  ASSERT_TRUE(Kill("p1", false).ok());
  EXPECT_EQ(lift(false), "") << "one's own";
  ASSERT_TRUE(Kill("p1", false).ok());
  ASSERT_TRUE(Kill("p1", true).ok());
  EXPECT_EQ(lift(false), "PERMISSION_DENIED");
  EXPECT_EQ(lift(true), "");
  EXPECT_EQ(lift(true), "") << "a retry";
}

TEST_F(ControlsTest, AStandingOrderOfABlockedParticipantDoesNotBid) {
  world_.AddStandingOrders();
  ASSERT_TRUE(Kill("p1").ok());
  CloseGate();
  EXPECT_EQ(world_.auctions.OrdersOf(world_.Key())->size(), 2u);
}

// Orders placed at the moment of the kill are refused or cancelled, never left open.
TEST_F(ControlsTest, NoOrderSlipsPastAKillSwitch) {
  std::atomic<int> next = 0;
  std::atomic<bool> killed = false;
  std::vector<std::thread> placers;
  for (int i = 0; i < 4; ++i) {
    placers.emplace_back([&] {
      for (int after = 0; after < 3; after += killed ? 1 : 0) {
        (void)Create(Bid("b" + std::to_string(next++) + "x", 1));
      }
    });
  }
  while (next < 20) {
    std::this_thread::yield();
  }
  ASSERT_TRUE(Kill("p1").ok());
  killed = true;
  for (std::thread& placer : placers) {
    placer.join();
  }
  const std::vector<Order> orders = *world_.auctions.OrdersOf(world_.Key());
  EXPECT_GE(orders.size(), 10u);
  for (const Order& order : orders) {
    EXPECT_EQ(order.state, OrderState::kCancelled) << order.id.value();
    EXPECT_LE(world_.settlement.HeldFor(world_.start, order.id.value()), 0) << order.id.value();
  }
}

TEST_F(ControlsTest, LimitsAreVersionsThatCountByDelivery) {
  const auto add = [&](const LimitsVersion& limits) {
    return ReasonOf(store_.AddLimits(world_.community, limits, ActOf("new")));
  };
  EXPECT_EQ(add(Limits(2, world_.start, 300)), "LIMITS_VERSION_STALE");
  EXPECT_EQ(add(Limits(1, world_.start, 300)), "");
  EXPECT_EQ(add(Limits(1, world_.start, 300)), "") << "a retry";
  EXPECT_EQ(add(Limits(1, world_.start, 301)), "CONTENT_DIFFERS");
  EXPECT_EQ(add(Limits(2, world_.Key(1).delivery_start, 400)), "");
  EXPECT_EQ(ReasonFor(Bid("b1", 301)), "ENERGY_OUT_OF_RANGE");
  EXPECT_TRUE(Create(Bid("b1", 300)).ok());
  EXPECT_TRUE(Create(Bid("b1", 400, 1)).ok());
  EXPECT_EQ(Actions(), "LIMITS LIMITS ");
}

TEST_F(ControlsTest, OpenOrdersOfAParticipantAreCountedWithinAndAcrossGroups) {
  LimitsVersion limits = Limits(1, world_.start, 1000);
  limits.limits.open_orders_max = 3;
  World::Require(store_.AddLimits(world_.community, limits, ActOf("few")));
  ASSERT_TRUE(Create(Bid("b0")).ok());
  std::vector<Order> group;
  for (int i = 1; i <= 4; ++i) {
    group.push_back(Bid("b" + std::to_string(i)));
    group.back().create_time = now_;
  }
  const auto answers = world_.desk.CreateGroup(group, now_);
  EXPECT_TRUE(answers[0].ok() && answers[1].ok()) << answers[0].status();
  EXPECT_EQ(ReasonOf(answers[2].status()), "ORDER_COUNT_EXCEEDED");
  EXPECT_EQ(ReasonOf(answers[3].status()), "ORDER_COUNT_EXCEEDED");
  ASSERT_TRUE(world_.desk.Cancel(world_.Key(), OrderId("b1"), ParticipantId("p1"), now_).ok());
  EXPECT_TRUE(Create(Bid("b9")).ok());
}

TEST_F(ControlsTest, OffersOfAGroupShareACapacityAndRepeatsGetTheirAnswer) {
  std::vector<Order> group = {Offer("o1", 600), Offer("o2", 401), Offer("o3", 400),
                              Offer("o1", 600), Offer("o1", 599), Offer("o4", 1)};
  std::string reasons;
  for (const auto& answer : world_.desk.CreateGroup(group, now_)) {
    reasons += (answer.ok() ? "ok" : ReasonOf(answer.status())) + " ";
  }
  EXPECT_EQ(reasons, "ok EXPORT_CAPACITY_EXCEEDED ok ok CONTENT_DIFFERS EXPORT_CAPACITY_EXCEEDED ");
  reasons.clear();
  for (const auto& answer : world_.desk.CreateGroup(group, now_)) {
    reasons += (answer.ok() ? "ok" : ReasonOf(answer.status())) + " ";
  }
  EXPECT_EQ(reasons, "ok EXPORT_CAPACITY_EXCEEDED ok ok CONTENT_DIFFERS EXPORT_CAPACITY_EXCEEDED ");
}

TEST_F(ControlsTest, ValidateOnlyNamesEveryBrokenRule) {
  world_.settlement.balances[ParticipantId("p1")] = 1;
  Halt(true);
  ASSERT_TRUE(Kill("p1").ok());
  Order order = Bid("b1", 2'001);
  order.limit = Price::MicrosPerKwh(400'001);
  const ErrorDetail detail = DetailOf(Create(order, true).status());
  EXPECT_EQ(detail.reason, "MARKET_HALTED");
  EXPECT_EQ(detail.metadata.at("reasons"),
            "MARKET_HALTED,TRADING_BLOCKED,ENERGY_OUT_OF_RANGE,PRICE_OUT_OF_RANGE,"
            "FUNDS_INSUFFICIENT");
  ASSERT_EQ(detail.violations.size(), 5u);
  EXPECT_EQ(detail.violations[3].field, "order.limit_price_per_kwh");
  EXPECT_TRUE(world_.auctions.OrdersOf(world_.Key())->empty());
  EXPECT_EQ(world_.settlement.HeldFor(world_.start, "b1"), -1);
}

}  // namespace
}  // namespace peerwatt::market
