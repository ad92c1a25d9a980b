#include <set>
#include <string>

#include "tests/postgres/registry/registry_fixture.h"

namespace peerwatt::registry {
namespace {

class SchemaTest : public RegistryFixture {};

TEST_F(SchemaTest, EveryStatementPreparesForTheApplicationRole) {
  pqxx::connection connection(database_->dsn());
  std::set<std::string> names;
  for (const postgres::Query& query : Queries()) {
    EXPECT_TRUE(names.insert(query.name).second) << query.name << " is there twice";
    EXPECT_NO_THROW({
      connection.prepare(query.name, query.sql);
      connection.prepare_now(query.name);
    }) << query.name;
  }
}

TEST_F(SchemaTest, TheApplicationRoleCannotRewriteTheAuditTrail) {
  MustCreateUser("boss", {Role::kAdmin});
  ASSERT_EQ(AuditOf("users/boss").size(), 1U);
  for (const char* sql : {"DELETE FROM audit_events", "UPDATE audit_events SET actor = 'x'",
                          "TRUNCATE audit_events", "DELETE FROM participants"}) {
    pqxx::connection connection(database_->dsn());
    pqxx::work tx(connection);
    EXPECT_THROW(tx.exec(sql), pqxx::insufficient_privilege) << sql;
  }
}

TEST_F(SchemaTest, TheDatabaseRefusesAConnectionOfTwoParticipants) {
  FillHamlet();
  pqxx::connection connection(database_->owner_dsn());
  pqxx::work tx(connection);
  EXPECT_THROW(tx.exec("INSERT INTO metering_points VALUES "
                       "('m3', 'p2', 'hamlet', 'c1', 1, 1, now())"),
               pqxx::foreign_key_violation);
}

}  // namespace
}  // namespace peerwatt::registry
