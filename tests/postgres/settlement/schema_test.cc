#include <set>
#include <string>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/postgres/settlement/ledger_fixture.h"

namespace peerwatt::settlement {
namespace {

using SchemaTest = LedgerTest;

std::string InsertOf(const std::string& accounts, const std::string& amounts) {
  return "INSERT INTO journal_entries (community_id, entry_no, kind, idempotency_key, content_hash,"
         " currency_code, account_nos, amounts_micros, closing_micros, created_at)"
         " VALUES ('hamlet', 1, 'trade', 'trade:1', sha256('x'), 'EUR', '" +
         accounts + "', '" + amounts +
         "', array_fill(0::bigint, ARRAY[2 * cardinality('" + amounts + "'::bigint[])]), now())";
}

constexpr char kInsertLine[] =
    "INSERT INTO settlement_lines (community_id, period_start_at, run, line_no, participant_id, "
    "connection_id, kind, trade_id, energy_wh, price_micros_per_kwh, amount_micros, substituted) "
    "VALUES ('hamlet', now(), 1, 1, 'p1', 'c1', 5, '', 1, 1, 1, false)";

constexpr char kInsertPage[] =
    "INSERT INTO account_pages (community_id, account_no, last_entry_no, entry_nos) "
    "VALUES ('hamlet', 1, 1, '{1}')";
constexpr char kInsertKey[] =
    "INSERT INTO transfer_keys (community_id, idempotency_key, kind, content_hash, refusal, "
    "created_at) VALUES ('hamlet', 'k', 2, sha256('x'), '', now())";

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
}

TEST_F(SchemaTest, TheDatabaseRefusesEntriesThatDoNotBalance) {
  struct Case {
    const char* what;
    const char* accounts;
    const char* amounts;
  };
  const Case cases[] = {
      {"more debit than credit", "{1,2}", "{10,-9}"},
      {"more credit than debit", "{1,2}", "{-10,11}"},
      {"an amount without account", "{1,2}", "{10,-10,0}"},
      {"an account without amount", "{1,2,3}", "{10,-10}"},
      {"one posting", "{1}", "{0}"},
      {"no posting", "{}", "{}"},
      {"no account of two", "{1,NULL}", "{10,-10}"},
      {"no amounts of two", "{1,2}", "{NULL,NULL}"},
      {"three that sum to one", "{1,2,3}", "{5,-3,-1}"},
      {"an account of three missing", "{1,2,NULL}", "{5,-3,-2}"},
      {"an amount of three missing", "{1,2,3}", "{5,-3,NULL}"},
      {"four that sum to minus one", "{1,2,3,4}", "{5,-3,-1,-2}"},
      {"an account of four missing", "{1,2,3,NULL}", "{5,-3,-1,-1}"},
      {"four amounts for three", "{1,2,3}", "{5,-3,-1,-1}"},
      {"four amounts in two rows", "{1,2,3,4}", "{{5,-3},{-1,-1}}"},
      {"no account of three", "{1,2,NULL}", "{10,-5,-5}"},
      {"no amount of three", "{1,2,3}", "{10,-10,NULL}"},
      {"one account twice", "{1,1}", "{10,-10}"},
      {"nested arrays", "{{1,2},{3,4}}", "{{1,-1},{1,-1}}"},
      {"a nested pair", "{{1},{2}}", "{{1},{-1}}"},
      {"zero only in 64 bits", "{1,2,3}", "{9223372036854775807,9223372036854775807,2}"},
  };
  pqxx::connection connection(database_->dsn());
  for (const Case& wrong : cases) {
    pqxx::work tx(connection);
    EXPECT_THROW(tx.exec(InsertOf(wrong.accounts, wrong.amounts)), pqxx::check_violation)
        << wrong.what;
  }
  for (const char* amounts : {"{10,-10,0}", "{9223372036854775807,-9223372036854775807,0}"}) {
    pqxx::work tx(connection);
    EXPECT_NO_THROW(tx.exec(InsertOf("{1,2,3}", amounts))) << amounts;
  }
  pqxx::work tx(connection);
  EXPECT_NO_THROW(tx.exec(InsertOf("{1,2,3,4}", "{9223372036854775807,9223372036854775807,"
                                                "-9223372036854775807,-9223372036854775807}")));
}

TEST_F(SchemaTest, ALineHasAKnownKindAndNoAmountWithoutAPrice) {
  struct Case {
    const char* what;
    const char* values;  // kind, trade, energy, amount, price missing
    bool fits;
  };
  const Case cases[] = {
      {"a subscription", "12, '', 0, -5, false", true},
      {"a subscription of a trade", "12, 't', 0, -5, false", false},
      {"a fee of a trade", "13, 't', 0, -5, false", true},
      {"a fee per month", "13, '', 0, -5, false", true},
      {"the next kind", "14, '', 0, -5, false", false},
      {"energy without a price", "5, '', 7, 0, true", true},
      {"energy taken back", "5, '', -7, 0, true", true},
      {"an amount without a price", "5, '', 7, -5, true", false},
      {"nothing without a price", "5, '', 0, 0, true", false},
  };
  pqxx::connection connection(database_->dsn());
  for (const Case& line : cases) {
    pqxx::work tx(connection);
    const std::string sql = absl::StrCat(
        "INSERT INTO settlement_lines (community_id, period_start_at, run, line_no, "
        "participant_id, connection_id, price_micros_per_kwh, substituted, kind, trade_id, "
        "energy_wh, amount_micros, is_price_missing) "
        "VALUES ('hamlet', now(), 1, 1, 'p1', '', 0, false, ",
        line.values, ")");
    if (line.fits) {
      EXPECT_NO_THROW(tx.exec(sql)) << line.what;
    } else {
      EXPECT_THROW(tx.exec(sql), pqxx::check_violation) << line.what;
    }
  }
}

TEST_F(SchemaTest, AnIdempotencyKeyIsThereOnce) {
  pqxx::connection connection(database_->dsn());
  pqxx::work tx(connection);
  tx.exec(InsertOf("{1,2}", "{10,-10}"));
  EXPECT_THROW(
      tx.exec("INSERT INTO journal_entries (community_id, entry_no, kind, idempotency_key, "
              "content_hash, currency_code, account_nos, amounts_micros, closing_micros, "
              "created_at) SELECT community_id, 2, kind, idempotency_key, content_hash, "
              "currency_code, account_nos, amounts_micros, closing_micros, created_at "
              "FROM journal_entries"),
      pqxx::unique_violation);
}

TEST_F(SchemaTest, AnEntryHasTheClosingSumsOfItsAccounts) {
  pqxx::connection connection(database_->dsn());
  for (const char* closing : {"{}", "{1}", "{1,2,3}", "{1,2,3,4,5}"}) {
    pqxx::work tx(connection);
    EXPECT_THROW(
        tx.exec_params("INSERT INTO journal_entries (community_id, entry_no, kind, "
                       "idempotency_key, content_hash, currency_code, account_nos, "
                       "amounts_micros, closing_micros, created_at) VALUES ('hamlet', 1, 'trade', "
                       "'trade:1', sha256('x'), 'EUR', '{1,2}', '{1,-1}', $1, now())",
                       closing),
        pqxx::check_violation)
        << closing;
  }
}

TEST_F(SchemaTest, TheApplicationRoleOnlyAppendsToTheJournal) {
  pqxx::connection application(database_->dsn());
  pqxx::connection owner(database_->owner_dsn());
  for (const std::string table :
       {"journal_entries", "settlement_lines", "account_pages", "transfer_keys"}) {
    const std::string insert = table == "journal_entries"    ? InsertOf("{1,2}", "{10,-10}")
                               : table == "settlement_lines" ? kInsertLine
                               : table == "account_pages"    ? kInsertPage
                                                             : kInsertKey;
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
