// Breaks the order book on purpose, in one place at a time, and expects the properties to see it.
// The engine is built into this test with its deliberate bugs (book/mutant.h).

#include <gtest/gtest.h>
#include <unistd.h>

#include <ostream>
#include <random>

#include "services/market/core/book/mutant.h"
#include "tests/property/market/book_faults.h"
#include "tests/support/in_child.h"

namespace peerwatt::market::book {
namespace {

constexpr int kCourses = 60;
constexpr int kCommands = 1'000;
// A bug that sends the engine in circles is found too.
constexpr unsigned kSecondsMax = 60;

struct Named {
  Mutant mutant;
  const char* name;
};

void PrintTo(const Named& named, std::ostream* out) { *out << named.name; }

// Whether the properties fail, or the engine stops the process, which happens in one of its own.
bool IsKilled(Mutant mutant, uint64_t seed) {
  return !testing::HoldsInChild([&] {
    active_mutant = mutant;
    alarm(kSecondsMax);
    return TryBooks(seed, kCourses, kCommands).fault.empty();
  });
}

class BookMutantTest : public ::testing::TestWithParam<Named> {};

TEST_P(BookMutantTest, IsKilledByTheProperties) {
  const uint64_t seed = std::random_device()();
  EXPECT_TRUE(IsKilled(GetParam().mutant, seed)) << "seed " << seed;
}

TEST(NoBookMutantTest, WithoutAMutantThePropertiesHold) {
  const uint64_t seed = std::random_device()();
  EXPECT_FALSE(IsKilled(Mutant::kNone, seed)) << "seed " << seed;
}

INSTANTIATE_TEST_SUITE_P(
    All, BookMutantTest,
    ::testing::Values(Named{Mutant::kEqualPricesDoNotTrade, "EqualPricesDoNotTrade"},
                    Named{Mutant::kTradesAtIncomingPrice, "TradesAtIncomingPrice"},
                    Named{Mutant::kOffersAreReversed, "OffersAreReversed"},
                    Named{Mutant::kNewestFirst, "NewestFirst"},
                    Named{Mutant::kPartTradedLosesPriority, "PartTradedLosesPriority"},
                    Named{Mutant::kReductionLosesPriority, "ReductionLosesPriority"},
                    Named{Mutant::kIncreaseKeepsPriority, "IncreaseKeepsPriority"},
                    Named{Mutant::kAmendmentForgetsTrades, "AmendmentForgetsTrades"},
                    Named{Mutant::kOwnersTradeWithThemselves, "OwnersTradeWithThemselves"},
                    Named{Mutant::kCancelNewestRests, "CancelNewestRests"},
                    Named{Mutant::kCancelRestingPassesOver, "CancelRestingPassesOver"},
                    Named{Mutant::kFillOrKillCountsOwnOrders, "FillOrKillCountsOwnOrders"},
                    Named{Mutant::kFillOrKillCountsBeyondLimit, "FillOrKillCountsBeyondLimit"},
                    Named{Mutant::kFillOrKillCountsBehindOwnOrder,
                          "FillOrKillCountsBehindOwnOrder"},
                    Named{Mutant::kRemainderRests, "RemainderRests"},
                    Named{Mutant::kMarketOrderHasNoBound, "MarketOrderHasNoBound"},
                    Named{Mutant::kCancelLeavesTotal, "CancelLeavesTotal"},
                    Named{Mutant::kReductionLeavesTotal, "ReductionLeavesTotal"},
                    Named{Mutant::kEmptyLevelStays, "EmptyLevelStays"},
                    Named{Mutant::kTailIsNotMoved, "TailIsNotMoved"},
                    Named{Mutant::kSplitLosesPrice, "SplitLosesPrice"},
                    Named{Mutant::kBestIsNotRaised, "BestIsNotRaised"},
                    Named{Mutant::kErasedNumberHidesOthers, "ErasedNumberHidesOthers"},
                    Named{Mutant::kReductionHasNoSequence, "ReductionHasNoSequence"},
                    Named{Mutant::kOffersDoNotExpire, "OffersDoNotExpire"}),
    [](const ::testing::TestParamInfo<Named>& named) { return named.param.name; });

}  // namespace
}  // namespace peerwatt::market::book
