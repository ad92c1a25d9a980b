#pragma once

// Deliberate bugs, which the tests of surveillance must find. Only the library that is built to be
// broken contains them: everywhere else PW_SURVEY_MUTANT is its last argument.
#ifdef PW_SURVEY_MUTANTS

namespace peerwatt::market::surveillance {

/// What can be broken.
enum class Mutant {
  kNone,
  kOwnersAreNotKnown,
  kReturnIsTheLarger,
  kReturnsStayInTheFlows,
  kWindowsDoNotEnd,
  kLongestRingFirst,
  kRingIsNotTakenOut,
  kRingTakesTheLargest,
  kRingsOfTwoOnly,
  kWeakFlowsCount,
  kReachIsTooShort,
  kOrderOfInputCounts,
  kThresholdMustBeExceeded,
  kWithdrawnShareDoesNotCount,
  kSameSideIsCompared,
  kFewWithdrawalsAreLayering,
  kShareIsRoundedUp,
  kFewOwnersAreJudged,
};

/// The bug that is in force.
inline Mutant active_mutant = Mutant::kNone;

}  // namespace peerwatt::market::surveillance

#define PW_SURVEY_MUTANT(mutant, wrong, right)              \
  (::peerwatt::market::surveillance::active_mutant ==       \
           ::peerwatt::market::surveillance::Mutant::mutant \
       ? (wrong)                                            \
       : (right))

#else

#define PW_SURVEY_MUTANT(mutant, wrong, right) (right)

#endif
