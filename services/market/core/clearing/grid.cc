#include "services/market/core/clearing/grid.h"

namespace peerwatt::market::clearing {
namespace {

constexpr size_t kSamples = 1024;
// Of random limits about one in a million lies beyond the sample by this part of its span.
constexpr int64_t kMarginParts = 64;

}  // namespace

Grid GuessGrid(std::span<const Entry> book) {
  if (book.empty()) {
    return Grid();
  }
  int64_t low = book[0].limit;
  int64_t high = book[0].limit;
  const size_t stride = std::max<size_t>(book.size() / kSamples, 1);
  for (size_t i = 0; i < book.size(); i += stride) {
    low = std::min<int64_t>(low, book[i].limit);
    high = std::max<int64_t>(high, book[i].limit);
  }
  const int64_t margin = (high - low) / kMarginParts + 1;
  return Grid(low - margin, high + margin);
}

}  // namespace peerwatt::market::clearing
