// Reconciliation of sound books: it finds nothing, reads each entry once, and never in the way.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "libs/base/error.h"
#include "tests/postgres/settlement/reconciliation_fixture.h"

namespace peerwatt::settlement {
namespace {

using reconciliation::Check;
using reconciliation::ListedFinding;
using reconciliation::Plan;
using reconciliation::Reconciler;
using reconciliation::Report;

TEST_F(ReconciliationTest, FindsNothingInSoundBooks) {
  const Report report = LookAtAll();
  EXPECT_TRUE(report.full_pass_ended);
  EXPECT_EQ(TextOf(report), "");
  const auto status = checks_.GetStatus(community_);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->checked_entry_no, status->entry_count);
  EXPECT_EQ(status->full_pass_count, 1);
  EXPECT_EQ(status->open_count, 0);
}

TEST_F(ReconciliationTest, SmallSlicesComeToTheSame) {
  PostgresReconciliationStore slow(
      pool_, {.entries = 7, .new_slices = 2, .accounts = 3, .keys = 1, .lines = 2});
  Plan plan = PlanNow();
  bool caught_up = false;
  bool ended = false;
  for (int i = 0; i < 200 && !ended; ++i) {
    const auto report = slow.Look(community_, plan);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(TextOf(*report), "") << "slice " << i;
    EXPECT_FALSE(caught_up && !report->caught_up);
    EXPECT_EQ(i < 8 && report->caught_up, false) << "14 entries at a time";
    caught_up = report->caught_up;
    ended = report->full_pass_ended;
  }
  EXPECT_TRUE(ended);
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM reconciliation_tallies WHERE walk = 1"),
            NumberFrom("SELECT count(DISTINCT a) FROM journal_entries, unnest(account_nos) AS a"));
}

TEST_F(ReconciliationTest, ReadsNewEntriesOnce) {
  LookAtAll();
  Plan plan = PlanNow();
  plan.goes_on = false;
  Create({Entry("new", "a", "b", 5)});
  ASSERT_EQ(checks_.ListUnchecked()->size(), 1U);
  EXPECT_EQ(TextOf(Look(plan)), "");
  EXPECT_TRUE(checks_.ListUnchecked()->empty());
  // An old entry that changes is not seen by what reads new ones, but by the pass over everything.
  Corrupt(
      "UPDATE journal_entries SET amounts_micros = ARRAY[amounts_micros[1] - 1, "
      "amounts_micros[2] + 1] WHERE idempotency_key = 'x3'");
  EXPECT_EQ(TextOf(Look(plan)), "");
  EXPECT_EQ(ChecksOf(LookAtAll()), (Names{"closing_sum", "journal_changed"}));
}

TEST_F(ReconciliationTest, AFindingIsListedOnceAndResolvedByALaterRecord) {
  Corrupt(
      "UPDATE accounts SET debits_pending_micros = debits_pending_micros + 1 "
      "WHERE account_id = 'general-b'");
  EXPECT_EQ(ChecksOf(LookAtAll()), Names{"pending_sum"});
  EXPECT_EQ(TextOf(LookAtAll()), "") << "known already";
  EXPECT_EQ((*checks_.CountOpen())[Check::kPendingSum], 1);
  const auto open = checks_.ListFindings(community_, 0, 10, true);
  ASSERT_TRUE(open.ok() && open->size() == 1) << open.status();
  EXPECT_EQ(open->front().subject, "accounts/general-b");
  EXPECT_EQ(open->front().found_at, clock_.Now());

  clock_.Advance(absl::Minutes(5));
  Corrupt(
      "UPDATE accounts SET debits_pending_micros = debits_pending_micros - 1 "
      "WHERE account_id = 'general-b'");
  const Report report = LookAtAll();
  ASSERT_EQ(report.changes.resolved.size(), 1U);
  EXPECT_TRUE(checks_.CountOpen()->empty());
  EXPECT_TRUE(checks_.ListFindings(community_, 0, 10, true)->empty());
  const auto all = checks_.ListFindings(community_, 0, 10, false);
  ASSERT_TRUE(all.ok() && all->size() == 1) << all.status();
  EXPECT_EQ(all->front().resolved_at, clock_.Now());
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM reconciliation_records"), 2);
}

TEST_F(ReconciliationTest, OneWorkerLooksAtACommunityAtATime) {
  LookAtAll();
  pqxx::connection connection(database_->owner_dsn());
  pqxx::work other(connection);
  other.exec("SELECT FROM reconciliation_states FOR UPDATE");
  EXPECT_FALSE(Look(PlanNow()).done);
  other.abort();
  EXPECT_TRUE(Look(PlanNow()).done);
  Plan minute = PlanNow();
  minute.not_since = clock_.Now();
  EXPECT_FALSE(Look(minute).done) << "another worker has looked in this minute";
  clock_.Advance(absl::Minutes(1));
  minute = PlanNow();
  minute.not_since = clock_.Now();
  EXPECT_TRUE(Look(minute).done);
}

TEST_F(ReconciliationTest, TheServicesRoleOnlyAddsRecords) {
  Corrupt(
      "INSERT INTO reconciliation_records VALUES "
      "('hamlet', 1, 'entry_gap', '', 'journalEntries/1', '', now(), NULL)");
  pqxx::connection connection(database_->dsn());
  for (const char* sql :
       {"UPDATE reconciliation_records SET detail = ''", "DELETE FROM reconciliation_records"}) {
    pqxx::work tx(connection);
    EXPECT_THROW(tx.exec(sql), pqxx::insufficient_privilege) << sql;
  }
}

/// The reconciler on its clock.
class ReconcilerTest : public ReconciliationTest {
 protected:
  void SetUp() override {
    ReconciliationTest::SetUp();
    ASSERT_TRUE(ledgers_.Refresh().ok());
  }
  int64_t Runs() { return checks_.GetStatus(community_)->run_count; }

  Ledgers ledgers_{registry_, runs_};
  ManualClock real_clock_{Start()};
  NotingProbe told_;
  Reconciler reconciler_{ledgers_, checks_, clock_, real_clock_, told_};
};

TEST_F(ReconcilerTest, LooksEveryMinuteOfTheClockAndCatchesUpAtOnce) {
  reconciler_.Step();
  EXPECT_EQ(Runs(), 1);
  clock_.Advance(absl::Seconds(59));
  reconciler_.Step();
  EXPECT_EQ(Runs(), 1);
  EXPECT_EQ(told_.age, absl::Seconds(59));
  clock_.Advance(absl::Seconds(1));
  reconciler_.Step();
  EXPECT_EQ(Runs(), 2);
  clock_.Advance(absl::Hours(7));
  reconciler_.Step();
  EXPECT_EQ(Runs(), 3) << "one look for all that was missed";
  EXPECT_EQ(told_.age, absl::ZeroDuration());
  EXPECT_EQ(told_.looks, 3);
  EXPECT_TRUE(told_.open.empty());
}

TEST_F(ReconcilerTest, LooksAfterEachRun) {
  reconciler_.Step();
  reconciliation::RunWatch watch(probe_);
  watch.Tell(reconciler_);
  BatchSettler settler({registry_, market_, metering_}, runs_, clock_, clock_, watch);
  for (const char* point : {"buyer", "seller", "consumer"})
    metering_.Store(point, Quarter(1), 5, 0);
  const auto waiting =
      settler.SettleFirst(RulesOf("hamlet"), {Quarter(1)}, FirstRunOf({Quarter(1), Quarter(2)}));
  ASSERT_TRUE(waiting.ok() && waiting->empty()) << waiting.status();
  EXPECT_GT(checks_.GetStatus(community_)->entry_count,
            checks_.GetStatus(community_)->checked_entry_no);
  reconciler_.Step();
  EXPECT_EQ(checks_.GetStatus(community_)->entry_count,
            checks_.GetStatus(community_)->checked_entry_no);
  EXPECT_EQ(Runs(), 2);
  reconciler_.Step();
  EXPECT_EQ(Runs(), 2) << "nothing ran since";
}

TEST_F(ReconcilerTest, LeavesTheLedgerTenSecondsToEndAHold) {
  reconciler_.Step();
  clock_.Advance(absl::Hours(2));
  real_clock_.Advance(absl::Seconds(9));
  reconciler_.Step();
  EXPECT_TRUE(told_.open.empty()) << "the hold ended while nobody could have noticed";
  real_clock_.Advance(absl::Seconds(2));
  clock_.Advance(absl::Minutes(1));
  reconciler_.Step();
  EXPECT_TRUE(told_.open.empty()) << "seen as over for two seconds only";
  real_clock_.Advance(absl::Seconds(10));
  clock_.Advance(absl::Minutes(1));
  reconciler_.Step();
  EXPECT_EQ(told_.open[Check::kHoldExpired], 1);
  ASSERT_TRUE(transfers_.ExpireDue().ok());
  clock_.Advance(absl::Minutes(1));
  reconciler_.Step();
  EXPECT_TRUE(told_.open.empty());
}

TEST_F(ReconcilerTest, LooksNowWhenAsked) {
  int asked = 0;
  const auto go_on = [&] { return ++asked > 100; };
  ASSERT_TRUE(reconciler_.LookNow(community_, false, go_on).ok());
  EXPECT_EQ(Runs(), 1);
  ASSERT_TRUE(reconciler_.LookNow(community_, true, go_on).ok());
  EXPECT_EQ(checks_.GetStatus(community_)->full_pass_count, 2);
  EXPECT_EQ(reconciler_.LookNow(CommunityId("nowhere"), false, go_on).code(),
            absl::StatusCode::kNotFound);
  pqxx::connection connection(database_->owner_dsn());
  pqxx::work other(connection);
  other.exec("SELECT FROM reconciliation_states FOR UPDATE");
  EXPECT_EQ(ReasonOf(reconciler_.LookNow(community_, false, go_on)), "RECONCILIATION_RUNNING");
}

}  // namespace
}  // namespace peerwatt::settlement
