// Invoices as files: to the byte, and what cannot be issued.

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "libs/base/error.h"
#include "services/settlement/formats/document_text.h"
#include "services/settlement/formats/pdf_document.h"
#include "services/settlement/formats/ubl_document.h"

namespace peerwatt::settlement {
namespace {

constexpr char kFonts[] = "/usr/share/fonts/truetype/dejavu";
const TaxClass kStandard = {"S", 200'000, ""};

Document July() {
  Document document;
  document.number = "R2026-000042";
  document.issued_on = absl::CivilDay(2026, 8, 5);
  document.due_on = absl::CivilDay(2026, 8, 19);
  document.month = absl::CivilMonth(2026, 7);
  document.currency = "EUR";
  document.seller = {
      "sued", "Energiegemeinschaft Süd", "Hauptplatz 1", "Graz", "8010", "AT", "ATU12345675", ""};
  document.buyer = {"haushalt-7", "Haushalt <7> & Co", "Feldweg 3", "Graz", "8020", "AT", "", ""};
  document.pay_to = {"Energiegemeinschaft Süd", "AT611904300234573201", "BKAUATWW"};
  document.amounts = AmountsOf(
      {{"purchase", "Bought from neighbours", Energy::WattHours(81'500), Money::Micros(14'670'123),
        kStandard},
       {"retail", "Bought from the grid", Energy::WattHours(120'250), Money::Micros(36'075'000),
        kStandard},
       {"network", "Network fee", Energy::WattHours(81'500), Money::Micros(2'037'500), kStandard},
       {"subscription", "Subscription", Energy(), Money::Micros(4'500'000), kStandard},
       {"deposit",
        "Deposit",
        Energy(),
        Money::Micros(1'000'000),
        {"E", 0, "Exempt: a deposit is no supply"}}},
      {}, "EUR");
  for (int day = 0; day < 31; ++day) {
    document.days.push_back({Energy::WattHours(1'500 + 97 * day),
                             Energy::WattHours(5'200 - 91 * day), Energy::WattHours(day % 3 * 900),
                             Energy::WattHours(day % 4 * 700)});
  }
  return document;
}

Document Correction() {
  Document document = July();
  Billed billed;
  AddTo(billed, document.amounts);
  document.number = "R2026-000057";
  document.corrects = "R2026-000042";
  document.corrected_issued_on = absl::CivilDay(2026, 8, 5);
  document.issued_on = absl::CivilDay(2026, 9, 4);
  // One line falls, one was at a negative price, two stay away.
  document.amounts = AmountsOf(
      {{"purchase", "Bought from neighbours", Energy::WattHours(80'500), Money::Micros(14'490'123),
        kStandard},
       {"retail", "Bought from the grid", Energy::WattHours(121'250), Money::Micros(36'015'000),
        kStandard},
       {"network", "Network fee", Energy::WattHours(81'500), Money::Micros(2'037'500), kStandard}},
      billed, "EUR");
  return document;
}

Document SelfBilled() {
  Document document = July();
  document.kind = DocumentKind::kSelfBilling;
  document.number = "G2026-000007";
  std::swap(document.seller, document.buyer);
  document.seller.tax_number = "68 123/4567";
  document.pay_to = {};
  document.amounts = AmountsOf({{"sale",
                                 "Sold to neighbours",
                                 Energy::WattHours(40'000),
                                 Money::Micros(7'200'000),
                                 {"E", 0, "Small business, no VAT"}}},
                               {}, "EUR");
  return document;
}

std::string Kept(const std::string& name) {
  std::ifstream file(std::string(PW_DOCUMENT_FILES) + "/" + name);
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

// The kept files were found valid by UBL's schema and by the rules of EN 16931.
TEST(UblTest, ToTheByte) {
  EXPECT_EQ(*WriteUbl(July()), Kept("invoice.xml"));
  EXPECT_EQ(*WriteUbl(Correction()), Kept("corrected_invoice.xml"));
  EXPECT_EQ(*WriteUbl(SelfBilled()), Kept("self_billed_invoice.xml"));
}

TEST(CsvTest, ToTheByte) {
  EXPECT_EQ(WriteDocumentCsv(SelfBilled()),
            "document,kind,key,description,energy_kwh,tax_category,tax_percent,amount,currency\r\n"
            "G2026-000007,charge,sale,\"Sold to neighbours\",40.000,E,0,7.20,EUR\r\n"
            "G2026-000007,tax,,\"Small business, no VAT\",,E,0,0.00,EUR\r\n"
            "G2026-000007,net,,\"\",,,,7.20,EUR\r\n"
            "G2026-000007,total,,\"\",,,,7.20,EUR\r\n");
}

TEST(PdfTest, SameBytesForTheSameDocument) {
  const PdfWriter writer(kFonts);
  const absl::StatusOr<std::string> first = writer.Write(July());
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE(absl::StartsWith(*first, "%PDF-1."));
  EXPECT_GT(first->size(), 10'000u);
  EXPECT_EQ(*first, *writer.Write(July()));
  EXPECT_NE(*first, *writer.Write(Correction()));
  Document preview = July();
  preview.number.clear();
  EXPECT_TRUE(writer.Write(preview).ok());
}

TEST(PdfTest, ManyLinesTakeSeveralPages) {
  Document document = July();
  std::vector<Charge> charges;
  for (int i = 0; i < 120; ++i) {
    charges.push_back({"c" + std::to_string(1000 + i), "Charge", Energy::WattHours(1'000 + i),
                       Money::Micros(250'000), kStandard});
  }
  document.amounts = AmountsOf(charges, {}, "EUR");
  const absl::StatusOr<std::string> pdf = PdfWriter(kFonts).Write(document);
  ASSERT_TRUE(pdf.ok()) << pdf.status();
  EXPECT_TRUE(absl::StrContains(*pdf, "/Count 4"));
}

TEST(PdfTest, WithoutFontsNothingIsDrawn) {
  EXPECT_EQ(PdfWriter("/nowhere").Write(July()).status().code(), absl::StatusCode::kInternal);
}

TEST(CheckDocumentTest, WhatCannotBeIssued) {
  const struct {
    const char* field;
    void (*change)(Document&);
  } kCases[] = {
      {"seller.id", [](Document& d) { d.seller.id.clear(); }},
      {"seller.name", [](Document& d) { d.seller.name.clear(); }},
      {"buyer.country", [](Document& d) { d.buyer.country = "Austria"; }},
      {"seller.vat_id", [](Document& d) { d.seller.vat_id.clear(); }},
      {"currency", [](Document& d) { d.currency = "euro"; }},
      {"iban", [](Document& d) { d.pay_to.iban = "AT00"; }},
      {"lines", [](Document& d) { d.amounts.lines.clear(); }},
      {"tax.category", [](Document& d) { d.amounts.lines[0].tax.category = "X"; }},
      {"tax.rate_ppm", [](Document& d) { d.amounts.lines[1].tax.rate_ppm = 0; }},
      {"tax.exemption_reason", [](Document& d) { d.amounts.lines[0].tax.exemption_reason = ""; }},
      {"buyer.vat_id",
       [](Document& d) {
         d.amounts.lines[0].tax = {"AE", 0, "Reverse charge"};
       }},
  };
  for (const auto& wrong : kCases) {
    Document document = July();
    ASSERT_TRUE(CheckDocument(document).ok());
    ASSERT_EQ(document.amounts.lines[0].key, "deposit");
    wrong.change(document);
    for (const absl::Status& status :
         {WriteUbl(document).status(), PdfWriter(kFonts).Write(document).status()}) {
      const ErrorDetail detail = DetailOf(status);
      ASSERT_EQ(detail.violations.size(), 1u) << wrong.field;
      EXPECT_EQ(detail.violations[0].field, wrong.field);
    }
  }
  Document preview = July();
  preview.number.clear();
  EXPECT_EQ(DetailOf(WriteUbl(preview).status()).violations[0].field, "number");
}

}  // namespace
}  // namespace peerwatt::settlement
