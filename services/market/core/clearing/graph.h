#pragma once

#include <span>

#include "services/market/core/clearing/curve.h"

namespace peerwatt::market::clearing {

/// Balances the curves over lines that may close circles: minimum-cost flow with convex costs, by
/// successive shortest paths with potentials (Edmonds and Karp 1972; Ahuja, Magnanti and Orlin
/// 1993, chapters 9 and 14). The potentials at the end are the prices.
/// O(a (z + l) log z) for z zones, l lines and a augmentations; each augmentation uses up a jump, a
/// capacity or an imbalance, so a is at most a small multiple of the jumps in practice.
Balance SolveGraph(std::span<const Line> lines, std::span<const Curve> curves);

}  // namespace peerwatt::market::clearing
