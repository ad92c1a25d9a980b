#pragma once

#include <cstdint>
#include <string>

namespace peerwatt::market {

/// Clears small books with preferences, over lines with fees and capacities, drawn from the seed,
/// and holds each outcome against every quantity that every pair of orders could trade; and books
/// without preferences against how zones clear. Returns what is wrong with the first bad one.
std::string FirstPreferenceFault(uint64_t seed, int books);

}  // namespace peerwatt::market
