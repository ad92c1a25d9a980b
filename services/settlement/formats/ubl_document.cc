#include "services/settlement/formats/ubl_document.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "services/settlement/formats/document_text.h"
#include "services/settlement/formats/xml_writer.h"

namespace peerwatt::settlement {
namespace {

// UNTDID 4461.
constexpr absl::string_view kSepaTransfer = "58";
constexpr absl::string_view kClearingBetweenPartners = "97";

// Writes the parts of one document.
class Writer {
 public:
  explicit Writer(const Document& document) : document_(document) {}

  std::string Write() {
    const std::string schema = "urn:oasis:names:specification:ubl:schema:xsd:";
    xml_.Open("Invoice", {{"xmlns", absl::StrCat(schema, "Invoice-2")},
                          {"xmlns:cac", absl::StrCat(schema, "CommonAggregateComponents-2")},
                          {"xmlns:cbc", absl::StrCat(schema, "CommonBasicComponents-2")}});
    WriteHead();
    WriteReference();
    WriteParty("cac:AccountingSupplierParty", document_.seller);
    WriteParty("cac:AccountingCustomerParty", document_.buyer);
    WritePaymentMeans();
    WriteTaxes();
    WriteTotals();
    for (size_t i = 0; i < document_.amounts.lines.size(); ++i) {
      WriteLine(i + 1, document_.amounts.lines[i]);
    }
    xml_.Close();
    return xml_.Take();
  }

 private:
  void Text(absl::string_view name, absl::string_view text) { xml_.Text(name, text); }
  void Amount(absl::string_view name, Money amount) {
    xml_.Text(name, FormatMinor(amount, document_.currency), {{"currencyID", document_.currency}});
  }

  // One text within elements that hold nothing else.
  void Nested(std::initializer_list<absl::string_view> outer, absl::string_view name,
              absl::string_view text) {
    for (const absl::string_view element : outer) {
      xml_.Open(element);
    }
    xml_.Text(name, text);
    for (size_t i = 0; i < outer.size(); ++i) {
      xml_.Close();
    }
  }

  void WriteHead() {
    Text("cbc:CustomizationID", "urn:cen.eu:en16931:2017");
    Text("cbc:ID", document_.number);
    Text("cbc:IssueDate", absl::FormatCivilTime(document_.issued_on));
    Text("cbc:DueDate", absl::FormatCivilTime(document_.due_on));
    Text("cbc:InvoiceTypeCode", document_.kind == DocumentKind::kSelfBilling ? "389"
                                : document_.corrects.empty()                 ? "380"
                                                                             : "384");
    Text("cbc:DocumentCurrencyCode", document_.currency);
    xml_.Open("cac:InvoicePeriod");
    Text("cbc:StartDate", absl::FormatCivilTime(FirstDay(document_)));
    Text("cbc:EndDate", absl::FormatCivilTime(LastDay(document_)));
    xml_.Close();
  }

  void WriteReference() {
    if (document_.corrects.empty()) {
      return;
    }
    xml_.Open("cac:BillingReference");
    xml_.Open("cac:InvoiceDocumentReference");
    Text("cbc:ID", document_.corrects);
    Text("cbc:IssueDate", absl::FormatCivilTime(document_.corrected_issued_on));
    xml_.Close();
    xml_.Close();
  }

  void Optional(absl::string_view name, absl::string_view text) {
    if (!text.empty()) {
      Text(name, text);
    }
  }

  void WriteTaxId(absl::string_view id, absl::string_view scheme) {
    if (id.empty()) {
      return;
    }
    xml_.Open("cac:PartyTaxScheme");
    Text("cbc:CompanyID", id);
    Nested({"cac:TaxScheme"}, "cbc:ID", scheme);
    xml_.Close();
  }

  void WriteParty(absl::string_view role, const Party& party) {
    xml_.Open(role);
    xml_.Open("cac:Party");
    Nested({"cac:PartyIdentification"}, "cbc:ID", party.id);
    xml_.Open("cac:PostalAddress");
    Optional("cbc:StreetName", party.street);
    Optional("cbc:CityName", party.city);
    Optional("cbc:PostalZone", party.postal_code);
    Nested({"cac:Country"}, "cbc:IdentificationCode", party.country);
    xml_.Close();
    WriteTaxId(party.vat_id, "VAT");
    // A buyer's tax number has no place there.
    WriteTaxId(&party == &document_.seller ? party.tax_number : "", "FC");
    Nested({"cac:PartyLegalEntity"}, "cbc:RegistrationName", party.name);
    xml_.Close();
    xml_.Close();
  }

  void WritePaymentMeans() {
    const BankAccount& account = document_.pay_to;
    xml_.Open("cac:PaymentMeans");
    Text("cbc:PaymentMeansCode", account.iban.empty() ? kClearingBetweenPartners : kSepaTransfer);
    if (!account.iban.empty()) {
      xml_.Open("cac:PayeeFinancialAccount");
      Text("cbc:ID", account.iban);
      Text("cbc:Name", account.name);
      if (!account.bic.empty()) {
        Nested({"cac:FinancialInstitutionBranch"}, "cbc:ID", account.bic);
      }
      xml_.Close();
    }
    xml_.Close();
  }

  // What is outside the scope of VAT has no rate.
  void WriteRate(const TaxClass& tax) {
    Text("cbc:ID", tax.category);
    if (tax.category != "O") {
      Text("cbc:Percent", Percent(tax.rate_ppm));
    }
  }

  void WriteTaxes() {
    xml_.Open("cac:TaxTotal");
    Amount("cbc:TaxAmount", document_.amounts.tax);
    for (const TaxLine& line : document_.amounts.taxes) {
      xml_.Open("cac:TaxSubtotal");
      Amount("cbc:TaxableAmount", line.taxable);
      Amount("cbc:TaxAmount", line.amount);
      xml_.Open("cac:TaxCategory");
      WriteRate(line.tax);
      Optional("cbc:TaxExemptionReason", line.tax.exemption_reason);
      Nested({"cac:TaxScheme"}, "cbc:ID", "VAT");
      xml_.Close();
      xml_.Close();
    }
    xml_.Close();
  }

  void WriteTotals() {
    xml_.Open("cac:LegalMonetaryTotal");
    Amount("cbc:LineExtensionAmount", document_.amounts.net);
    Amount("cbc:TaxExclusiveAmount", document_.amounts.net);
    Amount("cbc:TaxInclusiveAmount", document_.amounts.gross);
    Amount("cbc:PayableAmount", document_.amounts.gross);
    xml_.Close();
  }

  void WriteLine(size_t number, const DocumentLine& line) {
    const bool is_energy = line.energy != Energy();
    const bool is_turned =
        is_energy && (line.energy < Energy()) != (line.net < Money()) && line.net != Money();
    xml_.Open("cac:InvoiceLine");
    Text("cbc:ID", absl::StrCat(number));
    if (is_turned) {
      Text("cbc:Note", absl::StrCat(KilowattHours(line.energy), " kWh at ", UnitPrice(line), " ",
                                    document_.currency, " per kWh"));
    }
    // One piece, of which there is one less when money comes back.
    const std::string quantity = is_energy ? KilowattHours(is_turned ? -line.energy : line.energy)
                                           : (line.net < Money() ? "-1" : "1");
    xml_.Text("cbc:InvoicedQuantity", quantity, {{"unitCode", is_energy ? "KWH" : "C62"}});
    Amount("cbc:LineExtensionAmount", line.net);
    xml_.Open("cac:Item");
    Text("cbc:Name", line.description);
    xml_.Open("cac:ClassifiedTaxCategory");
    WriteRate(line.tax);
    Nested({"cac:TaxScheme"}, "cbc:ID", "VAT");
    xml_.Close();
    xml_.Close();
    xml_.Open("cac:Price");
    std::string price = UnitPrice(line);
    if (!is_energy) {
      price = FormatMinor(line.net < Money() ? -line.net : line.net, document_.currency);
    }
    xml_.Text("cbc:PriceAmount", absl::StripPrefix(price, "-"),
              {{"currencyID", document_.currency}});
    xml_.Close();
    xml_.Close();
  }

  const Document& document_;
  XmlWriter xml_;
};

}  // namespace

absl::StatusOr<std::string> WriteUbl(const Document& document) {
  PW_RETURN_IF_ERROR(CheckDocument(document));
  if (document.number.empty()) {
    return FieldInvalid("number", "must be given: previews are not exchanged");
  }
  return Writer(document).Write();
}

}  // namespace peerwatt::settlement
