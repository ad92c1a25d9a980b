#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "services/market/core/clearing/book.h"

namespace peerwatt::market::clearing {

/// The key of an order: see Jump.
inline int64_t KeyOf(const Entry& entry) {
  return int64_t{4} * entry.limit + 1 - 2 * static_cast<int64_t>(entry.way());
}

/// What a watt hour of the order adds to welfare, in thousandths of a micro-unit.
inline int64_t WorthOf(const Entry& entry) {
  return int64_t{entry.limit} * (1 - 2 * static_cast<int64_t>(entry.way()));
}

/// Price steps of 2^shift micro-units from `low` on, the same in all zones.
struct Grid {
  int64_t low = 0;
  unsigned shift = 0;
  int64_t steps = 64;

  int64_t high() const { return low + (steps << shift) - 1; }
  size_t StepOf(int64_t limit) const {
    return static_cast<size_t>(std::clamp<int64_t>((limit - low) >> shift, 0, steps - 1));
  }
  // Steps of keys: those of limits, as keys lie one beside four times the limit.
  size_t StepOfKey(int64_t key) const { return StepOf((key + 1) >> 2); }
};

/// The grid whose steps hold all limits from low to high.
Grid GridBetween(int64_t low, int64_t high);

/// A grid that holds the limits of a sample of the book, and some more on either side.
Grid GuessGrid(std::span<const Entry> book);

}  // namespace peerwatt::market::clearing
