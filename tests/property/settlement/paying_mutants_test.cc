// Breaks payments on purpose, in one place at a time, and expects the properties to see it. What is
// broken is built into this test with its deliberate bugs (core/payments/mutant.h).

#include <gtest/gtest.h>

#include <ostream>
#include <random>

#include "services/settlement/core/payments/mutant.h"
#include "tests/property/settlement/paying_oracle.h"
#include "tests/support/in_child.h"

namespace peerwatt::settlement {
namespace {

constexpr int kRounds = 2'000;

struct Named {
  PaymentMutant mutant;
  const char* name;
};

void PrintTo(const Named& named, std::ostream* out) { *out << named.name; }

// Whether the properties fail, or an invariant stops the process, which happens in one of its own.
bool IsKilled(PaymentMutant mutant, uint64_t seed) {
  return !testing::HoldsInChild([&] {
    active_payment_mutant = mutant;
    return FirstWaterfallFault(seed, kRounds).empty() &&
           FirstRuleRoundFault(seed, kRounds).empty() &&
           FirstReferenceFault(seed, kRounds).empty();
  });
}

class PaymentMutantTest : public ::testing::TestWithParam<Named> {};

TEST_P(PaymentMutantTest, IsKilledByTheProperties) {
  const uint64_t seed = std::random_device()();
  EXPECT_TRUE(IsKilled(GetParam().mutant, seed)) << "seed " << seed;
}

TEST(NoPaymentMutantTest, WithoutAMutantThePropertiesHold) {
  const uint64_t seed = std::random_device()();
  EXPECT_FALSE(IsKilled(PaymentMutant::kNone, seed)) << "seed " << seed;
}

INSTANTIATE_TEST_SUITE_P(
    All, PaymentMutantTest,
    ::testing::Values(Named{PaymentMutant::kFundIsOverdrawn, "FundIsOverdrawn"},
                      Named{PaymentMutant::kLimitIsPerTransfer, "LimitIsPerTransfer"},
                      Named{PaymentMutant::kHeldMoneyIsPaidBack, "HeldMoneyIsPaidBack"},
                      Named{PaymentMutant::kFundIsPaidBackLast, "FundIsPaidBackLast"},
                      Named{PaymentMutant::kMoreThanLentIsPaidBack, "MoreThanLentIsPaidBack"},
                      Named{PaymentMutant::kTiesFallByPosition, "TiesFallByPosition"},
                      Named{PaymentMutant::kNeedIsExceeded, "NeedIsExceeded"},
                      Named{PaymentMutant::kWalletIsIgnored, "WalletIsIgnored"},
                      Named{PaymentMutant::kOpenIsAskedAgain, "OpenIsAskedAgain"},
                      Named{PaymentMutant::kBlockedIsAsked, "BlockedIsAsked"},
                      Named{PaymentMutant::kPartOfACoinIsAsked, "PartOfACoinIsAsked"},
                      Named{PaymentMutant::kReferenceIsNotChecked, "ReferenceIsNotChecked"}),
    [](const auto& named) { return std::string(named.param.name); });

}  // namespace
}  // namespace peerwatt::settlement
