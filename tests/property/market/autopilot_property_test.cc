// Orders of random standing orders never pass what their owners set, and standing orders do not
// touch each other.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/market/core/controls.h"
#include "services/market/core/forecast.h"
#include "services/market/core/order_rules.h"
#include "tests/property/market/autopilot_faults.h"

namespace peerwatt::market {
namespace {

TEST(AutopilotPropertyTest, OrdersKeepWhatTheirOwnersSet) {
  const uint64_t seed = std::random_device()();
  EXPECT_EQ(FirstSizingFault(seed, 300'000), "") << "seed " << seed;
}

TEST(AutopilotPropertyTest, NoDayCostsMoreThanItsBound) {
  const uint64_t seed = std::random_device()();
  EXPECT_EQ(FirstBudgetFault(seed, 300), "") << "seed " << seed;
}

TEST(AutopilotPropertyTest, CalendarsAreReadAsTheyAreWritten) {
  const uint64_t seed = std::random_device()();
  EXPECT_EQ(FirstCalendarFault(seed, 5'000), "") << "seed " << seed;
}

// A community of houses with a standing order each, at random.
struct Street {
  explicit Street(uint64_t seed) : engine(seed) {
    auction.key = {CommunityId("c"), absl::FromUnixSeconds(1'800'000'000)};
    auction.delivery_end = auction.key.delivery_start + absl::Minutes(15);
    auction.gate_closure = auction.key.delivery_start - absl::Hours(1);
    auction.network_fee = Price::MicrosPerKwh(20'000);
    snapshot.rules.interval = absl::Minutes(15);
    for (int i = 0; i < 12; ++i) {
      AddHouse(absl::StrCat("h", i));
    }
  }
  int64_t Between(int64_t min, int64_t max) {
    return std::uniform_int_distribution<int64_t>(min, max)(engine);
  }
  void AddHouse(const std::string& name) {
    Member member;
    member.metering_point = MeteringPointId(name);
    member.participant = ParticipantId(name);
    member.grid_connection = GridConnectionId(name);
    member.approved = true;
    member.import_capacity_w = 8'000;
    member.export_capacity_w = 4'000;
    snapshot.members.push_back(member);
    StandingOrder order;
    order.participant = member.participant;
    order.id = StandingOrderId("auto");
    order.metering_point = member.metering_point;
    order.bid_price = Price::MicrosPerKwh(Between(100'000, 300'000));
    order.offer_price = Price::MicrosPerKwh(Between(-50'000, 200'000));
    order.terms.offer_share_ppm = Between(0, 1'000'000);
    order.terms.bid_reserve = Energy::WattHours(Between(0, 100));
    if (Between(0, 1) == 1) {
      order.terms.daily_cost_max = Money::Micros(Between(0, 100'000));
      closing.costs[{order.participant, order.id}] = Money::Micros(Between(0, 100'000));
    }
    standing.push_back(order);
    forecasts[member.metering_point] = {Energy::WattHours(Between(0, 600)),
                                        Energy::WattHours(Between(0, 600))};
    closing.committed[member.grid_connection] = {Energy::WattHours(Between(0, 100)),
                                                 Energy::WattHours(Between(0, 100))};
  }
  // The orders by id: energy, limit, hold.
  std::map<std::string, std::string> Orders() const {
    std::map<std::string, std::string> told;
    for (const Order& order :
         PlaceStandingOrders(auction, Candidates(standing, snapshot), snapshot, forecasts, closing,
                             {kRampSteps, auction.gate_closure, nullptr})) {
      EXPECT_EQ(order.hold, HoldFor(order, auction.network_fee));
      told[order.id.value()] =
          absl::StrCat(order.energy.wh(), " ", order.limit.micros_per_kwh(), " ",
                       order.hold.micros());
    }
    return told;
  }

  std::mt19937_64 engine;
  Auction auction;
  CommunitySnapshot snapshot;
  std::vector<StandingOrder> standing;
  ForecastsByPoint forecasts;
  Closing closing;
};

TEST(AutopilotPropertyTest, TheOrderOfStandingOrdersDoesNotMatter) {
  const uint64_t seed = std::random_device()();
  for (uint64_t i = 0; i < 2'000; ++i) {
    Street street(seed + i);
    const auto expected = street.Orders();
    std::shuffle(street.standing.begin(), street.standing.end(), street.engine);
    std::shuffle(street.snapshot.members.begin(), street.snapshot.members.end(), street.engine);
    EXPECT_EQ(street.Orders(), expected) << "seed " << seed + i;
  }
}

TEST(AutopilotPropertyTest, OrdersOfOthersStayAsTheyAre) {
  const uint64_t seed = std::random_device()();
  for (uint64_t i = 0; i < 2'000; ++i) {
    Street street(seed + i);
    auto expected = street.Orders();
    const auto changed = static_cast<size_t>(street.Between(0, 11));
    StandingOrder& order = street.standing[changed];
    const std::string id = "so-" + order.metering_point.value();
    order.terms.offer_share_ppm = street.Between(0, 1'000'000);
    order.bid_price = Price::MicrosPerKwh(street.Between(100'000, 300'000));
    street.forecasts[order.metering_point].imported = Energy::WattHours(street.Between(0, 600));
    auto orders = street.Orders();
    expected.erase(id);
    orders.erase(id);
    EXPECT_EQ(orders, expected) << "seed " << seed + i;
  }
}

}  // namespace
}  // namespace peerwatt::market
