#pragma once

// Deliberate bugs, which the tests of the autopilot must find. Only the library that is built to be
// broken contains them: everywhere else PW_AUTOPILOT_MUTANT is its last argument.
#ifdef PW_AUTOPILOT_MUTANTS

namespace peerwatt::market::autopilot {

/// What can be broken.
enum class Mutant {
  kNone,
  kWeekdaysAreUtc,
  kWindowsIncludeTheirEnd,
  kNightBelongsToTheNextDay,
  kExceptionsAreIgnored,
  kRampBeginsAtItsEnd,
  kRampPassesItsEnd,
  kRampRoundsAgainstTheOwner,
  kReserveIsIgnored,
  kReserveOfTheOtherSide,
  kShareIsRoundedUp,
  kShareBeforeReserve,
  kCommittedIsIgnored,
  kCommittedOfTheOtherSide,
  kCapacityIgnoresOffers,
  kBudgetForgetsTheFee,
  kBudgetForgetsThePremium,
  kBudgetIsRoundedUp,
  kBudgetOnlyForBids,
  kPausedOrders,
  kLimitsAreIgnored,
  kDayIsUtc,
};

/// The bug that is in force.
inline Mutant active_mutant = Mutant::kNone;

}  // namespace peerwatt::market::autopilot

#define PW_AUTOPILOT_MUTANT(mutant, wrong, right)         \
  (::peerwatt::market::autopilot::active_mutant ==        \
           ::peerwatt::market::autopilot::Mutant::mutant  \
       ? (wrong)                                          \
       : (right))

#else

#define PW_AUTOPILOT_MUTANT(mutant, wrong, right) (right)

#endif
