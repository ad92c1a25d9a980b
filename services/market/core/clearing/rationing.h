#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "services/market/core/clearing/book.h"

namespace peerwatt::market::clearing {

/// Gives `energy_wh` to the orders of one side, best first; among the last limit that gets any, by
/// the tie rule. Writes the fill of every order named.
/// ranked: keys whose upper half is equal for equal limits and whose lower half is the position in
/// the book; best first, then earlier first. energy_wh: what the orders hold together, or less.
void Ration(std::span<const Entry> book, std::span<const uint64_t> ranked, int64_t energy_wh,
            TieRule tie_rule, std::vector<Energy>& fills);

}  // namespace peerwatt::market::clearing
