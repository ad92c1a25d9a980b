#include "services/market/core/clearing_record.h"

#include <functional>
#include <limits>
#include <map>
#include <queue>
#include <utility>

#include "libs/base/check.h"

namespace peerwatt::market {
namespace {

using clearing::Edge;
using clearing::EdgeFlow;
using clearing::Network;

constexpr uint32_t kNoLine = std::numeric_limits<uint32_t>::max();

uint32_t OtherEnd(const Edge& line, uint32_t zone) {
  return line.from == zone ? line.to : line.from;
}

// The last line of the cheapest way from one zone to each (Dijkstra 1959).
std::vector<uint32_t> LastLines(const Network& network,
                                const std::vector<std::vector<uint32_t>>& lines_at,
                                uint32_t start) {
  std::vector<int64_t> fees(network.zones, std::numeric_limits<int64_t>::max());
  std::vector<uint32_t> last(network.zones, kNoLine);
  using Reached = std::pair<int64_t, uint32_t>;
  std::priority_queue<Reached, std::vector<Reached>, std::greater<>> queue;
  fees[start] = 0;
  queue.push({0, start});
  while (!queue.empty()) {
    const auto [fee, at] = queue.top();
    queue.pop();
    if (fee > fees[at]) {
      continue;
    }
    for (const uint32_t line : lines_at[at]) {
      const uint32_t next = OtherEnd(network.edges[line], at);
      const int64_t next_fee = fee + network.edges[line].fee;
      if (next_fee < fees[next]) {
        fees[next] = next_fee;
        last[next] = line;
        queue.push({next_fee, next});
      }
    }
  }
  return last;
}

}  // namespace

std::vector<EdgeFlow> CheapestFlows(const Network& network,
                                    const std::vector<clearing::Request>& requests,
                                    const std::vector<clearing::Deal>& deals) {
  std::vector<EdgeFlow> flows(network.edges.size());
  std::vector<std::vector<uint32_t>> lines_at(network.zones);
  for (uint32_t i = 0; i < network.edges.size(); ++i) {
    lines_at[network.edges[i].from].push_back(i);
    lines_at[network.edges[i].to].push_back(i);
  }
  std::map<std::pair<uint32_t, uint32_t>, int64_t> moved;
  for (const clearing::Deal& deal : deals) {
    moved[{requests[deal.offer].zone, requests[deal.bid].zone}] += deal.energy.wh();
  }
  uint32_t start = network.zones;
  std::vector<uint32_t> last;
  for (const auto& [ends, energy_wh] : moved) {
    if (ends.first != start) {
      start = ends.first;
      last = LastLines(network, lines_at, start);
    }
    for (uint32_t zone = ends.second; zone != start;) {
      PW_CHECK(last[zone] != kNoLine, "energy moves between zones that nothing joins");
      const Edge& line = network.edges[last[zone]];
      flows[last[zone]].energy_wh += line.to == zone ? energy_wh : -energy_wh;
      zone = OtherEnd(line, zone);
    }
  }
  return flows;
}

}  // namespace peerwatt::market
