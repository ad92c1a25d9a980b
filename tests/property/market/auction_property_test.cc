// What must hold for every auction of named orders, over zones and with preferences.

#include <algorithm>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "services/market/core/auction_hash.h"
#include "services/market/core/continuous.h"
#include "services/market/core/errors.h"
#include "services/market/core/gate_closure.h"
#include "services/market/core/preference.h"
#include "services/market/core/replay.h"

namespace peerwatt::market {
namespace {

class RandomAuctions {
 public:
  explicit RandomAuctions(uint64_t seed) : random_(seed) {}

  NetworkVersion NextNetwork(bool has_capacities) {
    NetworkVersion network;
    network.id = NetworkId("n");
    const int64_t zones = Draw(1, 4);
    network.zones.clear();
    for (int64_t zone = 0; zone < zones; ++zone) {
      network.zones.emplace_back(absl::StrCat("z", zone));
    }
    network.lines.zones = static_cast<uint32_t>(zones);
    for (int64_t i = zones > 1 ? Draw(0, 5) : 0; i > 0; --i) {
      const auto from = static_cast<uint32_t>(Draw(0, zones - 1));
      const auto to = static_cast<uint32_t>(Draw(0, zones - 1));
      if (from != to) {
        clearing::Edge line = {from, to, static_cast<int32_t>(Draw(0, 3)), {}, {}};
        if (has_capacities && Draw(0, 1) == 0) {
          line.capacity = Energy::WattHours(Draw(0, 9));
        }
        network.lines.edges.push_back(line);
      }
    }
    network.rules.tie_rule =
        Draw(0, 1) == 0 ? clearing::TieRule::kTime : clearing::TieRule::kProRata;
    return network;
  }

  std::vector<Order> NextBook(const NetworkVersion& network, bool prefers) {
    std::vector<Order> orders;
    for (int64_t i = Draw(0, 14); i > 0; --i) {
      Order& order = orders.emplace_back();
      order.id = OrderId(absl::StrCat("o", i));
      order.participant = ParticipantId(absl::StrCat("p", Draw(1, 6)));
      order.side = Draw(0, 1) == 0 ? Side::kBid : Side::kOffer;
      order.energy = Energy::WattHours(Draw(1, 12));
      order.limit = Price::MicrosPerKwh(Draw(-6, 12));
      order.create_time = absl::FromUnixSeconds(Draw(0, 3));
      order.state = Draw(0, 5) == 0 ? OrderState::kCancelled : OrderState::kActive;
      order.zone = network.zones[static_cast<size_t>(
          Draw(0, static_cast<int64_t>(network.zones.size()) - 1))];
      order.source = static_cast<EnergySource>(Draw(0, 3));
      if (prefers && Draw(0, 2) == 0) {
        SetPreference(order);
      }
    }
    return orders;
  }

  template <typename List>
  void Shuffle(List& list) {
    std::shuffle(list.begin(), list.end(), random_);
  }

 private:
  void SetPreference(Order& order) {
    OrderPreference preference;
    if (Draw(0, 1) == 0) {
      Requirement& requirement = preference.any_of.emplace_back();
      requirement.sources =
          order.side == Side::kBid ? static_cast<EnergySources>(Draw(1, 15)) : EnergySources{0};
      requirement.excluded = {ParticipantId(absl::StrCat("p", Draw(1, 6)))};
    }
    if (order.side == Side::kBid && Draw(0, 1) == 0) {
      preference.premium_local = true;
      order.premium = Price::MicrosPerKwh(Draw(1, 5));
    }
    order.preference = FormatPreference(preference);
  }

  int64_t Draw(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }
  std::mt19937_64 random_;
};

const Order& Find(const std::vector<Order>& orders, const OrderId& id) {
  return *std::find_if(orders.begin(), orders.end(), [&](const Order& o) { return o.id == id; });
}

void CheckTradesKeepLimits(const std::vector<Order>& orders, const AuctionOutcome& outcome,
                           Price flat_fee) {
  const bool any_prefers = std::any_of(orders.begin(), orders.end(), [](const Order& o) {
    return !o.preference.empty() || o.premium != Price();
  });
  for (const Trade& trade : outcome.trades) {
    const Order& bid = Find(orders, trade.bid);
    const Order& offer = Find(orders, trade.offer);
    ASSERT_NE(bid.participant, offer.participant);
    ASSERT_GE(trade.price, offer.limit);
    // Where somebody prefers, a trade against the flow of a full line may earn the network's part.
    ASSERT_TRUE(trade.buyer_price >= trade.price || any_prefers);
    ASSERT_EQ(trade.network_fee, trade.buyer_price - trade.price + flat_fee);
    const bool is_wished = bid.premium > Price() && bid.zone == offer.zone;
    ASSERT_LE(trade.buyer_price, is_wished ? bid.limit + bid.premium : bid.limit);
    const OrderPreference wish = *ParsePreference(bid.preference);
    for (const Requirement& requirement : wish.any_of) {
      ASSERT_NE(requirement.sources & EnergySources{1} << static_cast<int>(offer.source), 0u);
      ASSERT_NE(requirement.excluded[0], offer.participant);
    }
  }
}

// What lines earn by their flows is what the trades leave to the network, to the micro-unit.
void CheckRent(const NetworkVersion& network, const AuctionOutcome& outcome) {
  int64_t of_lines = 0;
  for (size_t i = 0; i < network.lines.edges.size(); ++i) {
    const clearing::Edge& line = network.lines.edges[i];
    of_lines += outcome.clearing.flows[i].energy_wh *
                (outcome.clearing.zones[line.to].price->price -
                 outcome.clearing.zones[line.from].price->price);
  }
  int64_t of_trades = 0;
  for (const Trade& trade : outcome.trades) {
    of_trades += trade.energy.wh() * (trade.buyer_price - trade.price).micros_per_kwh();
  }
  ASSERT_EQ(of_lines, of_trades);
}

// As the store gives them back.
std::vector<Order> Stored(std::vector<Order> orders, const AuctionOutcome& outcome) {
  for (Order& order : orders) {
    for (const OrderOutcome& decided : outcome.orders) {
      if (decided.id == order.id) {
        order.state = decided.state;
        order.filled = decided.filled;
      }
    }
  }
  return orders;
}

TEST(AuctionPropertyTest, KeepsLimitsAndComesOutTheSameAgain) {
  const uint64_t seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  RandomAuctions random(seed);
  Auction auction;
  auction.key = {CommunityId("c1"), absl::FromUnixSeconds(0)};
  auction.network_fee = Price::MicrosPerKwh(7);
  int traded = 0;
  int matched = 0;
  for (int i = 0; i < 4'000; ++i) {
    const bool prefers = i % 2 == 0;
    const NetworkVersion network = random.NextNetwork(!prefers);
    std::vector<Order> orders = random.NextBook(network, prefers);
    const auto outcome = DecideOutcome(auction, network, orders);
    ASSERT_TRUE(outcome.ok()) << "auction " << i << ": " << outcome.status();
    traded += outcome->trades.empty() ? 0 : 1;
    CheckTradesKeepLimits(orders, *outcome, auction.network_fee);
    if (outcome->clearing.zones[0].price.has_value()) {
      CheckRent(network, *outcome);
    }
    const std::string bytes = CanonicalBytes(auction, network, orders, *outcome);
    std::vector<Order> again = Stored(orders, *outcome);
    random.Shuffle(again);
    Reactivate(again);
    const auto replayed = DecideOutcome(auction, network, again);
    ASSERT_EQ(CanonicalBytes(auction, network, again, *replayed), bytes) << "auction " << i;
    const auto continuous = ClearContinuously(orders, NetworkVersion());
    if (continuous.ok()) {
      ++matched;
      ASSERT_GE(continuous->welfare, Money());
    } else {
      ASSERT_TRUE(prefers) << continuous.status();
      ASSERT_EQ(ReasonOf(continuous.status()), kPreferencesUnsupported.name);
    }
    if (HasFatalFailure()) {
      return;
    }
  }
  EXPECT_GT(traded, 1'000);
  EXPECT_GE(matched, 2'000);
}

}  // namespace
}  // namespace peerwatt::market
