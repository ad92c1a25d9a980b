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
  EXPECT_EQ(reason([&](Doomed& p) {
              return p.holds.CreateHolds(community_, Quarter(0), hold).status();
            }),
            "OUTCOME_UNKNOWN");
  EXPECT_EQ(*holds_.CreateHolds(community_, Quarter(0), hold), std::vector<std::string>{""});
  EXPECT_EQ(reason([&](Doomed& p) {
              return p.holds.ReduceHolds(community_, Quarter(0), {{"o1", Money::Micros(5)}});
            }),
            "OUTCOME_UNKNOWN");
  EXPECT_EQ(reason([&](Doomed& p) { return p.runs.CommitRun(Run()); }), "OUTCOME_UNKNOWN");
  EXPECT_EQ(reason([&](Doomed& p) {
              return p.desk
                  .Create({ParticipantId("p1"), community_, "EUR"}, "d1", Money::Micros(5))
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
  EXPECT_EQ(once([&](Doomed& p) {
              return p.holds.CreateHolds(community_, Quarter(0), hold).status();
            }),
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
