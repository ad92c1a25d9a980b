// Breaks the autopilot on purpose, in one place at a time, and expects the scenarios or the
// properties to see it. It is built into this test with its deliberate bugs
// (core/autopilot/mutant.h).

#include <gtest/gtest.h>

#include <ostream>
#include <random>
#include <string>

#include "services/market/core/autopilot/mutant.h"
#include "tests/property/market/autopilot_faults.h"
#include "tests/support/in_child.h"
#include "tests/unit/market/autopilot_scenarios.h"

namespace peerwatt::market {
namespace {

using autopilot::Mutant;

struct Named {
  Mutant mutant;
  const char* name;
};

void PrintTo(const Named& named, std::ostream* out) { *out << named.name; }

bool ScenariosHold() {
  for (const SizingScenario& scenario : SizingScenarios()) {
    if (Told(scenario) != scenario.orders) {
      return false;
    }
  }
  return true;
}

bool PropertiesHold(uint64_t seed) {
  return FirstSizingFault(seed, 20'000).empty() && FirstBudgetFault(seed, 60).empty() &&
         FirstCalendarFault(seed, 1'000).empty();
}

bool IsKilled(Mutant mutant, bool by_properties, uint64_t seed) {
  return !testing::HoldsInChild([&] {
    autopilot::active_mutant = mutant;
    return by_properties ? PropertiesHold(seed) : ScenariosHold();
  });
}

class AutopilotMutantTest : public ::testing::TestWithParam<Named> {};

TEST_P(AutopilotMutantTest, IsKilledByTheProperties) {
  const uint64_t seed = std::random_device()();
  EXPECT_TRUE(IsKilled(GetParam().mutant, true, seed)) << "seed " << seed;
}

TEST_P(AutopilotMutantTest, IsKilledByTheScenarios) {
  // Which day costs count for is no matter of one order.
  const bool is_about_days = GetParam().mutant == Mutant::kDayIsUtc;
  EXPECT_EQ(IsKilled(GetParam().mutant, false, 0), !is_about_days);
}

TEST(NoAutopilotMutantTest, WithoutAMutantAllIsWell) {
  const uint64_t seed = std::random_device()();
  EXPECT_FALSE(IsKilled(Mutant::kNone, true, seed)) << "seed " << seed;
  EXPECT_FALSE(IsKilled(Mutant::kNone, false, seed));
}

INSTANTIATE_TEST_SUITE_P(
    All, AutopilotMutantTest,
    ::testing::Values(Named{Mutant::kWeekdaysAreUtc, "WeekdaysAreUtc"},
                      Named{Mutant::kWindowsIncludeTheirEnd, "WindowsIncludeTheirEnd"},
                      Named{Mutant::kNightBelongsToTheNextDay, "NightBelongsToTheNextDay"},
                      Named{Mutant::kExceptionsAreIgnored, "ExceptionsAreIgnored"},
                      Named{Mutant::kRampBeginsAtItsEnd, "RampBeginsAtItsEnd"},
                      Named{Mutant::kRampPassesItsEnd, "RampPassesItsEnd"},
                      Named{Mutant::kRampRoundsAgainstTheOwner, "RampRoundsAgainstTheOwner"},
                      Named{Mutant::kReserveIsIgnored, "ReserveIsIgnored"},
                      Named{Mutant::kReserveOfTheOtherSide, "ReserveOfTheOtherSide"},
                      Named{Mutant::kShareIsRoundedUp, "ShareIsRoundedUp"},
                      Named{Mutant::kShareBeforeReserve, "ShareBeforeReserve"},
                      Named{Mutant::kCommittedIsIgnored, "CommittedIsIgnored"},
                      Named{Mutant::kCommittedOfTheOtherSide, "CommittedOfTheOtherSide"},
                      Named{Mutant::kCapacityIgnoresOffers, "CapacityIgnoresOffers"},
                      Named{Mutant::kBudgetForgetsTheFee, "BudgetForgetsTheFee"},
                      Named{Mutant::kBudgetForgetsThePremium, "BudgetForgetsThePremium"},
                      Named{Mutant::kBudgetIsRoundedUp, "BudgetIsRoundedUp"},
                      Named{Mutant::kBudgetOnlyForBids, "BudgetOnlyForBids"},
                      Named{Mutant::kPausedOrders, "PausedOrders"},
                      Named{Mutant::kLimitsAreIgnored, "LimitsAreIgnored"},
                      Named{Mutant::kDayIsUtc, "DayIsUtc"}),
    [](const auto& parameter) { return std::string(parameter.param.name); });

}  // namespace
}  // namespace peerwatt::market
