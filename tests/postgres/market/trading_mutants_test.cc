// Breaks continuous trading on purpose, in one place at a time, and expects scenarios and
// properties to see it. It is built into this test with its deliberate bugs (trading/mutant.h).

#include <gtest/gtest.h>
#include <unistd.h>

#include <ostream>
#include <random>

#include "services/market/core/trading/mutant.h"
#include "tests/postgres/market/trading_faults.h"
#include "tests/postgres/market/trading_scenarios.h"
#include "tests/support/in_child.h"

namespace peerwatt::market {
namespace {

constexpr int kCommands = 80;
// A bug that never ends is found too.
constexpr unsigned kSecondsMax = 240;

struct Named {
  TradingMutant mutant;
  const char* name;
};

void PrintTo(const Named& named, std::ostream* out) { *out << named.name; }

// Whether a scenario or a property fails, or the process stops, which happens in one of its own.
bool IsKilled(TradingMutant mutant, uint64_t seed) {
  return !testing::HoldsInChild([&] {
    active_trading_mutant = mutant;
    alarm(kSecondsMax);
    if (!TryTrading(seed, kCommands).fault.empty()) {
      return false;
    }
    for (const TradingScenario& scenario : TradingScenarios()) {
      if (!FaultOf(scenario).empty()) {
        return false;
      }
    }
    return true;
  });
}

class TradingMutantTest : public ::testing::TestWithParam<Named> {};

TEST_P(TradingMutantTest, IsKilled) {
  const uint64_t seed = std::random_device()();
  EXPECT_TRUE(IsKilled(GetParam().mutant, seed)) << "seed " << seed;
}

TEST(NoTradingMutantTest, WithoutAMutantAllHolds) {
  const uint64_t seed = std::random_device()();
  EXPECT_FALSE(IsKilled(TradingMutant::kNone, seed)) << "seed " << seed;
}

INSTANTIATE_TEST_SUITE_P(
    All, TradingMutantTest,
    ::testing::Values(Named{TradingMutant::kParticipantsAreOwners, "ParticipantsAreOwners"},
                      Named{TradingMutant::kPlaceIsThatOfTheFirstEvent,
                            "PlaceIsThatOfTheFirstEvent"},
                      Named{TradingMutant::kFeeIsNotHeld, "FeeIsNotHeld"},
                      Named{TradingMutant::kMemoryIsTrusted, "MemoryIsTrusted"},
                      Named{TradingMutant::kCatchUpForgetsWhatEnded, "CatchUpForgetsWhatEnded"},
                      Named{TradingMutant::kFailedGroupStaysInMemory, "FailedGroupStaysInMemory"},
                      Named{TradingMutant::kClosedGateMatches, "ClosedGateMatches"},
                      Named{TradingMutant::kHaltedBookMatches, "HaltedBookMatches"},
                      Named{TradingMutant::kEnteredTwice, "EnteredTwice"},
                      Named{TradingMutant::kCancelReleasesAll, "CancelReleasesAll"},
                      Named{TradingMutant::kFilledKeepsItsHold, "FilledKeepsItsHold"},
                      Named{TradingMutant::kAnybodyCancels, "AnybodyCancels"},
                      Named{TradingMutant::kAmendmentNeedsNoMoney, "AmendmentNeedsNoMoney"}),
    [](const ::testing::TestParamInfo<Named>& named) { return std::string(named.param.name); });

}  // namespace
}  // namespace peerwatt::market
