#include "services/market/checker/checker.h"

#include <algorithm>
#include <array>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/numeric/int128.h"
#include "libs/base/prefetch.h"

namespace peerwatt::market::checker {
namespace {

using clearing::Edge;
using clearing::Entry;
using clearing::Network;
using clearing::Outcome;
using clearing::Rules;
using clearing::TieRule;
using clearing::Way;
using clearing::ZonePrice;

constexpr size_t kGroups = 512;

struct Sums {
  // What each zone's orders buy less what they sell.
  std::vector<int64_t> net_wh;
  int64_t fills_wh = 0;
  absl::int128 worth = 0;
  // Fills of groups of owners. Whoever holds more than half is in a group that does.
  std::array<uint64_t, kGroups> groups = {};
};

int64_t AvailableOf(const Entry& entry, const Outcome& outcome, size_t i) {
  return entry.energy.wh() - (outcome.withdrawn.empty() ? 0 : outcome.withdrawn[i].wh());
}

bool HasShape(std::span<const Entry> book, std::span<const uint32_t> zones, const Network& network,
              const Outcome& outcome) {
  const bool has_zones = zones.size() == book.size() || (zones.empty() && network.zones == 1);
  return has_zones && outcome.fills.size() == book.size() &&
         (outcome.withdrawn.empty() || outcome.withdrawn.size() == book.size()) &&
         outcome.zones.size() == network.zones && outcome.flows.size() == network.edges.size() &&
         std::all_of(zones.begin(), zones.end(),
                     [&](uint32_t zone) { return zone < network.zones; });
}

// Which rule the order breaks.
Flaw FlawOf(const Entry& entry, int64_t available, int64_t fill, const ZonePrice& price) {
  if (fill < 0 || fill > available) {
    return Flaw::kFill;
  }
  const bool is_bid = entry.way() == Way::kBuy;
  if (fill > 0 && (is_bid ? entry.limit < price.high : entry.limit > price.low)) {
    return Flaw::kUnwilling;
  }
  if (fill < available && (is_bid ? entry.limit > price.low : entry.limit < price.high)) {
    return Flaw::kPassedOver;
  }
  return Flaw::kNone;
}

// Looks at every order; finds which one is wrong only when one is. An order whose limit lies beyond
// the prices must fill in full or not at all; only the few between them need a closer look.
template <bool kHasZones, bool kHasWithdrawn>
Verdict CheckOrders(std::span<const Entry> book, std::span<const uint32_t> zones,
                    const Outcome& outcome, Sums& sums) {
  // Sums stay in registers: what is written elsewhere could be what is read here.
  uint64_t signs = 0;
  uint64_t differences = 0;
  uint64_t fills = 0;
  int64_t net = 0;
  absl::int128 worth = 0;
  const ZonePrice first = outcome.zones[0];
  const Energy* const filled = outcome.fills.data();
  int64_t* const net_of = sums.net_wh.data();
  for (size_t i = 0; i < book.size(); ++i) {
    const Entry& entry = book[i];
    PrefetchAhead(&entry);
    PrefetchAhead(&filled[i]);
    const ZonePrice& price = kHasZones ? outcome.zones[zones[i]] : first;
    const int64_t available = entry.energy.wh() - (kHasWithdrawn ? outcome.withdrawn[i].wh() : 0);
    const int64_t fill = filled[i].wh();
    const int64_t limit = entry.limit;
    const int64_t is_offer = -static_cast<int64_t>(entry.way());  // All ones for an offer.
    signs |= static_cast<uint64_t>(fill) | static_cast<uint64_t>(kHasWithdrawn ? available : 0);
    if (static_cast<uint64_t>(limit - price.low) <= static_cast<uint64_t>(price.high - price.low))
        [[unlikely]] {
      differences |= FlawOf(entry, available, fill, price) == Flaw::kNone ? 0u : 1u;
    } else {
      const int64_t is_above = -static_cast<int64_t>(limit > price.high);
      differences |= static_cast<uint64_t>(fill ^ (available & (is_above ^ is_offer)));
    }
    const int64_t bought = (fill ^ is_offer) - is_offer;  // Negative for an offer.
    if constexpr (kHasZones) {
      net_of[zones[i]] += bought;
    } else {
      net += bought;
    }
    fills += static_cast<uint64_t>(fill);
    worth += absl::int128(limit) * bought;
    sums.groups[entry.owner() % kGroups] += static_cast<uint64_t>(fill);
  }
  sums.worth = worth;
  sums.fills_wh = static_cast<int64_t>(fills);
  if constexpr (!kHasZones) {
    sums.net_wh[0] = net;
  }
  if (signs >> 63 == 0 && differences == 0) {
    return {};
  }
  for (size_t i = 0; i < book.size(); ++i) {
    const Flaw flaw = FlawOf(book[i], AvailableOf(book[i], outcome, i), outcome.fills[i].wh(),
                             outcome.zones[kHasZones ? zones[i] : 0]);
    if (flaw != Flaw::kNone) {
      return {flaw, i};
    }
  }
  return {Flaw::kFill, book.size()};
}

Verdict CheckPrices(const Outcome& outcome) {
  for (size_t zone = 0; zone < outcome.zones.size(); ++zone) {
    const ZonePrice& price = outcome.zones[zone];
    const int64_t sum = price.low + price.high;
    const bool is_middle = 2 * price.price == sum || 2 * price.price == sum - 1;
    if (price.low > price.high || !is_middle) {
      return {Flaw::kPrice, zone};
    }
  }
  return {};
}

Flaw FlawOfEdge(const Edge& edge, const clearing::EdgeFlow& flow, int64_t gain) {
  const int64_t energy = flow.energy_wh;
  const bool is_full = edge.capacity.has_value() && energy == edge.capacity->wh();
  const bool is_full_back = edge.capacity_back.has_value() && -energy == edge.capacity_back->wh();
  if ((gain > edge.fee && !is_full) || (gain < -edge.fee && !is_full_back)) {
    return Flaw::kArbitrage;
  }
  if ((energy > 0 && gain < edge.fee) || (energy < 0 && gain > -edge.fee)) {
    return Flaw::kFlowAtLoss;
  }
  return Flaw::kNone;
}

Verdict CheckEdges(const Network& network, const Outcome& outcome, Sums& sums) {
  for (size_t i = 0; i < network.edges.size(); ++i) {
    const Edge& edge = network.edges[i];
    const int64_t energy = outcome.flows[i].energy_wh;
    if ((edge.capacity.has_value() && energy > edge.capacity->wh()) ||
        (edge.capacity_back.has_value() && -energy > edge.capacity_back->wh())) {
      return {Flaw::kCapacity, i};
    }
    const ZonePrice& from = outcome.zones[edge.from];
    const ZonePrice& to = outcome.zones[edge.to];
    for (const int64_t gain : {to.price - from.price, to.low - from.low, to.high - from.high}) {
      if (const Flaw flaw = FlawOfEdge(edge, outcome.flows[i], gain); flaw != Flaw::kNone) {
        return {flaw, i};
      }
    }
    const int64_t gain = to.price > from.price ? to.price - from.price : from.price - to.price;
    if (outcome.flows[i].congestion != std::max<int64_t>(gain - edge.fee, 0)) {
      return {Flaw::kCongestion, i};
    }
    sums.net_wh[edge.from] += energy;
    sums.net_wh[edge.to] -= energy;
    sums.worth -= absl::int128(edge.fee) * (energy < 0 ? -energy : energy);
  }
  for (size_t zone = 0; zone < sums.net_wh.size(); ++zone) {
    if (sums.net_wh[zone] != 0) {
      return {Flaw::kBalance, zone};
    }
  }
  return {};
}

// In one zone everybody can be kept from himself unless someone trades more than all together.
Verdict CheckOwners(std::span<const Entry> book, const Rules& rules, const Outcome& outcome,
                    const Sums& sums) {
  const uint64_t energy = static_cast<uint64_t>(outcome.energy.wh());
  const bool is_suspect = *std::max_element(sums.groups.begin(), sums.groups.end()) > energy;
  if (!is_suspect && outcome.withdrawn.empty()) {
    return {};
  }
  absl::flat_hash_map<uint32_t, uint64_t> by_owner;
  for (size_t i = 0; i < book.size(); ++i) {
    if (outcome.fills[i] > Energy()) {
      by_owner[book[i].owner()] += static_cast<uint64_t>(outcome.fills[i].wh());
    }
  }
  for (size_t i = 0; i < book.size(); ++i) {
    const auto found = by_owner.find(book[i].owner());
    const uint64_t own = found == by_owner.end() ? 0 : found->second;
    if (own > energy) {
      return {Flaw::kSelfTrade, i};
    }
    const bool is_withdrawn = !outcome.withdrawn.empty() && outcome.withdrawn[i] != Energy();
    if (is_withdrawn &&
        (outcome.withdrawn[i] < Energy() || (rules.tie_rule == TieRule::kTime && own != energy))) {
      return {Flaw::kWithdrawal, i};
    }
  }
  return {};
}

}  // namespace

absl::string_view NameOf(Flaw flaw) {
  switch (flaw) {
    case Flaw::kNone:
      return "NONE";
    case Flaw::kShape:
      return "SHAPE";
    case Flaw::kFill:
      return "FILL";
    case Flaw::kBalance:
      return "BALANCE";
    case Flaw::kCapacity:
      return "CAPACITY";
    case Flaw::kPrice:
      return "PRICE";
    case Flaw::kUnwilling:
      return "UNWILLING";
    case Flaw::kPassedOver:
      return "PASSED_OVER";
    case Flaw::kArbitrage:
      return "ARBITRAGE";
    case Flaw::kFlowAtLoss:
      return "FLOW_AT_LOSS";
    case Flaw::kCongestion:
      return "CONGESTION";
    case Flaw::kEnergy:
      return "ENERGY";
    case Flaw::kWelfare:
      return "WELFARE";
    case Flaw::kSelfTrade:
      return "SELF_TRADE";
    case Flaw::kWithdrawal:
      return "WITHDRAWAL";
    case Flaw::kTrade:
      return "TRADE";
    case Flaw::kPreference:
      return "PREFERENCE";
  }
  return "UNKNOWN";
}

Verdict Check(std::span<const Entry> book, std::span<const uint32_t> zones, const Network& network,
              const Rules& rules, const Outcome& outcome) {
  if (!HasShape(book, zones, network, outcome)) {
    return {Flaw::kShape, 0};
  }
  if (const Verdict verdict = CheckPrices(outcome); !verdict.ok()) {
    return verdict;
  }
  Sums sums;
  sums.net_wh.resize(network.zones);
  const bool has_withdrawn = !outcome.withdrawn.empty();
  const auto check_orders =
      network.zones == 1 ? (has_withdrawn ? CheckOrders<false, true> : CheckOrders<false, false>)
                         : (has_withdrawn ? CheckOrders<true, true> : CheckOrders<true, false>);
  if (const Verdict verdict = check_orders(book, zones, outcome, sums); !verdict.ok()) {
    return verdict;
  }
  // Nothing is left over when all zones balance: then half of all fills is bought.
  const int64_t bought = sums.fills_wh / 2;
  if (const Verdict verdict = CheckEdges(network, outcome, sums); !verdict.ok()) {
    return verdict;
  }
  if (outcome.energy.wh() != bought) {
    return {Flaw::kEnergy, 0};
  }
  if (outcome.welfare_milli_micros != sums.worth) {
    return {Flaw::kWelfare, 0};
  }
  return network.zones == 1 ? CheckOwners(book, rules, outcome, sums) : Verdict();
}

Verdict CheckTrades(std::span<const Entry> book, const Outcome& outcome,
                    std::span<const Trade> trades) {
  std::vector<int64_t> left;
  left.reserve(outcome.fills.size());
  for (const Energy fill : outcome.fills) {
    left.push_back(fill.wh());
  }
  for (size_t i = 0; i < trades.size(); ++i) {
    const Trade& trade = trades[i];
    if (trade.bid >= book.size() || trade.offer >= book.size() || left.size() != book.size() ||
        trade.energy <= Energy() || book[trade.bid].way() != Way::kBuy ||
        book[trade.offer].way() != Way::kSell) {
      return {Flaw::kTrade, i};
    }
    if (book[trade.bid].owner() == book[trade.offer].owner()) {
      return {Flaw::kSelfTrade, i};
    }
    left[trade.bid] -= trade.energy.wh();
    left[trade.offer] -= trade.energy.wh();
  }
  const auto unpaired = std::find_if(left.begin(), left.end(), [](int64_t wh) { return wh != 0; });
  if (unpaired != left.end()) {
    return {Flaw::kTrade, static_cast<size_t>(unpaired - left.begin())};
  }
  return {};
}

Verdict CheckOwnerNames(std::span<const NamedTrade> trades) {
  for (size_t i = 0; i < trades.size(); ++i) {
    if (trades[i].buyer == trades[i].seller) {
      return {Flaw::kSelfTrade, i};
    }
  }
  return {};
}

}  // namespace peerwatt::market::checker
