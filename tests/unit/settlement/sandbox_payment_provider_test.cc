#include "services/settlement/clients/sandbox_payment_provider.h"

#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace peerwatt::settlement {
namespace {

TEST(SandboxPaymentProvider, DecidesByTheAmountAlone) {
  const std::vector<std::pair<int64_t, ChargeOutcome>> cases = {
      {1, ChargeOutcome::kConfirmed},
      {13'129'999, ChargeOutcome::kConfirmed},
      {13'130'000, ChargeOutcome::kDeclined},
      {13'130'001, ChargeOutcome::kConfirmed},
      {100'000'000'000, ChargeOutcome::kConfirmed},
      {100'000'000'001, ChargeOutcome::kDeclined},
  };
  SandboxPaymentProvider provider;
  for (const auto& [micros, outcome] : cases) {
    for (int repeat = 0; repeat < 2; ++repeat) {
      const auto answer = provider.Charge("key", Money::Micros(micros), "EUR");
      ASSERT_TRUE(answer.ok());
      EXPECT_EQ(*answer, outcome) << micros;
    }
  }
}

}  // namespace
}  // namespace peerwatt::settlement
