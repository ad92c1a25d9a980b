#include "services/market/core/clearing/tree.h"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <utility>

#include "libs/base/check.h"
#include "services/market/core/clearing/mutant.h"

namespace peerwatt::market::clearing {
namespace {

// A line as seen from its lower end.
struct Upward {
  int64_t fee_key = 0;
  int64_t export_wh = 0;
  int64_t import_wh = 0;
};

Upward UpwardOf(const Line& line, uint32_t zone) {
  return line.from == zone ? Upward{line.fee_key, line.capacity_wh, line.capacity_back_wh}
                           : Upward{line.fee_key, line.capacity_back_wh, line.capacity_wh};
}

// What of a zone's own balance decides its price once its parent's is known.
struct Turning {
  int64_t low = 0;          // Where it neither imports nor exports: from here …
  int64_t high = 0;         // … to here.
  int64_t full_import = 0;  // Below this it would import more than the line carries.
  int64_t full_export = 0;  // Above this it would export more.
};

// The curve of a zone and all below it, as its parent sees it over the line.
Curve SeenFromAbove(const Curve& curve, const Upward& line) {
  Curve seen;
  seen.demand_wh = std::min(curve.demand_wh, line.import_wh);
  seen.jumps.reserve(curve.jumps.size() + 1);
  int64_t before = -curve.demand_wh;
  for (const Jump& jump : curve.jumps) {
    const int64_t after = before + jump.energy_wh;
    const int64_t imported =
        std::min<int64_t>(after, 0) - std::max(std::min<int64_t>(before, 0), -line.import_wh);
    if (imported > 0) {
      seen.jumps.push_back({jump.key - line.fee_key, imported});
    }
    const int64_t exported = std::min(std::max<int64_t>(after, 0),
                                      PW_MUTANT(kExportsAreNotCut, kUnlimitedWh, line.export_wh)) -
                             std::min(std::max<int64_t>(before, 0), line.export_wh);
    if (exported > 0) {
      seen.jumps.push_back(
          {PW_MUTANT(kFeeIsPaidOneWay, jump.key, jump.key + line.fee_key), exported});
    }
    before = after;
  }
  return seen;
}

std::vector<Jump> Merged(std::vector<std::vector<Jump>> lists) {
  std::deque<std::vector<Jump>> queue(std::make_move_iterator(lists.begin()),
                                      std::make_move_iterator(lists.end()));
  while (queue.size() > 1) {
    const std::vector<Jump> a = std::move(queue[0]);
    const std::vector<Jump> b = std::move(queue[1]);
    queue.pop_front();
    queue.pop_front();
    std::vector<Jump> merged(a.size() + b.size());
    std::merge(a.begin(), a.end(), b.begin(), b.end(), merged.begin(),
               [](const Jump& x, const Jump& y) { return x.key < y.key; });
    queue.push_back(std::move(merged));
  }
  return queue.empty() ? std::vector<Jump>() : std::move(queue.front());
}

int64_t RootKey(const Curve& curve) {
  const int64_t low = KeyReaching(curve.jumps, curve.demand_wh);
  if (low > -kKeyInfinite) {
    return low;
  }
  const int64_t high = KeyExceeding(curve.jumps, curve.demand_wh);
  return high < kKeyInfinite ? high : 0;
}

int64_t KeyBelow(int64_t parent_key, const Upward& line, const Turning& turning) {
  if (turning.low > parent_key + line.fee_key) {
    return std::max(parent_key + line.fee_key, turning.full_import);
  }
  if (turning.high < parent_key - line.fee_key) {
    return std::min(parent_key - line.fee_key, turning.full_export);
  }
  return std::clamp(parent_key, turning.low, turning.high);
}

struct Range {
  int64_t low = 0;
  int64_t high = 0;
};

// What a zone's own orders may export at a price.
Range OwnExport(const Curve& curve, int64_t key) {
  Range range = {-curve.demand_wh, -curve.demand_wh};
  for (const Jump& jump : curve.jumps) {
    range.low += jump.key < key ? jump.energy_wh : 0;
    range.high += jump.key <= key ? jump.energy_wh : 0;
  }
  return range;
}

// What may flow up a line whose upper end is dearer by `gain`.
Range FlowAt(const Upward& line, int64_t gain) {
  Range range;
  if (gain >= line.fee_key) {
    range.high = line.export_wh;
    range.low = gain > line.fee_key ? line.export_wh : 0;
  }
  if (gain <= -line.fee_key) {
    range.low = -line.import_wh;
    range.high = gain < -line.fee_key ? -line.import_wh : range.high;
  }
  return range;
}

}  // namespace

int64_t KeyReaching(const std::vector<Jump>& jumps, int64_t energy_wh) {
  if (energy_wh <= 0) {
    return -kKeyInfinite;
  }
  for (const Jump& jump : jumps) {
    energy_wh -= jump.energy_wh;
    if (energy_wh <= 0) {
      return jump.key;
    }
  }
  return kKeyInfinite;
}

int64_t KeyExceeding(const std::vector<Jump>& jumps, int64_t energy_wh) {
  for (const Jump& jump : jumps) {
    energy_wh -= jump.energy_wh;
    if (energy_wh < 0) {
      return jump.key;
    }
  }
  return kKeyInfinite;
}

std::optional<Forest> Forest::Of(uint32_t zones, std::span<const Line> lines) {
  std::vector<std::vector<uint32_t>> lines_of(zones);
  for (uint32_t i = 0; i < lines.size(); ++i) {
    lines_of[lines[i].from].push_back(i);
    lines_of[lines[i].to].push_back(i);
  }
  std::vector<bool> is_reached(zones, false);
  std::vector<Node> nodes;
  nodes.reserve(zones);
  for (uint32_t root = 0; root < zones; ++root) {
    if (is_reached[root]) {
      continue;
    }
    is_reached[root] = true;
    nodes.push_back({root, root, std::nullopt});
    for (size_t at = nodes.size() - 1; at < nodes.size(); ++at) {
      const uint32_t zone = nodes[at].zone;
      for (const uint32_t i : lines_of[zone]) {
        if (nodes[at].line == i) {
          continue;
        }
        const uint32_t next = lines[i].from == zone ? lines[i].to : lines[i].from;
        if (is_reached[next]) {
          return std::nullopt;
        }
        is_reached[next] = true;
        nodes.push_back({next, zone, i});
      }
    }
  }
  return Forest(std::move(nodes));
}

Balance Forest::Solve(std::span<const Line> lines, std::span<const Curve> curves) const {
  std::vector<std::vector<std::vector<Jump>>> parts(curves.size());
  std::vector<Turning> turnings(curves.size());
  Balance balance;
  balance.keys.resize(curves.size());
  std::vector<int64_t> demands(curves.size());
  for (size_t at = nodes_.size(); at > 0; --at) {
    const Node& node = nodes_[at - 1];
    std::vector<std::vector<Jump>> own = std::move(parts[node.zone]);
    own.push_back(curves[node.zone].jumps);
    const Curve whole = {Merged(std::move(own)), demands[node.zone] + curves[node.zone].demand_wh};
    if (!node.line.has_value()) {
      balance.keys[node.zone] = RootKey(whole);
      continue;
    }
    const Upward line = UpwardOf(lines[*node.line], node.zone);
    turnings[node.zone] = {KeyReaching(whole.jumps, whole.demand_wh),
                           KeyExceeding(whole.jumps, whole.demand_wh),
                           KeyReaching(whole.jumps, whole.demand_wh - line.import_wh),
                           KeyExceeding(whole.jumps, whole.demand_wh + line.export_wh)};
    Curve seen = SeenFromAbove(whole, line);
    demands[node.parent] += seen.demand_wh;
    parts[node.parent].push_back(std::move(seen.jumps));
  }
  for (const Node& node : nodes_) {
    if (node.line.has_value()) {
      balance.keys[node.zone] = KeyBelow(
          balance.keys[node.parent], UpwardOf(lines[*node.line], node.zone), turnings[node.zone]);
    }
  }
  balance.flows_wh = Flows(lines, curves, balance.keys);
  return balance;
}

std::vector<int64_t> Forest::Flows(std::span<const Line> lines, std::span<const Curve> curves,
                                   const std::vector<int64_t>& keys) const {
  // Bottom up: what may flow to the parent. Top down: what does.
  std::vector<Range> own(curves.size());
  std::vector<Range> upward(curves.size());
  std::vector<Range> from_children(curves.size());
  for (size_t at = nodes_.size(); at > 0; --at) {
    const Node& node = nodes_[at - 1];
    own[node.zone] = OwnExport(curves[node.zone], keys[node.zone]);
    if (!node.line.has_value()) {
      continue;
    }
    const Range line =
        FlowAt(UpwardOf(lines[*node.line], node.zone), keys[node.parent] - keys[node.zone]);
    Range& range = upward[node.zone];
    range.low = std::max(line.low, own[node.zone].low + from_children[node.zone].low);
    range.high = std::min(line.high, own[node.zone].high + from_children[node.zone].high);
    PW_CHECK(range.low <= range.high, "no flow fits the prices");
    from_children[node.parent].low += range.low;
    from_children[node.parent].high += range.high;
  }
  // What children send must lie between these: the rest comes from the zone's own orders.
  std::vector<int64_t> sent(curves.size(), 0);      // To the parent.
  std::vector<int64_t> received(curves.size(), 0);  // From children that were settled already.
  std::vector<int64_t> flows(lines.size(), 0);
  for (const Node& node : nodes_) {
    if (!node.line.has_value()) {
      continue;
    }
    // Siblings not settled yet can still send anything in their ranges.
    Range& siblings = from_children[node.parent];
    const Range& range = upward[node.zone];
    siblings.low -= range.low;
    siblings.high -= range.high;
    const int64_t target = sent[node.parent] - received[node.parent];
    const int64_t low = std::max(range.low, target - own[node.parent].high - siblings.high);
    const int64_t high = std::min(range.high, target - own[node.parent].low - siblings.low);
    PW_CHECK(low <= high, "no flow fits the prices");
    const int64_t flow = std::clamp<int64_t>(0, low, high);
    sent[node.zone] = flow;
    received[node.parent] += flow;
    flows[*node.line] = lines[*node.line].from == node.zone ? flow : -flow;
  }
  return flows;
}

}  // namespace peerwatt::market::clearing
