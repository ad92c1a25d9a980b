#pragma once

// Deliberate bugs, which the tests of contracts must find. Only the library that is built to be
// broken contains them: everywhere else PW_CONTRACT_MUTANT is its last argument.
#ifdef PW_CONTRACT_MUTANTS

namespace peerwatt::market::contracts {

/// What can be broken.
enum class Mutant {
  kNone,
  kDaylightSavingIsIgnored,
  kHolidaysAreWeekdays,
  kWindowEndIsInclusive,
  kLastWindowWins,
  kShareIsRoundedUp,
  kOffsetIsScaled,
  kPriceIsRoundedDown,
  kFloorIsForgotten,
  kCapIsForgotten,
  kFallbackIsForgotten,
  kIndexIsOfTheOtherZone,
  kOldestVersionCounts,
  kLateAcceptanceCounts,
  kEndIsInclusive,
  kCancellationIsForgotten,
  kNoticeIsForgotten,
  kFrozenIntervalsCanBeCancelled,
  kProposerAccepts,
  kKillSwitchIsForgotten,
  kUnapprovedTrade,
  kOwnerTradesWithHimself,
  kCapacityIsPerContract,
  kOpenOffersAreForgotten,
  kHoldIsWithoutLineFee,
  kPartnerOfRefusedStays,
  kFullLinesAreForgotten,
};

/// The bug that is in force.
inline Mutant active_mutant = Mutant::kNone;

}  // namespace peerwatt::market::contracts

#define PW_CONTRACT_MUTANT(mutant, wrong, right)                                                 \
  (::peerwatt::market::contracts::active_mutant == ::peerwatt::market::contracts::Mutant::mutant \
       ? (wrong)                                                                                 \
       : (right))

#else

#define PW_CONTRACT_MUTANT(mutant, wrong, right) (right)

#endif
