#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "services/market/core/clearing/curve.h"

namespace peerwatt::market::clearing {

/// A way from one node to another. What is moved along it costs more the more it is.
struct Arc {
  uint32_t tail = 0;
  uint32_t head = 0;
  /// By cost per Wh (`key`, also negative), ascending. An arc without a limit has one piece of
  /// kUnlimitedWh, and such arcs close no circle that costs less than nothing.
  std::vector<Jump> pieces;
};

/// The cheapest circulation, and what proves it.
struct Circulation {
  /// Along each arc, Wh.
  std::vector<int64_t> flows_wh;
  /// For each node: no arc leads from `t` to `h` at less than potential h − potential t unless it
  /// is full, none at more that is used.
  std::vector<int64_t> potentials;
};

/// Finds a circulation of least cost: minimum-cost flow with convex costs, by scaling costs (Röck
/// 1980; Ahuja, Magnanti and Orlin 1993, chapters 10 and 14). Costs are rounded down to a step,
/// which is halved until it is one; after each halving the old potentials are less than a step
/// wrong along every arc, so each node's moves by fewer steps than there are nodes. In between,
/// energy goes along shortest paths, all of one length at once (maximum flow, Dinic 1970).
/// O(b v F) for b bits of cost, v nodes and a maximum flow F = O(v² a) on a arcs, in practice a few
/// passes over the arcs per bit; the pieces count by their logarithm only.
/// Energy of all limited arcs together is below 2^62; costs times nodes are below 2^60.
Circulation CheapestCirculation(uint32_t nodes, std::span<const Arc> arcs);

}  // namespace peerwatt::market::clearing
