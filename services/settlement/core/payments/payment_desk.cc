#include "services/settlement/core/payments/payment_desk.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "services/settlement/core/errors.h"
#include "services/settlement/core/payments/deposit_reference.h"
#include "services/settlement/core/payments/payment_errors.h"

namespace peerwatt::settlement {
namespace {

// Names at the bank have at most 35 characters.
constexpr size_t kHexDigits = 30;

/// As the database keeps it, so that the first answer says what later ones say.
absl::Time WholeMicros(absl::Time time) { return absl::FromUnixMicros(absl::ToUnixMicros(time)); }

std::string HexOf(PaymentHash hash, absl::string_view text) {
  return absl::BytesToHexString(hash(text)).substr(0, kHexDigits);
}

}  // namespace

std::string EndToEndId(const PaymentName& name, PaymentHash hash) {
  return absl::StrCat(
      name.kind == PaymentKind::kPayout ? "PO" : "CO",
      HexOf(hash, absl::StrCat("communities/", name.community.value(), "/", FullName(name))));
}

Payment NewPayout(const PaymentName& name, Money amount, const std::string& currency,
                  bool uses_files, PaymentHash hash, absl::Time now) {
  PW_CHECK(amount > Money(), "a payout is above zero");
  Payment payout;
  payout.name = name;
  payout.amount = amount;
  payout.currency = currency;
  payout.state = uses_files ? PaymentState::kPending : PaymentState::kProcessing;
  payout.end_to_end_id = EndToEndId(name, hash);
  payout.content_hash =
      hash(absl::StrCat("payout\n", FullName(name), "\n", amount.micros(), "\n", currency));
  payout.created_at = now;
  return payout;
}

absl::StatusOr<Payment> PaymentDesk::CreatePayout(const ParticipantContext& owner,
                                                  const std::string& id, Money amount) {
  PW_RETURN_IF_ERROR(ledgers_.Require(owner.community));
  const absl::Time now = WholeMicros(clock_.Now());
  const PaymentName name{owner.community, PaymentKind::kPayout, owner.participant, id};
  const Payment wanted = NewPayout(name, amount, owner.currency, uses_files(), hash_, now);
  PW_ASSIGN_OR_RETURN(Payment kept, store_.CreatePayout(wanted, uses_files(), now));
  if (kept.content_hash != wanted.content_hash) {
    return Error(kContentDiffers, absl::StrCat(FullName(name), " exists with another amount"),
                 {{"resource", FullName(name)}});
  }
  if (kept.state == PaymentState::kProcessing && kept.file.empty() && !uses_files()) {
    PW_ASSIGN_OR_RETURN(kept, Hand(kept));
  }
  if (kept.state == PaymentState::kFailed && kept.file.empty()) {
    return Error(kPaymentDeclined, "the payment provider refused the payment",
                 {{"resource", FullName(name)}});
  }
  return kept;
}

absl::Status PaymentDesk::FinishPending() {
  if (uses_files()) return absl::OkStatus();
  PW_ASSIGN_OR_RETURN(const std::vector<Payment> pending, store_.ListUnfinished());
  absl::Status first_failure;
  for (const Payment& payment : pending) first_failure.Update(Hand(payment).status());
  return first_failure;
}

absl::StatusOr<Payment> PaymentDesk::Hand(const Payment& payment) {
  const std::string name = FullName(payment.name);
  PW_ASSIGN_OR_RETURN(const ChargeOutcome outcome,
                      payment.name.kind == PaymentKind::kPayout
                          ? provider_.PayOut(name, payment.amount, payment.currency)
                          : provider_.Charge(name, payment.amount, payment.currency));
  return store_.Finish(payment.name, outcome, clock_.Now());
}

absl::StatusOr<PaymentFile> BankDesk::CreateFile(PaymentFile wanted) {
  if (!uses_files_) {
    return Error(kPaymentFilesUnused, "payments go to a provider that needs no files");
  }
  PW_RETURN_IF_ERROR(ledgers_.Require(wanted.community));
  wanted.message_id = absl::StrCat(
      "PF", HexOf(hash_, absl::StrCat("communities/", wanted.community.value(), "/paymentFiles/",
                                      wanted.id)));
  return store_.CreateFile(wanted, WholeMicros(clock_.Now()));
}

absl::StatusOr<std::vector<KeptStatement>> BankDesk::Import(
    const CommunityId& community, absl::string_view content,
    std::vector<BankStatement> statements) {
  PW_RETURN_IF_ERROR(ledgers_.Require(community));
  std::vector<NewStatement> wanted;
  for (BankStatement& statement : statements) {
    NewStatement& next = wanted.emplace_back();
    next.id = absl::StrCat("s", HexOf(hash_, content), "-", wanted.size());
    for (const BankEntry& entry : statement.entries) {
      PW_ASSIGN_OR_RETURN(next.references.emplace_back(), PayerOf(community, entry));
    }
    next.statement = std::move(statement);
  }
  return store_.Import(community, wanted, WholeMicros(clock_.Now()));
}

absl::StatusOr<ParticipantId> BankDesk::PayerOf(const CommunityId& community,
                                                const BankEntry& entry) {
  if (entry.amount <= Money()) return ParticipantId();
  for (const ParticipantId& candidate : ParticipantsIn(entry.remittance)) {
    const absl::StatusOr<ParticipantContext> found = ledgers_.ContextOf(candidate);
    if (absl::IsNotFound(found.status())) continue;
    PW_RETURN_IF_ERROR(found.status());
    if (found->community == community) return candidate;
  }
  return ParticipantId();
}

}  // namespace peerwatt::settlement
