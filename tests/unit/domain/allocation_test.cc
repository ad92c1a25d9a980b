#include "libs/domain/allocation.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "absl/numeric/int128.h"

namespace peerwatt {
namespace {

using Parts = std::vector<int64_t>;

TEST(AllocationTest, GivesTheRestToTheLargestRemaindersAndThenToTheEarlier) {
  EXPECT_EQ(AllocateByLargestRemainder(10, {1, 1, 1}), (Parts{4, 3, 3}));
  EXPECT_EQ(AllocateByLargestRemainder(100, {1, 2, 3}), (Parts{17, 33, 50}));
  EXPECT_EQ(AllocateByLargestRemainder(40, {75, 25}), (Parts{30, 10}));
  EXPECT_EQ(AllocateByLargestRemainder(0, {5, 5}), (Parts{0, 0}));
  EXPECT_EQ(AllocateByLargestRemainder(7, {0, 3, 0}), (Parts{0, 7, 0}));
  EXPECT_EQ(AllocateByLargestRemainder(0, {}), (Parts{}));
}

TEST(AllocationTest, PartsSumToTheWholeAndLieWithinOneOfTheExactShare) {
  const auto seed = std::random_device{}();
  RecordProperty("seed", static_cast<int>(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20'000; ++round) {
    const auto count = static_cast<size_t>(random() % 12 + 1);
    Parts weights(count);
    for (int64_t& weight : weights) weight = static_cast<int64_t>(random() % 1000);
    weights[0] += 1;
    const auto total = static_cast<int64_t>(random() % 1'000'000'000'000);
    const int64_t weight_sum = std::accumulate(weights.begin(), weights.end(), int64_t{0});
    const Parts parts = AllocateByLargestRemainder(total, weights);
    EXPECT_EQ(std::accumulate(parts.begin(), parts.end(), int64_t{0}), total) << "seed " << seed;
    for (size_t i = 0; i < count; ++i) {
      const auto floor = static_cast<int64_t>(absl::int128(total) * weights[i] / weight_sum);
      EXPECT_GE(parts[i], floor) << "seed " << seed;
      EXPECT_LE(parts[i], floor + 1) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace peerwatt
