#include "tests/support/postgres_fixture.h"

#include <atomic>
#include <pqxx/pqxx>

#include "libs/base/check.h"
#include "tests/support/postgres_server.h"

namespace peerwatt::testing {
namespace {

void ExecuteAsSuperuser(const std::string& sql) {
  pqxx::connection connection(PostgresServer::Instance().SuperuserDsn("postgres"));
  pqxx::nontransaction session(connection);
  session.exec(sql);
}

void CreateRole(const std::string& role) {
  ExecuteAsSuperuser("DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '" + role +
                     "') THEN CREATE ROLE " + role + " LOGIN; END IF; END $$");
}

}  // namespace

TestDatabase::TestDatabase(std::string service, std::string name)
    : service_(std::move(service)), name_(std::move(name)) {}

std::unique_ptr<TestDatabase> TestDatabase::Create(
    const std::string& service, const std::vector<postgres::Migration>& migrations) {
  static std::atomic<int> next{1};
  const std::string owner = "peerwatt_" + service + "_owner";
  CreateRole(owner);
  CreateRole("peerwatt_" + service);
  auto database = std::unique_ptr<TestDatabase>(
      new TestDatabase(service, "test_" + service + "_" + std::to_string(next++)));
  ExecuteAsSuperuser("CREATE DATABASE " + database->name_ + " OWNER " + owner);
  const absl::Status status = postgres::Migrate(database->owner_dsn(), migrations);
  PW_CHECK(status.ok(), status.ToString());
  return database;
}

TestDatabase::~TestDatabase() { ExecuteAsSuperuser("DROP DATABASE " + name_ + " WITH (FORCE)"); }

std::string TestDatabase::dsn() const {
  return PostgresServer::Instance().Dsn("peerwatt_" + service_, name_);
}

std::string TestDatabase::owner_dsn() const {
  return PostgresServer::Instance().Dsn("peerwatt_" + service_ + "_owner", name_);
}

}  // namespace peerwatt::testing
