#pragma once

#include <string>

#include "services/settlement/core/peers.h"

namespace peerwatt::settlement {

/// A payment provider for trials: no money moves. It decides by the amount alone, at once, so it
/// gives the same answer however often it is asked.
///
/// Declined: exactly 13.13 units, and everything above 100000 units. All else is confirmed.
class SandboxPaymentProvider final : public PaymentProvider {
 public:
  absl::StatusOr<ChargeOutcome> Charge(const std::string& idempotency_key, Money amount,
                                       const std::string& currency) override;
  absl::StatusOr<ChargeOutcome> PayOut(const std::string& idempotency_key, Money amount,
                                       const std::string& currency) override;

  static constexpr Money kAlwaysDeclined = Money::Micros(13'130'000);
  static constexpr Money kLargest = Money::Micros(100'000'000'000);
};

}  // namespace peerwatt::settlement
