// Every policy on random periods, against what must always hold and against a slow way to compute
// the same; the payment rules on random lives.

#include <gtest/gtest.h>

#include <random>

#include "tests/property/settlement/policies_oracle.h"

namespace peerwatt::settlement {
namespace {

TEST(PoliciesProperty, HoldInEveryPeriod) {
  const uint64_t seed = std::random_device()();
  EXPECT_EQ(FirstSettlementFault(seed, 60'000), "") << "seed " << seed;
}

TEST(PaymentRulesProperty, HoldInEveryLife) {
  const uint64_t seed = std::random_device()();
  EXPECT_EQ(FirstPaymentFault(seed, 20'000), "") << "seed " << seed;
}

}  // namespace
}  // namespace peerwatt::settlement
