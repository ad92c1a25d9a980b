#include "libs/postgres/migrator.h"

#include <algorithm>
#include <map>
#include <pqxx/pqxx>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/log.h"

namespace peerwatt::postgres {
namespace {

// The text itself is kept, so that a changed migration is found by comparing.
constexpr char kCreateTable[] =
    "CREATE TABLE IF NOT EXISTS schema_migrations ("
    " name text PRIMARY KEY, sql text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())";
// Held until the transaction ends: one migrator at a time.
constexpr char kLock[] = "SELECT pg_advisory_xact_lock(7237123)";

absl::Status Apply(pqxx::connection& connection, const Migration& migration) {
  pqxx::work tx(connection);
  tx.exec(kLock);
  tx.exec(kCreateTable);
  const pqxx::result known =
      tx.exec_params("SELECT sql FROM schema_migrations WHERE name = $1", migration.name);
  if (!known.empty()) {
    tx.abort();
    if (known[0][0].c_str() != migration.sql) {
      return absl::FailedPreconditionError(
          absl::StrCat("migration ", migration.name, " has changed since it was applied"));
    }
    return absl::OkStatus();
  }
  tx.exec(migration.sql);
  tx.exec_params("INSERT INTO schema_migrations (name, sql) VALUES ($1, $2)", migration.name,
                 migration.sql);
  tx.commit();
  Log(Severity::kInfo, "migration applied", {{"migration", migration.name}});
  return absl::OkStatus();
}

}  // namespace

absl::Status Migrate(const std::string& owner_dsn, const std::vector<Migration>& migrations) {
  std::vector<Migration> ordered = migrations;
  std::sort(ordered.begin(), ordered.end(),
            [](const Migration& a, const Migration& b) { return a.name < b.name; });
  try {
    pqxx::connection connection(owner_dsn);
    for (const Migration& migration : ordered) {
      const absl::Status status = Apply(connection, migration);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  } catch (const pqxx::broken_connection& e) {
    return Error(kDatabaseUnavailable, e.what());
  } catch (const std::exception& e) {
    return absl::InternalError(e.what());
  }
}

}  // namespace peerwatt::postgres
