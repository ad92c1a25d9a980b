#include "services/settlement/clients/sandbox_payment_provider.h"

namespace peerwatt::settlement {

absl::StatusOr<ChargeOutcome> SandboxPaymentProvider::Charge(
    const std::string& /*idempotency_key*/, Money amount, const std::string& /*currency*/) {
  const bool declined = amount == kAlwaysDeclined || amount > kLargest;
  return declined ? ChargeOutcome::kDeclined : ChargeOutcome::kConfirmed;
}

absl::StatusOr<ChargeOutcome> SandboxPaymentProvider::PayOut(const std::string& idempotency_key,
                                                             Money amount,
                                                             const std::string& currency) {
  return Charge(idempotency_key, amount, currency);
}

}  // namespace peerwatt::settlement
