// Breaks what later runs rest on, in one place at a time, and expects the random days to see it.

#include <gtest/gtest.h>

#include <ostream>
#include <random>

#include "services/settlement/core/mutant.h"
#include "tests/property/settlement/days.h"
#include "tests/support/in_child.h"

namespace peerwatt::settlement {
namespace {

constexpr int kDays = 20;

struct Named {
  Mutant mutant;
  const char* name;
};

void PrintTo(const Named& named, std::ostream* out) { *out << named.name; }

bool IsKilled(Mutant mutant, uint64_t seed) {
  return !testing::HoldsInChild([&] {
    active_mutant = mutant;
    return FirstDayFault(seed, kDays).empty();
  });
}

class DayMutantTest : public ::testing::TestWithParam<Named> {};

TEST_P(DayMutantTest, IsKilledByTheDays) {
  const uint64_t seed = std::random_device()();
  EXPECT_TRUE(IsKilled(GetParam().mutant, seed)) << "seed " << seed;
}

TEST(NoDayMutantTest, WithoutAMutantTheDaysHold) {
  const uint64_t seed = std::random_device()();
  EXPECT_FALSE(IsKilled(Mutant::kNone, seed)) << "seed " << seed;
}

INSTANTIATE_TEST_SUITE_P(
    All, DayMutantTest,
    ::testing::Values(Named{Mutant::kWhatIsGoneStays, "WhatIsGoneStays"},
                      Named{Mutant::kPostedIsPostedAgain, "PostedIsPostedAgain"},
                      Named{Mutant::kPostedEnergyIsForgotten, "PostedEnergyIsForgotten"},
                      Named{Mutant::kLinesWithoutMoneyAreDropped, "LinesWithoutMoneyAreDropped"},
                      Named{Mutant::kTradesFollowThePoint, "TradesFollowThePoint"},
                      Named{Mutant::kAbsurdReadingsSettle, "AbsurdReadingsSettle"},
                      Named{Mutant::kSubstitutesAreZero, "SubstitutesAreZero"},
                      Named{Mutant::kPartnersAreUnaffected, "PartnersAreUnaffected"},
                      Named{Mutant::kPartnersOfPartnersAreForgotten,
                            "PartnersOfPartnersAreForgotten"},
                      Named{Mutant::kTradesOfPartnersAreForgotten, "TradesOfPartnersAreForgotten"},
                      Named{Mutant::kTotalsOfAPartStay, "TotalsOfAPartStay"},
                      Named{Mutant::kWelfareOfAPartStays, "WelfareOfAPartStays"}),
    [](const ::testing::TestParamInfo<Named>& named) { return named.param.name; });

}  // namespace
}  // namespace peerwatt::settlement
