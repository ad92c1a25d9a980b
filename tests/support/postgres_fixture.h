#pragma once

#include <memory>
#include <string>
#include <vector>

#include "libs/postgres/migrator.h"

namespace peerwatt::testing {

/// A fresh, migrated database of one service on the private server, with the two roles that the
/// service has in production. Dropped at the end.
class TestDatabase {
 public:
  /// service: `registry`, … names the roles `peerwatt_<service>` and `peerwatt_<service>_owner`.
  static std::unique_ptr<TestDatabase> Create(const std::string& service,
                                              const std::vector<postgres::Migration>& migrations);
  ~TestDatabase();
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  /// Connection string of the application role.
  std::string dsn() const;
  /// Connection string of the owner, who may change the schema.
  std::string owner_dsn() const;

 private:
  TestDatabase(std::string service, std::string name);
  std::string service_;
  std::string name_;
};

}  // namespace peerwatt::testing
