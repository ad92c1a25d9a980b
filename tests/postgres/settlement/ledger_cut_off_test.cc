// Settlement is killed at every call that it makes to the database, before and after the call's
// effect. What it wrote is whole or not there, and the same call again finishes it.

#include <functional>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/postgres/settlement/doomed.h"
#include "tests/postgres/settlement/transfer_fixture.h"

namespace peerwatt::settlement {
namespace {

class LedgerCutOffTest : public TransferTest {
 protected:
  /// A writing call. Returns whether it was answered with success.
  using Call = std::function<bool(Doomed&)>;

  std::string Story() const { return StoryOf(*database_); }

  /// An empty ledger once more; that the books balance is looked at in the end.
  void Reset(const std::function<void()>& prepare) {
    SetUp();
    ASSERT_FALSE(HasFatalFailure());
    prepare();
  }

  void CutEverywhere(const std::function<void()>& prepare, const Call& call, int calls_least) {
    Reset(prepare);
    const std::string before = Story();
    int calls = 0;
    {
      Doomed whole(database_->dsn(), clock_, -1, false);
      ASSERT_TRUE(call(whole));
      calls = whole.proxy.calls();
    }
    ASSERT_GE(calls, calls_least);
    const std::string after = Story();
    ASSERT_NE(before, after);
    int64_t half_written = 0;
    for (int cut_at = 0; cut_at < calls; ++cut_at) {
      for (const bool after_effect : {false, true}) {
        Reset(prepare);
        {
          Doomed doomed(database_->dsn(), clock_, cut_at, after_effect);
          EXPECT_FALSE(call(doomed)) << "acknowledged without the database's answer";
        }
        const std::string found = Story();
        half_written += found != before && found != after;
        Doomed next(database_->dsn(), clock_, -1, false);
        EXPECT_TRUE(call(next)) << "call " << cut_at << ", " << after_effect;
        EXPECT_EQ(Story(), after) << "call " << cut_at << ", " << after_effect;
      }
    }
    EXPECT_EQ(half_written, 0);
  }

  bool CreateBy(Doomed& process, const std::vector<ledger::Transfer>& transfers) const {
    return process.transfers.Create(community_, {transfers}).ok();
  }
};

TEST_F(LedgerCutOffTest, AtEveryCallOfTransfers) {
  const auto prepare = [&] {
    Create({Entry("p1", "a", "b", 100), HoldOf("h1", "b", 10), HoldOf("h2", "b", 20)});
  };
  std::vector<ledger::Transfer> transfers{
      Entry("k1", "a", "b", 5),         Linked(Entry("k2", "b", "c", 5)),
      Entry("k3", "c", "d", 6),         HoldOf("h3", "b", 7),
      CaptureOf("c1", "h1", "c", 4),    VoidOf("v1", "h2"),
      Entry("k4", "e", "d", 1)};
  CutEverywhere(prepare, [&](Doomed& p) { return CreateBy(p, transfers); }, 10);
  // As many as are copied.
  for (int i = 0; i < 40; ++i) transfers.push_back(Entry(absl::StrCat("m", i), "a", "b", 1));
  CutEverywhere(prepare, [&](Doomed& p) { return CreateBy(p, transfers); }, 10);
}

TEST_F(LedgerCutOffTest, AtEveryCallOfOpeningAccounts) {
  CutEverywhere([] {},
                [&](Doomed& p) {
                  return p.transfers
                      .OpenAccounts(community_, {{General("x"), {}},
                                                 {General("b"), {Money::Micros(9), std::nullopt}}})
                      .ok();
                },
                5);
}

TEST_F(LedgerCutOffTest, AtEveryCallOfHoldsOfTheMarket) {
  const auto prepare = [&] { Fund("p1", 1000); };
  const std::vector<HoldRequest> holds{{"o1", ParticipantId("p1"), Money::Micros(600)},
                                       {"o2", ParticipantId("p1"), Money::Micros(300)}};
  CutEverywhere(prepare,
                [&](Doomed& p) { return p.holds.CreateHolds(community_, Quarter(0), holds).ok(); },
                6);
  CutEverywhere(
      [&] {
        prepare();
        ASSERT_TRUE(holds_.CreateHolds(community_, Quarter(0), holds).ok());
      },
      [&](Doomed& p) {
        return p.holds
            .ReduceHolds(community_, Quarter(0), {{"o1", Money::Micros(5)}, {"o2", Money()}})
            .ok();
      },
      5);
}

TEST_F(LedgerCutOffTest, AtEveryCallOfARun) {
  RunCommit run;
  run.community = community_;
  run.period = {Quarter(0), Quarter(1)};
  run.now = Quarter(1);
  Line line;
  line.key = {ParticipantId("p1"), GridConnectionId("c1"), LineKind::kRetail, TradeId()};
  line.energy = Energy::WattHours(10);
  line.amount = Money::Micros(-700);
  run.lines = {line};
  run.entries = EntriesOf(Quarter(0), 1, run.lines);
  CutEverywhere(
      [&] {
        Fund("p1", 1000);
        ASSERT_TRUE(holds_.CreateHolds(community_, Quarter(0),
                                       {{"o1", ParticipantId("p1"), Money::Micros(600)}})
                        .ok());
      },
      [&](Doomed& p) {
        const absl::Status status = p.runs.CommitRun(run);
        // The same run again is one too many: it is there.
        return status.ok() || ReasonOf(status) == "RUN_SUPERSEDED";
      },
      9);
}

TEST_F(LedgerCutOffTest, AtEveryCallOfADeposit) {
  Deposit deposit;
  deposit.community = community_;
  deposit.participant = ParticipantId("p1");
  deposit.id = "d1";
  deposit.amount = Money::Micros(500);
  deposit.created_at = Start();
  CutEverywhere([] {},
                [&](Doomed& p) {
                  return p.deposits.InsertDeposit(deposit).ok() &&
                         p.deposits.FinishDeposit(deposit, ChargeOutcome::kConfirmed, Start())
                             .ok();
                },
                9);
}

TEST_F(LedgerCutOffTest, TheCallerOfALostCommitLearnsThatItIsUnknown) {
  const std::vector<ledger::Transfer> transfers{Entry("k1", "a", "b", 5)};
  int calls = 0;
  {
    Doomed whole(database_->dsn(), clock_, -1, false);
    ASSERT_TRUE(CreateBy(whole, transfers));
    calls = whole.proxy.calls();
  }
  int64_t unknown = 0;
  for (int cut_at = 0; cut_at < calls; ++cut_at) {
    Reset([] {});
    {
      Doomed doomed(database_->dsn(), clock_, cut_at, true);
      const auto answer = doomed.transfers.Create(community_, {transfers});
      const bool is_there = NumberFrom("SELECT count(*) FROM journal_entries") == 1;
      EXPECT_EQ(ReasonOf(answer.status()), is_there ? "OUTCOME_UNKNOWN" : "DATABASE_UNAVAILABLE");
      unknown += is_there;
    }
    EXPECT_EQ(Create(transfers), Texts{unknown > 0 && cut_at == calls - 1 ? "exists" : "applied"});
    EXPECT_EQ(Create(transfers), Texts{"exists"});
  }
  EXPECT_EQ(unknown, 1) << "the COMMIT is the last call";
}

/// The control: two transactions for one call are seen as half written.
TEST_F(LedgerCutOffTest, TwoTransactionsForOneCallAreSeenHalfWritten) {
  const auto call = [&](Doomed& p) {
    return CreateBy(p, {Entry("k1", "a", "b", 5)}) && CreateBy(p, {Entry("k2", "b", "c", 5)});
  };
  Reset([] {});
  const std::string before = Story();
  int calls = 0;
  {
    Doomed whole(database_->dsn(), clock_, -1, false);
    ASSERT_TRUE(call(whole));
    calls = whole.proxy.calls();
  }
  const std::string after = Story();
  int64_t half_written = 0;
  for (int cut_at = 0; cut_at < calls; ++cut_at) {
    Reset([] {});
    Doomed doomed(database_->dsn(), clock_, cut_at, false);
    EXPECT_FALSE(call(doomed));
    const std::string found = Story();
    half_written += found != before && found != after;
  }
  EXPECT_GT(half_written, 0);
}

}  // namespace
}  // namespace peerwatt::settlement
