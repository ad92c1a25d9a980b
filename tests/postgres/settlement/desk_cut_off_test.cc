// Settlement is killed at every call to the database of what operators write beside money: the
// calendar of runs, runs that they ask for, issuers, billing details, looks at the books. What was
// written is whole or not there, and the same call again finishes it, once.

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "services/settlement/core/run_desk.h"
#include "services/settlement/storage/postgres_reconciliation_store.h"
#include "services/settlement/storage/postgres_run_log.h"
#include "services/settlement/storage/postgres_statement_store.h"
#include "tests/postgres/settlement/cut_everywhere.h"
#include "tests/postgres/settlement/run_fixture.h"
#include "tests/support/database_text.h"

namespace peerwatt::settlement {
namespace {

using peerwatt::testing::CuttingProxy;
using peerwatt::testing::Interruption;

/// A process that is killed.
struct Process {
  explicit Process(const std::string& dsn) : pool(dsn, AllQueries(), 2) {}

  postgres::Pool pool;
  LedgerCache cache{crypto::Sha256, 2};
  PostgresRunStore runs{pool, cache};
  PostgresRunLog log{pool};
  PostgresStatementStore statements{pool, cache};
  PostgresReconciliationStore checks{pool};
};

class DeskCutOffTest : public RunTest {
 protected:
  using Call = std::function<bool(Process&)>;

  /// What is written, in one text. That a run was asked for is listed each time it is.
  std::string Story() const {
    return peerwatt::testing::TextOf(
        database_->owner_dsn(),
        {"SELECT account_id, debits_posted_micros, credits_posted_micros FROM account_states "
         "ORDER BY account_id",
         "SELECT entry_no, kind, idempotency_key, account_nos, amounts_micros FROM journal_entries "
         "ORDER BY entry_no",
         "SELECT period_start_at, run_count, drawn_wh, fed_in_wh FROM settlement_periods "
         "ORDER BY 1",
         "SELECT period_start_at, run, line_no, kind, energy_wh, amount_micros "
         "FROM settlement_lines ORDER BY 1, 2, 3",
         "SELECT period_start_at, run, line_count, entry_count FROM run_periods WHERE run > 0 "
         "ORDER BY 1, 2",
         "SELECT period_start_at FROM dirty_periods ORDER BY 1",
         "SELECT version, run_time_s, has_daily_runs, monthly_run_day FROM run_calendars "
         "ORDER BY 1",
         "SELECT issuer_id, starts_on FROM issuers ORDER BY 1",
         "SELECT participant_id, version FROM billing_details ORDER BY 1, 2",
         "SELECT checked_entry_no FROM reconciliation_states ORDER BY 1",
         "SELECT account_no, debits_micros, credits_micros FROM reconciliation_tallies ORDER BY 1",
         "SELECT check_name, subject FROM reconciliation_records ORDER BY 1, 2"});
  }

  CutCounts Cut(const char* name, const std::function<void()>& prepare, const Call& call) {
    return CutEverywhere({name,
                          [&] {
                            registry_.snapshot = CommunitySnapshot();
                            SetUp();
                            ASSERT_FALSE(HasFatalFailure());
                            prepare();
                          },
                          [&](const Interruption& interruption, int* calls) {
                            CuttingProxy proxy(database_->dsn(), interruption);
                            Process process(proxy.dsn());
                            const bool answered = call(process);
                            *calls = proxy.calls();
                            return answered;
                          },
                          [&] { return Story(); }});
  }
  void ExpectWhole(const char* name, const std::function<void()>& prepare, const Call& call) {
    const CutCounts counts = Cut(name, prepare, call);
    EXPECT_GE(counts.cuts, 6) << name;
    EXPECT_EQ(counts.half_written, 0) << name;
    EXPECT_EQ(counts.duplicated, 0) << name;
  }

  void SettleFirst() {
    clock_.Set(Quarter(1));
    Replica replica(*this);
    replica.CatchUp();
  }
  bool AskForRun(Process& process) {
    Ledgers ledgers(registry_, process.runs);
    BatchSettler settler({registry_, market_, metering_}, process.runs, clock_, clock_, probe_);
    RunDesk desk(ledgers, settler, process.runs, clock_, clock_);
    return desk.RunNow(community_, {Quarter(0), Quarter(1)}).ok();
  }
  static RunCalendar Nightly() {
    RunCalendar calendar;
    calendar.version = 1;
    calendar.run_time = absl::Hours(3);
    calendar.has_daily_runs = true;
    calendar.monthly_run_day = 5;
    calendar.created_at = Start();
    return calendar;
  }
  static Issuer First() {
    Issuer issuer;
    issuer.id = "first";
    issuer.starts_on = absl::CivilDay(2026, 7, 1);
    issuer.party = {
        "hamlet", "Hamlet Energy", "Elm Street 1", "Hamlet", "12345", "DE", "DE123456789", ""};
    issuer.account = {"Hamlet Energy", "DE89370400440532013000", ""};
    issuer.invoice_series = "R";
    issuer.self_billing_series = "G";
    issuer.payment_days = 14;
    issuer.tax = {"S", 200'000, ""};
    issuer.untaxed = {"E", 0, "Not taxable"};
    issuer.created_at = Start();
    return issuer;
  }
};

TEST_F(DeskCutOffTest, AtEveryCallOfACalendar) {
  ExpectWhole(
      "calendar", [] {},
      [&](Process& process) { return process.log.AddCalendar(community_, Nightly()).ok(); });
}

TEST_F(DeskCutOffTest, AtEveryCallOfARunThatIsAskedFor) {
  ExpectWhole(
      "requested_run",
      [&] {
        SettleFirst();
        metering_.Store("consumer", Quarter(0), 900, 0);
      },
      [&](Process& process) { return AskForRun(process); });
  EXPECT_EQ(BalanceOf("consumer"), -270'000);
  metering_.Store("consumer", Quarter(0), 400, 0);
}

TEST_F(DeskCutOffTest, AtEveryCallOfIssuersAndBillingDetails) {
  ExpectWhole(
      "issuer", [] {},
      [&](Process& process) { return process.statements.CreateIssuer(community_, First()).ok(); });
  ExpectWhole(
      "billing_details", [] {},
      [&](Process& process) {
        BillingDetails details;
        details.party = {"ada", "Ms. Ada", "Oak Street 2", "Hamlet", "12345", "DE", "", "42/123"};
        details.updated_at = Start();
        return process.statements.PutBillingDetails(community_, details, true).ok();
      });
}

TEST_F(DeskCutOffTest, AtEveryCallOfALookAtTheBooks) {
  ExpectWhole(
      "look", [&] { SettleFirst(); },
      [&](Process& process) {
        reconciliation::Plan plan;
        plan.now = clock_.Now();
        plan.goes_on = false;
        return process.checks.Look(community_, plan).ok();
      });
}

/// The control: two transactions for one call are seen half written.
TEST_F(DeskCutOffTest, TwoTransactionsForOneCallAreSeenHalfWritten) {
  const CutCounts counts = Cut(
      "control", [] {},
      [&](Process& process) {
        return process.log.AddCalendar(community_, Nightly()).ok() &&
               process.statements.CreateIssuer(community_, First()).ok();
      });
  EXPECT_GT(counts.half_written, 0);
}

}  // namespace
}  // namespace peerwatt::settlement
