#include "services/market/core/clearing/zone_pairing.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "libs/base/check.h"

namespace peerwatt::market::clearing {
namespace {

// What a zone takes in and gives away. A sink beyond the book is an edge, which belongs to nobody.
struct Traffic {
  std::vector<Filled> sinks;
  std::vector<Filled> sources;
};

constexpr uint32_t kFirstEdgeOwner = uint32_t{1} << 31;

uint32_t SourceOf(const Edge& edge, const EdgeFlow& flow) {
  return flow.energy_wh > 0 ? edge.from : edge.to;
}

uint32_t TargetOf(const Edge& edge, const EdgeFlow& flow) {
  return flow.energy_wh > 0 ? edge.to : edge.from;
}

// Zones so that energy only flows from earlier ones to later ones.
std::vector<uint32_t> Downstream(const Network& network, const std::vector<EdgeFlow>& flows) {
  std::vector<uint32_t> incoming(network.zones, 0);
  std::vector<std::vector<uint32_t>> outgoing(network.zones);
  for (uint32_t i = 0; i < flows.size(); ++i) {
    if (flows[i].energy_wh != 0) {
      ++incoming[TargetOf(network.edges[i], flows[i])];
      outgoing[SourceOf(network.edges[i], flows[i])].push_back(i);
    }
  }
  std::vector<uint32_t> order;
  order.reserve(network.zones);
  for (uint32_t zone = 0; zone < network.zones; ++zone) {
    if (incoming[zone] == 0) {
      order.push_back(zone);
    }
  }
  for (size_t at = 0; at < order.size(); ++at) {
    for (const uint32_t i : outgoing[order[at]]) {
      const uint32_t next = TargetOf(network.edges[i], flows[i]);
      if (--incoming[next] == 0) {
        order.push_back(next);
      }
    }
  }
  PW_CHECK(order.size() == network.zones, "energy flows in a circle");
  return order;
}

// Takes energy of one owner off a side, last first. Returns what was taken.
std::vector<Filled> TakeFrom(std::vector<Filled>& side, uint32_t owner, int64_t energy_wh) {
  std::vector<Filled> taken;
  for (size_t i = side.size(); i > 0 && energy_wh > 0; --i) {
    Filled& fill = side[i - 1];
    if (fill.owner == owner) {
      const int64_t part = std::min(fill.energy_wh, energy_wh);
      taken.push_back({fill.order, owner, part});
      fill.energy_wh -= part;
      energy_wh -= part;
    }
  }
  PW_CHECK(energy_wh == 0, "an owner has less than he exceeds by");
  std::erase_if(side, [](const Filled& fill) { return fill.energy_wh == 0; });
  return taken;
}

// Takes what one owner would have to sell to himself out of a zone's traffic.
void SetSelfPairsApart(Traffic& traffic, std::vector<Pair>& self_pairs) {
  const std::optional<Excess> excess = FindExcess(traffic.sinks, traffic.sources);
  if (!excess.has_value()) {
    return;
  }
  const std::vector<Filled> bids = TakeFrom(traffic.sinks, excess->owner, excess->energy_wh);
  const std::vector<Filled> offers = TakeFrom(traffic.sources, excess->owner, excess->energy_wh);
  size_t offer = 0;
  int64_t offer_left = offers[0].energy_wh;
  for (const Filled& bid : bids) {
    for (int64_t bid_left = bid.energy_wh; bid_left > 0;) {
      const int64_t energy = std::min(bid_left, offer_left);
      self_pairs.push_back({bid.order, offers[offer].order, Energy::WattHours(energy)});
      bid_left -= energy;
      offer_left -= energy;
      if (offer_left == 0 && ++offer < offers.size()) {
        offer_left = offers[offer].energy_wh;
      }
    }
  }
}

}  // namespace

ZonePairs PairZones(std::span<const Entry> book, std::span<const uint32_t> zones,
                    const Network& network, const Outcome& outcome) {
  std::vector<Traffic> traffic(network.zones);
  for (size_t i = 0; i < book.size(); ++i) {
    if (outcome.fills[i] > Energy()) {
      Traffic& zone = traffic[zones[i]];
      (book[i].way() == Way::kBuy ? zone.sinks : zone.sources)
          .push_back({static_cast<uint32_t>(i), book[i].owner(), outcome.fills[i].wh()});
    }
  }
  const uint32_t first_edge = static_cast<uint32_t>(book.size());
  for (uint32_t i = 0; i < network.edges.size(); ++i) {
    const int64_t flow = outcome.flows[i].energy_wh;
    if (flow != 0) {
      traffic[SourceOf(network.edges[i], outcome.flows[i])].sinks.push_back(
          {first_edge + i, kFirstEdgeOwner + i, flow < 0 ? -flow : flow});
    }
  }
  ZonePairs result;
  for (const uint32_t zone : Downstream(network, outcome.flows)) {
    SetSelfPairsApart(traffic[zone], result.self_pairs);
    for (const Pair& pair : PairFills(traffic[zone].sinks, traffic[zone].sources)) {
      if (pair.bid < first_edge) {
        result.pairs.push_back(pair);
        continue;
      }
      const uint32_t edge = pair.bid - first_edge;
      traffic[TargetOf(network.edges[edge], outcome.flows[edge])].sources.push_back(
          {pair.offer, book[pair.offer].owner(), pair.energy.wh()});
    }
  }
  return result;
}

}  // namespace peerwatt::market::clearing
