// The waterfall, payment rules and references held against slow ways to say the same.

#include <gtest/gtest.h>

#include <random>

#include "tests/property/settlement/paying_oracle.h"

namespace peerwatt::settlement {
namespace {

TEST(PayingPropertyTest, TheWaterfallIsThatByHand) {
  const uint64_t seed = std::random_device()();
  EXPECT_EQ(FirstWaterfallFault(seed, 10'000), "") << "seed " << seed;
}

TEST(PayingPropertyTest, RulesAskForNeitherMoreNorLessThanIsOwed) {
  const uint64_t seed = std::random_device()();
  EXPECT_EQ(FirstRuleRoundFault(seed, 10'000), "") << "seed " << seed;
}

TEST(PayingPropertyTest, AReferenceSurvivesBanksAndMistakesAreNoticed) {
  const uint64_t seed = std::random_device()();
  EXPECT_EQ(FirstReferenceFault(seed, 10'000), "") << "seed " << seed;
}

}  // namespace
}  // namespace peerwatt::settlement
