#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace peerwatt::market::clearing {

/// The nodes that something can flow between, either way.
struct Ends {
  uint32_t from = 0;
  uint32_t to = 0;
};

/// Takes off what flows round in circles, which changes no node's balance.
/// flows: one for each of `ends`, negative when it flows `to` → `from`. O(nodes + lines²).
void CancelCircles(uint32_t nodes, std::span<const Ends> ends, std::vector<int64_t>& flows);

}  // namespace peerwatt::market::clearing
