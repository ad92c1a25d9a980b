// Settlement is killed at every call that it makes to the database, before and after the call's
// effect. What it wrote is whole or not there, and the same call again finishes it.

#include <gtest/gtest.h>

#include "libs/postgres/codec.h"
#include "tests/postgres/settlement/cut_off_fixture.h"

namespace peerwatt::settlement {
namespace {

class LedgerCutOffTest : public CutOffTest {};

std::vector<ledger::Transfer> OneOfEachKind() {
  return {Entry("k1", "a", "b", 5),      Linked(Entry("k2", "b", "c", 5)),
          Entry("k3", "c", "d", 6),      HoldOf("h3", "b", 7),
          CaptureOf("c1", "h1", "c", 4), VoidOf("v1", "h2"),
          Entry("k4", "e", "d", 1)};
}

TEST_F(LedgerCutOffTest, AtEveryCallOfTransfers) {
  const auto prepare = [&] {
    Create({Entry("p1", "a", "b", 100), HoldOf("h1", "b", 10), HoldOf("h2", "b", 20)});
  };
  std::vector<ledger::Transfer> transfers = OneOfEachKind();
  CutEverywhere("transfers", prepare, [&](Doomed& p) { return CreateBy(p, transfers); });
  // As many as are copied.
  for (int i = 0; i < 150; ++i) transfers.push_back(Entry(absl::StrCat("m", i), "a", "b", 1));
  CutEverywhere("copied_transfers", prepare,
                [&](Doomed& p) { return CreateBy(p, transfers); });
}

TEST_F(LedgerCutOffTest, AtEveryCallOfOpeningAccounts) {
  CutEverywhere("accounts", [] {}, [&](Doomed& p) {
    return p.transfers
        .OpenAccounts(community_, {{General("x"), {}}, {General("b"), {Money::Micros(9), {}}}})
        .ok();
  });
}

TEST_F(LedgerCutOffTest, AtEveryCallOfExpiry) {
  CutEverywhere(
      "expiry",
      [&] {
        Create({HoldOf("h1", "a", 10, Start() + absl::Seconds(1)), HoldOf("h2", "a", 20)});
        clock_.Set(Start() + absl::Seconds(1));
      },
      [&](Doomed& p) { return p.transfers.ExpireDue().ok(); });
}

TEST_F(LedgerCutOffTest, AtEveryCallOfHoldsOfTheMarket) {
  const auto prepare = [&] { Fund("p1", 1000); };
  const std::vector<HoldRequest> holds{{"o1", ParticipantId("p1"), Money::Micros(600)},
                                       {"o2", ParticipantId("p1"), Money::Micros(300)}};
  CutEverywhere("holds", prepare, [&](Doomed& p) {
    return p.holds.CreateHolds(community_, Quarter(0), holds).ok();
  });
  CutEverywhere(
      "reductions",
      [&] {
        prepare();
        ASSERT_TRUE(holds_.CreateHolds(community_, Quarter(0), holds).ok());
      },
      [&](Doomed& p) {
        return p.holds
            .ReduceHolds(community_, Quarter(0), {{"o1", Money::Micros(5)}, {"o2", Money()}})
            .ok();
      });
}

TEST_F(LedgerCutOffTest, AtEveryCallOfARun) {
  const RunCommit run = Run();
  CutEverywhere(
      "runs",
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
      });
  CutEverywhere(
      "changes", [&] { ASSERT_TRUE(runs_.CommitRun(run).ok()); },
      [&](Doomed& p) {
        return p.runs
            .MarkChanged({{7, MeteringPointId("m1"), community_, {Quarter(0), Quarter(1)}}}, 7)
            .ok();
      });
}

TEST_F(LedgerCutOffTest, AtEveryCallOfADeposit) {
  Deposit pending;
  pending.community = community_;
  pending.participant = ParticipantId("p1");
  pending.id = "d1";
  pending.amount = Money::Micros(500);
  pending.created_at = Start();
  // It is pending until the provider has answered; that is kept first.
  CutEverywhere(
      "deposits", [] {}, [&](Doomed& p) { return PayBy(p, 500); },
      {[&] { ASSERT_TRUE(deposits_.InsertDeposit(pending).ok()); }});
  EXPECT_EQ(payments_.charged.size(), 1U) << "charged under one key, however often";
}

TEST_F(LedgerCutOffTest, AtEveryCallOfANewLedger) {
  const CommunityRules rules = RulesOf("scratch");
  // Its row comes first, its accounts with the next look at the registry.
  const auto row_alone = [&] {
    ASSERT_TRUE(pool_.Run([&](pqxx::work& tx) {
                       Exec(tx, kInsertLedger, "scratch", "EUR", 900, postgres::ToSql(Start()));
                       return absl::OkStatus();
                     }).ok());
  };
  CutEverywhere(
      "ledgers", [] {}, [&](Doomed& p) { return p.runs.EnsureLedger(rules).ok(); }, {row_alone});
}

/// The control: two transactions for one call are seen as half written.
TEST_F(LedgerCutOffTest, TwoTransactionsForOneCallAreSeenHalfWritten) {
  const auto call = [&](Doomed& p) {
    return CreateBy(p, {Entry("k1", "a", "b", 5)}) && CreateBy(p, {Entry("k2", "b", "c", 5)});
  };
  Course course;
  Follow([] {}, call, course);
  int64_t half_written = 0;
  for (int cut_at = 0; cut_at < course.calls; ++cut_at) {
    Reset([] {});
    EXPECT_FALSE(call(*Process({.call = cut_at})));
    const std::string found = Story();
    half_written += found != course.before && found != course.after;
  }
  EXPECT_GT(half_written, 0);
  std::cout << "calls_control half_written " << half_written << "\n";
}

}  // namespace
}  // namespace peerwatt::settlement
