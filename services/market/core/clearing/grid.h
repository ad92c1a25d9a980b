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

/// Divides the limits from `low` to `high()` into steps that are as wide as each other, but for one
/// micro-unit; the same in all zones. A step is found by a multiplication.
class Grid {
 public:
  static constexpr size_t kSteps = 64;

  Grid() = default;
  /// low <= high.
  Grid(int64_t low, int64_t high)
      : low_(low),
        span_(high - low),
        scale_((uint64_t{kSteps} << kShift) / (static_cast<uint64_t>(span_) + 1)) {}

  int64_t low() const { return low_; }
  int64_t high() const { return low_ + span_; }
  size_t StepOf(int64_t limit) const {
    const int64_t offset = std::clamp<int64_t>(limit - low_, 0, span_);
    return static_cast<size_t>((static_cast<uint64_t>(offset) * scale_) >> kShift);
  }
  /// Steps of keys: those of limits, as keys lie one beside four times the limit.
  size_t StepOfKey(int64_t key) const { return StepOf((key + 1) >> 2); }
  /// The lowest limit of a step and of those after it.
  int64_t LowestOf(size_t step) const { return low_ + Ceiling(step); }
  /// No step has more limits.
  int64_t width() const { return Ceiling(1); }

 private:
  static constexpr unsigned kShift = 32;

  int64_t Ceiling(size_t steps) const {
    return static_cast<int64_t>(((uint64_t{steps} << kShift) + scale_ - 1) / scale_);
  }

  int64_t low_ = 0;
  int64_t span_ = 0;
  uint64_t scale_ = uint64_t{kSteps} << kShift;
};

/// A grid that holds the limits of a sample of the book, and some more on either side.
Grid GuessGrid(std::span<const Entry> book);

}  // namespace peerwatt::market::clearing
