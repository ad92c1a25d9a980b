// Breaks surveillance on purpose, in one place at a time, and expects the scenarios or the
// properties to see it. It is built into this test with its deliberate bugs
// (core/surveillance/mutant.h).

#include <gtest/gtest.h>

#include <ostream>
#include <random>
#include <string>

#include "services/market/core/surveillance/mutant.h"
#include "tests/property/market/survey_oracle.h"
#include "tests/support/in_child.h"
#include "tests/unit/market/surveillance_scenarios.h"

namespace peerwatt::market {
namespace {

using surveillance::Mutant;

struct Named {
  Mutant mutant;
  const char* name;
};

void PrintTo(const Named& named, std::ostream* out) { *out << named.name; }

bool AllIsWell(uint64_t seed) {
  for (const SurveyScenario& scenario : SurveyScenarios()) {
    if (Told(scenario) != scenario.findings) {
      return false;
    }
  }
  return FirstRingFault(seed, 1'000).empty() && FirstShuffleFault(seed, 1'000).empty();
}

// Whether a test fails, or an invariant stops the process, which is one of its own.
bool IsKilled(Mutant mutant, uint64_t seed) {
  return !testing::HoldsInChild([&] {
    surveillance::active_mutant = mutant;
    return AllIsWell(seed);
  });
}

class SurveyMutantTest : public ::testing::TestWithParam<Named> {};

TEST_P(SurveyMutantTest, IsKilled) {
  const uint64_t seed = std::random_device()();
  EXPECT_TRUE(IsKilled(GetParam().mutant, seed)) << "seed " << seed;
}

TEST(NoSurveyMutantTest, WithoutAMutantAllIsWell) {
  const uint64_t seed = std::random_device()();
  EXPECT_FALSE(IsKilled(Mutant::kNone, seed)) << "seed " << seed;
}

INSTANTIATE_TEST_SUITE_P(
    All, SurveyMutantTest,
    ::testing::Values(Named{Mutant::kOwnersAreNotKnown, "OwnersAreNotKnown"},
                    Named{Mutant::kReturnIsTheLarger, "ReturnIsTheLarger"},
                    Named{Mutant::kReturnsStayInTheFlows, "ReturnsStayInTheFlows"},
                    Named{Mutant::kWindowsDoNotEnd, "WindowsDoNotEnd"},
                    Named{Mutant::kLongestRingFirst, "LongestRingFirst"},
                    Named{Mutant::kRingIsNotTakenOut, "RingIsNotTakenOut"},
                    Named{Mutant::kRingTakesTheLargest, "RingTakesTheLargest"},
                    Named{Mutant::kRingsOfTwoOnly, "RingsOfTwoOnly"},
                    Named{Mutant::kWeakFlowsCount, "WeakFlowsCount"},
                    Named{Mutant::kReachIsTooShort, "ReachIsTooShort"},
                    Named{Mutant::kOrderOfInputCounts, "OrderOfInputCounts"},
                    Named{Mutant::kThresholdMustBeExceeded, "ThresholdMustBeExceeded"},
                    Named{Mutant::kWithdrawnShareDoesNotCount, "WithdrawnShareDoesNotCount"},
                    Named{Mutant::kSameSideIsCompared, "SameSideIsCompared"},
                    Named{Mutant::kFewWithdrawalsAreLayering, "FewWithdrawalsAreLayering"},
                    Named{Mutant::kShareIsRoundedUp, "ShareIsRoundedUp"},
                    Named{Mutant::kFewOwnersAreJudged, "FewOwnersAreJudged"}),
    [](const auto& parameter) { return std::string(parameter.param.name); });

}  // namespace
}  // namespace peerwatt::market
