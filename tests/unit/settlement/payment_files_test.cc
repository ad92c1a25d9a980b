// Payment files as a bank's clerk reads them, and what must not be written.

#include "services/settlement/formats/payment_files.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "libs/base/error.h"
#include "services/settlement/core/payments/bank_account.h"

namespace peerwatt::settlement {
namespace {

constexpr char kOwnIban[] = "DE89370400440532013000";
constexpr char kCreditorId[] = "DE98ZZZ09999999999";

PaymentFileHeader Header() {
  PaymentFileHeader header;
  header.message_id = "PO-2026-07-31-1";
  header.created_at = absl::FromUnixSeconds(1'785'484'800);
  header.due_on = absl::CivilDay(2026, 8, 3);
  header.own_account = {"Energiegemeinschaft Süd", kOwnIban, "COBADEFFXXX"};
  header.currency = "EUR";
  return header;
}

Payout PayoutTo(const std::string& id, int64_t cents) {
  return {id,
          {"Jörg & Söhne <KG>", "AT611904300234573201", ""},
          Money::Micros(cents * 10'000),
          "Juli 2026: 12,5 kWh"};
}

Collection CollectionFrom(const std::string& id, int64_t cents, bool is_first) {
  return {id,
          {"Ada", "FR1420041010050500013M02606", "PSSTFRPPPAR"},
          {"M-7", absl::CivilDay(2026, 1, 2), is_first},
          Money::Micros(cents * 10'000),
          ""};
}

// A file that ISO's own schema of the message found valid, to the byte.
std::string Kept(const std::string& name) {
  std::ifstream file(std::string(PW_PAYMENT_FILES) + "/" + name);
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

std::string PathOf(const absl::Status& status) {
  const ErrorDetail detail = DetailOf(status);
  return detail.violations.empty() ? "" : detail.violations[0].field;
}

TEST(IbanTest, CheckDigits) {
  // Examples of the registry of ISO 13616.
  for (const char* iban : {kOwnIban, "AT611904300234573201", "FR1420041010050500013M02606",
                           "NO9386011117947", "MT84MALT011000012345MTLCAST001S"}) {
    EXPECT_TRUE(CheckIban(iban).ok()) << iban;
  }
  for (const char* iban : {"", "DE89 3704 0044 0532 0130 00", "DE88370400440532013000",
                           "DE89370400440532013001", "de89370400440532013000", "DE8937040044",
                           "8937040044053201300000", "DE893704004405320130003704004405320"}) {
    EXPECT_EQ(ReasonOf(CheckIban(iban)), "IBAN_INVALID") << iban;
  }
  // Every single wrong digit is found.
  const std::string iban = kOwnIban;
  for (size_t i = 2; i < iban.size(); ++i) {
    std::string wrong = iban;
    wrong[i] = wrong[i] == '9' ? '0' : static_cast<char>(wrong[i] + 1);
    EXPECT_FALSE(CheckIban(wrong).ok()) << wrong;
  }
}

TEST(BicTest, Form) {
  EXPECT_TRUE(CheckBic("COBADEFF").ok());
  EXPECT_TRUE(CheckBic("COBADEFFXXX").ok());
  for (const char* bic : {"", "COBADEF", "COBADEFFXX", "C0BADEFF", "cobadeff", "COBADEFFXXX "}) {
    EXPECT_EQ(ReasonOf(CheckBic(bic)), "BIC_INVALID") << bic;
  }
}

TEST(BankTextTest, WhatBanksCarry) {
  EXPECT_EQ(BankText("Müller & Söhne", 70), "Mueller . Soehne");
  EXPECT_EQ(BankText("Straße Ø Æ", 70), "Strasse O Ae");
  EXPECT_EQ(BankText("10 € 😀 x", 70), "10 . . x");
  EXPECT_EQ(BankText("\xC3", 70), ".");
  EXPECT_EQ(BankText("a\xFF"
                     "b",
                     70),
            "a.b");
  EXPECT_EQ(BankText("ÄÄÄ", 5), "AeAeA");
}

TEST(FormatMinorTest, DecimalsOfTheCurrency) {
  EXPECT_EQ(FormatMinor(Money::Micros(12'340'000), "EUR"), "12.34");
  EXPECT_EQ(FormatMinor(Money::Micros(5'000'000), "EUR"), "5.00");
  EXPECT_EQ(FormatMinor(Money::Micros(1'000'000), "JPY"), "1");
  EXPECT_EQ(FormatMinor(Money::Micros(1'234'000), "KWD"), "1.234");
  EXPECT_EQ(FormatMinor(Money::Micros(1'230'000), "KWD"), "1.230");
  EXPECT_FALSE(IsWholeMinor(Money::Micros(12'345'000), "EUR"));
  EXPECT_FALSE(IsWholeMinor(Money::Micros(1'500'000), "JPY"));
}

TEST(CreditTransferTest, WhatTheBankReads) {
  const auto file = WriteCreditTransfers(Header(), {PayoutTo("e1", 1234), PayoutTo("e2", 5)});
  ASSERT_TRUE(file.ok()) << file.status();
  for (const char* part :
       {"xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.001.001.09\"",
        "<MsgId>PO-2026-07-31-1</MsgId>", "<CreDtTm>2026-07-31T08:00:00Z</CreDtTm>",
        "<NbOfTxs>2</NbOfTxs>", "<CtrlSum>12.39</CtrlSum>", "<Dt>2026-08-03</Dt>",
        "<Nm>Energiegemeinschaft Sued</Nm>", "<InstdAmt Ccy=\"EUR\">12.34</InstdAmt>",
        "<InstdAmt Ccy=\"EUR\">0.05</InstdAmt>", "<Nm>Joerg . Soehne .KG.</Nm>",
        "<Ustrd>Juli 2026: 12,5 kWh</Ustrd>", "<BICFI>COBADEFFXXX</BICFI>",
        "<EndToEndId>e2</EndToEndId>"}) {
    EXPECT_TRUE(absl::StrContains(*file, part)) << part << "\n" << *file;
  }
  EXPECT_FALSE(absl::StrContains(*file, "<CdtrAgt>"));
}

TEST(CreditTransferTest, ToTheByte) {
  Payout known_bank = PayoutTo("e2", 5);
  known_bank.creditor.bic = "BKAUATWW";
  known_bank.remittance.clear();
  EXPECT_EQ(*WriteCreditTransfers(Header(), {PayoutTo("e1", 1234), known_bank}),
            Kept("credit_transfer.xml"));
  PaymentFileHeader unknown_bank = Header();
  unknown_bank.own_account.bic.clear();
  unknown_bank.currency = "CHF";
  EXPECT_EQ(*WriteCreditTransfers(unknown_bank, {known_bank}), Kept("credit_transfer_chf.xml"));
}

TEST(DirectDebitTest, ToTheByte) {
  Collection unknown_bank = CollectionFrom("c2", 250, false);
  unknown_bank.debtor.bic.clear();
  unknown_bank.remittance = "July 2026";
  EXPECT_EQ(
      *WriteDirectDebits(Header(), kCreditorId, {CollectionFrom("c1", 100, true), unknown_bank}),
      Kept("direct_debit.xml"));
}

TEST(CreditTransferTest, WhatIsNotWritten) {
  struct Case {
    const char* what;
    PaymentFileHeader header;
    std::vector<Payout> payouts;
    const char* path;
  };
  std::vector<Case> cases;
  const auto add = [&](const char* what, const char* path, auto change) {
    Case wrong{what, Header(), {PayoutTo("e1", 100), PayoutTo("e2", 200)}, path};
    change(wrong);
    cases.push_back(wrong);
  };
  add("nothing to pay", "payments", [](Case& c) { c.payouts.clear(); });
  add("an id that is too long", "message_id",
      [](Case& c) { c.header.message_id = std::string(36, 'x'); });
  add("an id with a slash first", "payouts[0].end_to_end_id",
      [](Case& c) { c.payouts[0].end_to_end_id = "/e"; });
  add("an id with an umlaut", "payouts[0].end_to_end_id",
      [](Case& c) { c.payouts[0].end_to_end_id = "ä"; });
  add("an id used twice", "payouts[1].end_to_end_id",
      [](Case& c) { c.payouts[1].end_to_end_id = "e1"; });
  add("a wrong account", "payouts[1].creditor.iban",
      [](Case& c) { c.payouts[1].creditor.iban = "DE00"; });
  add("nobody's account", "payouts[0].creditor.name",
      [](Case& c) { c.payouts[0].creditor.name = " "; });
  add("a wrong own bank", "own_account.bic", [](Case& c) { c.header.own_account.bic = "X"; });
  add("nothing", "payouts[0].amount", [](Case& c) { c.payouts[0].amount = Money(); });
  add("less than nothing", "payouts[0].amount",
      [](Case& c) { c.payouts[0].amount = Money::Micros(-10'000); });
  add("half a cent", "payouts[0].amount",
      [](Case& c) { c.payouts[0].amount = Money::Micros(5'000); });
  add("more than banks carry", "payouts[0].amount",
      [](Case& c) { c.payouts[0].amount = Money::Micros(1'000'000'000'000'000); });
  add("a letter", "payouts[1].remittance",
      [](Case& c) { c.payouts[1].remittance = std::string(141, 'x'); });
  for (const Case& wrong : cases) {
    const auto file = WriteCreditTransfers(wrong.header, wrong.payouts);
    EXPECT_EQ(file.status().code(), absl::StatusCode::kInvalidArgument) << wrong.what;
    EXPECT_EQ(PathOf(file.status()), wrong.path) << wrong.what;
  }
}

TEST(DirectDebitTest, ABatchForEachSequence) {
  const auto file =
      WriteDirectDebits(Header(), kCreditorId,
                        {CollectionFrom("c1", 100, true), CollectionFrom("c2", 250, false),
                         CollectionFrom("c3", 50, false)});
  ASSERT_TRUE(file.ok()) << file.status();
  for (const char* part :
       {"pain.008.001.08", "<CtrlSum>4.00</CtrlSum>", "<CtrlSum>1.00</CtrlSum>",
        "<CtrlSum>3.00</CtrlSum>", "<SeqTp>FRST</SeqTp>", "<SeqTp>RCUR</SeqTp>",
        "<PmtInfId>PO-2026-07-31-1-F</PmtInfId>", "<PmtInfId>PO-2026-07-31-1-R</PmtInfId>",
        "<MndtId>M-7</MndtId>", "<DtOfSgntr>2026-01-02</DtOfSgntr>", "<Id>DE98ZZZ09999999999</Id>",
        "<ReqdColltnDt>2026-08-03</ReqdColltnDt>"}) {
    EXPECT_TRUE(absl::StrContains(*file, part)) << part << "\n" << *file;
  }
}

TEST(DirectDebitTest, WhatIsNotWritten) {
  PaymentFileHeader francs = Header();
  francs.currency = "CHF";
  EXPECT_EQ(PathOf(WriteDirectDebits(francs, kCreditorId, {CollectionFrom("c", 1, true)}).status()),
            "currency");
  for (const char* id : {"", "DE98", "DE97ZZZ09999999999", "DE98ZZZ0999999999\xC3"}) {
    EXPECT_EQ(PathOf(WriteDirectDebits(Header(), id, {CollectionFrom("c", 1, true)}).status()),
              "creditor_id")
        << id;
  }
  // The business code of the creditor does not count.
  EXPECT_TRUE(
      WriteDirectDebits(Header(), "DE98ABC09999999999", {CollectionFrom("c", 1, true)}).ok());
  Collection early = CollectionFrom("c", 1, true);
  early.mandate.signed_on = absl::CivilDay(2026, 8, 4);
  EXPECT_EQ(PathOf(WriteDirectDebits(Header(), kCreditorId, {early}).status()),
            "collections[0].mandate.signed_on");
}

}  // namespace
}  // namespace peerwatt::settlement
