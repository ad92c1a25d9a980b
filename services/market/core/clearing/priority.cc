#include "services/market/core/clearing/priority.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace peerwatt::market::clearing {
namespace {

constexpr size_t kRadixFrom = 1024;
constexpr unsigned kDigitBits = 11;
constexpr size_t kDigits = size_t{1} << kDigitBits;
constexpr std::array<unsigned, 3> kShifts = {32, 32 + kDigitBits, 32 + 2 * kDigitBits};

size_t DigitOf(uint64_t key, unsigned shift) {
  return static_cast<size_t>(key >> shift) & (kDigits - 1);
}

}  // namespace

void SortKeys(std::vector<uint64_t>& keys) {
  if (keys.size() < kRadixFrom) {
    std::sort(keys.begin(), keys.end());
    return;
  }
  std::array<std::vector<size_t>, kShifts.size()> counts;
  for (std::vector<size_t>& count : counts) {
    count.assign(kDigits, 0);
  }
  for (const uint64_t key : keys) {
    for (size_t pass = 0; pass < kShifts.size(); ++pass) {
      ++counts[pass][DigitOf(key, kShifts[pass])];
    }
  }
  std::vector<uint64_t> sorted(keys.size());
  for (size_t pass = 0; pass < kShifts.size(); ++pass) {
    std::vector<size_t>& next = counts[pass];
    if (next[DigitOf(keys[0], kShifts[pass])] == keys.size()) {
      continue;  // All keys share this digit.
    }
    size_t start = 0;
    for (size_t& count : next) {
      const size_t size = count;
      count = start;
      start += size;
    }
    for (const uint64_t key : keys) {
      sorted[next[DigitOf(key, kShifts[pass])]++] = key;
    }
    keys.swap(sorted);
  }
}

}  // namespace peerwatt::market::clearing
