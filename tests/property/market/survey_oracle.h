#pragma once

#include <cstdint>
#include <string>

namespace peerwatt::market {

/// Looks for rings in random small graphs and compares with all that can be tried. Returns what is
/// wrong first, or nothing.
std::string FirstRingFault(uint64_t seed, int graphs);

/// Surveys random days, and again with their trades and orders in another order. Returns what
/// differs first, or nothing.
std::string FirstShuffleFault(uint64_t seed, int days);

}  // namespace peerwatt::market
