// Issuing statements: numbers, corrections, what the ledger gets, what is refused.

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>

#include "services/settlement/formats/ubl_document.h"
#include "tests/postgres/settlement/statement_fixture.h"

namespace peerwatt::settlement {
namespace {

using StatementsTest = StatementTest;

constexpr DocumentKind kInvoice = DocumentKind::kInvoice;
constexpr DocumentKind kSelfBilling = DocumentKind::kSelfBilling;

int64_t Cents(Money amount) {
  EXPECT_EQ(amount.micros() % 10'000, 0);
  return amount.micros() / 10'000;
}

TEST_F(StatementsTest, AnInvoiceIsNumberedRoundedAndPosted) {
  SettleJuly();
  Describe("ada");
  const int64_t before = BalanceOf("ada");
  const auto issued = Issue("r1", kInvoice, {"ada"});
  ASSERT_TRUE(issued.ok()) << issued.status();
  ASSERT_EQ(issued->size(), 1U);
  const Statement& statement = issued->front();
  EXPECT_EQ(statement.document.number, "R2026-000001");
  EXPECT_EQ(statement.id, "r2026-000001");
  EXPECT_EQ(statement.document.issued_on, absl::CivilDay(2026, 8, 2));
  EXPECT_EQ(statement.document.due_on, statement.document.issued_on + 14);
  EXPECT_EQ(statement.document.buyer.name, "Mr. ada");
  EXPECT_EQ(statement.document.seller.id, "hamlet");
  const DocumentAmounts& amounts = statement.document.amounts;
  ASSERT_EQ(amounts.lines.size(), 3U);
  EXPECT_EQ(amounts.lines[0].key, "network-fee");
  EXPECT_EQ(Cents(amounts.lines[0].net), 1);
  EXPECT_EQ(amounts.lines[1].key, "purchase");
  EXPECT_EQ(Cents(amounts.lines[1].net), 10);
  EXPECT_EQ(amounts.lines[2].key, "retail");
  EXPECT_EQ(amounts.lines[2].energy.wh(), 3000);
  EXPECT_EQ(Cents(amounts.lines[2].net), 90);
  EXPECT_EQ(Cents(amounts.net), 101);
  EXPECT_EQ(Cents(amounts.tax), 20) << "20 % of 1.01";
  EXPECT_EQ(amounts.rounding.micros(), 1'010'000 - 1'010'008);
  // The account owes what the invoice says, and the office gets its tax.
  EXPECT_EQ(BalanceOf("ada"), before - (1'010'000 - 1'010'008) - 200'000);
  EXPECT_EQ(BalanceOf("ada"), -1'210'000);
  const auto tax = books_.FindAccount(community_, SystemAccount(AccountKind::kTax));
  ASSERT_TRUE(tax.ok() && tax->has_value());
  EXPECT_EQ((*tax)->balance.micros(), 200'000);
  const auto entries = Entries(community_, *statement.entry_number - 1);
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].entry.kind, "statement");
  EXPECT_EQ(entries[0].entry.idempotency_key, "statement:R2026-000001");
  EXPECT_TRUE(WriteUbl(statement.document).ok());

  const auto kept = statements_.GetStatement(community_, ParticipantId("ada"), statement.id);
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_EQ(ContentOfStatement(kept->document), ContentOfStatement(statement.document));
  EXPECT_EQ(kept->content_hash, crypto::Sha256(ContentOfStatement(statement.document)));
  EXPECT_EQ(
      ReasonOf(statements_.GetStatement(community_, ParticipantId("bob"), statement.id).status()),
      "NOT_FOUND");
}

TEST_F(StatementsTest, AProducerGetsASelfBilledInvoiceAndPaysTheShareByAnother) {
  SettleJuly();
  Describe("bob");
  const auto credit = Issue("g1", kSelfBilling, {"bob"});
  ASSERT_TRUE(credit.ok()) << credit.status();
  ASSERT_EQ(credit->size(), 1U);
  const Document& document = credit->front().document;
  EXPECT_EQ(document.number, "G2026-000001");
  EXPECT_EQ(document.seller.name, "Mr. bob");
  EXPECT_EQ(document.buyer.id, "hamlet");
  EXPECT_EQ(Cents(document.amounts.net), 18) << "0.10 of sales and 0.08 of feed-in";
  EXPECT_EQ(Cents(document.amounts.tax), 4);
  EXPECT_EQ(BalanceOf("bob"), 180'000 - 10'000 + 40'000);
  const auto invoice = Issue("r1", kInvoice, {"bob"});
  ASSERT_TRUE(invoice.ok()) << invoice.status();
  ASSERT_EQ(invoice->size(), 1U);
  EXPECT_EQ(invoice->front().document.amounts.lines[0].key, "operator-share");
  EXPECT_EQ(BalanceOf("bob"), 220'000 - 12'000 + 2'000) << "VAT of 0.01 is nothing";
}

TEST_F(StatementsTest, OneRequestGivesItsStatementsOnce) {
  SettleJuly();
  Describe("ada");
  Describe("bob");
  const auto first = Issue("r1", kInvoice, {"ada", "bob"});
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_EQ(first->size(), 2U);
  const int64_t entries = NumberFrom("SELECT count(*) FROM journal_entries");
  const auto again = Issue("r1", kInvoice, {"ada", "bob"});
  ASSERT_TRUE(again.ok()) << again.status();
  ASSERT_EQ(again->size(), 2U);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ((*again)[i].id, (*first)[i].id);
    EXPECT_EQ((*again)[i].content_hash, (*first)[i].content_hash);
  }
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM journal_entries"), entries);
  EXPECT_EQ(ReasonOf(Issue("r1", kInvoice, {"ada"}).status()), "CONTENT_DIFFERS");
  EXPECT_EQ(ReasonOf(Issue("r1", kSelfBilling, {"ada", "bob"}).status()), "CONTENT_DIFFERS");
  const auto other = Issue("r2", kInvoice, {});
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_TRUE(other->empty()) << "nothing changed";
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM statements"), 2);
}

TEST_F(StatementsTest, RefusesInOrderAndLeavesNoGap) {
  EXPECT_EQ(ReasonOfIssue(kInvoice, {"ada"}, Last(3)), "MONTH_NOT_OVER");
  EXPECT_EQ(ReasonOfIssue(kInvoice, {"ada"}), "MONTH_NOT_SETTLED");
  Commit(0, 0, Quarter1Lines());
  Commit(1, 0, {MakeLine("ada", LineKind::kRetail, 2000, -600'000)});
  Commit(2, 0, {});
  EXPECT_EQ(ReasonOfIssue(kInvoice, {"ada"}), "MONTH_NOT_SETTLED") << "the last quarter waits";
  Line unpriced = MakeLine("ada", LineKind::kRetail, 10, 0);
  unpriced.key.is_price_missing = true;
  Commit(3, 0, {unpriced});
  EXPECT_EQ(ReasonOfIssue(kInvoice, {"ada"}), "PRICE_MISSING");
  EXPECT_EQ(ReasonOfIssue(kInvoice, {"bob"}), "BILLING_DETAILS_MISSING");
  Describe("bob");
  EXPECT_EQ(ReasonOfIssue(kInvoice, {"ada", "bob"}), "PRICE_MISSING") << "all or none";
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM statements"), 0);
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM statement_issues"), 0);
  // Once there is a price, the line is taken back with its flag and posted anew.
  Line priced = MakeLine("ada", LineKind::kRetail, 10, -3'000);
  unpriced.energy = -unpriced.energy;
  Commit(3, 1, {unpriced, priced});
  Describe("ada");
  const auto issued = Issue("r1", kInvoice, {"ada", "bob"});
  ASSERT_TRUE(issued.ok()) << issued.status();
  ASSERT_EQ(issued->size(), 2U);
  EXPECT_EQ((*issued)[0].document.number, "R2026-000001");
  EXPECT_EQ((*issued)[1].document.number, "R2026-000002");
}

TEST_F(StatementsTest, WithoutAnIssuerOnEachDayNothingIsIssued) {
  Execute("DELETE FROM issuers");
  SettleJuly();
  Describe("ada");
  EXPECT_EQ(ReasonOfIssue(kInvoice, {"ada"}), "ISSUER_MISSING");
  ASSERT_TRUE(
      statements_.CreateIssuer(community_, MakeIssuer("late", absl::CivilDay(2026, 8, 1))).ok());
  EXPECT_EQ(ReasonOfIssue(kInvoice, {"ada"}), "ISSUER_MISSING") << "none in July";
  Issuer kept = MakeIssuer("late", absl::CivilDay(2026, 8, 2));
  EXPECT_EQ(ReasonOf(statements_.CreateIssuer(community_, kept).status()), "CONTENT_DIFFERS");
  kept = MakeIssuer("other", absl::CivilDay(2026, 8, 1));
  EXPECT_EQ(ReasonOf(statements_.CreateIssuer(community_, kept).status()), "ISSUER_START_TAKEN");
  EXPECT_TRUE(
      statements_.CreateIssuer(community_, MakeIssuer("late", absl::CivilDay(2026, 8, 1))).ok());
}

TEST_F(StatementsTest, ASellerWithVatNeedsATaxNumber) {
  SettleJuly();
  BillingDetails details;
  details.party = {"bob", "Bob", "", "", "", "DE", "", ""};
  ASSERT_TRUE(statements_.PutBillingDetails(community_, details, false).ok());
  EXPECT_EQ(ReasonOfIssue(kSelfBilling, {"bob"}), "BILLING_DETAILS_INCOMPLETE");
  details.supply_tax = TaxClass{"O", 0, "Private household"};
  ASSERT_TRUE(statements_.PutBillingDetails(community_, details, true).ok());
  const auto issued = Issue("g1", kSelfBilling, {"bob"});
  ASSERT_TRUE(issued.ok()) << issued.status();
  EXPECT_EQ(issued->front().document.amounts.tax, Money());
  // The participant's own change leaves the class as it is.
  details.supply_tax.reset();
  details.party.city = "Hamlet";
  const auto kept = statements_.PutBillingDetails(community_, details, false);
  ASSERT_TRUE(kept.ok());
  EXPECT_EQ(kept->supply_tax->category, "O");
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM billing_details"), 3);
}

TEST_F(StatementsTest, ACorrectionNetsWithTheFirstToTheCent) {
  SettleJuly();
  Describe("ada");
  ASSERT_TRUE(Issue("r1", kInvoice, {"ada"}).ok());
  // A corrected reading: 0.7 kWh less from the grid.
  Commit(1, 1, {MakeLine("ada", LineKind::kRetail, -700, 210'004)});
  const auto issued = Issue("r2", kInvoice, {"ada"});
  ASSERT_TRUE(issued.ok()) << issued.status();
  ASSERT_EQ(issued->size(), 1U);
  const Document& correction = issued->front().document;
  EXPECT_EQ(correction.number, "R2026-000002");
  EXPECT_EQ(correction.corrects, "R2026-000001");
  ASSERT_EQ(correction.amounts.lines.size(), 1U);
  EXPECT_EQ(correction.amounts.lines[0].energy.wh(), -700);
  EXPECT_EQ(correction.amounts.lines[0].description, "Energy from the main grid");
  EXPECT_EQ(Cents(correction.amounts.net), -21);
  // From scratch: 1 + 10 + 69 cents, 16 of tax.
  EXPECT_EQ(NumberFrom("SELECT sum(net_micros) FROM statements"), 800'000);
  EXPECT_EQ(NumberFrom("SELECT sum(tax_micros) FROM statements"), 160'000);
  EXPECT_EQ(BalanceOf("ada"), -960'000);
  const auto third = Issue("r3", kInvoice, {"ada"});
  ASSERT_TRUE(third.ok());
  EXPECT_TRUE(third->empty());
  // Back again: all documents together say what the first did.
  Commit(1, 2, {MakeLine("ada", LineKind::kRetail, 700, -210'004)});
  const auto back = Issue("r4", kInvoice, {"ada"});
  ASSERT_TRUE(back.ok());
  ASSERT_EQ(back->size(), 1U);
  EXPECT_EQ(back->front().document.corrects, "R2026-000001") << "the first, not the one before";
  EXPECT_EQ(NumberFrom("SELECT sum(net_micros) FROM statements"), 1'010'000);
  EXPECT_EQ(BalanceOf("ada"), -1'210'000);
}

TEST_F(StatementsTest, EachLineNamesTheSettlementLinesThatItAddsUp) {
  SettleJuly();
  Describe("ada");
  ASSERT_TRUE(Issue("r1", kInvoice, {"ada"}).ok());
  Commit(1, 1, {MakeLine("ada", LineKind::kRetail, -700, 210'004)});
  const auto correction = Issue("r2", kInvoice, {"ada"});
  ASSERT_TRUE(correction.ok());
  std::set<std::string> linked;
  for (const std::string& id : {std::string("r2026-000001"), std::string("r2026-000002")}) {
    const auto statement = statements_.GetStatement(community_, ParticipantId("ada"), id);
    ASSERT_TRUE(statement.ok()) << statement.status();
    int32_t number = 0;
    for (const DocumentLine& line : statement->document.amounts.lines) {
      const StatementLineId place{ParticipantId("ada"), id, ++number};
      const auto lines =
          statements_.ListSettlementLines(community_, Berlin(), place, std::nullopt, 100);
      ASSERT_TRUE(lines.ok()) << lines.status();
      Money sum;
      for (const PostedBillLine& posted : *lines) {
        sum -= posted.line.amount;
        EXPECT_TRUE(linked
                        .insert(absl::StrCat(absl::ToUnixSeconds(posted.period_start), " ",
                                             posted.run, " ", posted.number))
                        .second)
            << "a settlement line is on one document";
        const auto part = statements_.FindPart(community_, Berlin(), posted);
        ASSERT_TRUE(part.ok() && part->has_value()) << part.status();
        EXPECT_EQ((*part)->line.statement, id);
        EXPECT_EQ((*part)->line.line, number);
        EXPECT_EQ((*part)->net, line.net);
        EXPECT_EQ((*part)->rounded_total, RoundToMinor((*part)->exact_total, "EUR"));
        EXPECT_EQ((*part)->rounded_total - (*part)->billed_before, line.net);
      }
      EXPECT_EQ(sum, line.exact);
    }
  }
  EXPECT_EQ(linked.size(), 5U);
  const auto page = statements_.ListSettlementLines(community_, Berlin(),
                                                    {ParticipantId("ada"), "r2026-000001", 3},
                                                    LinePosition{Last(0), 1, 100}, 100);
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->size(), 1U) << "the second of two";
  EXPECT_EQ(
      ReasonOf(statements_
                   .ListSettlementLines(community_, Berlin(),
                                        {ParticipantId("ada"), "r2026-000001", 4}, std::nullopt, 1)
                   .status()),
      "NOT_FOUND");
}

TEST_F(StatementsTest, AMonthEndsWhereTheCommunityIs) {
  SettleJuly();
  Commit(4, 0, {MakeLine("ada", LineKind::kRetail, 5000, -1'500'000)});
  Describe("ada");
  const auto issued = Issue("r1", kInvoice, {"ada"});
  ASSERT_TRUE(issued.ok()) << issued.status();
  EXPECT_EQ(Cents(issued->front().document.amounts.net), 101) << "the quarter is August's";
  ASSERT_EQ(issued->front().document.days.size(), 31U);
  EXPECT_EQ(issued->front().document.days[30].from_grid.wh(), 3000);
  EXPECT_EQ(issued->front().document.days[30].from_neighbours.wh(), 500);
}

TEST_F(StatementsTest, TaxesAreThoseOfTheDayAndOfWhatIsTaxable) {
  Issuer later = MakeIssuer("later", absl::CivilDay(2026, 7, 31));
  later.tax = {"S", 100'000, ""};
  later.kind_taxes = {{LineKind::kNetworkFee, {"Z", 0, ""}}};
  ASSERT_TRUE(statements_.CreateIssuer(community_, later).ok());
  SettleJuly();
  Line fee = MakeLine("ada", LineKind::kSubscription, 0, -500'000);
  fee.key.is_taxable = false;
  Commit(3, 1, {fee});
  Describe("ada");
  const auto issued = Issue("r1", kInvoice, {"ada"});
  ASSERT_TRUE(issued.ok()) << issued.status();
  std::set<std::string> classes;
  for (const TaxLine& tax : issued->front().document.amounts.taxes) {
    classes.insert(absl::StrCat(tax.tax.category, tax.tax.rate_ppm, " ", Cents(tax.taxable), " ",
                                Cents(tax.amount)));
  }
  EXPECT_EQ(classes, (std::set<std::string>{"S100000 100 10", "Z0 1 0", "E0 50 0"}));
}

TEST_F(StatementsTest, ManyWhoIssueAtOnceLeaveNoGap) {
  std::vector<Line> lines;
  for (int i = 0; i < 16; ++i) {
    lines.push_back(MakeLine(absl::StrCat("p", i), LineKind::kRetail, 100, -30'000 - i));
  }
  Commit(0, 0, lines);
  for (int quarter = 1; quarter < 4; ++quarter) Commit(quarter, 0, {});
  for (int i = 0; i < 16; ++i) {
    if (i % 4 != 3) Describe(absl::StrCat("p", i));
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([this, i] {
      const auto issued = Issue(absl::StrCat("r", i), kInvoice, {absl::StrCat("p", i)});
      EXPECT_EQ(ReasonOf(issued.status()), i % 4 == 3 ? "BILLING_DETAILS_MISSING" : "");
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(NumberFrom("SELECT max(serial_no) FROM statements"), 12);
  EXPECT_EQ(NumberFrom("SELECT count(DISTINCT serial_no) FROM statements"), 12);
}

TEST_F(StatementsTest, ADocumentThatWasChangedIsNotShown) {
  SettleJuly();
  Describe("ada");
  ASSERT_TRUE(Issue("r1", kInvoice, {"ada"}).ok());
  Execute("UPDATE statement_lines SET net_micros = net_micros + 10000 WHERE line_no = 1");
  EXPECT_EQ(
      ReasonOf(statements_.GetStatement(community_, ParticipantId("ada"), "r2026-000001").status()),
      "INTERNAL");
}

TEST_F(StatementsTest, APreviewSaysWhatIsMissingAndKeepsNothing) {
  SettleJuly();
  Line unpriced = MakeLine("ada", LineKind::kRetail, 10, 0);
  unpriced.key.is_price_missing = true;
  Commit(3, 1, {unpriced});
  const auto draft = statements_.Preview(
      {community_, kInvoice, absl::CivilMonth(2026, 7), Berlin()}, ParticipantId("ada"), Last(3));
  ASSERT_TRUE(draft.ok()) << draft.status();
  ASSERT_EQ(draft->unpriced.size(), 1U);
  EXPECT_EQ(draft->unpriced.begin()->first.first, "retail");
  EXPECT_EQ(draft->unpriced.begin()->second, Energy::WattHours(10));
  EXPECT_EQ(draft->document.buyer.name, "") << "nobody said who it is";
  EXPECT_EQ(draft->document.amounts.lines.size(), 3U);
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM statements"), 0);
}

TEST_F(StatementsTest, TheServiceMayOnlyAddToWhatWasIssued) {
  SettleJuly();
  Describe("ada");
  ASSERT_TRUE(Issue("r1", kInvoice, {"ada"}).ok());
  pqxx::connection application(database_->dsn());
  for (const std::string table : {"issuers", "billing_details", "statement_issues", "statements",
                                  "statement_lines", "statement_taxes", "run_evidence"}) {
    for (const std::string& sql : {"UPDATE " + table + " SET community_id = 'other'",
                                   "DELETE FROM " + table, "TRUNCATE " + table}) {
      pqxx::work tx(application);
      EXPECT_THROW(tx.exec(sql), pqxx::insufficient_privilege) << sql;
    }
    EXPECT_EQ(NumberFrom("SELECT count(*) FROM " + table + " WHERE community_id = 'other'"), 0);
  }
  pqxx::work tx(application);
  EXPECT_THROW(tx.exec("DELETE FROM statement_numbers"), pqxx::insufficient_privilege);
}

TEST_F(StatementsTest, ListsPageByPageInTheOrderOfIssue) {
  SettleJuly();
  Describe("bob");
  ASSERT_TRUE(Issue("r1", kInvoice, {"bob"}).ok());
  ASSERT_TRUE(Issue("g1", kSelfBilling, {"bob"}, InAugust() + absl::Hours(1)).ok());
  std::vector<std::string> ids;
  std::string after;
  for (int page = 0; page < 3; ++page) {
    const auto listed = statements_.ListStatements(community_, ParticipantId("bob"), after, 1);
    ASSERT_TRUE(listed.ok()) << listed.status();
    if (listed->empty()) break;
    ids.push_back(after = listed->front().id);
  }
  EXPECT_EQ(ids, (std::vector<std::string>{"r2026-000001", "g2026-000001"}));
}

}  // namespace
}  // namespace peerwatt::settlement
