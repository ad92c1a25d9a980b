#pragma once

// Deliberate bugs, which the property tests must find. Only the library that is built to be broken
// contains them: everywhere else PW_MUTANT is its last argument.
#ifdef PW_SETTLEMENT_MUTANTS

namespace peerwatt::settlement {

/// What can be broken.
enum class Mutant {
  kNone,
  kMovedEnergyDoesNotLimitSellers,
  kMovedEnergyDoesNotLimitBuyers,
  kBuyerPaysAnotherAmount,
  kShareIsTakenFromNegativeAmounts,
  kFirmDeliversTheLesser,
  kDeviationOfSellersIsForgotten,
  kDeviationIsChargedToThePartner,
  kImbalanceIsPaidAtTheTariff,
  kStrangersDeviateToo,
  kNeedDoesNotBoundAShare,
  kTiesFallByPosition,
  kRanksAreTurned,
  kAbsentCoefficientsAreSpread,
  kProducersArePaidForAllTheyFedIn,
  kProducersArePaidByTheirOwnRounding,
  kNegativePricesEarnNothing,
  kPoolResidualIsLost,
  kPoolShareIsRoundedPerProducer,
  kNetworkFeeIsForgotten,
  kStartedUnitsAreBilled,
  kUseIsBilledAgain,
  kPartOfAQuantumIsCollected,
  kShareIsRoundedUp,
  kEarlierPayoutsAreForgotten,
  kWhatIsGoneStays,
  kPostedIsPostedAgain,
  kPostedEnergyIsForgotten,
  kLinesWithoutMoneyAreDropped,
  kTradesFollowThePoint,
  kAbsurdReadingsSettle,
  kSubstitutesAreZero,
  kPartnersAreUnaffected,
  kPartnersOfPartnersAreForgotten,
  kTradesOfPartnersAreForgotten,
  kTotalsOfAPartStay,
  kWelfareOfAPartStays,
};

/// The bug that is in force.
inline Mutant active_mutant = Mutant::kNone;

}  // namespace peerwatt::settlement

#define PW_MUTANT(mutant, wrong, right)                                            \
  (::peerwatt::settlement::active_mutant == ::peerwatt::settlement::Mutant::mutant \
       ? (wrong)                                                                   \
       : (right))

#else

#define PW_MUTANT(mutant, wrong, right) (right)

#endif
