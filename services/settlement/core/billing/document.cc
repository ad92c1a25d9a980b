#include "services/settlement/core/billing/document.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/check.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"

namespace peerwatt::settlement {
namespace {

absl::Status CheckParty(const std::string& field, const Party& party) {
  if (party.id.empty()) {
    return FieldInvalid(field + ".id", "must not be empty");
  }
  if (party.name.empty()) {
    return FieldInvalid(field + ".name", "must not be empty");
  }
  const bool is_country =
      party.country.size() == 2 && std::all_of(party.country.begin(), party.country.end(),
                                               [](char c) { return c >= 'A' && c <= 'Z'; });
  return is_country ? absl::OkStatus()
                    : FieldInvalid(field + ".country", "must be two letters of ISO 3166-1");
}

absl::Status CheckTax(const TaxClass& tax, const Document& document) {
  static constexpr absl::string_view kReasoned[] = {"E", "AE", "O"};
  const bool is_reasoned =
      std::find(std::begin(kReasoned), std::end(kReasoned), tax.category) != std::end(kReasoned);
  if (tax.category != "S" && tax.category != "Z" && !is_reasoned) {
    return FieldInvalid("tax.category", "must be S, Z, E, AE or O");
  }
  if ((tax.category == "S") != (tax.rate_ppm > 0) || tax.rate_ppm > 1'000'000) {
    return FieldInvalid("tax.rate_ppm", "must be above 0, at most 1000000, for S; else 0");
  }
  if (is_reasoned && tax.exemption_reason.empty()) {
    return FieldInvalid("tax.exemption_reason", "must say why nothing is due");
  }
  if (tax.category != "O" && document.seller.vat_id.empty() && document.seller.tax_number.empty()) {
    return FieldInvalid("seller.vat_id", "or a tax number must be given");
  }
  if (tax.category == "AE" && (document.seller.vat_id.empty() || document.buyer.vat_id.empty())) {
    return FieldInvalid("buyer.vat_id", "of both sides must be given for reverse charge");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckDocument(const Document& document) {
  PW_RETURN_IF_ERROR(CheckParty("seller", document.seller));
  PW_RETURN_IF_ERROR(CheckParty("buyer", document.buyer));
  if (!IsCurrencyCode(document.currency)) {
    return FieldInvalid("currency", "must be an ISO 4217 code");
  }
  if (!document.pay_to.iban.empty()) {
    PW_RETURN_IF_ERROR(CheckBankAccount(document.pay_to));
  }
  if (document.amounts.lines.empty()) {
    return FieldInvalid("lines", "must not be empty");
  }
  for (const DocumentLine& line : document.amounts.lines) {
    PW_RETURN_IF_ERROR(CheckTax(line.tax, document));
    // EN 16931, BR-O-11.
    if ((line.tax.category == "O") != (document.amounts.lines.front().tax.category == "O")) {
      return FieldInvalid("tax.category", "must not mix O with others");
    }
  }
  return absl::OkStatus();
}

std::string DocumentNumber(absl::string_view series, int year, int64_t number) {
  PW_CHECK(number >= 1, "numbers count from 1");
  return absl::StrFormat("%s%04d-%06d", series, year, number);
}

}  // namespace peerwatt::settlement
