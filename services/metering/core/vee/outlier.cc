#include "services/metering/core/vee/outlier.h"

#include <algorithm>
#include <cstdlib>

#include "absl/numeric/int128.h"

namespace peerwatt::metering {
namespace {

/// The lower median; reorders the values.
int64_t MedianOf(std::vector<int64_t>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

bool IsHampelOutlier(int64_t value, std::vector<int64_t>& window, const HampelOptions& options) {
  const int64_t median = MedianOf(window);
  for (int64_t& one : window) {
    one = std::abs(one - median);
  }
  const int64_t deviation = std::max(MedianOf(window), options.deviation_min);
  // 1.4826 makes the deviation that of a normal distribution.
  return absl::int128(std::abs(value - median)) * 10'000 >
         absl::int128(options.deviations) * 14'826 * deviation;
}

}  // namespace peerwatt::metering
