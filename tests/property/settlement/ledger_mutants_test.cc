// Breaks the ledger's decision on purpose, in one place at a time, and expects the comparison with
// the naive ledger to see it. The decision is built into this test with its deliberate bugs
// (core/ledger/mutant.h).

#include <gtest/gtest.h>

#include <ostream>
#include <random>
#include <string>

#include "services/settlement/core/ledger/mutant.h"
#include "tests/property/settlement/naive_ledger.h"
#include "tests/support/in_child.h"

namespace peerwatt::settlement::ledger {
namespace {

struct Named {
  Mutant mutant;
  const char* name;
};

void PrintTo(const Named& named, std::ostream* out) { *out << named.name; }

// Whether the comparison fails, or an invariant stops the process, which is one of its own.
bool IsKilled(Mutant mutant, uint64_t seed) {
  return !testing::HoldsInChild([&] {
    active_mutant = mutant;
    for (uint64_t i = 0; i < 20; ++i) {
      if (!FirstLedgerFault(seed + i, 100).empty()) return false;
    }
    return true;
  });
}

class LedgerMutantTest : public ::testing::TestWithParam<Named> {};

TEST_P(LedgerMutantTest, IsKilled) {
  const uint64_t seed = std::random_device()();
  EXPECT_TRUE(IsKilled(GetParam().mutant, seed)) << "seed " << seed;
}

TEST(NoLedgerMutantTest, WithoutAMutantAllIsWell) {
  const uint64_t seed = std::random_device()();
  EXPECT_FALSE(IsKilled(Mutant::kNone, seed)) << "seed " << seed;
}

INSTANTIATE_TEST_SUITE_P(
    All, LedgerMutantTest,
    ::testing::Values(Named{Mutant::kPendingIsSpentTwice, "PendingIsSpentTwice"},
                      Named{Mutant::kLimitIsExceededByOne, "LimitIsExceededByOne"},
                      Named{Mutant::kCreditLimitIsIgnored, "CreditLimitIsIgnored"},
                      Named{Mutant::kChainIsNotUndone, "ChainIsNotUndone"},
                      Named{Mutant::kChainGoesOnAfterFailure, "ChainGoesOnAfterFailure"},
                      Named{Mutant::kOpenChainPasses, "OpenChainPasses"},
                      Named{Mutant::kKeyIsForgottenInBatch, "KeyIsForgottenInBatch"},
                      Named{Mutant::kUndoneKeyStays, "UndoneKeyStays"},
                      Named{Mutant::kContentIsNotCompared, "ContentIsNotCompared"},
                      Named{Mutant::kRefusalIsForgotten, "RefusalIsForgotten"},
                      Named{Mutant::kLinkedFailureIsRemembered, "LinkedFailureIsRemembered"},
                      Named{Mutant::kCaptureKeepsTheRest, "CaptureKeepsTheRest"},
                      Named{Mutant::kCaptureAboveHold, "CaptureAboveHold"},
                      Named{Mutant::kVoidKeepsPending, "VoidKeepsPending"},
                      Named{Mutant::kEndedHoldIsCapturedAgain, "EndedHoldIsCapturedAgain"},
                      Named{Mutant::kExpiryIsLate, "ExpiryIsLate"},
                      Named{Mutant::kExpiredStaysPending, "ExpiredStaysPending"},
                      Named{Mutant::kCurrencyIsIgnored, "CurrencyIsIgnored"},
                      Named{Mutant::kClosedAccountIsUsed, "ClosedAccountIsUsed"},
                      Named{Mutant::kClosingIsBefore, "ClosingIsBefore"},
                      Named{Mutant::kNumberIsSkippedOnUndo, "NumberIsSkippedOnUndo"},
                      Named{Mutant::kPayeePendingStays, "PayeePendingStays"}),
    [](const auto& parameter) { return std::string(parameter.param.name); });

}  // namespace
}  // namespace peerwatt::settlement::ledger
