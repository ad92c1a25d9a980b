#pragma once

// Deliberate bugs, which the tests of the ledger must find. Only the library that is built to be
// broken contains them: everywhere else PW_LEDGER_MUTANT is its last argument.
#ifdef PW_LEDGER_MUTANTS

namespace peerwatt::settlement::ledger {

/// What can be broken.
enum class Mutant {
  kNone,
  kPendingIsSpentTwice,
  kLimitIsExceededByOne,
  kCreditLimitIsIgnored,
  kChainIsNotUndone,
  kChainGoesOnAfterFailure,
  kOpenChainPasses,
  kKeyIsForgottenInBatch,
  kUndoneKeyStays,
  kContentIsNotCompared,
  kRefusalIsForgotten,
  kLinkedFailureIsRemembered,
  kCaptureKeepsTheRest,
  kCaptureAboveHold,
  kVoidKeepsPending,
  kEndedHoldIsCapturedAgain,
  kExpiryIsLate,
  kExpiredStaysPending,
  kCurrencyIsIgnored,
  kClosedAccountIsUsed,
  kClosingIsBefore,
  kNumberIsSkippedOnUndo,
  kPayeePendingStays,
};

/// The bug that is in force.
inline Mutant active_mutant = Mutant::kNone;

}  // namespace peerwatt::settlement::ledger

#define PW_LEDGER_MUTANT(mutant, wrong, right)        \
  (::peerwatt::settlement::ledger::active_mutant ==   \
           ::peerwatt::settlement::ledger::Mutant::mutant \
       ? (wrong)                                      \
       : (right))

#else

#define PW_LEDGER_MUTANT(mutant, wrong, right) (right)

#endif
