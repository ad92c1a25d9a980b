// Breaks the policies on purpose, in one place at a time, and expects the properties to see it. The
// policies are built into this test with their deliberate bugs (mutant.h).

#include <gtest/gtest.h>

#include <ostream>
#include <random>

#include "services/settlement/core/mutant.h"
#include "tests/property/settlement/charges_oracle.h"
#include "tests/property/settlement/policies_oracle.h"
#include "tests/support/in_child.h"

namespace peerwatt::settlement {
namespace {

// The rarest mutant shows in one of a hundred periods or so.
constexpr int kPeriods = 5'000;
constexpr int kTariffs = 60;
constexpr int kTowns = 250;

struct Named {
  Mutant mutant;
  const char* name;
};

void PrintTo(const Named& named, std::ostream* out) { *out << named.name; }

// Whether the properties fail, or an invariant of the engine stops the process, which happens in
// one of its own.
bool IsKilled(Mutant mutant, uint64_t seed) {
  return !testing::HoldsInChild([&] {
    active_mutant = mutant;
    return FirstSettlementFault(seed, kPeriods).empty() &&
           FirstPaymentFault(seed, kPeriods).empty() &&
           FirstPriceFault(seed, kTariffs).empty() && FirstChargeFault(seed, kTowns).empty();
  });
}

class PolicyMutantTest : public ::testing::TestWithParam<Named> {};

TEST_P(PolicyMutantTest, IsKilledByTheProperties) {
  const uint64_t seed = std::random_device()();
  EXPECT_TRUE(IsKilled(GetParam().mutant, seed)) << "seed " << seed;
}

TEST(NoPolicyMutantTest, WithoutAMutantThePropertiesHold) {
  const uint64_t seed = std::random_device()();
  EXPECT_FALSE(IsKilled(Mutant::kNone, seed)) << "seed " << seed;
}

INSTANTIATE_TEST_SUITE_P(
    All, PolicyMutantTest,
    ::testing::Values(
        Named{Mutant::kMovedEnergyDoesNotLimitSellers, "MovedEnergyDoesNotLimitSellers"},
        Named{Mutant::kMovedEnergyDoesNotLimitBuyers, "MovedEnergyDoesNotLimitBuyers"},
        Named{Mutant::kBuyerPaysAnotherAmount, "BuyerPaysAnotherAmount"},
        Named{Mutant::kShareIsTakenFromNegativeAmounts, "ShareIsTakenFromNegativeAmounts"},
        Named{Mutant::kFirmDeliversTheLesser, "FirmDeliversTheLesser"},
        Named{Mutant::kDeviationOfSellersIsForgotten, "DeviationOfSellersIsForgotten"},
        Named{Mutant::kDeviationIsChargedToThePartner, "DeviationIsChargedToThePartner"},
        Named{Mutant::kImbalanceIsPaidAtTheTariff, "ImbalanceIsPaidAtTheTariff"},
        Named{Mutant::kStrangersDeviateToo, "StrangersDeviateToo"},
        Named{Mutant::kNeedDoesNotBoundAShare, "NeedDoesNotBoundAShare"},
        Named{Mutant::kTiesFallByPosition, "TiesFallByPosition"},
        Named{Mutant::kRanksAreTurned, "RanksAreTurned"},
        Named{Mutant::kAbsentCoefficientsAreSpread, "AbsentCoefficientsAreSpread"},
        Named{Mutant::kProducersArePaidForAllTheyFedIn, "ProducersArePaidForAllTheyFedIn"},
        Named{Mutant::kProducersArePaidByTheirOwnRounding, "ProducersArePaidByTheirOwnRounding"},
        Named{Mutant::kNegativePricesEarnNothing, "NegativePricesEarnNothing"},
        Named{Mutant::kPoolResidualIsLost, "PoolResidualIsLost"},
        Named{Mutant::kPoolShareIsRoundedPerProducer, "PoolShareIsRoundedPerProducer"},
        Named{Mutant::kNetworkFeeIsForgotten, "NetworkFeeIsForgotten"},
        Named{Mutant::kStartedUnitsAreBilled, "StartedUnitsAreBilled"},
        Named{Mutant::kUseIsBilledAgain, "UseIsBilledAgain"},
        Named{Mutant::kPartOfAQuantumIsCollected, "PartOfAQuantumIsCollected"},
        Named{Mutant::kShareIsRoundedUp, "ShareIsRoundedUp"},
        Named{Mutant::kEarlierPayoutsAreForgotten, "EarlierPayoutsAreForgotten"},
        Named{Mutant::kMissingPricesAreZero, "MissingPricesAreZero"},
        Named{Mutant::kAllIsTaxed, "AllIsTaxed"},
        Named{Mutant::kWindowsAreInUtc, "WindowsAreInUtc"},
        Named{Mutant::kOlderVersionHolds, "OlderVersionHolds"},
        Named{Mutant::kMonthsHaveThirtyDays, "MonthsHaveThirtyDays"},
        Named{Mutant::kJoiningDayIsFree, "JoiningDayIsFree"},
        Named{Mutant::kJoiningMonthIsFree, "JoiningMonthIsFree"},
        Named{Mutant::kReturningIsJoining, "ReturningIsJoining"},
        Named{Mutant::kConnectionsAreParticipants, "ConnectionsAreParticipants"},
        Named{Mutant::kSellersFeeIsForgotten, "SellersFeeIsForgotten"},
        Named{Mutant::kFeesOfATradeAreLost, "FeesOfATradeAreLost"},
        Named{Mutant::kCreditsAreCharged, "CreditsAreCharged"}),
    [](const ::testing::TestParamInfo<Named>& named) { return named.param.name; });

}  // namespace
}  // namespace peerwatt::settlement
