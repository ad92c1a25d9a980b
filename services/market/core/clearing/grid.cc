#include "services/market/core/clearing/grid.h"

namespace peerwatt::market::clearing {
namespace {

constexpr int64_t kLimitMax = kPriceMax.micros_per_kwh();
constexpr size_t kSamples = 256;

}  // namespace

Grid GridBetween(int64_t low, int64_t high) {
  Grid grid;
  grid.low = low;
  while (((high - low) >> grid.shift) >= grid.steps) {
    ++grid.shift;
  }
  return grid;
}

Grid GuessGrid(std::span<const Entry> book) {
  int64_t low = kLimitMax;
  int64_t high = -kLimitMax;
  const size_t stride = std::max<size_t>(book.size() / kSamples, 1);
  for (size_t i = 0; i < book.size(); i += stride) {
    low = std::min<int64_t>(low, book[i].limit);
    high = std::max<int64_t>(high, book[i].limit);
  }
  if (book.empty()) {
    return Grid();
  }
  const int64_t margin = (high - low) / 16 + 1;
  return GridBetween(low - margin, high + margin);
}

}  // namespace peerwatt::market::clearing
