#include "libs/postgres/migrator.h"

#include <gtest/gtest.h>

#include <pqxx/pqxx>

#include "tests/support/postgres_fixture.h"

namespace peerwatt::postgres {
namespace {

const Migration kFirst{"0001_first", "CREATE TABLE things (id bigint PRIMARY KEY)"};
const Migration kSecond{"0002_second", "ALTER TABLE things ADD COLUMN name text"};

TEST(MigratorTest, AppliesEachStepOnceInOrder) {
  auto database = testing::TestDatabase::Create("registry", {kSecond, kFirst});
  EXPECT_TRUE(Migrate(database->owner_dsn(), {kFirst, kSecond}).ok());
  pqxx::connection connection(database->owner_dsn());
  pqxx::work tx(connection);
  EXPECT_EQ(tx.exec1("SELECT count(*) FROM schema_migrations")[0].as<int>(), 2);
  tx.exec("INSERT INTO things (id, name) VALUES (1, 'x')");
}

TEST(MigratorTest, RefusesAStepWhoseTextChanged) {
  auto database = testing::TestDatabase::Create("registry", {kFirst});
  const absl::Status status =
      Migrate(database->owner_dsn(), {Migration{kFirst.name, kFirst.sql + " "}});
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
}

TEST(MigratorTest, ABrokenStepLeavesNothingBehind) {
  auto database = testing::TestDatabase::Create("registry", {});
  EXPECT_FALSE(Migrate(database->owner_dsn(),
                       {Migration{"0001_broken", "CREATE TABLE things (id bigint); SELECT 1/0"}})
                   .ok());
  EXPECT_TRUE(Migrate(database->owner_dsn(), {kFirst}).ok());
}

}  // namespace
}  // namespace peerwatt::postgres
