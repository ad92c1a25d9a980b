#include "services/market/core/contracts/ways.h"

#include <functional>
#include <limits>
#include <queue>
#include <utility>

namespace peerwatt::market {
namespace {

using clearing::Edge;

constexpr uint32_t kNoLine = std::numeric_limits<uint32_t>::max();

uint32_t OtherEnd(const Edge& line, uint32_t zone) {
  return line.from == zone ? line.to : line.from;
}

}  // namespace

CheapestWays::CheapestWays(const clearing::Network& network)
    : network_(network), lines_at_(network.zones) {
  for (uint32_t i = 0; i < network.edges.size(); ++i) {
    lines_at_[network.edges[i].from].push_back(i);
    lines_at_[network.edges[i].to].push_back(i);
  }
}

std::vector<uint32_t> CheapestWays::LastLines(uint32_t start) const {
  std::vector<int64_t> fees(network_.zones, std::numeric_limits<int64_t>::max());
  std::vector<uint32_t> last(network_.zones, kNoLine);
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
    for (const uint32_t line : lines_at_[at]) {
      const uint32_t next = OtherEnd(network_.edges[line], at);
      const int64_t next_fee = fee + network_.edges[line].fee;
      if (next_fee < fees[next]) {
        fees[next] = next_fee;
        last[next] = line;
        queue.push({next_fee, next});
      }
    }
  }
  return last;
}

std::optional<CheapestWay> CheapestWays::Find(uint32_t from, uint32_t to) {
  CheapestWay way;
  if (from == to) {
    return way;
  }
  const auto [found, is_new] = last_.try_emplace(from);
  if (is_new) {
    found->second = LastLines(from);
  }
  const std::vector<uint32_t>& last = found->second;
  for (uint32_t zone = to; zone != from;) {
    if (last[zone] == kNoLine) {
      return std::nullopt;
    }
    const Edge& line = network_.edges[last[zone]];
    way.steps.push_back({last[zone], line.to == zone});
    way.fee = way.fee + Price::MicrosPerKwh(line.fee);
    zone = OtherEnd(line, zone);
  }
  return way;
}

}  // namespace peerwatt::market
