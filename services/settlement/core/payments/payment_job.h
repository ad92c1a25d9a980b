#pragma once

#include <map>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "libs/base/clock.h"
#include "services/settlement/core/ledgers.h"
#include "services/settlement/core/payments/payment_desk.h"
#include "services/settlement/core/payments/round_store.h"

namespace peerwatt::settlement {

/// Carries out, after settlement runs, the waterfall and the payment rules of pools, and finishes
/// payments that were cut off. One thread calls it. Every step can be repeated: nothing is paid
/// twice, also when several processes do it.
class PaymentJob {
 public:
  PaymentJob(Ledgers& ledgers, RegistryPort& registry, RoundStore& rounds, PaymentDesk& desk,
             const Clock& clock)
      : ledgers_(ledgers), registry_(registry), rounds_(rounds), desk_(desk), clock_(clock) {}

  /// Does what is due in all communities; costs a statement for each where nothing was written.
  /// Errors: the first failure; the others are still tried.
  absl::Status Step();

 private:
  absl::Status Work(const CommunityRules& rules);

  Ledgers& ledgers_;
  RegistryPort& registry_;
  RoundStore& rounds_;
  PaymentDesk& desk_;
  const Clock& clock_;
  std::map<CommunityId, int64_t> versions_;  ///< of the ledgers, when nothing was left to do
};

}  // namespace peerwatt::settlement
