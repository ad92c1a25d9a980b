// The answer to a COMMIT is lost, or the COMMIT itself: nobody can tell which. Whoever cannot find
// out says that the outcome is unknown, and the same call again says what exists.

#include <gtest/gtest.h>

#include "tests/postgres/settlement/cut_off_fixture.h"

namespace peerwatt::settlement {
namespace {

/// With true, the COMMIT took effect and its answer is lost; with false, it never arrived.
class LostCommitTest : public CutOffTest, public ::testing::WithParamInterface<bool> {
 protected:
  /// The first COMMIT is interrupted.
  Interruption AtCommit(bool for_good) const {
    return {.call = 0, .after_effect = GetParam(), .for_good = for_good, .statement = "COMMIT"};
  }
  int64_t EntryCount() const { return NumberFrom("SELECT count(*) FROM journal_entries"); }

  const std::vector<ledger::Transfer> transfers_{Entry("k1", "a", "b", 5), HoldOf("h1", "a", 3)};
};

TEST_P(LostCommitTest, TheCallerLearnsThatItIsUnknownAndTheRetryWhatExists) {
  const std::unique_ptr<Doomed> doomed = Process(AtCommit(/*for_good=*/true));
  const auto answer = doomed->transfers.Create(community_, {transfers_});
  EXPECT_EQ(ReasonOf(answer.status()), "OUTCOME_UNKNOWN") << answer.status();
  EXPECT_TRUE(absl::IsUnavailable(answer.status()));
  EXPECT_EQ(EntryCount(), GetParam() ? 1 : 0);
  EXPECT_EQ(Create(transfers_), Texts(2, GetParam() ? "exists" : "applied"));
  EXPECT_EQ(Create(transfers_), Texts(2, "exists"));
  EXPECT_EQ(EntryCount(), 1);
  EXPECT_EQ(CountersOf("a").debits_pending.micros(), 3);
}

TEST_P(LostCommitTest, EveryOtherWriterSaysSoToo) {
  const auto reason = [&](const std::function<absl::Status(Doomed&)>& call) {
    return ReasonOf(call(*Process(AtCommit(/*for_good=*/true))));
  };
  Fund("p1", 1000);
  EXPECT_EQ(reason([&](Doomed& p) {
              return p.transfers.OpenAccounts(community_, {{General("x"), {}}});
            }),
            "OUTCOME_UNKNOWN");
  const std::vector<HoldRequest> hold{{"o1", ParticipantId("p1"), Money::Micros(600)}};
  EXPECT_EQ(
      reason([&](Doomed& p) { return p.holds.CreateHolds(community_, Quarter(0), hold).status(); }),
      "OUTCOME_UNKNOWN");
  EXPECT_EQ(*holds_.CreateHolds(community_, Quarter(0), hold), std::vector<std::string>{""});
  EXPECT_EQ(reason([&](Doomed& p) {
              return p.holds.ReduceHolds(community_, Quarter(0), {{"o1", Money::Micros(5)}});
            }),
            "OUTCOME_UNKNOWN");
  EXPECT_EQ(reason([&](Doomed& p) { return p.runs.CommitRun(Run()); }), "OUTCOME_UNKNOWN");
  EXPECT_EQ(reason([&](Doomed& p) {
              return p.desk.Create({ParticipantId("p1"), community_, "EUR"}, "d1", Money::Micros(5))
                  .status();
            }),
            "OUTCOME_UNKNOWN");
}

// The connection alone is lost: the process asks the database what became of it.
TEST_P(LostCommitTest, WhoReachesTheDatabaseAgainFindsOutByItself) {
  const std::unique_ptr<Doomed> doomed = Process(AtCommit(/*for_good=*/false));
  const auto answer = doomed->transfers.Create(community_, {transfers_});
  ASSERT_TRUE(answer.ok()) << answer.status();
  for (const ledger::TransferResult& result : *answer) {
    EXPECT_EQ(TextOf(result), GetParam() ? "exists" : "applied");
  }
  EXPECT_EQ(answer->front().entry_number, 1);
  EXPECT_EQ(EntryCount(), 1);
  // What the process keeps is not what it lost count of.
  EXPECT_TRUE(CreateBy(*doomed, {Entry("k2", "a", "b", 7)}));
  EXPECT_EQ(Has("b"), 12);
}

TEST_P(LostCommitTest, OtherWritersHaveOneEffectThen) {
  Fund("p1", 1000);
  const auto once = [&](const std::function<absl::Status(Doomed&)>& call) {
    return ReasonOf(call(*Process(AtCommit(/*for_good=*/false))));
  };
  const std::vector<HoldRequest> hold{{"o1", ParticipantId("p1"), Money::Micros(600)}};
  EXPECT_EQ(
      once([&](Doomed& p) { return p.holds.CreateHolds(community_, Quarter(0), hold).status(); }),
      "");
  EXPECT_EQ(HeldOf("p1"), 600);
  EXPECT_EQ(once([&](Doomed& p) {
              return p.holds.ReduceHolds(community_, Quarter(0), {{"o1", Money::Micros(5)}});
            }),
            "");
  EXPECT_EQ(HeldOf("p1"), 5);
  // A run that is there already is one that somebody else committed, for all that a process knows.
  EXPECT_EQ(once([&](Doomed& p) { return p.runs.CommitRun(Run()); }),
            GetParam() ? "RUN_SUPERSEDED" : "");
  EXPECT_TRUE(PayBy(*Process(AtCommit(/*for_good=*/false)), 50));
  EXPECT_EQ(BalanceOf("p1"), 1000 - 700 + 50);
}

/// What a process knows of a ledger lets it post by one statement, which no COMMIT follows.
class LostStatementTest : public LostCommitTest {
 protected:
  /// A process that knows the ledger, interrupted at its next call.
  std::unique_ptr<Doomed> Knowing(bool for_good) {
    const std::unique_ptr<Doomed> whole = Process();
    Know(*whole);
    const int calls = whole->proxy.calls();
    EXPECT_TRUE(CreateBy(*whole, {Entry("k0", "a", "b", 1)}));
    EXPECT_EQ(whole->proxy.calls(), calls + 1) << "posted by one statement";
    Reset([] {});
    std::unique_ptr<Doomed> doomed =
        Process({.call = calls, .after_effect = GetParam(), .for_good = for_good});
    Know(*doomed);
    return doomed;
  }
  /// Posts until the next entry is no turn of an account to be written back.
  void Know(Doomed& process) {
    EXPECT_TRUE(CreateBy(process, {Entry("n1", "a", "b", 100)}));
    EXPECT_TRUE(CreateBy(process, {Entry("n2", "a", "c", 100)}));
  }

  const std::vector<ledger::Transfer> plain_{Entry("k1", "a", "b", 5)};
};

TEST_P(LostStatementTest, TheCallerLearnsThatItIsUnknownAndTheRetryWhatExists) {
  const std::unique_ptr<Doomed> doomed = Knowing(/*for_good=*/true);
  const auto answer = doomed->transfers.Create(community_, {plain_});
  EXPECT_EQ(ReasonOf(answer.status()), "OUTCOME_UNKNOWN") << answer.status();
  EXPECT_EQ(EntryCount(), GetParam() ? 3 : 2);
  EXPECT_EQ(Create(plain_), Texts{GetParam() ? "exists" : "applied"});
  EXPECT_EQ(EntryCount(), 3);
  EXPECT_EQ(Has("b"), 105);
}

TEST_P(LostStatementTest, WhoReachesTheDatabaseAgainFindsOutByItself) {
  const std::unique_ptr<Doomed> doomed = Knowing(/*for_good=*/false);
  const auto answer = doomed->transfers.Create(community_, {plain_});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(TextOf(answer->front()), GetParam() ? "exists" : "applied");
  EXPECT_EQ(answer->front().entry_number, 3);
  EXPECT_EQ(EntryCount(), 3);
  // What the process keeps is not what it lost count of.
  const std::vector<ledger::Transfer> more{Entry("k2", "b", "c", 105), Entry("k3", "b", "c", 1)};
  const auto results = doomed->transfers.Create(community_, {more});
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_EQ(TextOf(results->front()), "applied");
  EXPECT_EQ(TextOf(results->back()), "DEBIT_LIMIT_EXCEEDED");
  EXPECT_EQ(Has("c"), 205);
}

TEST_P(LostStatementTest, HoldsOfTheMarketSayThatItIsUnknownToo) {
  const std::vector<HoldRequest> first{{"o1", ParticipantId("p1"), Money::Micros(100)}};
  const std::vector<HoldRequest> second{{"o2", ParticipantId("p1"), Money::Micros(200)}};
  Fund("p1", 1000);
  const std::unique_ptr<Doomed> whole = Process();
  ASSERT_TRUE(whole->holds.CreateHolds(community_, Quarter(0), first).ok());
  const int calls = whole->proxy.calls();
  Reset([&] { Fund("p1", 1000); });
  const std::unique_ptr<Doomed> doomed = Process({.call = calls, .after_effect = GetParam()});
  ASSERT_TRUE(doomed->holds.CreateHolds(community_, Quarter(0), first).ok());
  EXPECT_EQ(ReasonOf(doomed->holds.CreateHolds(community_, Quarter(0), second).status()),
            "OUTCOME_UNKNOWN");
  EXPECT_EQ(HeldOf("p1"), GetParam() ? 300 : 100);
  EXPECT_EQ(*holds_.CreateHolds(community_, Quarter(0), second), std::vector<std::string>{""});
  EXPECT_EQ(HeldOf("p1"), 300);
}

INSTANTIATE_TEST_SUITE_P(BothOutcomes, LostStatementTest, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "Committed" : "Lost"; });
INSTANTIATE_TEST_SUITE_P(BothOutcomes, LostCommitTest, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "Committed" : "Lost"; });

/// The control: whoever says that it failed, and so takes a new key, posts twice.
TEST_F(CutOffTest, ANewKeyAfterALostAnswerPostsTwice) {
  const std::unique_ptr<Doomed> doomed =
      Process({.call = 0, .after_effect = true, .statement = "COMMIT"});
  EXPECT_FALSE(CreateBy(*doomed, {Entry("k1", "a", "b", 5)}));
  EXPECT_EQ(Create({Entry("k1-again", "a", "b", 5)}), Texts{"applied"});
  EXPECT_EQ(Has("b"), 10);
}

}  // namespace
}  // namespace peerwatt::settlement
