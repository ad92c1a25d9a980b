#include "services/metering/storage/all_queries.h"

#include <gtest/gtest.h>

#include "tests/postgres/metering/store_fixture.h"

namespace peerwatt::metering {
namespace {

TEST(QueriesTest, EveryStatementPreparesOnTheMigratedSchema) {
  const auto database = peerwatt::testing::TestDatabase::Create("metering", Migrations());
  pqxx::connection connection(database->dsn());
  for (const postgres::Query& query : AllQueries()) {
    connection.prepare(query.name, query.sql);
    EXPECT_NO_THROW(connection.prepare_now(query.name)) << query.name;
  }
}

TEST(QueriesTest, ApplicationRoleMayNotChangeOrRemoveReadings) {
  const auto database = peerwatt::testing::TestDatabase::Create("metering", Migrations());
  pqxx::connection connection(database->dsn());
  for (const char* sql :
       {"UPDATE blocks SET payload = ''", "DELETE FROM days", "DELETE FROM shards",
        "UPDATE changes SET position = 1", "DELETE FROM changes", "DELETE FROM metering_points",
        "DELETE FROM signed_batches", "UPDATE signed_batches SET encoding = digest",
        "DELETE FROM ocmf_records", "UPDATE ocmf_records SET content = ''"}) {
    pqxx::work tx(connection);
    EXPECT_THROW(tx.exec(sql), pqxx::insufficient_privilege) << sql;
  }
}

}  // namespace
}  // namespace peerwatt::metering
