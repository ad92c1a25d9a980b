#include "libs/domain/allocation.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "absl/numeric/int128.h"
#include "libs/base/check.h"

namespace peerwatt {

std::vector<int64_t> AllocateByLargestRemainder(int64_t total,
                                                const std::vector<int64_t>& weights) {
  PW_CHECK(total >= 0, "a total to split is not negative");
  absl::int128 weight_sum = 0;
  for (const int64_t weight : weights) {
    PW_CHECK(weight >= 0, "a weight is not negative");
    weight_sum += weight;
  }
  std::vector<int64_t> parts(weights.size(), 0);
  if (weight_sum == 0) {
    PW_CHECK(total == 0, "a total above zero needs a weight above zero");
    return parts;
  }
  std::vector<absl::int128> remainders(weights.size());
  int64_t left = total;
  for (size_t i = 0; i < weights.size(); ++i) {
    const absl::int128 product = absl::int128(total) * absl::int128(weights[i]);
    parts[i] = static_cast<int64_t>(product / weight_sum);
    remainders[i] = product % weight_sum;
    left -= parts[i];
  }
  std::vector<size_t> order(weights.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return remainders[a] > remainders[b]; });
  for (size_t i = 0; left > 0; ++i, --left) ++parts[order[i]];
  return parts;
}

}  // namespace peerwatt
