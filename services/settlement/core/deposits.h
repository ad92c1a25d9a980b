#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "services/settlement/core/ledgers.h"
#include "services/settlement/core/peers.h"
#include "services/settlement/core/stores.h"

namespace peerwatt::settlement {

/// Takes deposits: kept as pending, charged at the provider under the deposit's name, then posted.
/// Each step can be repeated, so a deposit that was cut off anywhere is finished later, once.
class DepositDesk {
 public:
  DepositDesk(Ledgers& ledgers, PaymentProvider& provider, DepositStore& store, const Clock& clock)
      : ledgers_(ledgers), provider_(provider), store_(store), clock_(clock) {}

  /// Pays `amount` > 0 in. The same id with the same amount gives the same deposit.
  /// Errors: NOT_FOUND (community), DEPOSIT_NEEDS_TRANSFER, CONTENT_DIFFERS, PAYMENT_DECLINED;
  /// kUnavailable when the provider does not answer: the deposit stays pending and the call can be
  /// repeated.
  absl::StatusOr<Deposit> Create(const ParticipantContext& owner, const std::string& id,
                                 Money amount);

  /// Finishes what was cut off. Errors: the first failure; the others are still tried.
  absl::Status FinishPending();

 private:
  absl::StatusOr<Deposit> Charge(const Deposit& pending);

  Ledgers& ledgers_;
  PaymentProvider& provider_;
  DepositStore& store_;
  const Clock& clock_;
};

/// Full name of a deposit: `participants/{participant}/deposits/{deposit}`.
std::string DepositName(const Deposit& deposit);

}  // namespace peerwatt::settlement
