#include "services/market/core/contracts/pairs.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/numeric/int128.h"
#include "absl/strings/string_view.h"
#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "services/market/core/contracts/errors.h"
#include "services/market/core/contracts/mutant.h"
#include "services/market/core/contracts/price.h"
#include "services/market/core/contracts/ways.h"

namespace peerwatt::market {
namespace {

constexpr uint32_t kNone = UINT32_MAX;

// Contracts in the order in which they are served, each with the positions of its orders.
std::vector<ContractPair> AllPairs(std::span<const Order> orders) {
  absl::flat_hash_map<absl::string_view, size_t> found;
  std::vector<ContractPair> pairs;
  for (uint32_t i = 0; i < orders.size(); ++i) {
    const Order& order = orders[i];
    if (order.contract.empty()) {
      continue;
    }
    const size_t at = found.try_emplace(order.contract.value(), pairs.size()).first->second;
    if (at == pairs.size()) {
      pairs.push_back({kNone, kNone});
    }
    (order.side == Side::kBid ? pairs[at].bid : pairs[at].offer) = i;
  }
  for (const ContractPair& pair : pairs) {
    PW_CHECK(pair.bid != kNone && pair.offer != kNone, "a contract places two orders");
  }
  std::sort(pairs.begin(), pairs.end(), [&](const ContractPair& a, const ContractPair& b) {
    const Order& first = orders[a.bid];
    const Order& second = orders[b.bid];
    return first.create_time != second.create_time ? first.create_time < second.create_time
                                                   : first.contract < second.contract;
  });
  return pairs;
}

bool IsActive(const Order& order) { return order.state == OrderState::kActive; }

// The ways of contracts through one network.
class Routes {
 public:
  explicit Routes(const NetworkVersion& network) : zones_(network), ways_(network.lines) {}

  CheapestWay Of(std::span<const Order> orders, const ContractPair& pair) {
    std::optional<CheapestWay> way =
        ways_.Find(zones_.Of(orders[pair.offer].zone), zones_.Of(orders[pair.bid].zone));
    // Without a way the orders would not have been placed; in another network, of a what-if, there
    // may be none: then nothing of it is used.
    return way.has_value() ? *std::move(way) : CheapestWay();
  }

 private:
  const ZoneNumbers zones_;
  CheapestWays ways_;
};

std::optional<Energy>& CapacityOf(NetworkVersion& network, const CheapestWay::Step& step) {
  clearing::Edge& line = network.lines.edges[step.line];
  return step.forward ? line.capacity : line.capacity_back;
}

bool HasRoom(NetworkVersion& network, const CheapestWay& way, Energy energy) {
  return std::all_of(way.steps.begin(), way.steps.end(), [&](const CheapestWay::Step& step) {
    const std::optional<Energy>& capacity = CapacityOf(network, step);
    return !capacity.has_value() || *capacity >= energy;
  });
}

void Use(NetworkVersion& network, const CheapestWay& way, Energy energy) {
  for (const CheapestWay::Step& step : way.steps) {
    std::optional<Energy>& capacity = CapacityOf(network, step);
    if (capacity.has_value()) {
      *capacity = std::max(*capacity - energy, Energy());
    }
  }
}

void Refuse(Order& order, absl::string_view reason) {
  order.state = OrderState::kRejected;
  order.rejection_reason = std::string(reason);
}

// Clearing prices that contracts refer to.
class Index {
 public:
  Index(const ZoneNumbers& zones, std::span<const Order> orders, const ClearingResult& result)
      : result_(result) {
    if (result.record.zones[0].price.has_value()) {
      return;
    }
    for (const PricedPair& trade : result.trades) {
      Count(sold_[zones.Of(orders[trade.offer].zone)], trade.energy, trade.price);
      Count(bought_[zones.Of(orders[trade.bid].zone)], trade.energy, trade.buyer_price);
    }
  }

  std::optional<Price> Of(uint32_t zone, Party party) const {
    if (result_.energy == Energy()) {
      return std::nullopt;
    }
    const std::optional<clearing::ZonePrice>& price = result_.record.zones[zone].price;
    if (price.has_value()) {
      return Price::MicrosPerKwh(price->price);
    }
    const std::map<uint32_t, Sum>& sums = party == Party::kBuyer ? bought_ : sold_;
    const auto sum = sums.find(zone);
    return sum == sums.end() ? std::nullopt : std::optional(MeanOf(sum->second));
  }

 private:
  struct Sum {
    absl::int128 energy_wh = 0;
    absl::int128 paid = 0;
  };
  static void Count(Sum& sum, Energy energy, Price price) {
    sum.energy_wh += energy.wh();
    sum.paid += absl::int128(energy.wh()) * price.micros_per_kwh();
  }
  static Price MeanOf(const Sum& sum) {
    absl::int128 mean = sum.paid / sum.energy_wh;
    absl::int128 rest = sum.paid % sum.energy_wh;
    if (rest < 0) {
      rest += sum.energy_wh;
      mean -= 1;
    }
    const bool is_up = rest * 2 > sum.energy_wh || (rest * 2 == sum.energy_wh && mean % 2 != 0);
    return Price::MicrosPerKwh(static_cast<int64_t>(mean + (is_up ? 1 : 0)));
  }

  const ClearingResult& result_;
  std::map<uint32_t, Sum> sold_;
  std::map<uint32_t, Sum> bought_;
};

}  // namespace

std::vector<ContractPair> ActivePairs(std::span<const Order> orders) {
  std::vector<ContractPair> pairs = AllPairs(orders);
  std::erase_if(pairs, [&](const ContractPair& pair) {
    return !IsActive(orders[pair.bid]) || !IsActive(orders[pair.offer]);
  });
  return pairs;
}

void RefuseContracts(const NetworkVersion& network, std::vector<Order>& orders) {
  const std::vector<ContractPair> pairs = AllPairs(orders);
  if (pairs.empty()) {
    return;
  }
  NetworkVersion left = network;
  Routes routes(network);
  for (const ContractPair& pair : pairs) {
    Order& bid = orders[pair.bid];
    Order& offer = orders[pair.offer];
    if (IsActive(bid) != IsActive(offer)) {
      Order& innocent = IsActive(bid) ? bid : offer;
      if (PW_CONTRACT_MUTANT(kPartnerOfRefusedStays, false, true)) {
        Refuse(innocent, kCounterOrderRefused.name);
      }
      continue;
    }
    if (!IsActive(bid)) {
      continue;
    }
    const CheapestWay way = routes.Of(orders, pair);
    if (PW_CONTRACT_MUTANT(kFullLinesAreForgotten, true, HasRoom(left, way, bid.energy))) {
      Use(left, way, bid.energy);
    } else {
      Refuse(bid, kLineFull.name);
      Refuse(offer, kLineFull.name);
    }
  }
}

NetworkVersion LessContracts(const NetworkVersion& network, std::span<const Order> orders,
                             const std::vector<ContractPair>& pairs) {
  NetworkVersion left = network;
  Routes routes(network);
  for (const ContractPair& pair : pairs) {
    Use(left, routes.Of(orders, pair), orders[pair.bid].energy);
  }
  return left;
}

absl::StatusOr<std::vector<PricedContract>> PriceContracts(const NetworkVersion& network,
                                                           std::span<const Order> orders,
                                                           const std::vector<ContractPair>& pairs,
                                                           const ClearingResult& result) {
  const ZoneNumbers zones(network);
  const Index index(zones, orders, result);
  Routes routes(network);
  std::vector<PricedContract> priced;
  for (const ContractPair& pair : pairs) {
    const Order& bid = orders[pair.bid];
    const Order& offer = orders[pair.offer];
    PW_ASSIGN_OR_RETURN(const PriceFormula formula, ParsePriceRule(bid.contract_price));
    const bool is_buyers = PW_CONTRACT_MUTANT(
        kIndexIsOfTheOtherZone, formula.index == Party::kSeller, formula.index == Party::kBuyer);
    const uint32_t zone = zones.Of(is_buyers ? bid.zone : offer.zone);
    priced.push_back({pair,
                      PriceBy(formula, {offer.limit, bid.limit},
                              index.Of(zone, is_buyers ? Party::kBuyer : Party::kSeller)),
                      routes.Of(orders, pair).fee});
  }
  return priced;
}

}  // namespace peerwatt::market
