#include "services/settlement/core/deposits.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "services/settlement/core/errors.h"
#include "services/settlement/core/payments/deposit_reference.h"
#include "services/settlement/core/payments/payment_errors.h"

namespace peerwatt::settlement {

absl::StatusOr<Deposit> DepositDesk::Create(const ParticipantContext& owner, const std::string& id,
                                            Money amount) {
  PW_CHECK(amount > Money(), "a deposit is above zero");
  PW_RETURN_IF_ERROR(ledgers_.Require(owner.community));
  if (provider_.uses_files()) {
    const std::string reference = DepositReference(owner.participant);
    return Error(kDepositNeedsTransfer,
                 absl::StrCat("deposits are transfers to the community's account that say ",
                              reference),
                 {{"reference", reference}});
  }
  Deposit wanted;
  wanted.community = owner.community;
  wanted.participant = owner.participant;
  wanted.id = id;
  wanted.amount = amount;
  wanted.created_at = clock_.Now();
  PW_ASSIGN_OR_RETURN(Deposit kept, store_.InsertDeposit(wanted));
  if (kept.amount != amount) {
    return Error(kContentDiffers,
                 absl::StrCat(DepositName(kept), " exists with another amount"),
                 {{"resource", DepositName(kept)}});
  }
  if (kept.state == DepositState::kPending) {
    PW_ASSIGN_OR_RETURN(kept, Charge(kept));
  }
  if (kept.state == DepositState::kDeclined) {
    return Error(kPaymentDeclined, "the payment provider refused the payment",
                 {{"resource", DepositName(kept)}});
  }
  return kept;
}

absl::Status DepositDesk::FinishPending() {
  if (provider_.uses_files()) return absl::OkStatus();
  PW_ASSIGN_OR_RETURN(const std::vector<Deposit> pending, store_.ListPendingDeposits());
  absl::Status first_failure;
  for (const Deposit& deposit : pending) first_failure.Update(Charge(deposit).status());
  return first_failure;
}

absl::StatusOr<Deposit> DepositDesk::Charge(const Deposit& pending) {
  PW_ASSIGN_OR_RETURN(const ChargeOutcome outcome,
                      provider_.Charge(DepositName(pending), pending.amount, pending.currency));
  return store_.FinishDeposit(pending, outcome, clock_.Now());
}

std::string DepositName(const Deposit& deposit) {
  return absl::StrCat("participants/", deposit.participant.value(), "/deposits/", deposit.id);
}

}  // namespace peerwatt::settlement
