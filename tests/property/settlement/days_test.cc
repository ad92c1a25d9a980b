#include <gtest/gtest.h>

#include <random>

#include "tests/property/settlement/days.h"

namespace peerwatt::settlement {
namespace {

constexpr int kDays = 1'000;

TEST(Days, RunsSumToASettlementFromScratch) {
  const uint64_t seed = std::random_device()();
  EXPECT_EQ(FirstDayFault(seed, kDays), "") << "seed " << seed;
}

}  // namespace
}  // namespace peerwatt::settlement
