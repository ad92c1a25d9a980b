#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "services/market/core/clearing/book.h"

// A naive optimum and random small books, for tests that hold the engine against it. Shares no code
// with the engine or the checker.
namespace peerwatt::market {

/// A book small enough to try everything.
struct SmallCase {
  std::vector<clearing::Entry> book;
  std::vector<uint32_t> zones;
  clearing::Network network;
  clearing::Rules rules;
};

/// Draws cases: one to four zones in a tree or with one circle, fees and capacities down to 0,
/// negative prices, many equal limits, owners with several orders on both sides.
class SmallCases {
 public:
  explicit SmallCases(uint64_t seed) : random_(seed) {}
  SmallCase Next();

 private:
  int64_t Draw(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }
  std::mt19937_64 random_;
};

/// The greatest welfare, in thousandths of a micro-unit, and the most energy it comes with.
struct Optimum {
  int64_t welfare = 0;
  int64_t energy_wh = 0;
};

/// Tries every fill of every order, and every flow round the circle.
/// available_wh: what each order may trade.
Optimum TryEverything(const SmallCase& small, const std::vector<int64_t>& available_wh);

/// Clears books drawn from the seed and holds each outcome against the naive optimum, all price
/// vectors, the tie rules and the checker. Returns what is wrong with the first bad one, or "".
std::string FirstFault(uint64_t seed, int books);

}  // namespace peerwatt::market
