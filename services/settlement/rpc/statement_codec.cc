#include "services/settlement/rpc/statement_codec.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/domain/interval.h"
#include "libs/rpc/codec.h"
#include "services/settlement/core/billing/charges.h"

namespace peerwatt::settlement {
namespace {

Party PartyFrom(const v1::BillingParty& proto, std::string id) {
  return {std::move(id),       proto.display_name(), proto.street(), proto.city(),
          proto.postal_code(), proto.country_code(), proto.vat_id(), proto.tax_number()};
}

BankAccount AccountFrom(const v1::PayeeAccount& proto) {
  return {proto.holder(), proto.iban(), proto.bic()};
}

// An account that is there has an IBAN: none is said by leaving it out.
absl::Status CheckAccount(bool is_there, const v1::PayeeAccount& proto, absl::string_view field) {
  return is_there && proto.iban().empty() ? FieldInvalid(field, "must have an IBAN")
                                          : absl::OkStatus();
}

TaxClass TaxFrom(const v1::TaxClass& proto) {
  return {proto.category(), proto.rate_ppm(), proto.exemption_reason()};
}

void Encode(const Party& party, v1::BillingParty& proto) {
  proto.set_display_name(party.name);
  proto.set_street(party.street);
  proto.set_city(party.city);
  proto.set_postal_code(party.postal_code);
  proto.set_country_code(party.country);
  proto.set_vat_id(party.vat_id);
  proto.set_tax_number(party.tax_number);
}

void Encode(const BankAccount& account, v1::PayeeAccount& proto) {
  proto.set_holder(account.name);
  proto.set_iban(account.iban);
  proto.set_bic(account.bic);
}

void Encode(const TaxClass& tax, v1::TaxClass& proto) {
  proto.set_category(tax.category);
  proto.set_rate_ppm(tax.rate_ppm);
  proto.set_exemption_reason(tax.exemption_reason);
}

// What issued documents and previews have in common.
void EncodeDocument(const Document& document, v1::Statement& proto) {
  proto.set_kind(document.kind == DocumentKind::kInvoice ? v1::Statement::INVOICE
                                                         : v1::Statement::SELF_BILLED);
  proto.set_month(absl::FormatCivilTime(document.month));
  proto.set_issue_date(absl::FormatCivilTime(document.issued_on));
  proto.set_due_date(absl::FormatCivilTime(document.due_on));
  Encode(document.seller, *proto.mutable_seller());
  Encode(document.buyer, *proto.mutable_buyer());
  if (!document.pay_to.iban.empty()) Encode(document.pay_to, *proto.mutable_pay_to());
  for (size_t i = 0; i < document.days.size(); ++i) {
    const DayEnergy& day = document.days[i];
    v1::DayEnergy& encoded = *proto.add_days();
    encoded.set_date(
        absl::FormatCivilTime(absl::CivilDay(document.month) + static_cast<int64_t>(i)));
    encoded.set_from_neighbours_energy_wh(day.from_neighbours.wh());
    encoded.set_from_grid_energy_wh(day.from_grid.wh());
    encoded.set_to_neighbours_energy_wh(day.to_neighbours.wh());
    encoded.set_to_grid_energy_wh(day.to_grid.wh());
  }
}

v1::StatementLine& AddLine(const DocumentLine& line, v1::Statement& proto) {
  v1::StatementLine& encoded = *proto.add_lines();
  const std::optional<LineKind> kind = KindOfCharge(line.key);
  if (kind.has_value()) encoded.set_kind(static_cast<v1::SettlementLine::Kind>(*kind));
  encoded.set_description(line.description);
  encoded.set_energy_wh(line.energy.wh());
  Encode(line.tax, *encoded.mutable_tax());
  return encoded;
}

void SetAmounts(const DocumentLine& line, const std::string& currency, v1::StatementLine& proto) {
  *proto.mutable_exact_amount() = rpc::ToProto(line.exact, currency);
  *proto.mutable_net_amount() = rpc::ToProto(line.net, currency);
}

void SetTotals(const Document& document, v1::Statement& proto) {
  const DocumentAmounts& amounts = document.amounts;
  for (const TaxLine& line : amounts.taxes) {
    v1::StatementTax& tax = *proto.add_taxes();
    Encode(line.tax, *tax.mutable_tax());
    *tax.mutable_taxable_amount() = rpc::ToProto(line.taxable, document.currency);
    *tax.mutable_tax_amount() = rpc::ToProto(line.amount, document.currency);
  }
  *proto.mutable_net_amount() = rpc::ToProto(amounts.net, document.currency);
  *proto.mutable_tax_amount() = rpc::ToProto(amounts.tax, document.currency);
  *proto.mutable_gross_amount() = rpc::ToProto(amounts.gross, document.currency);
  *proto.mutable_rounding_amount() = rpc::ToProto(amounts.rounding, document.currency);
}

ParticipantId ParticipantOf(const Document& document) {
  return ParticipantId(document.kind == DocumentKind::kInvoice ? document.buyer.id
                                                               : document.seller.id);
}

}  // namespace

absl::StatusOr<Issuer> IssuerFrom(const v1::CreateIssuerRequest& request,
                                  const CommunityId& community) {
  const v1::Issuer& proto = request.issuer();
  Issuer issuer;
  issuer.id = request.issuer_id();
  PW_ASSIGN_OR_RETURN(issuer.starts_on, ParseDay(proto.start_date(), "issuer.start_date"));
  issuer.party = PartyFrom(proto.party(), community.value());
  PW_RETURN_IF_ERROR(CheckAccount(proto.has_account(), proto.account(), "issuer.account.iban"));
  issuer.account = AccountFrom(proto.account());
  issuer.invoice_series = proto.invoice_series();
  issuer.self_billing_series = proto.self_billing_series();
  issuer.payment_days = proto.payment_days();
  issuer.tax = TaxFrom(proto.tax());
  issuer.untaxed = proto.has_untaxed() ? TaxFrom(proto.untaxed()) : UntaxedOf(issuer.tax);
  for (const v1::Issuer::KindTax& own : proto.kind_taxes()) {
    issuer.kind_taxes.push_back({static_cast<LineKind>(own.kind()), TaxFrom(own.tax())});
  }
  PW_RETURN_IF_ERROR(CheckIssuer(issuer));
  return issuer;
}

absl::StatusOr<BillingDetails> BillingDetailsFrom(const v1::BillingDetails& proto,
                                                  const ParticipantId& participant) {
  BillingDetails details;
  details.party = PartyFrom(proto.party(), participant.value());
  PW_RETURN_IF_ERROR(
      CheckAccount(proto.has_account(), proto.account(), "billing_details.account.iban"));
  details.account = AccountFrom(proto.account());
  if (proto.has_supply_tax()) details.supply_tax = TaxFrom(proto.supply_tax());
  PW_RETURN_IF_ERROR(CheckBillingDetails(details));
  return details;
}

absl::StatusOr<DocumentKind> DocumentKindFrom(v1::Statement::Kind kind) {
  if (kind == v1::Statement::INVOICE) return DocumentKind::kInvoice;
  if (kind == v1::Statement::SELF_BILLED) return DocumentKind::kSelfBilling;
  return FieldInvalid("kind", "must be INVOICE or SELF_BILLED");
}

std::string StatementName(const ParticipantId& participant, const std::string& id) {
  return absl::StrCat("participants/", participant.value(), "/statements/", id);
}

std::string StatementLineName(const StatementLineId& line) {
  return absl::StrCat(StatementName(line.participant, line.statement), "/lines/", line.line);
}

std::string LineSegment(const LinePosition& position) {
  return absl::StrCat(TimeSegment(position.period_start), "-", position.run, "-", position.number);
}

absl::StatusOr<LinePosition> ParseLineSegment(const std::string& segment, absl::string_view field) {
  const std::vector<std::string> parts = absl::StrSplit(segment, '-');
  LinePosition position;
  if (parts.size() == 3 && absl::SimpleAtoi(parts[1], &position.run) &&
      absl::SimpleAtoi(parts[2], &position.number)) {
    const absl::StatusOr<absl::Time> start = ParseTimeSegment(parts[0]);
    if (start.ok()) {
      position.period_start = *start;
      if (LineSegment(position) == segment) return position;
    }
  }
  return FieldInvalid(field, "must end like 20260701t101500z-1-3");
}

void Encode(const CommunityId& community, const Issuer& issuer, v1::Issuer& proto) {
  proto.set_name(absl::StrCat("communities/", community.value(), "/issuers/", issuer.id));
  proto.set_start_date(absl::FormatCivilTime(issuer.starts_on));
  Encode(issuer.party, *proto.mutable_party());
  if (!issuer.account.iban.empty()) Encode(issuer.account, *proto.mutable_account());
  proto.set_invoice_series(issuer.invoice_series);
  proto.set_self_billing_series(issuer.self_billing_series);
  proto.set_payment_days(issuer.payment_days);
  Encode(issuer.tax, *proto.mutable_tax());
  Encode(issuer.untaxed, *proto.mutable_untaxed());
  for (const KindTax& own : issuer.kind_taxes) {
    v1::Issuer::KindTax& encoded = *proto.add_kind_taxes();
    encoded.set_kind(static_cast<v1::SettlementLine::Kind>(own.kind));
    Encode(own.tax, *encoded.mutable_tax());
  }
  *proto.mutable_create_time() = rpc::ToProto(issuer.created_at);
}

void Encode(const BillingDetails& details, v1::BillingDetails& proto) {
  proto.set_name(absl::StrCat("participants/", details.party.id, "/billingDetails"));
  Encode(details.party, *proto.mutable_party());
  if (!details.account.iban.empty()) Encode(details.account, *proto.mutable_account());
  if (details.supply_tax.has_value()) Encode(*details.supply_tax, *proto.mutable_supply_tax());
  *proto.mutable_update_time() = rpc::ToProto(details.updated_at);
}

void Encode(const CommunityId& community, const Statement& statement, v1::Statement& proto) {
  const Document& document = statement.document;
  EncodeDocument(document, proto);
  proto.set_name(StatementName(statement.participant, statement.id));
  proto.set_state(v1::Statement::FINAL);
  proto.set_number(document.number);
  int32_t number = 0;
  for (const DocumentLine& line : document.amounts.lines) {
    v1::StatementLine& encoded = AddLine(line, proto);
    encoded.set_name(StatementLineName({statement.participant, statement.id, ++number}));
    SetAmounts(line, document.currency, encoded);
  }
  SetTotals(document, proto);
  if (!document.corrects.empty()) {
    proto.set_corrects(
        StatementName(statement.participant, absl::AsciiStrToLower(document.corrects)));
  }
  proto.set_content_sha256(absl::BytesToHexString(statement.content_hash));
  if (statement.entry_number.has_value()) {
    proto.set_journal_entry(absl::StrCat("communities/", community.value(), "/journalEntries/",
                                         *statement.entry_number));
  }
  *proto.mutable_create_time() = rpc::ToProto(statement.created_at);
}

void Encode(const StatementDraft& draft, v1::Statement& proto) {
  const Document& document = draft.document;
  EncodeDocument(document, proto);
  proto.set_state(v1::Statement::PREVIEW);
  Energy unpriced_sum;
  for (const auto& [key, energy] : draft.unpriced) unpriced_sum += energy;
  proto.set_price_missing_energy_wh(unpriced_sum.wh());
  for (const DocumentLine& line : document.amounts.lines) {
    v1::StatementLine& encoded = AddLine(line, proto);
    const auto unpriced = draft.unpriced.find({line.key, line.tax});
    if (unpriced == draft.unpriced.end()) {
      SetAmounts(line, document.currency, encoded);
    } else {
      encoded.set_price_missing_energy_wh(unpriced->second.wh());
    }
  }
  if (draft.unpriced.empty()) SetTotals(document, proto);
  if (!document.corrects.empty()) {
    proto.set_corrects(
        StatementName(ParticipantOf(document), absl::AsciiStrToLower(document.corrects)));
  }
}

}  // namespace peerwatt::settlement
