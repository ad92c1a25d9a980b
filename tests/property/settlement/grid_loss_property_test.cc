// What a network loses, over all runs of a period, against the meters alone.

#include <gtest/gtest.h>

#include <random>

#include "tests/property/settlement/grid_loss_oracle.h"

namespace peerwatt::settlement {
namespace {

TEST(GridLossProperty, SumOverRunsIsTheRunFromScratch) {
  EXPECT_EQ(FirstGridLossFault(std::random_device()(), 20'000), "");
}

}  // namespace
}  // namespace peerwatt::settlement
