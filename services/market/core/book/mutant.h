#pragma once

// Deliberate bugs, which the property tests must find. Only the engine that is built to be broken
// contains them: everywhere else PW_BOOK_MUTANT is its last argument.
#ifdef PW_BOOK_MUTANTS

namespace peerwatt::market::book {

/// What can be broken.
enum class Mutant {
  kNone,
  kEqualPricesDoNotTrade,
  kTradesAtIncomingPrice,
  kOffersAreReversed,
  kNewestFirst,
  kPartTradedLosesPriority,
  kReductionLosesPriority,
  kIncreaseKeepsPriority,
  kAmendmentForgetsTrades,
  kOwnersTradeWithThemselves,
  kCancelNewestRests,
  kCancelRestingPassesOver,
  kFillOrKillCountsOwnOrders,
  kFillOrKillCountsBeyondLimit,
  kFillOrKillCountsBehindOwnOrder,
  kRemainderRests,
  kMarketOrderHasNoBound,
  kCancelLeavesTotal,
  kReductionLeavesTotal,
  kEmptyLevelStays,
  kTailIsNotMoved,
  kSplitLosesPrice,
  kBestIsNotRaised,
  kErasedNumberHidesOthers,
  kReductionHasNoSequence,
  kOffersDoNotExpire,
};

/// The bug that is in force.
inline Mutant active_mutant = Mutant::kNone;

}  // namespace peerwatt::market::book

#define PW_BOOK_MUTANT(mutant, wrong, right)                                                     \
  (::peerwatt::market::book::active_mutant == ::peerwatt::market::book::Mutant::mutant ? (wrong) \
                                                                                       : (right))

#else

#define PW_BOOK_MUTANT(mutant, wrong, right) (right)

#endif
