#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/settlement/core/reconciliation/reconciler.h"
#include "services/settlement/storage/postgres_reconciliation_store.h"
#include "services/settlement/storage/postgres_transfer_store.h"
#include "tests/postgres/settlement/run_fixture.h"
#include "tests/postgres/settlement/transfer_fixture.h"

namespace peerwatt::settlement {

/// Notes what reconciliation tells.
class NotingProbe final : public reconciliation::Probe {
 public:
  void Looked(absl::Duration /*took*/) override { ++looks; }
  void Open(const std::map<reconciliation::Check, int64_t>& counts) override { open = counts; }
  void Age(absl::Duration age_now) override { age = age_now; }

  int looks = 0;
  std::map<reconciliation::Check, int64_t> open;
  absl::Duration age;
};

/// Books with a bit of everything: a settled quarter with a trade, its restatement, deposits,
/// transfers enough to be folded, holds of both kinds and a refused transfer.
class ReconciliationTest : public RunTest {
 protected:
  using Names = std::vector<std::string>;

  void SetUp() override {
    RunTest::SetUp();
    Replica replica(*this);
    Fund("buyer", 1'000'000);
    replica.CatchUp();
    metering_.Store("seller", Quarter(0), 0, 777);
    replica.CatchUp();
    HoldForOrder("o9", 1000, 9);
    std::vector<ledger::AccountOpening> openings;
    for (const char* name : {"a", "b"}) {
      ledger::AccountOpening& opening = openings.emplace_back();
      opening.id = General(name);
      opening.limits.debit = Money::Micros(std::string(name) == "a" ? 1'000'000 : 0);
    }
    const absl::Status opened = transfers_.OpenAccounts(community_, openings);
    ASSERT_TRUE(opened.ok()) << opened;
    std::vector<ledger::Transfer> batch;
    for (int i = 0; i < 120; ++i) batch.push_back(Entry(absl::StrCat("x", i), "a", "b", 1 + i));
    batch.push_back(HoldOf("h1", "b", 50, clock_.Now() + absl::Hours(1)));
    batch.push_back(HoldOf("h2", "b", 60));
    batch.push_back(HoldOf("h3", "b", 999'999'999));
    Create(batch);
    ASSERT_GT(NumberFrom("SELECT folded_entry_no FROM ledgers"), 5) << "nothing is folded";
    ASSERT_EQ(NumberFrom("SELECT count(*) FROM transfer_keys WHERE refusal <> ''"), 1);
  }
  /// Books that were corrupted on purpose balance no more.
  void TearDown() override {
    if (!is_corrupted_) RunTest::TearDown();
  }

  void HoldForOrder(const std::string& order, int64_t micros, int quarter) {
    const auto reasons =
        holds_.CreateHolds(community_, Quarter(quarter),
                           {{order, ParticipantId("buyer"), Money::Micros(micros), std::nullopt}});
    ASSERT_TRUE(reasons.ok()) << reasons.status();
    ASSERT_EQ(*reasons, Names{""});
  }
  void Create(const std::vector<ledger::Transfer>& batch) {
    const auto results = transfers_.Create(community_, {batch});
    ASSERT_TRUE(results.ok()) << results.status();
  }

  reconciliation::Plan PlanNow() {
    reconciliation::Plan plan;
    plan.now = clock_.Now();
    plan.expired_before = clock_.Now();
    return plan;
  }
  reconciliation::Report Look(const reconciliation::Plan& plan) {
    auto report = checks_.Look(community_, plan);
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? *report : reconciliation::Report();
  }
  /// Looks at everything again.
  reconciliation::Report LookAtAll() {
    reconciliation::Plan plan = PlanNow();
    plan.restarts = true;
    reconciliation::Report all = Look(plan);
    plan.restarts = false;
    while (all.done && !all.full_pass_ended && !HasFailure()) {
      reconciliation::Report next = Look(plan);
      all.full_pass_ended = next.full_pass_ended;
      all.changes.found.insert(all.changes.found.end(), next.changes.found.begin(),
                               next.changes.found.end());
    }
    return all;
  }
  /// Names of the checks with findings, each once.
  static Names ChecksOf(const reconciliation::Report& report) {
    std::set<std::string> names;
    for (const reconciliation::Finding& finding : report.changes.found) {
      names.emplace(NameOf(finding.check));
    }
    return {names.begin(), names.end()};
  }
  static std::string TextOf(const reconciliation::Report& report) {
    std::string text;
    for (const reconciliation::Finding& finding : report.changes.found) {
      absl::StrAppend(&text, NameOf(finding.check), " ", finding.subject, ": ", finding.detail,
                      "\n");
    }
    return text;
  }

  /// Changes the books past all grants and constraints, as the superuser of the server may.
  void Corrupt(const std::string& sql) {
    is_corrupted_ = true;
    pqxx::connection connection(database_->owner_dsn());
    pqxx::work tx(connection);
    const pqxx::result result = tx.exec(sql);
    EXPECT_TRUE(result.affected_rows() > 0 || sql.rfind("ALTER", 0) == 0)
        << "nothing was corrupted: " << sql;
    tx.commit();
  }

  LedgerCache small_cache_{crypto::Sha256, 5};
  PostgresTransferStore transfers_{pool_, small_cache_, clock_};
  PostgresReconciliationStore checks_{pool_};
  bool is_corrupted_ = false;
};

}  // namespace peerwatt::settlement
