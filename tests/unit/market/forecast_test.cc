#include "services/market/core/forecast.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "services/market/core/controls.h"

namespace peerwatt::market {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

Member MakeMember(const std::string& point, const std::string& participant,
                  const std::string& connection, int64_t import_w, int64_t export_w) {
  Member member;
  member.metering_point = MeteringPointId(point);
  member.participant = ParticipantId(participant);
  member.community = CommunityId("c1");
  member.grid_connection = GridConnectionId(connection);
  member.approved = true;
  member.import_capacity_w = import_w;
  member.export_capacity_w = export_w;
  return member;
}

StandingOrder MakeStanding(const std::string& participant, const std::string& id,
                           const std::string& point) {
  StandingOrder order;
  order.community = CommunityId("c1");
  order.participant = ParticipantId(participant);
  order.id = StandingOrderId(id);
  order.metering_point = MeteringPointId(point);
  order.bid_price = Price::MicrosPerKwh(300'000);
  order.offer_price = Price::MicrosPerKwh(80'000);
  return order;
}

class PlaceStandingOrdersTest : public ::testing::Test {
 protected:
  PlaceStandingOrdersTest() {
    auction_.key = {CommunityId("c1"), kStart};
    auction_.gate_closure = kStart - absl::Hours(1);
    auction_.network_fee = Price::MicrosPerKwh(50'000);
    snapshot_.rules.interval = absl::Minutes(15);
    // A house with a consumption and a generation point behind one connection.
    snapshot_.members = {MakeMember("load", "p1", "g1", 8'000, 0),
                         MakeMember("pv", "p1", "g1", 0, 4'000)};
    standing_ = {MakeStanding("p1", "auto", "load")};
    Expect("load", 0, 0);
    Expect("pv", 0, 0);
  }
  void Expect(const std::string& point, int64_t imported, int64_t exported) {
    forecasts_[MeteringPointId(point)] = {Energy::WattHours(imported), Energy::WattHours(exported)};
  }
  std::vector<Order> Place() {
    Closing closing;
    closing.offered = offered_;
    return PlaceStandingOrders(auction_, Candidates(standing_, snapshot_), snapshot_, forecasts_,
                               closing, {kRampSteps, auction_.gate_closure, nullptr});
  }

  Auction auction_;
  CommunitySnapshot snapshot_;
  std::vector<StandingOrder> standing_;
  ForecastsByPoint forecasts_;
  OfferedByConnection offered_;
};

TEST_F(PlaceStandingOrdersTest, BidsForAShortfall) {
  Expect("load", 500, 0);
  Expect("pv", 0, 120);
  const std::vector<Order> orders = Place();
  ASSERT_EQ(orders.size(), 1u);
  EXPECT_EQ(orders[0].id.value(), "so-load");
  EXPECT_EQ(orders[0].side, Side::kBid);
  EXPECT_EQ(orders[0].energy.wh(), 380);
  EXPECT_EQ(orders[0].limit, Price::MicrosPerKwh(300'000));
  EXPECT_EQ(orders[0].hold.micros(), 380 * 350);
  EXPECT_EQ(orders[0].standing_order.value(), "auto");
  EXPECT_EQ(orders[0].create_time, auction_.gate_closure);
  EXPECT_EQ(orders[0].state, OrderState::kPending);
}

TEST_F(PlaceStandingOrdersTest, OffersASurplus) {
  Expect("load", 100, 0);
  Expect("pv", 0, 700);
  const std::vector<Order> orders = Place();
  ASSERT_EQ(orders.size(), 1u);
  EXPECT_EQ(orders[0].side, Side::kOffer);
  EXPECT_EQ(orders[0].energy.wh(), 600);
  EXPECT_EQ(orders[0].limit, Price::MicrosPerKwh(80'000));
  EXPECT_EQ(orders[0].hold.micros(), 0);
}

TEST_F(PlaceStandingOrdersTest, OffersAtMostTheCapacityThatIsLeft) {
  Expect("pv", 0, 1'200);
  EXPECT_EQ(Place().at(0).energy.wh(), 1'000);
  offered_[GridConnectionId("g1")] = Energy::WattHours(999);
  EXPECT_EQ(Place().at(0).energy.wh(), 1);
  offered_[GridConnectionId("g1")] = Energy::WattHours(1'000);
  EXPECT_TRUE(Place().empty());
}

TEST_F(PlaceStandingOrdersTest, BidsAtMostWhatTheConnectionCanDraw) {
  Expect("load", 2'500, 0);
  EXPECT_EQ(Place().at(0).energy.wh(), 2'000);
}

TEST_F(PlaceStandingOrdersTest, PlacesNothingWithoutNeedPriceOrForecast) {
  EXPECT_TRUE(Place().empty()) << "balanced";
  Expect("load", 500, 0);
  ASSERT_EQ(Place().size(), 1u);
  standing_[0].bid_price.reset();
  EXPECT_TRUE(Place().empty()) << "never bids";
  standing_[0].bid_price = Price::MicrosPerKwh(300'000);
  forecasts_.erase(MeteringPointId("pv"));
  EXPECT_TRUE(Place().empty()) << "a forecast of the connection is missing";
  Expect("pv", 0, 900);
  standing_[0].offer_price.reset();
  EXPECT_TRUE(Place().empty()) << "never offers";
}

TEST_F(PlaceStandingOrdersTest, ServesOnlyApprovedOwnersOnePerConnection) {
  Expect("load", 500, 0);
  standing_.push_back(MakeStanding("p1", "second", "pv"));
  standing_.push_back(MakeStanding("p2", "auto", "load"));
  standing_.push_back(MakeStanding("p3", "auto", "gone"));
  EXPECT_EQ(Place().size(), 1u);
  snapshot_.members[0].approved = false;
  snapshot_.members[1].approved = false;
  EXPECT_TRUE(Place().empty());
}

TEST_F(PlaceStandingOrdersTest, KeepsToWhatAnAuctionCanBeClearedWith) {
  // Three houses; the last two wish the same.
  standing_.clear();
  snapshot_.members.clear();
  for (const char* name : {"a", "b", "c"}) {
    snapshot_.members.push_back(MakeMember(name, name, name, 8'000, 0));
    standing_.push_back(MakeStanding(name, "auto", name));
    standing_.back().terms.bid_preference =
        std::string(name) == "a" ? "sources=solar" : "sources=wind";
    Expect(name, 500, 0);
  }
  std::reverse(standing_.begin(), standing_.end());
  const NetworkVersion network;
  const auto place = [&](int64_t known_bids) {
    Closing closing;
    closing.load.bids = known_bids;
    std::string placed;
    for (const Order& order :
         PlaceStandingOrders(auction_, Candidates(standing_, snapshot_), snapshot_, forecasts_,
                             closing, {kRampSteps, auction_.gate_closure, &network})) {
      placed = order.participant.value() + placed;
    }
    return placed;
  };
  EXPECT_EQ(place(0), "abc");
  EXPECT_EQ(place(kPreferencesMax - 2), "abc") << "two wishes, the most that fits";
  EXPECT_EQ(place(kPreferencesMax - 1), "a") << "who comes first by name";
  EXPECT_EQ(place(kPreferencesMax), "");
  standing_[1].terms.bid_preference.clear();
  EXPECT_EQ(place(kPreferencesMax), "b") << "whoever prefers nothing";
}

TEST_F(PlaceStandingOrdersTest, AsksForAllPointsBehindTheConnections) {
  snapshot_.members.push_back(MakeMember("other", "p2", "g2", 1, 1));
  const auto points = PointsToForecast(Candidates(standing_, snapshot_), snapshot_);
  ASSERT_EQ(points.size(), 2u);
  EXPECT_EQ(points[0].value(), "load");
  EXPECT_EQ(points[1].value(), "pv");
}

TEST(DataEndOfTest, LeavesDevicesAnIntervalToReport) {
  Auction auction;
  auction.key.delivery_start = kStart;
  auction.delivery_end = kStart + absl::Minutes(30);
  auction.gate_closure = kStart - absl::Hours(2);
  EXPECT_EQ(DataEndOf(auction), kStart - absl::Hours(2) - absl::Minutes(30));
}

TEST(StandingOrderOrderIdTest, StaysWithinALengthAndApart) {
  const std::string longest(62, 'a');
  const std::string one = StandingOrderOrderId(MeteringPointId(longest + "1")).value();
  const std::string two = StandingOrderOrderId(MeteringPointId(longest + "2")).value();
  EXPECT_EQ(one.size(), 63u);
  EXPECT_NE(one, two);
  EXPECT_EQ(StandingOrderOrderId(MeteringPointId(std::string(60, 'a'))).value().size(), 63u);
}

}  // namespace
}  // namespace peerwatt::market
