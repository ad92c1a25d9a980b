#include "tests/property/market/clearing_oracle.h"

#include <algorithm>
#include <cstddef>
#include <map>

#include "services/market/checker/checker.h"
#include "services/market/core/clearing/network.h"

namespace peerwatt::market {
namespace {

using clearing::Edge;
using clearing::Entry;
using clearing::Outcome;
using clearing::TieRule;
using clearing::Way;
using clearing::ZonePrice;

bool IsBid(const Entry& entry) { return entry.way() == Way::kBuy; }

// The flows that balance zones exporting `exports`; the last edge, when it closes a circle, carries
// `round`. Nothing when they cannot.
std::optional<std::vector<int64_t>> FlowsFor(const SmallCase& small, std::vector<int64_t> exports,
                                             bool has_circle, int64_t round) {
  const std::vector<Edge>& edges = small.network.edges;
  std::vector<int64_t> flows(edges.size(), 0);
  if (has_circle) {
    flows.back() = round;
    exports[edges.back().from] -= round;
    exports[edges.back().to] += round;
  }
  // Edge i of the tree joins zone i + 1 to an earlier one.
  const size_t tree_edges = edges.size() - (has_circle ? 1 : 0);
  for (size_t i = tree_edges; i > 0; --i) {
    const Edge& edge = edges[i - 1];
    const uint32_t leaf = static_cast<uint32_t>(i);
    const int64_t up = exports[leaf];
    flows[i - 1] = edge.from == leaf ? up : -up;
    exports[edge.from == leaf ? edge.to : edge.from] += up;
    exports[leaf] = 0;
  }
  for (const int64_t left : exports) {
    if (left != 0) {
      return std::nullopt;
    }
  }
  for (size_t i = 0; i < edges.size(); ++i) {
    if (flows[i] > edges[i].capacity.value_or(kEnergyMax).wh() ||
        -flows[i] > edges[i].capacity_back.value_or(kEnergyMax).wh()) {
      return std::nullopt;
    }
  }
  return flows;
}

bool HasCircle(const SmallCase& small) { return small.network.edges.size() >= small.network.zones; }

struct Search {
  const SmallCase& small;
  const std::vector<int64_t>& available_wh;
  std::vector<int64_t> exports;
  int64_t welfare = 0;
  int64_t bought = 0;
  Optimum best;

  void Try(size_t order) {
    if (order == small.book.size()) {
      TryFlows();
      return;
    }
    const Entry& entry = small.book[order];
    const int64_t sign = IsBid(entry) ? 1 : -1;
    for (int64_t fill = 0; fill <= available_wh[order]; ++fill) {
      exports[small.zones[order]] -= sign * fill;
      welfare += sign * fill * entry.limit;
      bought += IsBid(entry) ? fill : 0;
      Try(order + 1);
      exports[small.zones[order]] += sign * fill;
      welfare -= sign * fill * entry.limit;
      bought -= IsBid(entry) ? fill : 0;
    }
  }

  void TryFlows() {
    const bool has_circle = HasCircle(small);
    const int64_t most = has_circle ? 12 : 0;
    for (int64_t round = -most; round <= most; ++round) {
      const auto flows = FlowsFor(small, exports, has_circle, round);
      if (!flows.has_value()) {
        continue;
      }
      int64_t net = welfare;
      for (size_t i = 0; i < flows->size(); ++i) {
        net -= small.network.edges[i].fee * std::abs((*flows)[i]);
      }
      if (net > best.welfare || (net == best.welfare && bought > best.energy_wh)) {
        best = {net, bought};
      }
    }
  }
};

// Whether each order and edge would have the outcome at these prices, by definition.
bool Supports(const SmallCase& small, const std::vector<int64_t>& available_wh,
              const Outcome& outcome, const std::vector<int64_t>& prices) {
  for (size_t i = 0; i < small.book.size(); ++i) {
    const int64_t surplus =
        (IsBid(small.book[i]) ? 1 : -1) * (small.book[i].limit - prices[small.zones[i]]);
    const int64_t fill = outcome.fills[i].wh();
    if ((surplus > 0 && fill < available_wh[i]) || (surplus < 0 && fill > 0)) {
      return false;
    }
  }
  for (size_t i = 0; i < small.network.edges.size(); ++i) {
    const Edge& edge = small.network.edges[i];
    const int64_t there = prices[edge.to] - prices[edge.from] - edge.fee;
    const int64_t back = prices[edge.from] - prices[edge.to] - edge.fee;
    const int64_t flow = outcome.flows[i].energy_wh;
    const bool is_full = edge.capacity.has_value() && flow == edge.capacity->wh();
    const bool is_full_back = edge.capacity_back.has_value() && -flow == edge.capacity_back->wh();
    if ((there > 0 && !is_full) || (back > 0 && !is_full_back) || (there < 0 && flow > 0) ||
        (back < 0 && flow < 0)) {
      return false;
    }
  }
  return true;
}

// Tries every price vector and compares the lowest and highest that support the outcome.
std::string PriceFault(const SmallCase& small, const std::vector<int64_t>& available_wh,
                       const Outcome& outcome) {
  constexpr int64_t kMost = 14;
  const size_t zones = small.network.zones;
  std::vector<int64_t> prices(zones, -kMost);
  std::vector<int64_t> low(zones, kMost + 1);
  std::vector<int64_t> high(zones, -kMost - 1);
  for (;;) {
    if (Supports(small, available_wh, outcome, prices)) {
      for (size_t zone = 0; zone < zones; ++zone) {
        low[zone] = std::min(low[zone], prices[zone]);
        high[zone] = std::max(high[zone], prices[zone]);
      }
    }
    size_t digit = 0;
    while (digit < zones && ++prices[digit] > kMost) {
      prices[digit++] = -kMost;
    }
    if (digit == zones) {
      break;
    }
  }
  for (size_t zone = 0; zone < zones; ++zone) {
    const ZonePrice& price = outcome.zones[zone];
    const int64_t shown_low = std::max(price.low, -kMost);
    const int64_t shown_high = std::min(price.high, kMost);
    if (shown_low != low[zone] || shown_high != high[zone]) {
      return "zone " + std::to_string(zone) + " has prices " + std::to_string(price.low) + " to " +
             std::to_string(price.high) + ", not " + std::to_string(low[zone]) + " to " +
             std::to_string(high[zone]);
    }
    if (price.price * 2 > price.low + price.high || price.price * 2 < price.low + price.high - 1) {
      return "a price is not the midpoint rounded down";
    }
  }
  return "";
}

// Orders of one zone, side and limit: by time or pro rata, computed by hand.
std::string TieFault(const SmallCase& small, const std::vector<int64_t>& available_wh,
                     const Outcome& outcome) {
  std::map<std::tuple<uint32_t, bool, int32_t>, std::vector<size_t>> levels;
  for (size_t i = 0; i < small.book.size(); ++i) {
    levels[{small.zones[i], IsBid(small.book[i]), small.book[i].limit}].push_back(i);
  }
  for (const auto& [key, orders] : levels) {
    int64_t filled = 0;
    int64_t total = 0;
    for (const size_t i : orders) {
      filled += outcome.fills[i].wh();
      total += available_wh[i];
    }
    std::vector<int64_t> expected;
    int64_t left = filled;
    for (const size_t i : orders) {
      const bool is_by_time = small.rules.tie_rule == TieRule::kTime;
      expected.push_back(is_by_time   ? std::min(left, available_wh[i])
                         : total == 0 ? 0
                                      : filled * available_wh[i] / total);
      left -= expected.back();
    }
    // Each watt hour left over goes to the largest remainder, to the earlier of equal ones.
    std::vector<bool> has_one_more(orders.size(), false);
    for (; left > 0; --left) {
      std::optional<size_t> most;
      const auto remainder = [&](size_t n) { return filled * available_wh[orders[n]] % total; };
      for (size_t n = 0; n < orders.size(); ++n) {
        if (!has_one_more[n] && (!most.has_value() || remainder(n) > remainder(*most))) {
          most = n;
        }
      }
      has_one_more[*most] = true;
      ++expected[*most];
    }
    for (size_t n = 0; n < orders.size(); ++n) {
      if (outcome.fills[orders[n]].wh() != expected[n]) {
        return "order " + std::to_string(orders[n]) + " of equal limits is filled " +
               std::to_string(outcome.fills[orders[n]].wh()) + ", not " +
               std::to_string(expected[n]);
      }
    }
  }
  return "";
}

// One zone: the least cut of one owner's worst orders, tried watt hour by watt hour.
std::string CutFault(const SmallCase& small, const Outcome& outcome) {
  if (outcome.withdrawn.empty()) {
    return "";
  }
  int64_t bids = 0;
  int64_t offers = 0;
  for (size_t i = 0; i < small.book.size(); ++i) {
    (IsBid(small.book[i]) ? bids : offers) += outcome.withdrawn[i].wh();
    // Worst first: a better or earlier order of the same owner and side is cut after this one.
    for (size_t n = 0; n < small.book.size(); ++n) {
      const Entry& a = small.book[i];
      const Entry& b = small.book[n];
      const bool is_better = IsBid(a) ? a.limit > b.limit : a.limit < b.limit;
      if (small.network.zones == 1 && a.owner_and_way == b.owner_and_way &&
          (is_better || (a.limit == b.limit && i < n)) && outcome.withdrawn[i] > Energy() &&
          outcome.withdrawn[n] < b.energy) {
        return "a better order was withdrawn before a worse one";
      }
    }
  }
  using clearing::SelfTradeMode;
  const SelfTradeMode mode = small.rules.self_trade_mode;
  if ((mode == SelfTradeMode::kWithdrawBids && offers > 0) ||
      (mode == SelfTradeMode::kWithdrawOffers && bids > 0)) {
    return "the mode does not allow this side to be withdrawn";
  }
  return "";
}

std::string ModeFault(SmallCase small, const Outcome& outcome) {
  using clearing::SelfTradeMode;
  if (outcome.withdrawn.empty() ||
      small.rules.self_trade_mode != SelfTradeMode::kKeepGreaterWelfare) {
    return "";
  }
  for (const SelfTradeMode mode : {SelfTradeMode::kWithdrawBids, SelfTradeMode::kWithdrawOffers}) {
    small.rules.self_trade_mode = mode;
    clearing::Scratch scratch;
    Outcome other;
    if (!ClearNetwork(small.book, small.zones, small.network, small.rules, scratch, other).ok() ||
        other.welfare_milli_micros > outcome.welfare_milli_micros) {
      return "another mode leaves more welfare";
    }
  }
  return "";
}

std::string FaultOf(const SmallCase& small) {
  clearing::Scratch scratch;
  Outcome outcome;
  const absl::Status status =
      ClearNetwork(small.book, small.zones, small.network, small.rules, scratch, outcome);
  if (!status.ok()) {
    return "refused: " + std::string(status.message());
  }
  const checker::Verdict verdict =
      checker::Check(small.book, small.zones, small.network, small.rules, outcome);
  if (!verdict.ok()) {
    return "the checker says " + std::string(checker::NameOf(verdict.flaw)) + " at " +
           std::to_string(verdict.position);
  }
  std::vector<int64_t> available_wh;
  for (size_t i = 0; i < small.book.size(); ++i) {
    const Energy withdrawn = outcome.withdrawn.empty() ? Energy() : outcome.withdrawn[i];
    available_wh.push_back((small.book[i].energy - withdrawn).wh());
  }
  const Optimum optimum = TryEverything(small, available_wh);
  if (outcome.welfare_milli_micros != optimum.welfare || outcome.energy.wh() != optimum.energy_wh) {
    return "welfare and energy are not " + std::to_string(optimum.welfare) + " and " +
           std::to_string(optimum.energy_wh);
  }
  for (const std::string& fault :
       {PriceFault(small, available_wh, outcome), TieFault(small, available_wh, outcome),
        CutFault(small, outcome), ModeFault(small, outcome)}) {
    if (!fault.empty()) {
      return fault;
    }
  }
  std::vector<checker::Trade> trades;
  for (const clearing::Pair& pair : PairOutcome(small.book, small.zones, small.network, outcome)) {
    trades.push_back({pair.bid, pair.offer, pair.energy});
  }
  const checker::Verdict paired = checker::CheckTrades(small.book, outcome, trades);
  return paired.ok() ? "" : "the trades show " + std::string(checker::NameOf(paired.flaw));
}

std::string TextOf(const SmallCase& small) {
  std::string text = "tie rule " + std::to_string(static_cast<int>(small.rules.tie_rule)) +
                     ", mode " + std::to_string(static_cast<int>(small.rules.self_trade_mode));
  for (size_t i = 0; i < small.book.size(); ++i) {
    const Entry& entry = small.book[i];
    text += (IsBid(entry) ? "\n  bid " : "\n  offer ") + std::to_string(entry.energy.wh()) +
            " Wh at " + std::to_string(entry.limit) + ", owner " + std::to_string(entry.owner()) +
            ", zone " + std::to_string(small.zones[i]);
  }
  for (const Edge& edge : small.network.edges) {
    text += "\n  edge " + std::to_string(edge.from) + " to " + std::to_string(edge.to) + ", fee " +
            std::to_string(edge.fee) + ", capacity " +
            std::to_string(edge.capacity.value_or(Energy::WattHours(-1)).wh()) + " and " +
            std::to_string(edge.capacity_back.value_or(Energy::WattHours(-1)).wh());
  }
  return text;
}

}  // namespace

SmallCase SmallCases::Next() {
  SmallCase small;
  small.network.zones = static_cast<uint32_t>(Draw(0, 2) == 0 ? 1 : Draw(1, 3));
  small.rules.tie_rule = Draw(0, 1) == 0 ? TieRule::kTime : TieRule::kProRata;
  small.rules.self_trade_mode = static_cast<clearing::SelfTradeMode>(Draw(0, 2));
  const auto add_edge = [&](uint32_t from, uint32_t to) {
    Edge edge = {from, to, static_cast<int32_t>(Draw(0, 3)), std::nullopt, std::nullopt};
    if (Draw(0, 1) == 0) {
      std::swap(edge.from, edge.to);
    }
    if (Draw(0, 1) == 0) {
      edge.capacity = Energy::WattHours(Draw(0, 3));
    }
    if (Draw(0, 1) == 0) {
      edge.capacity_back = Energy::WattHours(Draw(0, 3));
    }
    small.network.edges.push_back(edge);
  };
  for (uint32_t zone = 1; zone < small.network.zones; ++zone) {
    add_edge(zone, static_cast<uint32_t>(Draw(0, zone - 1)));
  }
  if (small.network.zones == 3 && Draw(0, 1) == 0) {
    add_edge(static_cast<uint32_t>(Draw(0, 1)), 2);  // May run beside another edge.
  }
  const int64_t orders = Draw(0, small.network.zones == 1 ? 6 : 5);
  const int64_t owners = Draw(0, 2) == 0 ? 100 : Draw(1, 4);
  const int64_t price_max = Draw(0, 5);
  const int64_t energy_max = small.network.zones == 1 ? Draw(1, 4) : Draw(1, 3);
  for (int64_t i = 0; i < orders; ++i) {
    small.book.push_back(MakeEntry(
        Draw(0, 1) == 0 ? Way::kBuy : Way::kSell, static_cast<uint32_t>(Draw(1, owners)),
        Energy::WattHours(Draw(1, energy_max)), Price::MicrosPerKwh(Draw(-price_max, price_max))));
    small.zones.push_back(static_cast<uint32_t>(Draw(0, small.network.zones - 1)));
  }
  return small;
}

Optimum TryEverything(const SmallCase& small, const std::vector<int64_t>& available_wh) {
  Search search = {small, available_wh, std::vector<int64_t>(small.network.zones, 0), 0, 0, {}};
  search.Try(0);
  return search.best;
}

std::string FirstFault(uint64_t seed, int books) {
  SmallCases cases(seed);
  for (int i = 0; i < books; ++i) {
    const SmallCase small = cases.Next();
    if (const std::string fault = FaultOf(small); !fault.empty()) {
      return "book " + std::to_string(i) + " of seed " + std::to_string(seed) + ": " + fault +
             "\n" + TextOf(small);
    }
  }
  return "";
}

}  // namespace peerwatt::market
