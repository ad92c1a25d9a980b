// Payouts, files for the bank and its statements, on a real database.

#include <gtest/gtest.h>

#include <set>

#include "services/settlement/core/deposits.h"
#include "tests/postgres/settlement/payments_fixture.h"

namespace peerwatt::settlement {
namespace {

using States = std::vector<PaymentState>;

TEST_F(PaymentsTest, APayoutThroughAProviderLeavesAtOnce) {
  Fund("p1", 10'000'000);
  const auto payout = CreatePayout("p1", "first", 4'000'000);
  ASSERT_TRUE(payout.ok()) << payout.status();
  EXPECT_EQ(payout->state, PaymentState::kSucceeded);
  EXPECT_EQ(BalanceOf("p1"), 6'000'000);
  EXPECT_EQ(HeldOf("p1"), 0);
  EXPECT_EQ(Transit(), -6'000'000);
  EXPECT_EQ(provider_.charged["participants/p1/payouts/first"], Money::Micros(4'000'000));
  // The same once more, and other content under the same name.
  ASSERT_TRUE(CreatePayout("p1", "first", 4'000'000).ok());
  EXPECT_EQ(ReasonOf(CreatePayout("p1", "first", 1'000'000).status()), "CONTENT_DIFFERS");
  EXPECT_EQ(BalanceOf("p1"), 6'000'000);
  EXPECT_EQ(Entries(community_).size(), 2U);
}

TEST_F(PaymentsTest, OnlyWhatIsFreeMayLeave) {
  EXPECT_EQ(ReasonOf(CreatePayout("p1", "none", 10'000).status()), "FUNDS_INSUFFICIENT");
  Fund("p1", 10'000'000);
  ASSERT_TRUE(holds_
                  .CreateHolds(community_, Quarter(0),
                               {{"o1", ParticipantId("p1"), Money::Micros(3'000'000)}})
                  .ok());
  EXPECT_EQ(ReasonOf(CreatePayout("p1", "more", 7'010'000).status()), "FUNDS_INSUFFICIENT");
  EXPECT_TRUE(CreatePayout("p1", "all", 7'000'000).ok());
  EXPECT_EQ(BalanceOf("p1"), 3'000'000);
  // What was refused left no trace: the name is free.
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM payments"), 1);
}

TEST_F(PaymentsTest, ARefusedPayoutFreesTheMoney) {
  provider_.limit = Money::Micros(1'000'000);
  Fund("p1", 5'000'000);
  EXPECT_EQ(ReasonOf(CreatePayout("p1", "big", 2'000'000).status()), "PAYMENT_DECLINED");
  EXPECT_EQ(ReasonOf(CreatePayout("p1", "big", 2'000'000).status()), "PAYMENT_DECLINED");
  EXPECT_EQ(BalanceOf("p1"), 5'000'000);
  EXPECT_EQ(HeldOf("p1"), 0);
  EXPECT_EQ(PaymentOf(NameOf("p1", "big")).state, PaymentState::kFailed);
}

TEST_F(PaymentsTest, AnAnswerThatIsLostIsAskedForAgain) {
  Fund("p1", 5'000'000);
  provider_.loses_answer = true;
  EXPECT_TRUE(absl::IsUnavailable(CreatePayout("p1", "lost", 2'000'000).status()));
  EXPECT_EQ(HeldOf("p1"), 2'000'000);
  provider_.loses_answer = false;
  ASSERT_TRUE(process_->desk.FinishPending().ok());
  EXPECT_EQ(PaymentOf(NameOf("p1", "lost")).state, PaymentState::kSucceeded);
  EXPECT_EQ(BalanceOf("p1"), 3'000'000);
  EXPECT_EQ(HeldOf("p1"), 0);
}

TEST_F(PaymentsTest, ByBankAPayoutWaitsAndCanBeTakenBack) {
  UseBank();
  Fund("p1", 5'000'000);
  EXPECT_EQ(ReasonOf(CreatePayout("p1", "early", 1'000'000).status()), "PAYOUT_DETAILS_MISSING");
  PutDetails("p1");
  const auto payout = CreatePayout("p1", "first", 2'000'000);
  ASSERT_TRUE(payout.ok()) << payout.status();
  EXPECT_EQ(payout->state, PaymentState::kPending);
  EXPECT_EQ(HeldOf("p1"), 2'000'000);
  EXPECT_TRUE(provider_.charged.empty());
  const auto canceled = process_->payments.Cancel(NameOf("p1", "first"), clock_.Now());
  ASSERT_TRUE(canceled.ok()) << canceled.status();
  EXPECT_EQ(canceled->state, PaymentState::kCanceled);
  EXPECT_TRUE(process_->payments.Cancel(NameOf("p1", "first"), clock_.Now()).ok());
  EXPECT_EQ(HeldOf("p1"), 0);
  EXPECT_EQ(ReasonOf(CreateFile("f1").status()), "PAYMENTS_NONE");
}

TEST_F(PaymentsTest, AFileHasEachPaymentOnceAndStaysAsItIs) {
  UseBank();
  for (const char* name : {"p1", "p2"}) {
    Fund(name, 50'000'000);
    PutDetails(name);
    ASSERT_TRUE(CreatePayout(name, "out", 12'340'000).ok());
  }
  const auto first = CreateFile("f1");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->payment_count, 2);
  EXPECT_EQ(first->total, Money::Micros(24'680'000));
  EXPECT_NE(first->content.find("pain.001.001.09"), std::string::npos);
  const Payment payment = PaymentOf(NameOf("p1", "out"));
  EXPECT_EQ(payment.state, PaymentState::kProcessing);
  EXPECT_EQ(payment.file, "f1");
  EXPECT_NE(first->content.find(payment.end_to_end_id), std::string::npos);
  EXPECT_EQ(ReasonOf(process_->payments.Cancel(NameOf("p1", "out"), clock_.Now()).status()),
            "PAYOUT_HANDED_OVER");
  // Later it is the same, to the byte, whatever has changed since.
  clock_.Set(Quarter(9));
  PutDetails("p1", "", "Somebody else");
  ASSERT_TRUE(CreatePayout("p2", "more", 1'000'000).ok());
  const auto again = CreateFile("f1");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->content, first->content);
  EXPECT_EQ(process_->bank.GetFile(community_, "f1")->content, first->content);
  EXPECT_EQ(ReasonOf(CreateFile("f1", PaymentKind::kCollection).status()), "CONTENT_DIFFERS");
  const auto second = CreateFile("f2");
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->payment_count, 1);
  EXPECT_EQ(second->content.find(payment.end_to_end_id), std::string::npos);
  EXPECT_NE(second->message_id, first->message_id);
  EXPECT_EQ(ReasonOf(process_->bank.GetFile(community_, "f3").status()), "NOT_FOUND");
}

TEST_F(PaymentsTest, AStatementCreditsEndsAndReverses) {
  UseBank();
  Fund("p1", 50'000'000);
  PutDetails("p1");
  for (const char* id : {"kept", "back", "odd"}) {
    ASSERT_TRUE(CreatePayout("p1", id, 10'000'000).ok());
  }
  ASSERT_TRUE(CreateFile("f1").ok());
  const auto end = [&](const char* id) { return PaymentOf(NameOf("p1", id)).end_to_end_id; };
  const std::string reference = DepositReference(ParticipantId("p2"));
  const std::string file = StatementFile(
      "S1", 100'000,
      {{-1000, StatementEntry(-1000, "B1", end("kept"))},
       {-1000, StatementEntry(-1000, "B2", end("back"))},
       {1000, StatementEntry(1000, "B3", end("back"), "", "AC04")},
       {-900, StatementEntry(-900, "B4", end("odd"))},
       {2500, StatementEntry(2500, "B5", "", absl::StrCat("for me: ", reference))},
       {700, StatementEntry(700, "B6", "", "nobody knows")},
       {-300, StatementEntry(-300, "B7", "")}});
  const auto kept = process_->Import(community_, file);
  ASSERT_TRUE(kept.ok()) << kept.status();
  ASSERT_EQ(kept->size(), 1U);
  EXPECT_EQ(kept->front().entry_count, 7);
  EXPECT_EQ(kept->front().duplicate_count, 0);
  EXPECT_EQ(kept->front().finding_count, 3);
  EXPECT_EQ(PaymentOf(NameOf("p1", "kept")).state, PaymentState::kSucceeded);
  EXPECT_EQ(PaymentOf(NameOf("p1", "back")).state, PaymentState::kReturned);
  EXPECT_EQ(PaymentOf(NameOf("p1", "back")).failure, "AC04");
  EXPECT_EQ(PaymentOf(NameOf("p1", "odd")).state, PaymentState::kProcessing);
  EXPECT_EQ(BalanceOf("p1"), 40'000'000);
  EXPECT_EQ(HeldOf("p1"), 10'000'000) << "what the bank booked otherwise is still held";
  EXPECT_EQ(BalanceOf("p2"), 25'000'000);
  const auto findings = process_->bank.ListFindings(community_, "", 10);
  ASSERT_TRUE(findings.ok()) << findings.status();
  std::set<MatchKind> kinds;
  for (const BankFinding& finding : *findings) kinds.insert(finding.kind);
  EXPECT_EQ(kinds, (std::set<MatchKind>{MatchKind::kDisputed, MatchKind::kIncoming,
                                        MatchKind::kUnknownOutgoing}));
  // The bank refused what it booked otherwise: an operator says so.
  ASSERT_TRUE(process_->payments.Fail(NameOf("p1", "odd"), "by hand", clock_.Now()).ok());
  EXPECT_EQ(HeldOf("p1"), 0);
}

TEST_F(PaymentsTest, AStatementAgainOrOverlappingChangesNothing) {
  UseBank();
  Fund("p1", 50'000'000);
  const std::string entry = StatementEntry(2500, "B5", "", DepositReference(ParticipantId("p1")));
  const std::string file = StatementFile("S1", 0, {{2500, entry}});
  ASSERT_TRUE(process_->Import(community_, file).ok());
  EXPECT_EQ(BalanceOf("p1"), 75'000'000);
  const int64_t version = NumberFrom("SELECT version FROM ledgers");
  const auto again = process_->Import(community_, file);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->front().duplicate_count, 0) << "the answer is the first one's";
  EXPECT_EQ(NumberFrom("SELECT version FROM ledgers"), version);
  // The same entry on another statement, and one more like it.
  const auto other =
      process_->Import(community_, StatementFile("S2", 0, {{2500, entry}, {2500, entry}}));
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ(other->front().duplicate_count, 1);
  EXPECT_EQ(BalanceOf("p1"), 100'000'000);
  EXPECT_EQ(process_->bank.ListStatements(community_, "", 10)->size(), 2U);
}

TEST_F(PaymentsTest, AStatementThatDoesNotFitIsRefusedAsAWhole) {
  const std::string reference = DepositReference(ParticipantId("p1"));
  const std::string good = StatementFile("S1", 0, {{100, StatementEntry(100, "B", "", reference)}});
  EXPECT_EQ(ReasonOf(process_->Import(community_, good).status()), "PAYMENT_SETTINGS_MISSING");
  UseBank();
  EXPECT_EQ(ReasonOf(process_
                         ->Import(community_, StatementFile("S1", 0, {{200, StatementEntry(
                                                                                100, "B", "",
                                                                                reference)}}))
                         .status()),
            "STATEMENT_UNBALANCED");
  std::string foreign = good;
  foreign.replace(foreign.find(kOwnIban), sizeof(kOwnIban) - 1, "DE75512108001245126199");
  EXPECT_EQ(ReasonOf(process_->Import(community_, foreign).status()), "STATEMENT_FOREIGN");
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM bank_entries"), 0);
  EXPECT_EQ(Entries(community_).size(), 0U);
}

TEST_F(PaymentsTest, MoneyThatTheBankBookedAfterAllIsTaken) {
  UseBank();
  Fund("p1", 10'000'000);
  PutDetails("p1");
  ASSERT_TRUE(CreatePayout("p1", "out", 10'000'000).ok());
  ASSERT_TRUE(CreateFile("f1").ok());
  ASSERT_TRUE(process_->payments.Fail(NameOf("p1", "out"), "refused", clock_.Now()).ok());
  const std::string end = PaymentOf(NameOf("p1", "out")).end_to_end_id;
  ASSERT_TRUE(process_
                  ->Import(community_,
                           StatementFile("S1", 5000, {{-1000, StatementEntry(-1000, "B1", end)}}))
                  .ok());
  EXPECT_EQ(PaymentOf(NameOf("p1", "out")).state, PaymentState::kSucceeded);
  EXPECT_EQ(BalanceOf("p1"), 0);
}

TEST_F(PaymentsTest, WithABankDepositsAreTransfers) {
  UseBank();
  DepositDesk deposits(process_->ledgers, provider_, deposits_, clock_);
  const auto refused = deposits.Create(Owner("p1"), "d1", Money::Micros(1'000'000));
  EXPECT_EQ(ReasonOf(refused.status()), "DEPOSIT_NEEDS_TRANSFER");
  EXPECT_EQ(DetailOf(refused.status()).metadata.at("reference"),
            DepositReference(ParticipantId("p1")));
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM deposits"), 0);
}

TEST_F(PaymentsTest, WhatIsOnlyAddedToCannotBeChanged) {
  pqxx::connection application(database_->dsn());
  for (const std::string table :
       {"payment_settings", "payout_details", "payment_files", "bank_statements", "bank_entries",
        "waterfall_runs", "fund_moves", "pool_distributions"}) {
    for (const std::string& sql :
         {"UPDATE " + table + " SET community_id = 'other'", "DELETE FROM " + table}) {
      pqxx::work tx(application);
      EXPECT_THROW(tx.exec(sql), pqxx::insufficient_privilege) << sql;
    }
  }
  pqxx::work tx(application);
  EXPECT_THROW(tx.exec("DELETE FROM payments"), pqxx::insufficient_privilege);
}

}  // namespace
}  // namespace peerwatt::settlement
