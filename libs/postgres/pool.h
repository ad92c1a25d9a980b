#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <pqxx/pqxx>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "libs/postgres/connection.h"

namespace peerwatt::postgres {

/// A named statement. All statements of a service stand in its `storage/queries.h`.
struct Query {
  const char* name;
  const char* sql;
};

/// How a transaction is run.
struct TransactionOptions {
  /// `SERIALIZABLE` instead of `READ COMMITTED`.
  bool serializable = false;
  /// `REPEATABLE READ`: all statements see the database as of the first one. For reading a lot.
  bool one_snapshot = false;
  /// Attempts in all, for serialization failures, deadlocks and lost connections.
  int attempts = 5;
};

/// A bounded set of connections to one database. Safe for many threads. A dead connection is
/// replaced by a new one; libpqxx's own silent reconnect, which would lose settings, is off.
class Pool {
 public:
  /// dsn: libpq connection string. queries: prepared on every connection. size: most connections.
  /// Opens no connection yet.
  Pool(std::string dsn, std::vector<Query> queries, int size);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// Runs `body` in one transaction and commits when it returns OK. `body` may run more than once:
  /// it must not keep effects outside the transaction. Exceptions of libpqxx become statuses:
  /// unique_violation kAlreadyExists, other integrity or data errors kInternal.
  ///
  /// A COMMIT whose answer is lost took effect or did not. `body` is run again, after a new
  /// connection is made: every write here has an id, so what exists by then is found, and what
  /// `body` or its key says is the answer. When no attempt comes so far, nobody knows: never
  /// "failed", but OUTCOME_UNKNOWN, and the caller's next call with the same id says what exists.
  /// Errors: those of `body`; DATABASE_UNAVAILABLE (kUnavailable): nothing was written;
  /// OUTCOME_UNKNOWN (kUnavailable); TRANSACTION_CONFLICT (kAborted): it met others in every
  /// attempt, nothing was written.
  absl::Status Run(const TransactionOptions& options,
                   absl::FunctionRef<absl::Status(pqxx::work&)> body);
  absl::Status Run(absl::FunctionRef<absl::Status(pqxx::work&)> body) { return Run({}, body); }

  /// Runs one statement that is a transaction by itself: no BEGIN and no COMMIT, one message there
  /// and back. `body` runs it and must not run another; errors and repetition as in `Run`.
  absl::Status RunAlone(absl::FunctionRef<absl::Status(pqxx::nontransaction&)> body);

  /// Whether a statement runs now.
  absl::Status Ping();

  /// Connections in use, and transactions tried again so far; for metrics.
  int in_use() const;
  int64_t retry_count() const;

 private:
  template <typename Transaction>
  absl::Status Repeat(const TransactionOptions& options,
                      absl::FunctionRef<absl::Status(Transaction&)> body);
  std::unique_ptr<Connection> Take();
  void Give(std::unique_ptr<Connection> connection);

  const std::string dsn_;
  const std::vector<Query> queries_;
  const int size_;
  mutable std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<std::unique_ptr<Connection>> idle_;
  int in_use_ = 0;
  int64_t retry_count_ = 0;
};

/// Runs a prepared statement: `Exec(tx, kInsertOrder, id, energy_wh)`.
template <typename... Args>
pqxx::result Exec(pqxx::transaction_base& tx, const Query& query, Args&&... args) {
  return tx.exec_prepared(query.name, std::forward<Args>(args)...);
}

}  // namespace peerwatt::postgres
