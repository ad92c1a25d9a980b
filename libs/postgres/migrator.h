#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace peerwatt::postgres {

/// One forward step of a schema: `NNNN_what_it_does` and its SQL.
struct Migration {
  std::string name;
  std::string sql;
};

/// Applies the migrations that a database does not have yet, in order of their names, each in a
/// transaction of its own, under a lock that lets one migrator work at a time.
/// Errors: kFailedPrecondition when an applied migration's text has changed since.
absl::Status Migrate(const std::string& owner_dsn, const std::vector<Migration>& migrations);

}  // namespace peerwatt::postgres
