#include "services/settlement/storage/statement_rows.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/postgres/codec.h"
#include "services/settlement/core/billing/charges.h"
#include "services/settlement/storage/statement_queries.h"

namespace peerwatt::settlement {
namespace {

using postgres::Exec;
using postgres::Int32From;
using postgres::Int64From;
using postgres::TextArrayFrom;
using postgres::TextFrom;
using postgres::TimeFrom;
using postgres::ToSql;
using postgres::ToSqlArray;

// The kinds under which an issuer keeps the class of all others, and of what is not taxable.
constexpr int32_t kAllKinds = 0;
constexpr int32_t kUntaxedKind = -1;

Money MoneyFrom(const pqxx::row& row, const char* column) {
  return Money::Micros(Int64From(row[column]));
}

// Names come with an id or without.
Party PartyFrom(const pqxx::field& field) {
  const std::vector<std::string> texts = TextArrayFrom(field);
  PW_CHECK(texts.size() == 7 || texts.size() == 8, "a party has seven texts, and an id or none");
  const size_t at = texts.size() - 7;
  return {at == 0 ? std::string() : texts[0],
          texts[at],
          texts[at + 1],
          texts[at + 2],
          texts[at + 3],
          texts[at + 4],
          texts[at + 5],
          texts[at + 6]};
}

BankAccount AccountFrom(const pqxx::field& field) {
  const std::vector<std::string> texts = TextArrayFrom(field);
  PW_CHECK(texts.size() == 3, "an account has three texts");
  return {texts[0], texts[1], texts[2]};
}

// The columns of an issuer's taxes.
struct TaxColumns {
  void Add(int32_t kind, const TaxClass& tax) {
    kinds.push_back(kind);
    categories.push_back(tax.category);
    rates.push_back(tax.rate_ppm);
    reasons.push_back(tax.exemption_reason);
  }
  std::vector<int32_t> kinds;
  std::vector<std::string> categories;
  std::vector<int64_t> rates;
  std::vector<std::string> reasons;
};

// The columns of the lines of several statements.
struct LineColumns {
  std::vector<std::string> statements, keys, descriptions, categories, reasons, day_keys;
  std::vector<int32_t> numbers, kinds;
  std::vector<int64_t> energies, exacts, nets, rates;
};

void AddLines(const NumberedDraft& numbered, LineColumns& columns) {
  int32_t number = 0;
  for (const DocumentLine& line : numbered.statement.document.amounts.lines) {
    const std::optional<LineKind> kind = KindOfCharge(line.key);
    PW_CHECK(kind.has_value(), "a charge has a kind");
    const auto days = numbered.draft->day_keys.find({line.key, line.tax});
    columns.statements.push_back(numbered.statement.id);
    columns.numbers.push_back(++number);
    columns.keys.push_back(line.key);
    columns.kinds.push_back(static_cast<int32_t>(*kind));
    columns.descriptions.push_back(line.description);
    columns.energies.push_back(line.energy.wh());
    columns.exacts.push_back(line.exact.micros());
    columns.nets.push_back(line.net.micros());
    columns.categories.push_back(line.tax.category);
    columns.rates.push_back(line.tax.rate_ppm);
    columns.reasons.push_back(line.tax.exemption_reason);
    columns.day_keys.push_back(
        ToSqlArray(days == numbered.draft->day_keys.end() ? std::vector<int32_t>() : days->second));
  }
}

void InsertTaxes(pqxx::work& tx, const CommunityId& community,
                 const std::vector<NumberedDraft>& drafts) {
  std::vector<std::string> statements, categories, reasons;
  std::vector<int32_t> numbers;
  std::vector<int64_t> rates, taxables, amounts;
  for (const NumberedDraft& numbered : drafts) {
    int32_t number = 0;
    for (const TaxLine& line : numbered.statement.document.amounts.taxes) {
      statements.push_back(numbered.statement.id);
      numbers.push_back(++number);
      categories.push_back(line.tax.category);
      rates.push_back(line.tax.rate_ppm);
      reasons.push_back(line.tax.exemption_reason);
      taxables.push_back(line.taxable.micros());
      amounts.push_back(line.amount.micros());
    }
  }
  Exec(tx, kInsertStatementTaxes, community.value(), ToSqlArray(statements), ToSqlArray(numbers),
       ToSqlArray(categories), ToSqlArray(rates), ToSqlArray(reasons), ToSqlArray(taxables),
       ToSqlArray(amounts));
}

std::string ToSqlDays(const std::vector<DayEnergy>& days) {
  std::vector<int64_t> sums;
  for (const DayEnergy& day : days) {
    for (const Energy energy :
         {day.from_neighbours, day.from_grid, day.to_neighbours, day.to_grid}) {
      sums.push_back(energy.wh());
    }
  }
  return ToSqlArray(sums);
}

Statement HeadFrom(const pqxx::row& row) {
  Statement statement;
  statement.id = TextFrom(row["statement_id"]);
  statement.participant = ParticipantId(TextFrom(row["participant_id"]));
  statement.content_hash = postgres::BytesFrom(row["content_hash"]);
  statement.entry_number = postgres::OptionalInt64From(row["entry_no"]);
  statement.created_at = TimeFrom(row["created_at"]);
  Document& document = statement.document;
  document.kind = Int32From(row["kind"]) == 1 ? DocumentKind::kInvoice : DocumentKind::kSelfBilling;
  document.number = TextFrom(row["number"]);
  document.issued_on = DayFrom(row["issued_on"]);
  document.due_on = DayFrom(row["due_on"]);
  document.month = absl::CivilMonth(DayFrom(row["month"]));
  document.currency = TextFrom(row["currency_code"]);
  document.seller = PartyFrom(row["seller"]);
  document.buyer = PartyFrom(row["buyer"]);
  document.pay_to = AccountFrom(row["pay_to"]);
  document.corrects = TextFrom(row["corrects"]);
  if (!document.corrects.empty()) {
    document.corrected_issued_on = DayFrom(row["corrected_issued_on"]);
  }
  document.amounts.net = MoneyFrom(row, "net_micros");
  document.amounts.tax = MoneyFrom(row, "tax_micros");
  document.amounts.gross = MoneyFrom(row, "gross_micros");
  document.amounts.rounding = MoneyFrom(row, "rounding_micros");
  const std::vector<int64_t> sums = postgres::Int64ArrayFrom(row["days_wh"]);
  for (size_t i = 0; i + 3 < sums.size(); i += 4) {
    document.days.push_back({Energy::WattHours(sums[i]), Energy::WattHours(sums[i + 1]),
                             Energy::WattHours(sums[i + 2]), Energy::WattHours(sums[i + 3])});
  }
  return statement;
}

}  // namespace

std::string ToSqlDay(absl::CivilDay day) { return absl::FormatCivilTime(day); }

std::string ToSqlParty(const Party& party, bool with_id) {
  std::vector<std::string> texts;
  if (with_id) texts.push_back(party.id);
  for (const std::string* text : {&party.name, &party.street, &party.city, &party.postal_code,
                                  &party.country, &party.vat_id, &party.tax_number}) {
    texts.push_back(*text);
  }
  return ToSqlArray(texts);
}

std::string ToSqlAccount(const BankAccount& account) {
  return ToSqlArray(std::vector<std::string>{account.name, account.iban, account.bic});
}

Issuer IssuerFrom(const pqxx::row& row, const CommunityId& community) {
  Issuer issuer;
  issuer.id = TextFrom(row["issuer_id"]);
  issuer.starts_on = DayFrom(row["starts_on"]);
  issuer.party = PartyFrom(row["party"]);
  issuer.party.id = community.value();
  issuer.account = AccountFrom(row["account"]);
  issuer.invoice_series = TextFrom(row["invoice_series"]);
  issuer.self_billing_series = TextFrom(row["self_billing_series"]);
  issuer.payment_days = Int32From(row["payment_days"]);
  issuer.created_at = TimeFrom(row["created_at"]);
  const std::vector<int64_t> kinds = postgres::Int64ArrayFrom(row["tax_kinds"]);
  const std::vector<std::string> categories = TextArrayFrom(row["tax_categories"]);
  const std::vector<int64_t> rates = postgres::Int64ArrayFrom(row["tax_rates_ppm"]);
  const std::vector<std::string> reasons = TextArrayFrom(row["tax_exemption_reasons"]);
  for (size_t i = 0; i < kinds.size(); ++i) {
    const TaxClass tax{categories.at(i), rates.at(i), reasons.at(i)};
    if (kinds[i] == kAllKinds) {
      issuer.tax = tax;
    } else if (kinds[i] == kUntaxedKind) {
      issuer.untaxed = tax;
    } else {
      issuer.kind_taxes.push_back({static_cast<LineKind>(kinds[i]), tax});
    }
  }
  return issuer;
}

bool InsertIssuer(pqxx::work& tx, const CommunityId& community, const Issuer& issuer) {
  TaxColumns taxes;
  taxes.Add(kAllKinds, issuer.tax);
  taxes.Add(kUntaxedKind, issuer.untaxed);
  for (const KindTax& own : issuer.kind_taxes) taxes.Add(static_cast<int32_t>(own.kind), own.tax);
  return Exec(tx, kInsertIssuer, community.value(), ToSqlDay(issuer.starts_on), issuer.id,
              ToSqlParty(issuer.party, false), ToSqlAccount(issuer.account), issuer.invoice_series,
              issuer.self_billing_series, issuer.payment_days, ToSqlArray(taxes.kinds),
              ToSqlArray(taxes.categories), ToSqlArray(taxes.rates), ToSqlArray(taxes.reasons),
              ToSql(issuer.created_at))
             .affected_rows() == 1;
}

BillingDetails BillingDetailsFrom(const pqxx::row& row) {
  BillingDetails details;
  details.party = PartyFrom(row["party"]);
  details.party.id = TextFrom(row["participant_id"]);
  details.account = AccountFrom(row["account"]);
  const std::vector<std::string> tax = TextArrayFrom(row["supply_tax"]);
  if (!tax.empty()) {
    details.supply_tax = TaxClass{tax.at(0), Int64From(row["supply_tax_rate_ppm"]), tax.at(1)};
  }
  details.updated_at = TimeFrom(row["updated_at"]);
  return details;
}

void InsertBillingDetails(pqxx::work& tx, const CommunityId& community,
                          const BillingDetails& details, int32_t version) {
  std::vector<std::string> tax;
  if (details.supply_tax.has_value()) {
    tax = {details.supply_tax->category, details.supply_tax->exemption_reason};
  }
  Exec(tx, kInsertBillingDetails, community.value(), details.party.id, version,
       ToSqlParty(details.party, false), ToSqlAccount(details.account), ToSqlArray(tax),
       details.supply_tax.has_value() ? details.supply_tax->rate_ppm : int64_t{0},
       ToSql(details.updated_at));
}

TaxClass TaxClassFrom(const pqxx::row& row) {
  return {TextFrom(row["tax_category"]), Int64From(row["tax_rate_ppm"]),
          TextFrom(row["tax_exemption_reason"])};
}

void InsertStatements(pqxx::work& tx, const CommunityId& community, const std::string& request_id,
                      const std::vector<NumberedDraft>& drafts) {
  LineColumns lines;
  for (const NumberedDraft& numbered : drafts) {
    const Statement& statement = numbered.statement;
    const Document& document = statement.document;
    std::optional<std::string> corrected_on;
    if (!document.corrects.empty()) corrected_on = ToSqlDay(document.corrected_issued_on);
    Exec(tx, kInsertStatement, community.value(), statement.id, statement.participant.value(),
         document.kind == DocumentKind::kInvoice ? 1 : 2, ToSqlDay(absl::CivilDay(document.month)),
         numbered.sequence_no, numbered.series, static_cast<int32_t>(document.issued_on.year()),
         numbered.serial_no, document.number, request_id, ToSqlDay(document.issued_on),
         ToSqlDay(document.due_on), document.currency, ToSqlParty(document.seller, true),
         ToSqlParty(document.buyer, true), ToSqlAccount(document.pay_to), document.corrects,
         corrected_on, document.amounts.net.micros(), document.amounts.tax.micros(),
         document.amounts.gross.micros(), document.amounts.rounding.micros(),
         ToSqlDays(document.days), postgres::ToSqlBytes(statement.content_hash),
         statement.entry_number, ToSql(statement.created_at));
    AddLines(numbered, lines);
  }
  Exec(tx, kInsertStatementLines, community.value(), ToSqlArray(lines.statements),
       ToSqlArray(lines.numbers), ToSqlArray(lines.keys), ToSqlArray(lines.kinds),
       ToSqlArray(lines.descriptions), ToSqlArray(lines.energies), ToSqlArray(lines.exacts),
       ToSqlArray(lines.nets), ToSqlArray(lines.categories), ToSqlArray(lines.rates),
       ToSqlArray(lines.reasons), ToSqlArray(lines.day_keys));
  InsertTaxes(tx, community, drafts);
}

std::vector<Statement> StatementsFrom(pqxx::work& tx, const CommunityId& community,
                                      const pqxx::result& rows) {
  std::vector<Statement> statements;
  std::map<std::string, size_t> places;
  std::vector<std::string> ids;
  for (const auto& row : rows) {
    statements.push_back(HeadFrom(row));
    places[statements.back().id] = statements.size() - 1;
    ids.push_back(statements.back().id);
  }
  const auto amounts_of = [&](const pqxx::row& row) -> DocumentAmounts& {
    return statements[places.at(TextFrom(row["statement_id"]))].document.amounts;
  };
  for (const auto& row : Exec(tx, kListStatementLines, community.value(), ToSqlArray(ids))) {
    amounts_of(row).lines.push_back({TextFrom(row["charge_key"]), TextFrom(row["description"]),
                                     Energy::WattHours(Int64From(row["energy_wh"])),
                                     MoneyFrom(row, "exact_micros"), MoneyFrom(row, "net_micros"),
                                     TaxClassFrom(row)});
  }
  for (const auto& row : Exec(tx, kListStatementTaxes, community.value(), ToSqlArray(ids))) {
    amounts_of(row).taxes.push_back(
        {TaxClassFrom(row), MoneyFrom(row, "taxable_micros"), MoneyFrom(row, "amount_micros")});
  }
  return statements;
}

}  // namespace peerwatt::settlement
