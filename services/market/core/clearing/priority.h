#pragma once

#include <cstdint>
#include <vector>

#include "services/market/core/clearing/book.h"

namespace peerwatt::market::clearing {

/// Ranks an order of either side: lower is better. Without a branch, as sides alternate at random.
inline uint32_t RankOf(Way way, int32_t limit) {
  static_assert(static_cast<uint32_t>(Way::kBuy) == 0 && static_cast<uint32_t>(Way::kSell) == 1);
  const uint32_t rank = static_cast<uint32_t>(limit) + (uint32_t{1} << 31);
  return rank ^ (static_cast<uint32_t>(way) - 1);
}

/// Sorts keys whose upper half is what to sort by and whose lower half counts up: by comparison
/// when few, by counting digits of the upper half when many. Equal upper halves keep their order.
void SortKeys(std::vector<uint64_t>& keys);

}  // namespace peerwatt::market::clearing
