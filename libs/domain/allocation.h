#pragma once

#include <cstdint>
#include <vector>

namespace peerwatt {

/// Splits `total` in proportion to `weights` so that the parts sum to `total` exactly.
/// Each part is the floor or the ceiling of its exact share; the units left over go to the largest
/// remainders, and among equal remainders to the earlier weight. weights: none negative; when all
/// are zero, all parts are zero and `total` must be zero. total: not negative.
/// Source: largest remainder method (Hamilton 1792).
std::vector<int64_t> AllocateByLargestRemainder(int64_t total, const std::vector<int64_t>& weights);

}  // namespace peerwatt
