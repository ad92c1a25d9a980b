#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/postgres/settlement/ledger_fixture.h"

namespace peerwatt::settlement {
namespace {

using SchemaTest = LedgerTest;

std::string InsertOf(const std::string& accounts, const std::string& amounts) {
  return "INSERT INTO journal_entries (community_id, entry_no, kind, idempotency_key, account_ids,"
         " amounts_micros, created_at) VALUES ('hamlet', 1, 'trade', 'trade:1', '" +
         accounts + "', '" + amounts + "', now())";
}

constexpr char kInsertLine[] =
    "INSERT INTO settlement_lines (community_id, period_start_at, run, line_no, participant_id, "
    "connection_id, kind, trade_id, energy_wh, price_micros_per_kwh, amount_micros, substituted) "
    "VALUES ('hamlet', now(), 1, 1, 'p1', 'c1', 5, '', 1, 1, 1, false)";

TEST_F(SchemaTest, EveryStatementPreparesForTheApplicationRole) {
  pqxx::connection connection(database_->dsn());
  std::set<std::string> names;
  for (const postgres::Query& query : AllQueries()) {
    EXPECT_TRUE(names.insert(query.name).second) << query.name << " is there twice";
    EXPECT_NO_THROW({
      connection.prepare(query.name, query.sql);
      connection.prepare_now(query.name);
    }) << query.name;
  }
  EXPECT_EQ(names.size(), 39U);
}

TEST_F(SchemaTest, TheDatabaseRefusesEntriesThatDoNotBalance) {
  struct Case {
    const char* what;
    const char* accounts;
    const char* amounts;
  };
  const Case cases[] = {
      {"more debit than credit", "{a,b}", "{10,-9}"},
      {"more credit than debit", "{a,b}", "{-10,11}"},
      {"an amount without account", "{a,b}", "{10,-10,0}"},
      {"an account without amount", "{a,b,c}", "{10,-10}"},
      {"one posting", "{a}", "{0}"},
      {"no posting", "{}", "{}"},
      {"no account", "{a,NULL}", "{10,-10}"},
      {"no amount", "{a,b,c}", "{10,-10,NULL}"},
      {"nested arrays", "{{a,b},{c,d}}", "{{1,-1},{1,-1}}"},
      {"zero only in 64 bits", "{a,b,c}", "{9223372036854775807,9223372036854775807,2}"},
  };
  pqxx::connection connection(database_->dsn());
  for (const Case& wrong : cases) {
    pqxx::work tx(connection);
    EXPECT_THROW(tx.exec(InsertOf(wrong.accounts, wrong.amounts)), pqxx::check_violation)
        << wrong.what;
  }
  for (const char* amounts : {"{10,-10,0}", "{9223372036854775807,-9223372036854775807,0}"}) {
    pqxx::work tx(connection);
    EXPECT_NO_THROW(tx.exec(InsertOf("{a,b,c}", amounts))) << amounts;
  }
}

TEST_F(SchemaTest, AnIdempotencyKeyIsThereOnce) {
  pqxx::connection connection(database_->dsn());
  pqxx::work tx(connection);
  tx.exec(InsertOf("{a,b}", "{10,-10}"));
  EXPECT_THROW(
      tx.exec("INSERT INTO journal_entries (community_id, entry_no, kind, idempotency_key, "
              "account_ids, amounts_micros, created_at) "
              "VALUES ('hamlet', 2, 'trade', 'trade:1', '{a,b}', '{10,-10}', now())"),
      pqxx::unique_violation);
}

TEST_F(SchemaTest, TheApplicationRoleOnlyAppendsToTheJournal) {
  pqxx::connection application(database_->dsn());
  pqxx::connection owner(database_->owner_dsn());
  for (const std::string table : {"journal_entries", "settlement_lines"}) {
    const std::string insert =
        table == "journal_entries" ? InsertOf("{a,b}", "{10,-10}") : kInsertLine;
    {
      pqxx::work tx(application);
      EXPECT_EQ(tx.exec(insert).affected_rows(), 1U);
      EXPECT_EQ(tx.exec1("SELECT count(*) FROM " + table)[0].as<int>(), 1);
    }
    for (const std::string& sql : {"UPDATE " + table + " SET community_id = 'other'",
                                   "DELETE FROM " + table, "TRUNCATE " + table}) {
      {
        pqxx::work tx(application);
        tx.exec(insert);
        EXPECT_THROW(tx.exec(sql), pqxx::insufficient_privilege) << sql;
      }
      pqxx::work tx(owner);
      tx.exec(insert);
      EXPECT_NO_THROW(tx.exec(sql)) << sql;
      EXPECT_EQ(tx.exec1("SELECT count(*) FROM " + table + " WHERE community_id = 'hamlet'")[0]
                    .as<int>(),
                0)
          << sql;
    }
  }
}

TEST_F(SchemaTest, TheApplicationRoleCannotChangeTheSchema) {
  pqxx::connection connection(database_->dsn());
  for (const char* sql : {"ALTER TABLE journal_entries DROP CONSTRAINT journal_entries_sum_to_zero",
                          "DROP TABLE journal_entries", "DELETE FROM accounts",
                          "DELETE FROM settlement_periods"}) {
    pqxx::work tx(connection);
    EXPECT_THROW(tx.exec(sql), pqxx::insufficient_privilege) << sql;
  }
}

}  // namespace
}  // namespace peerwatt::settlement
