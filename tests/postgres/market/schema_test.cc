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
  EXPECT_EQ(Queries().size(), 87u);
}

TEST(MarketSchemaTest, TheApplicationCannotChangeTrades) {
  World world;
  for (const char* sql :
       {"UPDATE trades SET energy_wh = 1", "DELETE FROM trades", "DELETE FROM orders",
        "UPDATE networks SET zones = zones", "DELETE FROM clearings", "DROP TABLE auctions",
        "UPDATE book_events SET energy_wh = 1", "DELETE FROM book_events"}) {
    pqxx::connection connection(world.database->dsn());
    pqxx::work tx(connection);
    EXPECT_THROW(tx.exec(sql), pqxx::sql_error) << sql;
  }
}

}  // namespace
}  // namespace peerwatt::market
