// A million random splits: parts sum to the whole, to the unit, and are those of the largest
// remainders. The same look finds every wrong way to split that is tried.

#include <algorithm>
#include <functional>
#include <iostream>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/domain/allocation.h"

namespace peerwatt {
namespace {

using Parts = std::vector<int64_t>;
using Split = std::function<Parts(int64_t, const Parts&)>;

struct Share {
  int64_t whole = 0;
  absl::int128 remainder;
};

/// The exact share of one weight, cut off to the unit, and what is left of it.
Share ShareOf(int64_t total, int64_t weight, int64_t weight_sum) {
  const absl::int128 product = absl::int128(total) * weight;
  return {static_cast<int64_t>(product / weight_sum), product % weight_sum};
}

/// The rule once more, word by word: as long as something is left, one unit goes to whoever has the
/// largest remainder, the earliest of several, and who had one gets no other.
Parts SlowSplit(int64_t total, const Parts& weights) {
  const int64_t weight_sum = std::accumulate(weights.begin(), weights.end(), int64_t{0});
  Parts parts;
  std::vector<absl::int128> remainders;
  int64_t left = total;
  for (const int64_t weight : weights) {
    const Share share = ShareOf(total, weight, weight_sum);
    parts.push_back(share.whole);
    remainders.push_back(share.remainder);
    left -= share.whole;
  }
  for (; left > 0; --left) {
    const auto largest = std::max_element(remainders.begin(), remainders.end());
    ++parts[static_cast<size_t>(largest - remainders.begin())];
    *largest = -1;
  }
  return parts;
}

/// Draws totals and weights of all sizes: zeros, equal ones, and near the bounds.
class Drawing {
 public:
  explicit Drawing(uint64_t seed) : random_(seed) {}

  int64_t Number(int64_t limit) {
    return std::uniform_int_distribution<int64_t>(0, limit)(random_);
  }
  int64_t Total() {
    constexpr int64_t kLimits[] = {3, 1'000, 1'000'000'000'000, 9'000'000'000'000'000'000};
    return Number(kLimits[Number(3)]);
  }
  Parts Weights() {
    constexpr int64_t kLimits[] = {1, 5, 100'000, 500'000'000'000'000'000};
    Parts weights(static_cast<size_t>(Number(11) + 1));
    const int64_t limit = kLimits[Number(3)];
    for (int64_t& weight : weights) weight = Number(limit);
    if (Number(3) == 0) std::fill(weights.begin(), weights.end(), weights.front());
    // Somebody has a weight.
    weights[static_cast<size_t>(Number(static_cast<int64_t>(weights.size()) - 1))] += 1;
    return weights;
  }

 private:
  std::mt19937_64 random_;
};

/// What the splits come to, together.
struct Finding {
  absl::int128 difference = 0;  ///< of the sums of parts to the wholes
  std::string first_fault;
};

Finding LookAt(const Split& split, uint64_t seed, int rounds) {
  Drawing drawing(seed);
  Finding finding;
  for (int round = 0; round < rounds; ++round) {
    const int64_t total = drawing.Total();
    const Parts weights = drawing.Weights();
    const Parts parts = split(total, weights);
    absl::int128 sum = 0;
    for (const int64_t part : parts) sum += part;
    finding.difference += sum > total ? sum - total : total - sum;
    if (!finding.first_fault.empty() || parts == SlowSplit(total, weights)) continue;
    finding.first_fault = absl::StrCat("round ", round, ": ", total, " by ",
                                       absl::StrJoin(weights, ","), " is ",
                                       absl::StrJoin(parts, ","));
  }
  return finding;
}

TEST(SplitsPropertyTest, AMillionSplitsSumToTheirWholes) {
  constexpr int kRounds = 1'000'000;
  const auto seed = std::random_device{}();
  const Finding finding = LookAt(AllocateByLargestRemainder, seed, kRounds);
  EXPECT_EQ(finding.difference, 0) << "seed " << seed;
  EXPECT_EQ(finding.first_fault, "") << "seed " << seed;
  std::cout << "splits rounds " << kRounds << " difference " << finding.difference << "\n";
}

/// Cuts off, and gives what is left by `give`, unit by unit.
Split LeftTo(std::function<size_t(const std::vector<Share>&, const Parts&, size_t)> give) {
  return [give](int64_t total, const Parts& weights) {
    const int64_t weight_sum = std::accumulate(weights.begin(), weights.end(), int64_t{0});
    std::vector<Share> shares;
    Parts parts;
    int64_t left = total;
    for (const int64_t weight : weights) {
      shares.push_back(ShareOf(total, weight, weight_sum));
      parts.push_back(shares.back().whole);
      left -= shares.back().whole;
    }
    for (size_t unit = 0; left > 0; ++unit, --left) ++parts[give(shares, weights, unit)];
    return parts;
  };
}

/// The place of the unit-th share in the order of remainders.
size_t InOrder(const std::vector<Share>& shares, size_t unit,
               const std::function<bool(absl::int128, absl::int128)>& before) {
  std::vector<size_t> places(shares.size());
  std::iota(places.begin(), places.end(), size_t{0});
  std::stable_sort(places.begin(), places.end(), [&](size_t a, size_t b) {
    return before(shares[a].remainder, shares[b].remainder);
  });
  return places[unit];
}

TEST(SplitsPropertyTest, EveryWrongWayIsFound) {
  const std::vector<std::pair<const char*, Split>> mutants{
      {"cuts off", [](int64_t total, const Parts& weights) {
         const int64_t sum = std::accumulate(weights.begin(), weights.end(), int64_t{0});
         Parts parts;
         for (const int64_t weight : weights) parts.push_back(ShareOf(total, weight, sum).whole);
         return parts;
       }},
      {"rounds each", [](int64_t total, const Parts& weights) {
         const int64_t sum = std::accumulate(weights.begin(), weights.end(), int64_t{0});
         Parts parts;
         for (const int64_t weight : weights) {
           const Share share = ShareOf(total, weight, sum);
           parts.push_back(share.whole + (share.remainder * 2 >= sum ? 1 : 0));
         }
         return parts;
       }},
      {"the first takes all that is left",
       LeftTo([](const auto&, const auto&, size_t) { return size_t{0}; })},
      {"the last takes all that is left",
       LeftTo([](const auto& shares, const auto&, size_t) { return shares.size() - 1; })},
      {"by turns from the first",
       LeftTo([](const auto&, const auto&, size_t unit) { return unit; })},
      {"the largest weight takes all that is left",
       LeftTo([](const auto&, const Parts& weights, size_t) {
         return static_cast<size_t>(std::max_element(weights.begin(), weights.end()) -
                                    weights.begin());
       })},
      {"the smallest remainders", LeftTo([](const auto& shares, const auto&, size_t unit) {
         return InOrder(shares, unit, std::less<>());
       })},
      {"of equal remainders the last", LeftTo([](const auto& shares, const auto&, size_t unit) {
         std::vector<Share> reversed(shares.rbegin(), shares.rend());
         return shares.size() - 1 - InOrder(reversed, unit, std::greater<>());
       })},
      {"the largest remainder takes all", LeftTo([](const auto& shares, const auto&, size_t) {
         return InOrder(shares, 0, std::greater<>());
       })},
  };
  for (const auto& [name, mutant] : mutants) {
    EXPECT_NE(LookAt(mutant, 1, 20'000).first_fault, "") << name;
  }
}

}  // namespace
}  // namespace peerwatt
