#pragma once

#include <cstdint>
#include <vector>

namespace peerwatt::market::clearing {

/// Sorts keys whose upper half is what to sort by and whose lower half counts up: by comparison
/// when few, by counting digits of the upper half when many. Equal upper halves keep their order.
void SortKeys(std::vector<uint64_t>& keys);

}  // namespace peerwatt::market::clearing
