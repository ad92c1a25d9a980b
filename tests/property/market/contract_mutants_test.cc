// Breaks contracts on purpose, in one place at a time, and expects the properties to see it. They
// are built into this test with their deliberate bugs (core/contracts/mutant.h).

#include <gtest/gtest.h>

#include <ostream>
#include <random>
#include <string>

#include "services/market/core/contracts/mutant.h"
#include "tests/property/market/contract_oracle.h"
#include "tests/support/in_child.h"

namespace peerwatt::market {
namespace {

using contracts::Mutant;

struct Named {
  Mutant mutant;
  const char* name;
};

void PrintTo(const Named& named, std::ostream* out) { *out << named.name; }

// Whether a property fails, or an invariant stops the process, which is one of its own.
bool IsKilled(Mutant mutant, uint64_t seed) {
  return !testing::HoldsInChild([&] {
    contracts::active_mutant = mutant;
    return FirstCalendarFault(seed, 200).empty() && FirstPriceFault(seed, 5'000).empty() &&
           FirstAgreementFault(seed, 1'000).empty() && FirstExecutionFault(seed, 2'000).empty();
  });
}

class ContractMutantTest : public ::testing::TestWithParam<Named> {};

TEST_P(ContractMutantTest, IsKilled) {
  const uint64_t seed = std::random_device()();
  EXPECT_TRUE(IsKilled(GetParam().mutant, seed)) << "seed " << seed;
}

TEST(NoContractMutantTest, WithoutAMutantAllIsWell) {
  const uint64_t seed = std::random_device()();
  EXPECT_FALSE(IsKilled(Mutant::kNone, seed)) << "seed " << seed;
}

INSTANTIATE_TEST_SUITE_P(
    All, ContractMutantTest,
    ::testing::Values(Named{Mutant::kDaylightSavingIsIgnored, "DaylightSavingIsIgnored"},
                      Named{Mutant::kHolidaysAreWeekdays, "HolidaysAreWeekdays"},
                      Named{Mutant::kWindowEndIsInclusive, "WindowEndIsInclusive"},
                      Named{Mutant::kLastWindowWins, "LastWindowWins"},
                      Named{Mutant::kShareIsRoundedUp, "ShareIsRoundedUp"},
                      Named{Mutant::kOffsetIsScaled, "OffsetIsScaled"},
                      Named{Mutant::kPriceIsRoundedDown, "PriceIsRoundedDown"},
                      Named{Mutant::kFloorIsForgotten, "FloorIsForgotten"},
                      Named{Mutant::kCapIsForgotten, "CapIsForgotten"},
                      Named{Mutant::kFallbackIsForgotten, "FallbackIsForgotten"},
                      Named{Mutant::kIndexIsOfTheOtherZone, "IndexIsOfTheOtherZone"},
                      Named{Mutant::kOldestVersionCounts, "OldestVersionCounts"},
                      Named{Mutant::kLateAcceptanceCounts, "LateAcceptanceCounts"},
                      Named{Mutant::kEndIsInclusive, "EndIsInclusive"},
                      Named{Mutant::kCancellationIsForgotten, "CancellationIsForgotten"},
                      Named{Mutant::kNoticeIsForgotten, "NoticeIsForgotten"},
                      Named{Mutant::kFrozenIntervalsCanBeCancelled,
                            "FrozenIntervalsCanBeCancelled"},
                      Named{Mutant::kProposerAccepts, "ProposerAccepts"},
                      Named{Mutant::kKillSwitchIsForgotten, "KillSwitchIsForgotten"},
                      Named{Mutant::kUnapprovedTrade, "UnapprovedTrade"},
                      Named{Mutant::kOwnerTradesWithHimself, "OwnerTradesWithHimself"},
                      Named{Mutant::kCapacityIsPerContract, "CapacityIsPerContract"},
                      Named{Mutant::kOpenOffersAreForgotten, "OpenOffersAreForgotten"},
                      Named{Mutant::kHoldIsWithoutLineFee, "HoldIsWithoutLineFee"},
                      Named{Mutant::kPartnerOfRefusedStays, "PartnerOfRefusedStays"},
                      Named{Mutant::kFullLinesAreForgotten, "FullLinesAreForgotten"}),
    [](const auto& parameter) { return std::string(parameter.param.name); });

}  // namespace
}  // namespace peerwatt::market
