#include "services/settlement/core/billing/statement.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "services/settlement/core/accounts.h"
#include "services/settlement/core/billing/charges.h"
#include "services/settlement/core/billing/errors.h"

namespace peerwatt::settlement {
namespace {

absl::Status NoIssuer(const CommunityId& community, absl::CivilDay day) {
  const std::string name = absl::StrCat("communities/", community.value());
  return Error(kIssuerMissing, absl::StrCat(name, " has no issuer on ", absl::FormatCivilTime(day)),
               {{"resource", name}, {"day", absl::FormatCivilTime(day)}});
}

// How a sum is taxed: as the participant says where it sells, else as the issuer says on the day.
absl::StatusOr<TaxClass> TaxOfSum(const StatementFrame& frame, const StatementBasis& basis,
                                  const DaySum& sum) {
  const absl::CivilDay day = absl::CivilDay(frame.month.month) + sum.day;
  const Issuer* issuer = IssuerOn(frame.issuers, day);
  if (issuer == nullptr) return NoIssuer(frame.community, day);
  const bool is_own = frame.kind == DocumentKind::kSelfBilling && basis.details.has_value() &&
                      basis.details->supply_tax.has_value();
  if (!is_own) return TaxOf(*issuer, sum.kind, sum.is_taxable);
  const TaxClass& own = *basis.details->supply_tax;
  return sum.is_taxable || own.category == "O" ? own : issuer->untaxed;
}

void AddToDay(const DaySum& sum, DayEnergy& day) {
  switch (sum.kind) {
    case LineKind::kPurchase:
    case LineKind::kPoolPurchase:
      day.from_neighbours += sum.energy;
      break;
    case LineKind::kRetail:
    case LineKind::kImbalancePurchase:
      day.from_grid += sum.energy;
      break;
    case LineKind::kSale:
    case LineKind::kPoolSale:
      day.to_neighbours += sum.energy;
      break;
    case LineKind::kFeedIn:
    case LineKind::kImbalanceSale:
      day.to_grid += sum.energy;
      break;
    default:
      break;
  }
}

Party PartyOf(const StatementBasis& basis) {
  Party party = basis.details.has_value() ? basis.details->party : Party();
  party.id = basis.participant.value();
  return party;
}

// Fields in a fixed form.
class ContentWriter {
 public:
  void Text(absl::string_view text) { absl::StrAppend(&content_, text.size(), ":", text); }
  void Number(int64_t number) { Text(absl::StrCat(number)); }
  void Tax(const TaxClass& tax) {
    Text(tax.category);
    Number(tax.rate_ppm);
    Text(tax.exemption_reason);
  }
  void Write(const Party& party) {
    for (const std::string* text :
         {&party.id, &party.name, &party.street, &party.city, &party.postal_code, &party.country,
          &party.vat_id, &party.tax_number}) {
      Text(*text);
    }
  }
  std::string Take() { return std::move(content_); }

 private:
  std::string content_;
};

}  // namespace

LocalMonth MonthIn(absl::CivilMonth month, absl::TimeZone zone) {
  LocalMonth local{month, {}};
  const absl::CivilDay end(month + 1);
  for (absl::CivilDay day(month); day <= end; ++day) {
    local.day_starts.push_back(absl::FromCivil(day, zone));
  }
  return local;
}

absl::StatusOr<absl::CivilMonth> ParseMonth(absl::string_view text, absl::string_view field) {
  absl::CivilMonth month;
  if (!absl::ParseCivilTime(text, &month) || absl::FormatCivilTime(month) != text ||
      month.year() < 1970 || month.year() > 9998) {
    return FieldInvalid(field, "must be a month such as 2026-07");
  }
  return month;
}

absl::StatusOr<absl::CivilDay> ParseDay(absl::string_view text, absl::string_view field) {
  absl::CivilDay day;
  if (!absl::ParseCivilTime(text, &day) || absl::FormatCivilTime(day) != text ||
      day.year() < 1970 || day.year() > 9998) {
    return FieldInvalid(field, "must be a day such as 2026-07-31");
  }
  return day;
}

absl::Status CheckMonth(const LocalMonth& month, absl::Time now, absl::Time settled_through) {
  const std::string name = absl::FormatCivilTime(month.month);
  if (now < month.end()) {
    return Error(kMonthNotOver, absl::StrCat(name, " is not over"), {{"month", name}});
  }
  if (settled_through < month.end()) {
    return Error(kMonthNotSettled, absl::StrCat(name, " is not settled to its end"),
                 {{"month", name}});
  }
  return absl::OkStatus();
}

absl::StatusOr<StatementDraft> DraftOf(const StatementFrame& frame, const StatementBasis& basis) {
  const Issuer* issuer = IssuerOn(frame.issuers, frame.today);
  if (issuer == nullptr) return NoIssuer(frame.community, frame.today);
  StatementDraft draft;
  draft.participant = basis.participant;
  Document& document = draft.document;
  document.days.resize(frame.month.day_starts.size() - 1);
  std::map<std::pair<std::string, TaxClass>, Charge> charges;
  for (const DaySum& sum : basis.sums) {
    AddToDay(sum, document.days.at(static_cast<size_t>(sum.day)));
    if (DocumentOf(sum.kind) != frame.kind) continue;
    PW_ASSIGN_OR_RETURN(const TaxClass tax, TaxOfSum(frame, basis, sum));
    const std::string key(ChargeKey(sum.kind));
    Charge& charge = charges[{key, tax}];
    charge.key = key;
    charge.description = std::string(ChargeDescription(sum.kind));
    charge.tax = tax;
    charge.energy += sum.energy;
    // The account pays on an invoice and is paid on a self-billed one.
    charge.exact += frame.kind == DocumentKind::kInvoice ? -sum.amount : sum.amount;
    draft.day_keys[{key, tax}].push_back(2 * sum.day + (sum.is_taxable ? 1 : 0));
    if (sum.unpriced != Energy()) draft.unpriced[{key, tax}] += sum.unpriced;
  }
  std::vector<Charge> all;
  for (auto& [name, charge] : charges) all.push_back(std::move(charge));
  document.kind = frame.kind;
  document.issued_on = frame.today;
  document.due_on = frame.today + issuer->payment_days;
  document.month = frame.month.month;
  document.currency = frame.currency;
  Party community = issuer->party;
  community.id = frame.community.value();
  const bool is_invoice = frame.kind == DocumentKind::kInvoice;
  document.seller = is_invoice ? community : PartyOf(basis);
  document.buyer = is_invoice ? PartyOf(basis) : community;
  if (is_invoice) {
    document.pay_to = issuer->account;
  } else if (basis.details.has_value()) {
    document.pay_to = basis.details->account;
  }
  document.amounts = AmountsOf(all, basis.earlier.billed, frame.currency);
  for (DocumentLine& line : document.amounts.lines) {
    const std::optional<LineKind> kind = KindOfCharge(line.key);
    if (kind.has_value()) line.description = std::string(ChargeDescription(*kind));
  }
  document.corrects = basis.earlier.first_number;
  document.corrected_issued_on = basis.earlier.first_issued_on;
  draft.is_changed = !document.amounts.lines.empty();
  return draft;
}

absl::Status CheckDraft(const StatementDraft& draft, const StatementBasis& basis) {
  const std::string name = absl::StrCat("participants/", draft.participant.value());
  if (!draft.unpriced.empty()) {
    const std::string& charge = draft.unpriced.begin()->first.first;
    return Error(kPriceMissing, absl::StrCat("lines of ", name, " have no price: ", charge),
                 {{"resource", name}, {"charge", charge}});
  }
  if (!basis.details.has_value()) {
    return Error(kBillingDetailsMissing, absl::StrCat(name, " has no billing details"),
                 {{"resource", name}});
  }
  const absl::Status checked = CheckDocument(draft.document);
  if (checked.ok()) return checked;
  const std::vector<FieldViolation> violations = DetailOf(checked).violations;
  const std::string field = violations.empty() ? "" : violations.front().field;
  return Error(kBillingDetailsIncomplete,
               absl::StrCat("the document of ", name, " cannot be issued: ", checked.message()),
               {{"resource", name}, {"field", field}});
}

const std::string& SeriesOf(const Issuer& issuer, DocumentKind kind) {
  return kind == DocumentKind::kInvoice ? issuer.invoice_series : issuer.self_billing_series;
}

std::optional<JournalEntry> EntryOfStatement(const Document& document,
                                             const ParticipantId& participant) {
  const bool is_invoice = document.kind == DocumentKind::kInvoice;
  const auto to_community = [&](Money amount) { return is_invoice ? amount : -amount; };
  const Money rounding = to_community(document.amounts.rounding);
  const Money tax = to_community(document.amounts.tax);
  return MakeEntry("statement", absl::StrCat("statement:", document.number), std::nullopt,
                   {{ParticipantAccount(participant), -(rounding + tax)},
                    {SystemAccount(AccountKind::kRounding), rounding},
                    {SystemAccount(AccountKind::kTax), tax}});
}

std::string ContentOfStatement(const Document& document) {
  ContentWriter content;
  content.Text("peerwatt-statement-1");
  content.Number(document.kind == DocumentKind::kInvoice ? 1 : 2);
  content.Text(document.number);
  content.Text(absl::FormatCivilTime(document.issued_on));
  content.Text(absl::FormatCivilTime(document.due_on));
  content.Text(absl::FormatCivilTime(document.month));
  content.Text(document.currency);
  content.Write(document.seller);
  content.Write(document.buyer);
  content.Text(document.pay_to.name);
  content.Text(document.pay_to.iban);
  content.Text(document.pay_to.bic);
  content.Text(document.corrects);
  content.Text(document.corrects.empty() ? ""
                                         : absl::FormatCivilTime(document.corrected_issued_on));
  content.Number(static_cast<int64_t>(document.amounts.lines.size()));
  for (const DocumentLine& line : document.amounts.lines) {
    content.Text(line.key);
    content.Text(line.description);
    content.Number(line.energy.wh());
    content.Number(line.exact.micros());
    content.Number(line.net.micros());
    content.Tax(line.tax);
  }
  content.Number(static_cast<int64_t>(document.amounts.taxes.size()));
  for (const TaxLine& line : document.amounts.taxes) {
    content.Tax(line.tax);
    content.Number(line.taxable.micros());
    content.Number(line.amount.micros());
  }
  for (const Money amount : {document.amounts.net, document.amounts.tax, document.amounts.gross,
                             document.amounts.rounding}) {
    content.Number(amount.micros());
  }
  content.Number(static_cast<int64_t>(document.days.size()));
  for (const DayEnergy& day : document.days) {
    for (const Energy energy :
         {day.from_neighbours, day.from_grid, day.to_neighbours, day.to_grid}) {
      content.Number(energy.wh());
    }
  }
  return content.Take();
}

}  // namespace peerwatt::settlement
