#include "services/market/core/gate_closure.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace peerwatt::market {
namespace {

Order MakeOrder(const std::string& id, Side side, int64_t wh, int64_t limit, OrderState state) {
  Order order;
  order.id = OrderId(id);
  order.participant = ParticipantId("owner-" + id);
  order.metering_point = MeteringPointId("point-" + id);
  order.side = side;
  order.energy = Energy::WattHours(wh);
  order.limit = Price::MicrosPerKwh(limit);
  order.state = state;
  order.hold = side == Side::kBid ? Money::Micros(1) : Money();
  return order;
}

TEST(DecideOutcomeTest, ClearsOnlyActiveOrders) {
  Auction auction;
  auction.key = {CommunityId("c1"), absl::FromUnixSeconds(0)};
  auction.network_fee = Price::MicrosPerKwh(50'000);
  const std::vector<Order> orders = {
      MakeOrder("a", Side::kBid, 10, 200'000, OrderState::kActive),
      MakeOrder("b", Side::kBid, 10, 900'000, OrderState::kCancelled),
      MakeOrder("c", Side::kBid, 10, 900'000, OrderState::kRejected),
      MakeOrder("d", Side::kBid, 10, 100'000, OrderState::kActive),
      MakeOrder("e", Side::kBid, 10, 10'000, OrderState::kActive),
      MakeOrder("o", Side::kOffer, 15, 100'000, OrderState::kActive),
  };
  const auto outcome = DecideOutcome(auction, {}, orders);
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->order_count, 4);
  EXPECT_EQ(outcome->cleared_energy.wh(), 15);
  EXPECT_EQ(outcome->clearing_price, Price::MicrosPerKwh(100'000));
  EXPECT_EQ(outcome->welfare.micros(), 1'000);
  EXPECT_FALSE(outcome->holds_reduced);
  ASSERT_EQ(outcome->orders.size(), 4u);
  EXPECT_EQ(outcome->orders[0].state, OrderState::kFilled);
  EXPECT_EQ(outcome->orders[1].state, OrderState::kPartiallyFilled);
  EXPECT_EQ(outcome->orders[1].filled.wh(), 5);
  EXPECT_EQ(outcome->orders[2].state, OrderState::kExpired);
  EXPECT_EQ(outcome->orders[3].state, OrderState::kFilled);
  ASSERT_EQ(outcome->trades.size(), 2u);
  EXPECT_EQ(outcome->trades[0].number, 1);
  EXPECT_EQ(outcome->trades[0].buyer.value(), "owner-a");
  EXPECT_EQ(outcome->trades[0].seller_metering_point.value(), "point-o");
  EXPECT_EQ(outcome->trades[1].energy.wh(), 5);
  EXPECT_EQ(outcome->trades[1].buyer_price, Price::MicrosPerKwh(100'000));
  EXPECT_EQ(outcome->trades[1].network_fee, Price::MicrosPerKwh(50'000));
  EXPECT_EQ(outcome->clearing.verdict, "NONE");
}

TEST(DecideOutcomeTest, AnEmptyBookIsFinalAtOnce) {
  const auto outcome = DecideOutcome({}, {}, {});
  ASSERT_TRUE(outcome.ok());
  EXPECT_TRUE(outcome->holds_reduced);
  EXPECT_FALSE(outcome->clearing_price.has_value());
}

}  // namespace
}  // namespace peerwatt::market
