#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/crypto/digest.h"
#include "services/settlement/storage/ledger_cache.h"
#include "services/settlement/storage/migrations.h"
#include "services/settlement/storage/postgres_books_reader.h"
#include "services/settlement/storage/postgres_deposit_store.h"
#include "services/settlement/storage/postgres_hold_store.h"
#include "services/settlement/storage/postgres_run_store.h"
#include "services/settlement/storage/queries.h"
#include "tests/support/postgres_fixture.h"

namespace peerwatt::settlement {

/// The ledger of a community on a database that a suite has for itself and each test finds empty.
/// Every test ends with the proof that all books balance.
class LedgerTest : public ::testing::Test {
 protected:
  /// 2026-07-01 00:00 UTC, on every grid.
  static absl::Time Start() { return absl::FromUnixSeconds(1'782'864'000); }
  static absl::Time Quarter(int i) { return Start() + absl::Minutes(15) * i; }
  static CommunityRules RulesOf(const std::string& id) {
    return {CommunityId(id), "EUR", absl::Minutes(15), Start(), absl::Hours(1)};
  }

  /// A first run of the periods in a span.
  static RunRecord FirstRunOf(Interval span) {
    return MakeRunRecord(RunKind::kFirst, RunCalendar(), span, span.end, span.end);
  }

  static void SetUpTestSuite() {
    database_ = peerwatt::testing::TestDatabase::Create("settlement", Migrations());
  }
  static void TearDownTestSuite() { database_.reset(); }

  void SetUp() override {
    {
      pqxx::connection connection(database_->owner_dsn());
      pqxx::work tx(connection);
      // Emptying a table by TRUNCATE makes new files for it, which takes longer than most tests.
      for (const auto& row : tx.exec("SELECT tablename FROM pg_tables WHERE schemaname = 'public' "
                                     "AND tablename <> 'schema_migrations'")) {
        tx.exec(absl::StrCat("DELETE FROM ", row[0].as<std::string>()));
      }
      tx.commit();
    }
    ASSERT_TRUE(runs_.EnsureLedger(RulesOf("hamlet")).ok());
  }
  void TearDown() override { ExpectBooksBalance(); }

  /// Pays money in; opens the account.
  void Fund(const std::string& participant, int64_t micros) {
    Deposit deposit;
    deposit.community = community_;
    deposit.participant = ParticipantId(participant);
    deposit.id = "funding";
    deposit.amount = Money::Micros(micros);
    deposit.created_at = Start();
    ASSERT_TRUE(deposits_.InsertDeposit(deposit).ok());
    const auto kept = deposits_.FinishDeposit(deposit, ChargeOutcome::kConfirmed, Start());
    ASSERT_TRUE(kept.ok()) << kept.status();
  }

  Account AccountOf(const std::string& participant) {
    const auto account =
        books_.FindAccount(community_, ParticipantAccount(ParticipantId(participant)));
    EXPECT_TRUE(account.ok()) << account.status();
    return account.ok() && account->has_value() ? **account : Account{};
  }
  int64_t BalanceOf(const std::string& participant) {
    return AccountOf(participant).balance.micros();
  }
  int64_t HeldOf(const std::string& participant) { return AccountOf(participant).held.micros(); }

  std::vector<PostedEntry> Entries(const CommunityId& community, int64_t after = 0) {
    const auto entries = books_.ListEntries(community, AccountId(), after, 10'000);
    EXPECT_TRUE(entries.ok()) << entries.status();
    return entries.ok() ? *entries : std::vector<PostedEntry>();
  }

  /// The one number that a statement of the owner gives.
  int64_t NumberFrom(const std::string& sql) const {
    pqxx::connection connection(database_->owner_dsn());
    pqxx::work tx(connection);
    return tx.exec1(sql)[0].as<int64_t>();
  }

  /// Waits until as many sessions wait for a lock. Returns whether they came to it.
  bool AwaitLockWaiters(int64_t count) const {
    const absl::Time deadline = absl::Now() + absl::Seconds(60);
    pqxx::connection connection(database_->owner_dsn());
    while (absl::Now() < deadline) {
      pqxx::work tx(connection);
      const auto waiting =
          tx.exec1("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")[0].as<int64_t>();
      if (waiting == count) return true;
      std::this_thread::yield();
    }
    return false;
  }

  void ExpectBooksBalance() {
    for (const char* community : {"hamlet", "scratch"}) {
      const auto books = books_.GetTrialBalance(CommunityId(community));
      ASSERT_TRUE(books.ok()) << books.status();
      EXPECT_EQ(books->postings_sum, Money()) << community;
      EXPECT_EQ(books->balances_sum, Money()) << community;
      EXPECT_EQ(books->mismatched_account_count, 0) << community;
    }
    const auto imbalance = books_.ImbalanceOfAll();
    ASSERT_TRUE(imbalance.ok()) << imbalance.status();
    EXPECT_EQ(*imbalance, Money());
    // The same once more without the service's own statements.
    EXPECT_EQ(NumberFrom("SELECT coalesce(sum(p.amount), 0) FROM journal_entries, "
                         "unnest(amounts_micros) AS p(amount)"),
              0);
    EXPECT_EQ(NumberFrom("SELECT coalesce(sum(balance_micros), 0) FROM account_states"), 0);
    EXPECT_EQ(NumberFrom("SELECT count(*) FROM account_states AS a WHERE balance_micros <> ("
                         "SELECT coalesce(sum(p.amount), 0) FROM journal_entries AS e, "
                         "unnest(e.account_nos, e.amounts_micros) AS p(account_no, amount) "
                         "WHERE e.community_id = a.community_id "
                         "AND p.account_no = a.account_no)"),
              0)
        << "a balance is not the sum of its postings";
    EXPECT_EQ(NumberFrom("SELECT count(*) FROM accounts AS a WHERE debits_pending_micros <> ("
                         "SELECT coalesce(sum(h.amount_micros), 0) FROM holds AS h "
                         "WHERE h.community_id = a.community_id AND h.state = 'OPEN' "
                         "AND h.debit_account_no = a.account_no)"
                         " OR credits_pending_micros <> ("
                         "SELECT coalesce(sum(h.amount_micros), 0) FROM holds AS h "
                         "WHERE h.community_id = a.community_id AND h.state = 'OPEN' "
                         "AND h.credit_account_no = a.account_no)"),
              0)
        << "what is pending is not the sum of the open holds";
    EXPECT_EQ(NumberFrom("SELECT count(*) FROM ledgers AS l, journal_entries AS e, "
                         "unnest(e.account_nos) AS p(account_no) "
                         "WHERE e.community_id = l.community_id "
                         "AND e.entry_no <= l.folded_entry_no AND NOT coalesce(("
                         "SELECT e.entry_no = ANY (g.entry_nos) FROM account_pages AS g "
                         "WHERE g.community_id = e.community_id AND g.account_no = p.account_no "
                         "AND g.last_entry_no >= e.entry_no "
                         "ORDER BY g.last_entry_no LIMIT 1), false)"),
              0)
        << "a folded posting is on no page";
    EXPECT_EQ(NumberFrom("SELECT count(*) FROM ledgers AS l WHERE entry_count <> ("
                         "SELECT count(*) FROM journal_entries AS e "
                         "WHERE e.community_id = l.community_id) OR entry_count <> ("
                         "SELECT coalesce(max(entry_no), 0) FROM journal_entries AS e "
                         "WHERE e.community_id = l.community_id)"),
              0)
        << "entry numbers have a gap";
  }

  static inline std::unique_ptr<peerwatt::testing::TestDatabase> database_;

  const CommunityId community_{"hamlet"};
  postgres::Pool pool_{database_->dsn(), AllQueries(), 8};
  LedgerCache cache_{crypto::Sha256};
  PostgresRunStore runs_{pool_, cache_};
  PostgresHoldStore holds_{pool_, cache_};
  PostgresDepositStore deposits_{pool_, cache_};
  PostgresBooksReader books_{pool_, cache_};
};

}  // namespace peerwatt::settlement
