#pragma once

// Deliberate bugs, which the property tests must find. Only the library that is built to be broken
// contains them: everywhere else PW_MUTANT is its last argument.
#ifdef PW_CLEARING_MUTANTS

namespace peerwatt::market::clearing {

/// What can be broken.
enum class Mutant {
  kNone,
  kEqualLimitsDoNotTrade,
  kLeftBidsDoNotCount,
  kLeftOffersDoNotCount,
  kPriceIsRoundedUp,
  kExcessIsNotLookedFor,
  kLaterOrderFirst,
  kProRataIsByTime,
  kCutIsOneTooLarge,
  kCutIsOneTooSmall,
  kBestOrderIsCutFirst,
  kLesserWelfareIsKept,
  kModeIsIgnored,
  kLinesDoNotBoundPrices,
  kZoneSelfTradesAreNotLookedFor,
  kFeesDoNotCount,
  kFeeIsPaidOneWay,
  kBackwardCapacityIsForgotten,
  kExportsAreNotCut,
  kPreferringOwnerTradesWithHimself,
  kBidsRequireNothing,
  kOffersRequireNothing,
  kPremiumsDoNotCount,
  kPreferringOrdersOverloadLines,
  kPreferringOrdersPayNoFees,
  kNamedZonesDoNotMatter,
  kLocalIsEverywhere,
  kEqualPreferringLimitsDoNotTrade,
  kRoughCostsAreKept,
  kPreferredPriceIsRoundedUp,
  kPremiumIsNotPartOfWelfare,
  kAccountsAreTakenForOwners,
  kPartnersAreMeantByOwner,
  kNamedAccountsShareAKind,
  kExchangedSellersAreNotLookedAt,
  /// No bug: the other way to exact prices, which small books never take.
  kPricesAreNarrowedInRounds,
};

/// The bug that is in force.
inline Mutant active_mutant = Mutant::kNone;

}  // namespace peerwatt::market::clearing

#define PW_MUTANT(mutant, wrong, right)                                                        \
  (::peerwatt::market::clearing::active_mutant == ::peerwatt::market::clearing::Mutant::mutant \
       ? (wrong)                                                                               \
       : (right))

#else

#define PW_MUTANT(mutant, wrong, right) (right)

#endif
