#include <gtest/gtest.h>

#include <iostream>
#include <random>

#include "tests/property/market/survey_oracle.h"

namespace peerwatt::market {
namespace {

TEST(RingsPropertyTest, AgreesWithEverythingThatCanBeTried) {
  const uint64_t seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  EXPECT_EQ(FirstRingFault(seed, 20'000), "");
}

TEST(SurveyPropertyTest, TheOrderOfTradesAndOrdersDoesNotMatter) {
  const uint64_t seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  EXPECT_EQ(FirstShuffleFault(seed, 5'000), "");
}

}  // namespace
}  // namespace peerwatt::market
