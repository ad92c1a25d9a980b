#pragma once

#include <string>

#include "libs/base/error.h"
#include "services/settlement/core/peers.h"

namespace peerwatt::settlement {

/// Payments through a bank: they wait for a file that an operator hands over, and an account
/// statement says what became of them. Deposits are transfers to the community's account.
class BankPaymentProvider final : public PaymentProvider {
 public:
  bool uses_files() const override { return true; }
  absl::StatusOr<ChargeOutcome> Charge(const std::string& /*idempotency_key*/, Money /*amount*/,
                                       const std::string& /*currency*/) override {
    return Error(kInternalError, "a bank is asked by files");
  }
  absl::StatusOr<ChargeOutcome> PayOut(const std::string& /*idempotency_key*/, Money /*amount*/,
                                       const std::string& /*currency*/) override {
    return Error(kInternalError, "a bank is asked by files");
  }
};

}  // namespace peerwatt::settlement
