// Groups that are placed by one statement: what is remembered of the market never outlives it.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "services/market/storage/control_store.h"
#include "tests/postgres/market/peers.h"

namespace peerwatt::market {
namespace {

class PlainOrdersTest : public ::testing::Test {
 protected:
  PlainOrdersTest() : controls_(world_.pool), now_(world_.start - absl::Hours(3)) {
    world_.RunUntilDone(now_);
  }

  Order Bid(const std::string& id, int interval = 0) {
    Order order;
    order.auction = world_.Key(interval);
    order.id = OrderId(id);
    order.side = Side::kBid;
    order.metering_point = MeteringPointId("m1");
    order.grid_connection = GridConnectionId("c-m1");
    order.participant = ParticipantId("p1");
    order.zone = ZoneId("z1");
    order.energy = Energy::WattHours(400);
    order.limit = Price::MicrosPerKwh(200'000);
    order.create_time = now_ + absl::Microseconds(7);
    return order;
  }
  // Places orders for 0.07 each, and remembers what the check met last.
  std::vector<Order> Place(const std::vector<Order>& orders) {
    const auto placed = world_.orders.PlaceOrders(
        orders, [&](size_t, const Placing& placing) -> absl::StatusOr<Money> {
          met_ = placing;
          return Money::Micros(70'000);
        });
    std::vector<Order> kept;
    for (const absl::StatusOr<Order>& order : *placed) {
      kept.push_back(*order);
    }
    return kept;
  }
  // The first look is what is remembered.
  void Learn() { Place({Bid("first-a"), Bid("first-b", 1)}); }
  bool AtOnce(const std::vector<Order>& orders) { return !Place(orders).back().place.empty(); }
  Act AnAct() { return {"users/op", "strange prices", now_, true}; }

  World world_;
  PostgresControlStore controls_;
  absl::Time now_;
  Placing met_;
};

TEST_F(PlainOrdersTest, KeepsWhatTheLongWayKeeps) {
  Learn();
  std::vector<Order> asked = {Bid("b1"), Bid("b2", 1), Bid("b3")};
  asked[2].create_time += absl::Seconds(1);
  asked[2].zone = ZoneId();
  const std::vector<Order> placed = Place(asked);
  for (size_t i = 0; i < asked.size(); ++i) {
    EXPECT_FALSE(placed[i].place.empty());
    const Order kept = *world_.orders.GetOrder(asked[i].auction, asked[i].id);
    EXPECT_TRUE(SameContent(kept, asked[i]));
    EXPECT_EQ(kept.state, OrderState::kPending);
    EXPECT_EQ(kept.hold, Money::Micros(70'000));
    EXPECT_EQ(kept.create_time, asked[i].create_time);
    EXPECT_EQ(kept.zone, asked[i].zone);
    EXPECT_EQ(kept.grid_connection, asked[i].grid_connection);
    EXPECT_EQ(kept.source, EnergySource::kUnknown);
  }
  const auto resolved = world_.orders.ResolveOrders(placed, {"", "", ""});
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  for (const Order& order : *resolved) {
    EXPECT_EQ(order.state, OrderState::kActive);
    EXPECT_EQ(world_.orders.GetOrder(order.auction, order.id)->state, OrderState::kActive);
  }
}

TEST_F(PlainOrdersTest, OtherOrdersTakeTheLongWay) {
  EXPECT_FALSE(AtOnce({Bid("b1")})) << "nothing is known yet";
  EXPECT_TRUE(AtOnce({Bid("b2")}));
  EXPECT_FALSE(AtOnce({Bid("b3", 1)})) << "another auction";
  Order offer = Bid("o1");
  offer.side = Side::kOffer;
  EXPECT_FALSE(AtOnce({Bid("b4"), offer}));
  Order prefers = Bid("b5");
  prefers.preference = "zone z1";
  EXPECT_FALSE(AtOnce({prefers}));
  EXPECT_FALSE(AtOnce({Bid("b6"), Bid("b2")})) << "one is kept already";
  EXPECT_TRUE(world_.orders.GetOrder(world_.Key(), OrderId("b6")).ok());
  EXPECT_TRUE(AtOnce({Bid("b7"), Bid("b8", 1)}));
}

TEST_F(PlainOrdersTest, AHaltThatCameMeanwhileIsSeen) {
  Learn();
  World::Require(controls_.SetHalt(world_.community, true, AnAct()));
  EXPECT_FALSE(AtOnce({Bid("b1")}));
  EXPECT_TRUE(met_.halted);
  World::Require(controls_.SetHalt(world_.community, false, AnAct()));
  EXPECT_FALSE(AtOnce({Bid("b2")}));
  EXPECT_FALSE(met_.halted);
  EXPECT_TRUE(AtOnce({Bid("b3")}));
}

TEST_F(PlainOrdersTest, LimitsThatCameMeanwhileAreSeen) {
  Learn();
  LimitsVersion limits;
  limits.version = 1;
  limits.valid_from = now_;
  limits.limits.open_orders_max = 5;
  World::Require(controls_.AddLimits(world_.community, limits, AnAct()));
  EXPECT_FALSE(AtOnce({Bid("b1"), Bid("b2")}));
  EXPECT_EQ(met_.limits.open_orders_max, 5);
  EXPECT_EQ(met_.open_orders, 2) << "the one of the first look, and b1";
}

TEST_F(PlainOrdersTest, AKillSwitchThatCameMeanwhileIsSeen) {
  Learn();
  World::Require(controls_.Kill(world_.community, ParticipantId("p1"), AnAct()).status());
  EXPECT_FALSE(AtOnce({Bid("b1")}));
  EXPECT_TRUE(met_.is_killed);
}

TEST_F(PlainOrdersTest, AGateThatClosedMeanwhileIsSeen) {
  Learn();
  world_.RunUntilDone(world_.start - absl::Hours(1));
  EXPECT_FALSE(AtOnce({Bid("b1")}));
  EXPECT_NE(met_.auction->state, AuctionState::kOpen);
  EXPECT_FALSE(AtOnce({Bid("b2", 1), Bid("b3")})) << "one of the two auctions is open";
  EXPECT_TRUE(AtOnce({Bid("b4", 1)}));
}

TEST_F(PlainOrdersTest, AnOrderWithdrawnMeanwhileStaysWithdrawn) {
  Learn();
  const std::vector<Order> placed = Place({Bid("b1"), Bid("b2")});
  ASSERT_FALSE(placed[0].place.empty());
  World::Require(world_.orders
                     .CancelOrder(world_.Key(), OrderId("b1"),
                                  [](const Auction&, const Order&) { return absl::OkStatus(); })
                     .status());
  const auto resolved = world_.orders.ResolveOrders(placed, {"", ""});
  EXPECT_EQ((*resolved)[0].state, OrderState::kCancelled);
  EXPECT_EQ((*resolved)[1].state, OrderState::kActive);
}

}  // namespace
}  // namespace peerwatt::market
