#include <gtest/gtest.h>

#include "tests/postgres/market/peers.h"

namespace peerwatt::market {
namespace {

TEST(MarketSchemaTest, EveryStatementPrepares) {
  World world;
  pqxx::connection connection(world.database->dsn());
  for (const postgres::Query& query : Queries()) {
    connection.prepare(query.name, query.sql);
    EXPECT_NO_THROW(connection.prepare_now(query.name)) << query.name;
  }
  EXPECT_EQ(Queries().size(), 127u);
}

TEST(MarketSchemaTest, TheApplicationCannotChangeTrades) {
  World world;
  for (const char* sql :
       {"UPDATE trades SET energy_wh = 1", "DELETE FROM trades", "DELETE FROM orders",
        "UPDATE networks SET zones = zones", "UPDATE contract_versions SET factor_ppm = 1",
        "DELETE FROM contract_decisions", "UPDATE contract_decisions SET decision = 'ACCEPTED'",
        "UPDATE contract_cancellations SET reason = ''", "DELETE FROM contract_executions",
        "UPDATE contract_executions SET skip_reason = ''", "UPDATE contracts SET buyer_id = 'x'",
        "DELETE FROM clearings", "DROP TABLE auctions",
        "UPDATE standing_order_versions SET paused = false", "DELETE FROM autopilot_plans",
        "UPDATE autopilot_plans SET version = 2",
        "UPDATE book_events SET energy_wh = 1", "DELETE FROM book_events"}) {
    pqxx::connection connection(world.database->dsn());
    pqxx::work tx(connection);
    EXPECT_THROW(tx.exec(sql), pqxx::sql_error) << sql;
  }
}

}  // namespace
}  // namespace peerwatt::market
