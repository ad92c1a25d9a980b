// Bank statements as banks write them, and what becomes of their entries.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "libs/base/error.h"
#include "services/settlement/core/payments/matching.h"
#include "services/settlement/formats/bank_statement_file.h"

namespace peerwatt::settlement {
namespace {

constexpr char kIban[] = "DE89370400440532013000";

std::string Balance(absl::string_view code, absl::string_view amount,
                    absl::string_view direction = "CRDT") {
  return absl::StrCat("<Bal><Tp><CdOrPrtry><Cd>", code, "</Cd></CdOrPrtry></Tp><Amt Ccy=\"EUR\">",
                      amount, "</Amt><CdtDbtInd>", direction,
                      "</CdtDbtInd><Dt><Dt>2026-08-03</Dt></Dt></Bal>");
}

std::string Entry(absl::string_view amount, absl::string_view direction,
                  absl::string_view reference, absl::string_view details,
                  absl::string_view status = "<Sts><Cd>BOOK</Cd></Sts>") {
  return absl::StrCat("<Ntry><NtryRef>1</NtryRef><Amt Ccy=\"EUR\">", amount, "</Amt><CdtDbtInd>",
                      direction, "</CdtDbtInd>", status,
                      "<BookgDt><Dt>2026-08-03</Dt></BookgDt><AcctSvcrRef>", reference,
                      "</AcctSvcrRef><NtryDtls>", details, "</NtryDtls></Ntry>");
}

std::string Details(absl::string_view end_to_end_id, absl::string_view more = "") {
  return absl::StrCat("<TxDtls><Refs><EndToEndId>", end_to_end_id, "</EndToEndId></Refs>", more,
                      "</TxDtls>");
}

std::string File(absl::string_view statement, absl::string_view version = "08") {
  return absl::StrCat(
      "<?xml version=\"1.0\"?>\n<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.",
      version, "\"><BkToCstmrStmt><GrpHdr><MsgId>M</MsgId></GrpHdr><Stmt><Id>S1</Id>",
      "<Acct><Id><IBAN>", kIban, "</IBAN></Id><Ccy>EUR</Ccy></Acct>", statement,
      "</Stmt></BkToCstmrStmt></Document>");
}

BankStatement Only(const std::string& file) {
  absl::StatusOr<std::vector<BankStatement>> statements = ReadBankStatements(file);
  EXPECT_TRUE(statements.ok()) << statements.status();
  return statements.ok() && statements->size() == 1 ? statements->front() : BankStatement();
}

TEST(ReadBankStatementsTest, EntriesAndBalances) {
  const BankStatement statement = Only(File(absl::StrCat(
      Balance("OPBD", "100.00"), Balance("CLBD", "78.50", "CRDT"), Balance("CLAV", "1.00"),
      Entry("12.34", "DBIT", "B1",
            Details("e1",
                    "<RltdPties><Cdtr><Pty><Nm>Ada</Nm></Pty></Cdtr><CdtrAcct><Id><IBAN>"
                    "AT611904300234573201</IBAN></Id></CdtrAcct></RltdPties>"
                    "<RmtInf><Ustrd>July </Ustrd><Ustrd>2026</Ustrd></RmtInf>")),
      Entry("20.84", "CRDT", "B2",
            Details("NOTPROVIDED", "<RltdPties><Dbtr><Nm>Bob</Nm></Dbtr></RltdPties>")),
      Entry("30", "DBIT", "B3", Details("e2", "<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>")),
      Entry("9.99", "CRDT", "B4", "", "<Sts><Cd>PDNG</Cd></Sts>"))));
  EXPECT_TRUE(CheckStatement(statement, kIban, "EUR").ok());
  ASSERT_EQ(statement.entries.size(), 3u);
  const BankEntry& first = statement.entries[0];
  EXPECT_EQ(first.amount.micros(), -12'340'000);
  EXPECT_EQ(first.end_to_end_id, "e1");
  EXPECT_EQ(first.bank_reference, "B1");
  EXPECT_EQ(first.counterparty_name, "Ada");
  EXPECT_EQ(first.counterparty_iban, "AT611904300234573201");
  EXPECT_EQ(first.remittance, "July2026");
  EXPECT_EQ(first.booked_on, absl::CivilDay(2026, 8, 3));
  EXPECT_EQ(statement.entries[1].end_to_end_id, "");
  EXPECT_EQ(statement.entries[1].counterparty_name, "Bob");
  EXPECT_EQ(statement.entries[2].return_reason, "AC04");
}

TEST(ReadBankStatementsTest, OlderVersionAndDebitBalance) {
  const BankStatement statement =
      Only(File(absl::StrCat(Balance("PRCD", "5.00", "DBIT"), Balance("CLBD", "4.00", "DBIT"),
                             Entry("1.00", "CRDT", "B", Details("x"), "<Sts>BOOK</Sts>")),
                "02"));
  EXPECT_EQ(statement.opening.micros(), -5'000'000);
  EXPECT_TRUE(CheckStatement(statement, kIban, "EUR").ok());
}

TEST(ReadBankStatementsTest, CollectiveEntryBecomesItsParts) {
  const std::string parts =
      absl::StrCat(Details("c1", "<Amt Ccy=\"EUR\">1.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>"),
                   Details("c2", "<AmtDtls><TxAmt><Amt Ccy=\"EUR\">2.00</Amt></TxAmt></AmtDtls>"));
  const std::string balances = Balance("OPBD", "0.00") + Balance("CLBD", "3.00");
  const BankStatement statement = Only(File(balances + Entry("3.00", "CRDT", "B", parts)));
  ASSERT_EQ(statement.entries.size(), 2u);
  EXPECT_EQ(statement.entries[1].amount.micros(), 2'000'000);
  EXPECT_EQ(statement.entries[1].part, 1);
  const std::vector<std::string> keys = EntryKeys(statement);
  EXPECT_NE(keys[0], keys[1]);
  // Parts that say no amount stay one entry; parts that do not add up are refused.
  EXPECT_EQ(Only(File(balances + Entry("3.00", "CRDT", "B", Details("c1") + Details("c2"))))
                .entries.size(),
            1u);
  EXPECT_EQ(ReasonOf(ReadBankStatements(File(Balance("OPBD", "0.00") + Balance("CLBD", "4.00") +
                                             Entry("4.00", "CRDT", "B", parts)))
                         .status()),
            "STATEMENT_UNBALANCED");
}

TEST(ReadBankStatementsTest, WhatIsRefused) {
  const std::string balances = Balance("OPBD", "0.00") + Balance("CLBD", "1.00");
  const std::string good = File(balances + Entry("1.00", "CRDT", "B", Details("x")));
  ASSERT_TRUE(ReadBankStatements(good).ok());
  const struct {
    const char* what;
    std::string file;
  } kCases[] = {
      {"nothing", ""},
      {"no XML", "opening balance 5"},
      {"cut off", good.substr(0, good.size() - 20)},
      {"another message", absl::StrReplaceAll(good, {{"camt.053", "camt.052"}})},
      {"no namespace", absl::StrReplaceAll(good, {{" xmlns=", " xyz="}})},
      {"entities", "<!DOCTYPE x [<!ENTITY a \"b\">]>" + good.substr(good.find('\n'))},
      {"no statement",
       "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"></Document>"},
      {"no account", absl::StrReplaceAll(good, {{"IBAN", "Othr"}})},
      {"no opening balance", absl::StrReplaceAll(good, {{"OPBD", "XXXX"}})},
      {"two closing balances",
       absl::StrReplaceAll(good, {{"<Ntry>", Balance("CLBD", "2.00") + "<Ntry>"}})},
      {"neither in nor out",
       absl::StrReplaceAll(good, {{"CRDT</CdtDbtInd><Sts", "X</CdtDbtInd><Sts"}})},
      {"a negative amount",
       absl::StrReplaceAll(good, {{"\">1.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts",
                                   "\">-1.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts"}})},
      {"no number", absl::StrReplaceAll(good, {{"1.00", "1,00"}})},
      {"no date",
       absl::StrReplaceAll(good, {{"<BookgDt><Dt>2026-08-03", "<BookgDt><Dt>3.8.2026"}})},
      {"another currency within",
       absl::StrReplaceAll(good, {{"<Ntry><NtryRef>1</NtryRef><Amt Ccy=\"EUR\"",
                                   "<Ntry><NtryRef>1</NtryRef><Amt Ccy=\"USD\""}})},
      {"too deep", File(absl::StrCat(balances,
                                     [] {
                                       std::string deep;
                                       for (int i = 0; i < 40; ++i) absl::StrAppend(&deep, "<a>");
                                       for (int i = 0; i < 40; ++i) absl::StrAppend(&deep, "</a>");
                                       return deep;
                                     }()))},
      {"a long text",
       absl::StrReplaceAll(good, {{"<Id>S1</Id>", "<Id>" + std::string(5000, 'x') + "</Id>"}})},
  };
  for (const auto& wrong : kCases) {
    EXPECT_EQ(ReasonOf(ReadBankStatements(wrong.file).status()), "STATEMENT_INVALID") << wrong.what;
  }
}

TEST(CheckStatementTest, ForeignOrUnbalanced) {
  BankStatement statement;
  statement.iban = kIban;
  statement.currency = "EUR";
  statement.closing = Money::Micros(1);
  EXPECT_EQ(ReasonOf(CheckStatement(statement, kIban, "EUR")), "STATEMENT_UNBALANCED");
  EXPECT_EQ(ReasonOf(CheckStatement(statement, "AT611904300234573201", "EUR")),
            "STATEMENT_FOREIGN");
  EXPECT_EQ(ReasonOf(CheckStatement(statement, kIban, "CHF")), "STATEMENT_FOREIGN");
}

BankEntry Booked(const std::string& id, int64_t cents, const std::string& reference) {
  BankEntry entry;
  entry.bank_reference = reference;
  entry.amount = Money::Micros(cents * 10'000);
  entry.booked_on = absl::CivilDay(2026, 8, 3);
  entry.end_to_end_id = id;
  return entry;
}

BankEntry Back(BankEntry entry, const std::string& reference) {
  entry.amount = -entry.amount;
  entry.bank_reference = reference;
  entry.return_reason = "AC04";
  return entry;
}

TEST(MatchStatementTest, TheLifeOfAnOrder) {
  const BankEntry paid = Booked("e1", -500, "B1");
  const BankEntry collected = Booked("c1", 700, "B2");
  const struct {
    const char* what;
    std::vector<BankEntry> entries;
    std::vector<MatchKind> kinds;
  } kCases[] = {
      {"paid, and collected", {paid, collected}, {MatchKind::kBooked, MatchKind::kBooked}},
      {"paid and sent back", {paid, Back(paid, "B9")}, {MatchKind::kBooked, MatchKind::kReturned}},
      {"collected and reversed",
       {collected, Back(collected, "B9")},
       {MatchKind::kBooked, MatchKind::kReturned}},
      {"sent back twice",
       {paid, Back(paid, "B8"), Back(paid, "B9")},
       {MatchKind::kBooked, MatchKind::kReturned, MatchKind::kDisputed}},
      {"back before it was paid", {Back(paid, "B9")}, {MatchKind::kDisputed}},
      {"part of it back",
       {paid, Back(Booked("e1", -499, ""), "B9")},
       {MatchKind::kBooked, MatchKind::kDisputed}},
      {"another amount", {Booked("e1", -501, "B1")}, {MatchKind::kDisputed}},
      {"the wrong way", {Booked("e1", 500, "B1")}, {MatchKind::kDisputed}},
      {"paid twice by the bank",
       {paid, Booked("e1", -500, "B7")},
       {MatchKind::kBooked, MatchKind::kDisputed}},
      {"the same entry again", {paid, paid}, {MatchKind::kBooked, MatchKind::kDisputed}},
      {"a member's transfer", {Booked("", 2000, "B3")}, {MatchKind::kIncoming}},
      {"money to nobody known", {Booked("zz", -1, "B4")}, {MatchKind::kUnknownOutgoing}},
  };
  for (const auto& story : kCases) {
    BankOrders orders = {{"e1", {Money::Micros(-5'000'000)}}, {"c1", {Money::Micros(7'000'000)}}};
    absl::flat_hash_set<std::string> seen;
    BankStatement statement;
    statement.iban = kIban;
    statement.entries = story.entries;
    const std::vector<Match> matches = MatchStatement(statement, orders, seen);
    ASSERT_EQ(matches.size(), story.kinds.size());
    for (size_t i = 0; i < matches.size(); ++i) {
      EXPECT_EQ(matches[i].kind, story.kinds[i]) << story.what << ", entry " << i;
      EXPECT_EQ(matches[i].dispute.empty(), matches[i].kind != MatchKind::kDisputed);
    }
    // The same statement again, and one that overlaps, change nothing.
    const BankOrders before = orders;
    for (const Match& match : MatchStatement(statement, orders, seen)) {
      EXPECT_EQ(match.kind, MatchKind::kDuplicate) << story.what;
    }
    for (const auto& [id, order] : before) {
      EXPECT_EQ(orders.at(id).booked, order.booked);
      EXPECT_EQ(orders.at(id).returned, order.returned);
    }
  }
}

TEST(MatchStatementTest, AReferenceUsedTwiceIsTwoEntries) {
  BankOrders orders;
  absl::flat_hash_set<std::string> seen;
  BankStatement statement;
  statement.iban = kIban;
  statement.entries = {Booked("", 100, "NONREF"), Booked("", 200, "NONREF"),
                       Booked("", 100, "NONREF")};
  for (const Match& match : MatchStatement(statement, orders, seen)) {
    EXPECT_EQ(match.kind, MatchKind::kIncoming);
  }
  EXPECT_EQ(seen.size(), 3u);
}

}  // namespace
}  // namespace peerwatt::settlement
