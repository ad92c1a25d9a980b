#pragma once

// Deliberate bugs, which the tests must find. Only the desk that is built to be broken contains
// them: everywhere else PW_TRADING_MUTANT is its last argument.
#ifdef PW_TRADING_MUTANTS

namespace peerwatt::market {

/// What can be broken.
enum class TradingMutant {
  kNone,
  kParticipantsAreOwners,
  kPlaceIsThatOfTheFirstEvent,
  kFeeIsNotHeld,
  kMemoryIsTrusted,
  kCatchUpForgetsWhatEnded,
  kFailedGroupStaysInMemory,
  kClosedGateMatches,
  kHaltedBookMatches,
  kEnteredTwice,
  kCancelReleasesAll,
  kFilledKeepsItsHold,
  kAnybodyCancels,
  kAmendmentNeedsNoMoney,
};

/// The bug that is in force.
inline TradingMutant active_trading_mutant = TradingMutant::kNone;

}  // namespace peerwatt::market

#define PW_TRADING_MUTANT(mutant, wrong, right)                                                  \
  (::peerwatt::market::active_trading_mutant == ::peerwatt::market::TradingMutant::mutant        \
       ? (wrong)                                                                                 \
       : (right))

#else

#define PW_TRADING_MUTANT(mutant, wrong, right) (right)

#endif
