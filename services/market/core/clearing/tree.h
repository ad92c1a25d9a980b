#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "services/market/core/clearing/curve.h"

namespace peerwatt::market::clearing {

/// Zones and lines without a circle, each component hung from its lowest zone.
class Forest {
 public:
  /// Nothing when the lines close a circle. Zones of lines are below `zones`.
  static std::optional<Forest> Of(uint32_t zones, std::span<const Line> lines);

  /// Balances the curves. Each zone hands its parent the curve of all below it: what it would
  /// import shifted down by the fee, what it would export shifted up, both cut at the capacity.
  /// At the root supply meets demand; going down again each zone finds its price and flow.
  /// O(j d log c) for j jumps, depth d and at most c children.
  Balance Solve(std::span<const Line> lines, std::span<const Curve> curves) const;

 private:
  struct Node {
    uint32_t zone = 0;
    uint32_t parent = 0;
    /// The line to the parent; none at a root.
    std::optional<uint32_t> line;
  };

  explicit Forest(std::vector<Node> nodes) : nodes_(std::move(nodes)) {}
  std::vector<int64_t> Flows(std::span<const Line> lines, std::span<const Curve> curves,
                             const std::vector<int64_t>& keys) const;

  /// Parents before children.
  std::vector<Node> nodes_;
};

}  // namespace peerwatt::market::clearing
