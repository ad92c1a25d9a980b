// Holds the engine against everything that can be tried on small books.

#include <gtest/gtest.h>

#include <iostream>
#include <random>

#include "tests/property/market/clearing_oracle.h"
#include "tests/property/market/preferences_oracle.h"

namespace peerwatt::market {
namespace {

TEST(ClearNetworkPropertyTest, AgreesWithEverythingThatCanBeTried) {
  const uint64_t seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  EXPECT_EQ(FirstFault(seed, 20'000), "");
}

TEST(ClearWithPreferencesPropertyTest, AgreesWithEverythingThatCanBeTried) {
  const uint64_t seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  EXPECT_EQ(FirstPreferenceFault(seed, 10'000), "");
}

}  // namespace
}  // namespace peerwatt::market
