#include "services/settlement/core/payments/payment_effects.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/domain/interval.h"

namespace peerwatt::settlement {
namespace {

/// Moves an amount, which may be negative, from an account into a wallet.
JournalEntry IntoWallet(std::string kind, std::string key, const AccountId& from,
                        const ParticipantId& participant, Money amount) {
  std::optional<JournalEntry> entry =
      MakeEntry(std::move(kind), std::move(key), std::nullopt,
                {{from, -amount}, {ParticipantAccount(participant), amount}});
  PW_CHECK(entry.has_value(), "a payment is not zero");
  return *std::move(entry);
}

AccountId Transit() { return SystemAccount(AccountKind::kPaymentsInTransit); }

/// What the payment changes its wallet by.
Money Signed(const Payment& payment) {
  return payment.name.kind == PaymentKind::kPayout ? -payment.amount : payment.amount;
}

}  // namespace

bool HoldsMoney(const Payment& payment) {
  return payment.name.kind == PaymentKind::kPayout &&
         (payment.state == PaymentState::kPending || payment.state == PaymentState::kProcessing);
}

void HoldMoney(const Payment& payout, PaymentEffects& effects) {
  ledger::Transfer hold;
  hold.kind = ledger::TransferKind::kHold;
  hold.key = HoldKey(payout.name);
  hold.currency = payout.currency;
  hold.debit = ParticipantAccount(payout.name.participant);
  hold.credit = Transit();
  hold.amount = payout.amount;
  effects.transfers.push_back(std::move(hold));
}

void Succeed(Payment& payment, PaymentEffects& effects) {
  if (HoldsMoney(payment)) {
    ledger::Transfer capture;
    capture.kind = ledger::TransferKind::kCapture;
    capture.key = EntryKey(payment.name);
    capture.hold = HoldKey(payment.name);
    effects.transfers.push_back(std::move(capture));
  } else {
    effects.entries.push_back(
        IntoWallet(payment.name.kind == PaymentKind::kPayout ? "payout" : "collection",
                   EntryKey(payment.name), Transit(), payment.name.participant, Signed(payment)));
  }
  payment.state = PaymentState::kSucceeded;
  payment.failure.clear();
}

void Release(Payment& payment, PaymentState state, const std::string& failure,
             PaymentEffects& effects) {
  if (HoldsMoney(payment)) {
    ledger::Transfer release;
    release.kind = ledger::TransferKind::kVoid;
    release.key = ReleaseKey(payment.name);
    release.hold = HoldKey(payment.name);
    effects.transfers.push_back(std::move(release));
  }
  payment.state = state;
  payment.failure = failure;
}

void TakeBack(Payment& payment, const std::string& reason, PaymentEffects& effects) {
  effects.entries.push_back(IntoWallet(
      payment.name.kind == PaymentKind::kPayout ? "payout-return" : "collection-return",
      ReturnKey(payment.name), Transit(), payment.name.participant, -Signed(payment)));
  payment.state = PaymentState::kReturned;
  payment.failure = reason;
}

JournalEntry BankDepositEntry(const ParticipantId& participant, const std::string& entry_id,
                              Money amount) {
  return IntoWallet("bank-deposit", absl::StrCat("bank-deposit:", entry_id), Transit(), participant,
                    amount);
}

JournalEntry FundEntry(const ParticipantId& participant, Money amount,
                       absl::Time settled_through) {
  return IntoWallet(
      amount > Money() ? "fund-advance" : "fund-repayment",
      absl::StrCat("fund:", participant.value(), ":", TimeSegment(settled_through)),
      AccountId(kMutualFundAccount), participant, amount);
}

}  // namespace peerwatt::settlement
