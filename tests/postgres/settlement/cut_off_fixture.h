#pragma once

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/settlement/core/deposits.h"
#include "services/settlement/core/ledgers.h"
#include "tests/postgres/settlement/peers.h"
#include "tests/postgres/settlement/transfer_fixture.h"
#include "tests/support/cutting_proxy.h"
#include "tests/support/database_text.h"

namespace peerwatt::settlement {

/// A process whose calls to the database go through a proxy that interrupts one of them.
struct Doomed {
  Doomed(const std::string& dsn, const Clock& clock, peerwatt::testing::Interruption interruption,
         RegistryPort& registry, PaymentProvider& payments)
      : proxy(dsn, std::move(interruption)),
        pool(proxy.dsn(), AllQueries(), 2),
        transfers(pool, cache, clock),
        holds(pool, cache),
        runs(pool, cache),
        deposits(pool, cache),
        ledgers(registry, runs),
        desk(ledgers, payments, deposits, clock) {}

  peerwatt::testing::CuttingProxy proxy;
  postgres::Pool pool;
  LedgerCache cache{crypto::Sha256, 2, 0};
  PostgresTransferStore transfers;
  PostgresHoldStore holds;
  PostgresRunStore runs;
  PostgresDepositStore deposits;
  Ledgers ledgers;
  DepositDesk desk;
};

/// Interrupts processes at their calls to the database and looks at what they left behind.
class CutOffTest : public TransferTest {
 protected:
  using Interruption = peerwatt::testing::Interruption;
  /// A writing call. Returns whether it was answered with success.
  using Call = std::function<bool(Doomed&)>;
  using Preparation = std::function<void()>;

  void SetUp() override {
    registry_.rules = {RulesOf("hamlet")};
    clock_.Set(Start());
    TransferTest::SetUp();
  }

  /// A process that is interrupted; by default nothing happens to it.
  std::unique_ptr<Doomed> Process(Interruption interruption = {}) {
    return std::make_unique<Doomed>(database_->dsn(), clock_, std::move(interruption), registry_,
                                    payments_);
  }

  /// All that the service has, in one text.
  std::string Story() const {
    return peerwatt::testing::TextOf(
        database_->owner_dsn(),
        {"SELECT community_id, entry_count, settled_through_at FROM ledgers ORDER BY 1",
         "SELECT community_id, account_id, debits_posted_micros, credits_posted_micros, "
         "debits_pending_micros, credits_pending_micros FROM account_states ORDER BY 1, 2",
         "SELECT entry_no, kind, idempotency_key, account_nos, amounts_micros, closing_micros "
         "FROM journal_entries ORDER BY 1",
         "SELECT order_name, amount_micros, state FROM holds ORDER BY 1",
         "SELECT idempotency_key, refusal FROM transfer_keys ORDER BY 1",
         "SELECT deposit_id, state FROM deposits ORDER BY 1",
         "SELECT period_start_at, run_count FROM settlement_periods ORDER BY 1",
         "SELECT period_start_at, run, line_no, amount_micros FROM settlement_lines "
         "ORDER BY 1, 2, 3",
         "SELECT community_id, period_start_at, changed_cursor FROM dirty_periods ORDER BY 1, 2",
         "SELECT source, position FROM watch_cursors ORDER BY 1",
         "SELECT account_id, debit_limit_micros, credit_limit_micros FROM accounts "
         "ORDER BY 1"});
  }

  /// An empty ledger once more; that the books balance is looked at in the end.
  void Reset(const Preparation& prepare) {
    SetUp();
    ASSERT_FALSE(HasFatalFailure());
    prepare();
  }

  /// Stories of a call that is not interrupted.
  struct Course {
    int calls = 0;
    std::string before;
    std::string after;
  };
  void Follow(const Preparation& prepare, const Call& call, Course& course) {
    Reset(prepare);
    course.before = Story();
    const std::unique_ptr<Doomed> whole = Process();
    ASSERT_TRUE(call(*whole));
    course.calls = whole->proxy.calls();
    course.after = Story();
    ASSERT_NE(course.before, course.after);
  }

  /// Interrupts `call` before and after each of its calls to the database, or, unless
  /// PEERWATT_CUT_OFFS is `all`, some of them and the last two: the COMMIT is one. What is left
  /// behind is as before, as after, or as one of `stages` leaves it: transactions of their own,
  /// each whole. The same call again, by another process, ends as if nothing had happened.
  void CutEverywhere(const char* name, const Preparation& prepare, const Call& call,
                     const std::vector<Preparation>& stages = {}) {
    Course course;
    Follow(prepare, call, course);
    ASSERT_FALSE(HasFatalFailure());
    std::vector<std::string> whole{course.before, course.after};
    for (const Preparation& stage : stages) {
      Reset(prepare);
      stage();
      whole.push_back(Story());
    }
    int64_t cuts = 0, half_written = 0;
    for (int cut_at = 0; cut_at < course.calls; ++cut_at) {
      for (const bool after_effect : {false, true}) {
        const int place = 2 * cut_at + (after_effect ? 1 : 0);
        if (!IsCutEverywhere() && place % 5 != 0 && cut_at < course.calls - 2) continue;
        ++cuts;
        SCOPED_TRACE(absl::StrCat(name, ": call ", cut_at, after_effect ? ", answer lost" : ""));
        Reset(prepare);
        EXPECT_FALSE(call(*Process({.call = cut_at, .after_effect = after_effect})))
            << "acknowledged without the database's answer";
        half_written += std::count(whole.begin(), whole.end(), Story()) == 0;
        EXPECT_TRUE(call(*Process()));
        EXPECT_EQ(Story(), course.after);
      }
    }
    EXPECT_EQ(half_written, 0) << name;
    std::cout << "calls_of_" << name << " cuts " << cuts << " half_written " << half_written
              << "\n";
  }
  static bool IsCutEverywhere() {
    const char* how = std::getenv("PEERWATT_CUT_OFFS");
    return how != nullptr && std::string(how) == "all";
  }

  bool CreateBy(Doomed& process, const std::vector<ledger::Transfer>& transfers) const {
    return process.transfers.Create(community_, {transfers}).ok();
  }
  bool PayBy(Doomed& process, int64_t micros) const {
    return process.desk
        .Create({ParticipantId("p1"), community_, "EUR"}, "d1", Money::Micros(micros))
        .ok();
  }

  /// A run of the first quarter that charges p1 700 micro-units.
  RunCommit Run() const {
    RunCommit run;
    run.community = community_;
    run.period = {Quarter(0), Quarter(1)};
    run.now = Quarter(1);
    run.record = FirstRunOf(run.period);
    Line line;
    line.key = {ParticipantId("p1"), GridConnectionId("c1"), LineKind::kRetail, TradeId()};
    line.energy = Energy::WattHours(10);
    line.amount = Money::Micros(-700);
    run.lines = {line};
    run.totals.drawn = line.energy;
    run.totals.retail = line.energy;
    run.entries = EntriesOf(Quarter(0), 1, run.lines);
    return run;
  }

  FakeRegistry registry_;
  FakePayments payments_;
};

}  // namespace peerwatt::settlement
