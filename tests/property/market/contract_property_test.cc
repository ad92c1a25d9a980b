#include <gtest/gtest.h>

#include <iostream>
#include <random>

#include "tests/property/market/contract_oracle.h"

namespace peerwatt::market {
namespace {

uint64_t Seed() {
  const uint64_t seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  return seed;
}

TEST(ContractPropertyTest, DeliversByTheClockOnTheWall) {
  EXPECT_EQ(FirstCalendarFault(Seed(), 2'000), "");
}

TEST(ContractPropertyTest, PricesAsFractionsDo) { EXPECT_EQ(FirstPriceFault(Seed(), 200'000), ""); }

TEST(ContractPropertyTest, PartiesAgreeOnTheSame) {
  EXPECT_EQ(FirstAgreementFault(Seed(), 20'000), "");
}

TEST(ContractPropertyTest, ExecutesWhenItMayAndNeverOtherwise) {
  EXPECT_EQ(FirstExecutionFault(Seed(), 20'000), "");
}

}  // namespace
}  // namespace peerwatt::market
