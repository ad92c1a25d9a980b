#include "services/settlement/core/billing/issuer.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "services/settlement/core/billing/charges.h"

namespace peerwatt::settlement {
namespace {

constexpr size_t kTextMax = 100;
constexpr size_t kSeriesMax = 10;
constexpr int32_t kPaymentDaysMax = 365;
constexpr int64_t kWholePpm = 1'000'000;

absl::Status CheckText(const std::string& text, const std::string& field) {
  const bool has_control = std::any_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_iscntrl(static_cast<unsigned char>(c));
  });
  return text.size() <= kTextMax && !has_control
             ? absl::OkStatus()
             : FieldInvalid(field, "must have at most 100 characters, none of control");
}

absl::Status CheckPartyTexts(const Party& party, const std::string& field) {
  if (party.name.empty()) return FieldInvalid(field + ".display_name", "must not be empty");
  const bool is_country = party.country.size() == 2 &&
                          std::all_of(party.country.begin(), party.country.end(), [](char c) {
                            return absl::ascii_isupper(static_cast<unsigned char>(c));
                          });
  if (!is_country) {
    return FieldInvalid(field + ".country_code", "must be two letters of ISO 3166-1");
  }
  for (const auto& [text, name] :
       {std::pair(&party.name, "display_name"), std::pair(&party.street, "street"),
        std::pair(&party.city, "city"), std::pair(&party.postal_code, "postal_code"),
        std::pair(&party.vat_id, "vat_id"), std::pair(&party.tax_number, "tax_number")}) {
    PW_RETURN_IF_ERROR(CheckText(*text, absl::StrCat(field, ".", name)));
  }
  return absl::OkStatus();
}

absl::Status CheckSeries(const std::string& series, const std::string& field) {
  const bool is_series = !series.empty() && series.size() <= kSeriesMax &&
                         absl::ascii_isupper(static_cast<unsigned char>(series[0])) &&
                         std::all_of(series.begin(), series.end(), [](char c) {
                           return absl::ascii_isupper(static_cast<unsigned char>(c)) ||
                                  absl::ascii_isdigit(static_cast<unsigned char>(c));
                         });
  return is_series ? absl::OkStatus()
                   : FieldInvalid(field, "must have the form [A-Z][A-Z0-9]{0,9}");
}

// Whether the classes of one kind of document can stand on it together.
absl::Status CheckTogether(const Issuer& issuer, DocumentKind document) {
  std::map<std::pair<std::string, int64_t>, std::string> reasons;
  for (const LineKind kind : KindsOf(document)) {
    for (const bool is_taxable : {true, false}) {
      const TaxClass& tax = TaxOf(issuer, kind, is_taxable);
      const auto [known, is_new] =
          reasons.try_emplace({tax.category, tax.rate_ppm}, tax.exemption_reason);
      if (!is_new && known->second != tax.exemption_reason) {
        return FieldInvalid("issuer.kind_taxes", "must give one reason per category");
      }
    }
  }
  const bool has_outside = reasons.contains({"O", 0});
  return has_outside && reasons.size() > 1
             ? FieldInvalid("issuer.kind_taxes",
                            "must not mix category O with others on one kind of document")
             : absl::OkStatus();
}

auto Texts(const Party& party) {
  return std::tie(party.id, party.name, party.street, party.city, party.postal_code, party.country,
                  party.vat_id, party.tax_number);
}
auto Texts(const BankAccount& account) { return std::tie(account.name, account.iban, account.bic); }

}  // namespace

TaxClass UntaxedOf(const TaxClass& tax) {
  return tax.rate_ppm == 0 ? tax : TaxClass{"E", 0, "Not taxable"};
}

absl::Status CheckTaxClass(const TaxClass& tax, const std::string& field) {
  static constexpr absl::string_view kReasoned[] = {"E", "AE", "O"};
  const bool is_reasoned =
      std::find(std::begin(kReasoned), std::end(kReasoned), tax.category) != std::end(kReasoned);
  if (tax.category != "S" && tax.category != "Z" && !is_reasoned) {
    return FieldInvalid(field + ".category", "must be S, Z, E, AE or O");
  }
  if (tax.rate_ppm < 0 || tax.rate_ppm > kWholePpm || (tax.category == "S") != (tax.rate_ppm > 0)) {
    return FieldInvalid(field + ".rate_ppm", "must be 1 to 1000000 for S, else 0");
  }
  if (is_reasoned == tax.exemption_reason.empty()) {
    return FieldInvalid(field + ".exemption_reason",
                        "must say why for E, AE and O, and only there");
  }
  return CheckText(tax.exemption_reason, field + ".exemption_reason");
}

absl::Status CheckIssuer(const Issuer& issuer) {
  PW_RETURN_IF_ERROR(CheckPartyTexts(issuer.party, "issuer.party"));
  if (!issuer.account.iban.empty()) PW_RETURN_IF_ERROR(CheckBankAccount(issuer.account));
  PW_RETURN_IF_ERROR(CheckSeries(issuer.invoice_series, "issuer.invoice_series"));
  PW_RETURN_IF_ERROR(CheckSeries(issuer.self_billing_series, "issuer.self_billing_series"));
  if (issuer.payment_days < 0 || issuer.payment_days > kPaymentDaysMax) {
    return FieldInvalid("issuer.payment_days", "must be 0 to 365");
  }
  PW_RETURN_IF_ERROR(CheckTaxClass(issuer.tax, "issuer.tax"));
  PW_RETURN_IF_ERROR(CheckTaxClass(issuer.untaxed, "issuer.untaxed"));
  std::set<LineKind> kinds;
  for (size_t i = 0; i < issuer.kind_taxes.size(); ++i) {
    const std::string field = absl::StrCat("issuer.kind_taxes[", i, "]");
    const LineKind kind = issuer.kind_taxes[i].kind;
    if (!DocumentOf(kind).has_value() || !kinds.insert(kind).second) {
      return FieldInvalid(field + ".kind", "must be billed, and there once");
    }
    PW_RETURN_IF_ERROR(CheckTaxClass(issuer.kind_taxes[i].tax, field + ".tax"));
  }
  PW_RETURN_IF_ERROR(CheckTogether(issuer, DocumentKind::kInvoice));
  return CheckTogether(issuer, DocumentKind::kSelfBilling);
}

absl::Status CheckBillingDetails(const BillingDetails& details) {
  PW_RETURN_IF_ERROR(CheckPartyTexts(details.party, "billing_details.party"));
  if (!details.account.iban.empty()) PW_RETURN_IF_ERROR(CheckBankAccount(details.account));
  return details.supply_tax.has_value()
             ? CheckTaxClass(*details.supply_tax, "billing_details.supply_tax")
             : absl::OkStatus();
}

const Issuer* IssuerOn(const std::vector<Issuer>& versions, absl::CivilDay day) {
  const Issuer* found = nullptr;
  for (const Issuer& version : versions) {
    if (version.starts_on <= day) found = &version;
  }
  return found;
}

const TaxClass& TaxOf(const Issuer& issuer, LineKind kind, bool is_taxable) {
  const auto own = std::find_if(issuer.kind_taxes.begin(), issuer.kind_taxes.end(),
                                [&](const KindTax& named) { return named.kind == kind; });
  const TaxClass& tax = own == issuer.kind_taxes.end() ? issuer.tax : own->tax;
  return is_taxable || tax.category == "O" ? tax : issuer.untaxed;
}

bool SameContent(const Issuer& a, const Issuer& b) {
  return a.starts_on == b.starts_on && Texts(a.party) == Texts(b.party) &&
         Texts(a.account) == Texts(b.account) && a.invoice_series == b.invoice_series &&
         a.self_billing_series == b.self_billing_series && a.payment_days == b.payment_days &&
         a.tax == b.tax && a.untaxed == b.untaxed && a.kind_taxes == b.kind_taxes;
}

bool SameContent(const BillingDetails& a, const BillingDetails& b) {
  return Texts(a.party) == Texts(b.party) && Texts(a.account) == Texts(b.account) &&
         a.supply_tax == b.supply_tax;
}

}  // namespace peerwatt::settlement
