#include "services/settlement/core/payments/payment_file.h"

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "services/settlement/core/payments/errors.h"

namespace peerwatt::settlement {
namespace {

constexpr size_t kIdMax = 35;
constexpr size_t kRemittanceMax = 140;
// Of one payment: 999,999,999.99 (SEPA rulebooks).
constexpr Money kAmountMax = Money::Micros(999'999'999'990'000);

absl::Status Invalid(const std::string& field, absl::string_view why) {
  return Error(kPaymentInvalid, absl::StrCat(field, " ", why), {}, {{field, std::string(why)}});
}

// Puts the field's place before what is wrong in it.
absl::Status At(const std::string& place, absl::Status status) {
  if (status.ok()) {
    return status;
  }
  ErrorDetail detail = DetailOf(status);
  for (FieldViolation& violation : detail.violations) {
    violation.field = absl::StrCat(place, ".", violation.field);
  }
  return ErrorFromDetail(status.code(), absl::StrCat(place, ": ", status.message()), detail);
}

absl::Status CheckId(const std::string& field, absl::string_view id) {
  if (id.empty() || id.size() > kIdMax || BankText(id, kIdMax) != id) {
    return Invalid(field, "must have 1 to 35 letters, digits or / - ? : ( ) . , ' +");
  }
  // Banks refuse these (EPC217-08).
  if (id.front() == '/' || id.back() == '/' || id.find("//") != absl::string_view::npos) {
    return Invalid(field, "must not begin or end with a slash, nor have two in a row");
  }
  return absl::OkStatus();
}

absl::Status CheckHeader(const PaymentFileHeader& header, size_t payments) {
  PW_RETURN_IF_ERROR(CheckId("message_id", header.message_id));
  PW_RETURN_IF_ERROR(At("own_account", CheckBankAccount(header.own_account)));
  if (!IsCurrencyCode(header.currency)) {
    return Invalid("currency", "must be an ISO 4217 code");
  }
  return payments > 0 ? absl::OkStatus() : Invalid("payments", "must not be empty");
}

absl::Status CheckAmount(const std::string& field, Money amount, absl::string_view currency) {
  if (amount <= Money() || amount > kAmountMax) {
    return Invalid(field, "must be above zero, at most 999999999.99");
  }
  return IsWholeMinor(amount, currency) ? absl::OkStatus()
                                        : Invalid(field, "must be whole in the smallest coin");
}

absl::Status CheckRemittance(const std::string& field, absl::string_view text) {
  return text.size() <= kRemittanceMax ? absl::OkStatus()
                                       : Invalid(field, "must have at most 140 characters");
}

}  // namespace

// Country, check digits, business code, national identifier; the business code does not count.
absl::Status CheckCreditorId(absl::string_view id) {
  return id.size() >= 8 && id.size() <= kIdMax && HasIdentifierForm(id) &&
                 HasValidCheckDigits(absl::StrCat(id.substr(0, 4), id.substr(7)))
             ? absl::OkStatus()
             : Invalid("creditor_id", "must be a SEPA creditor identifier");
}

absl::Status CheckPayouts(const PaymentFileHeader& header, const std::vector<Payout>& payouts) {
  PW_RETURN_IF_ERROR(CheckHeader(header, payouts.size()));
  absl::flat_hash_set<absl::string_view> ids;
  for (size_t i = 0; i < payouts.size(); ++i) {
    const Payout& payout = payouts[i];
    const std::string place = absl::StrCat("payouts[", i, "]");
    PW_RETURN_IF_ERROR(CheckId(place + ".end_to_end_id", payout.end_to_end_id));
    if (!ids.insert(payout.end_to_end_id).second) {
      return Invalid(place + ".end_to_end_id", "is used twice");
    }
    PW_RETURN_IF_ERROR(At(place + ".creditor", CheckBankAccount(payout.creditor)));
    PW_RETURN_IF_ERROR(CheckAmount(place + ".amount", payout.amount, header.currency));
    PW_RETURN_IF_ERROR(CheckRemittance(place + ".remittance", payout.remittance));
  }
  return absl::OkStatus();
}

absl::Status CheckCollections(const PaymentFileHeader& header, absl::string_view creditor_id,
                              const std::vector<Collection>& collections) {
  PW_RETURN_IF_ERROR(CheckHeader(header, collections.size()));
  if (header.currency != "EUR") {
    return Invalid("currency", "must be EUR: direct debits are of SEPA");
  }
  PW_RETURN_IF_ERROR(CheckCreditorId(creditor_id));
  absl::flat_hash_set<absl::string_view> ids;
  for (size_t i = 0; i < collections.size(); ++i) {
    const Collection& collection = collections[i];
    const std::string place = absl::StrCat("collections[", i, "]");
    PW_RETURN_IF_ERROR(CheckId(place + ".end_to_end_id", collection.end_to_end_id));
    if (!ids.insert(collection.end_to_end_id).second) {
      return Invalid(place + ".end_to_end_id", "is used twice");
    }
    PW_RETURN_IF_ERROR(At(place + ".debtor", CheckBankAccount(collection.debtor)));
    PW_RETURN_IF_ERROR(CheckId(place + ".mandate.id", collection.mandate.id));
    if (collection.mandate.signed_on > header.due_on) {
      return Invalid(place + ".mandate.signed_on", "must not be after the collection");
    }
    PW_RETURN_IF_ERROR(CheckAmount(place + ".amount", collection.amount, header.currency));
    PW_RETURN_IF_ERROR(CheckRemittance(place + ".remittance", collection.remittance));
  }
  return absl::OkStatus();
}

}  // namespace peerwatt::settlement
