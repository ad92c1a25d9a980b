// Breaks the loss of the network in one place at a time, and expects the random periods to see it.

#include <gtest/gtest.h>

#include <ostream>
#include <random>

#include "services/settlement/core/mutant.h"
#include "tests/property/settlement/grid_loss_oracle.h"
#include "tests/support/in_child.h"

namespace peerwatt::settlement {
namespace {

constexpr int kPeriods = 3'000;

struct Named {
  Mutant mutant;
  const char* name;
};

void PrintTo(const Named& named, std::ostream* out) { *out << named.name; }

bool IsKilled(Mutant mutant, uint64_t seed) {
  return !testing::HoldsInChild([&] {
    active_mutant = mutant;
    return FirstGridLossFault(seed, kPeriods).empty();
  });
}

class GridLossMutantTest : public ::testing::TestWithParam<Named> {};

TEST_P(GridLossMutantTest, IsKilledByThePeriods) {
  const uint64_t seed = std::random_device()();
  EXPECT_TRUE(IsKilled(GetParam().mutant, seed)) << "seed " << seed;
}

TEST(NoGridLossMutantTest, WithoutAMutantThePeriodsHold) {
  const uint64_t seed = std::random_device()();
  EXPECT_FALSE(IsKilled(Mutant::kNone, seed)) << "seed " << seed;
}

INSTANTIATE_TEST_SUITE_P(
    All, GridLossMutantTest,
    ::testing::Values(Named{Mutant::kExportsAreLost, "ExportsAreLost"},
                      Named{Mutant::kMissingBoundaryCountsAsZero, "MissingBoundaryCountsAsZero"},
                      Named{Mutant::kLossIsRoundedDown, "LossIsRoundedDown"},
                      Named{Mutant::kAbsentLossStaysPosted, "AbsentLossStaysPosted"},
                      Named{Mutant::kLossIsPostedAgain, "LossIsPostedAgain"}),
    [](const ::testing::TestParamInfo<Named>& named) { return named.param.name; });

}  // namespace
}  // namespace peerwatt::settlement
