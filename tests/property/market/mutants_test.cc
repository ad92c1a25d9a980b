// Breaks the engine on purpose, in one place at a time, and expects the properties to see it. The
// engine is built into this test with its deliberate bugs (mutant.h).

#include <gtest/gtest.h>

#include <ostream>
#include <random>
#include <string>

#include "services/market/core/clearing/mutant.h"
#include "tests/property/market/clearing_oracle.h"
#include "tests/property/market/owner_books.h"
#include "tests/property/market/preferences_oracle.h"
#include "tests/support/in_child.h"

namespace peerwatt::market {
namespace {

using clearing::Mutant;

// The rarest mutant shows in one of a thousand books or so.
constexpr int kBooks = 20'000;
constexpr int kOwnerBooks = 300;

struct Named {
  Mutant mutant;
  const char* name;
};

void PrintTo(const Named& named, std::ostream* out) { *out << named.name; }

// Whether the properties fail, or an invariant of the engine stops the process, which happens in
// one of its own.
bool IsKilled(Mutant mutant, uint64_t seed) {
  return !testing::HoldsInChild([&] {
    clearing::active_mutant = mutant;
    return FirstFault(seed, kBooks).empty() && FirstPreferenceFault(seed, kBooks).empty() &&
           FirstOwnerFault(seed, kOwnerBooks).empty();
  });
}

class MutantTest : public ::testing::TestWithParam<Named> {};

TEST_P(MutantTest, IsKilledByTheProperties) {
  const uint64_t seed = std::random_device()();
  EXPECT_TRUE(IsKilled(GetParam().mutant, seed)) << "seed " << seed;
}

TEST(NoMutantTest, WithoutAMutantThePropertiesHold) {
  const uint64_t seed = std::random_device()();
  EXPECT_FALSE(IsKilled(Mutant::kNone, seed)) << "seed " << seed;
}

TEST(NoMutantTest, ThePropertiesHoldWhereCandidatesAreTooManyToRank) {
  const uint64_t seed = std::random_device()();
  EXPECT_FALSE(IsKilled(Mutant::kPricesAreNarrowedInRounds, seed)) << "seed " << seed;
}

INSTANTIATE_TEST_SUITE_P(
    All, MutantTest,
    ::testing::Values(Named{Mutant::kEqualLimitsDoNotTrade, "EqualLimitsDoNotTrade"},
                    Named{Mutant::kLeftBidsDoNotCount, "LeftBidsDoNotCount"},
                    Named{Mutant::kLeftOffersDoNotCount, "LeftOffersDoNotCount"},
                    Named{Mutant::kPriceIsRoundedUp, "PriceIsRoundedUp"},
                    Named{Mutant::kExcessIsNotLookedFor, "ExcessIsNotLookedFor"},
                    Named{Mutant::kLaterOrderFirst, "LaterOrderFirst"},
                    Named{Mutant::kProRataIsByTime, "ProRataIsByTime"},
                    Named{Mutant::kCutIsOneTooLarge, "CutIsOneTooLarge"},
                    Named{Mutant::kCutIsOneTooSmall, "CutIsOneTooSmall"},
                    Named{Mutant::kBestOrderIsCutFirst, "BestOrderIsCutFirst"},
                    Named{Mutant::kLesserWelfareIsKept, "LesserWelfareIsKept"},
                    Named{Mutant::kModeIsIgnored, "ModeIsIgnored"},
                    Named{Mutant::kLinesDoNotBoundPrices, "LinesDoNotBoundPrices"},
                    Named{Mutant::kZoneSelfTradesAreNotLookedFor, "ZoneSelfTradesAreNotLookedFor"},
                    Named{Mutant::kFeesDoNotCount, "FeesDoNotCount"},
                    Named{Mutant::kFeeIsPaidOneWay, "FeeIsPaidOneWay"},
                    Named{Mutant::kBackwardCapacityIsForgotten, "BackwardCapacityIsForgotten"},
                    Named{Mutant::kExportsAreNotCut, "ExportsAreNotCut"},
                    Named{Mutant::kPreferringOwnerTradesWithHimself,
                          "PreferringOwnerTradesWithHimself"},
                    Named{Mutant::kBidsRequireNothing, "BidsRequireNothing"},
                    Named{Mutant::kOffersRequireNothing, "OffersRequireNothing"},
                    Named{Mutant::kPremiumsDoNotCount, "PremiumsDoNotCount"},
                    Named{Mutant::kPreferringOrdersOverloadLines, "PreferringOrdersOverloadLines"},
                    Named{Mutant::kPreferringOrdersPayNoFees, "PreferringOrdersPayNoFees"},
                    Named{Mutant::kNamedZonesDoNotMatter, "NamedZonesDoNotMatter"},
                    Named{Mutant::kLocalIsEverywhere, "LocalIsEverywhere"},
                    Named{Mutant::kEqualPreferringLimitsDoNotTrade,
                          "EqualPreferringLimitsDoNotTrade"},
                    Named{Mutant::kRoughCostsAreKept, "RoughCostsAreKept"},
                    Named{Mutant::kPreferredPriceIsRoundedUp, "PreferredPriceIsRoundedUp"},
                    Named{Mutant::kPremiumIsNotPartOfWelfare, "PremiumIsNotPartOfWelfare"},
                    Named{Mutant::kAccountsAreTakenForOwners, "AccountsAreTakenForOwners"},
                    Named{Mutant::kPartnersAreMeantByOwner, "PartnersAreMeantByOwner"},
                    Named{Mutant::kNamedAccountsShareAKind, "NamedAccountsShareAKind"},
                    Named{Mutant::kExchangedSellersAreNotLookedAt,
                          "ExchangedSellersAreNotLookedAt"}),
    [](const ::testing::TestParamInfo<Named>& named) { return named.param.name; });

}  // namespace
}  // namespace peerwatt::market
