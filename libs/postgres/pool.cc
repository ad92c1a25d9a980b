#include "libs/postgres/pool.h"

#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/log.h"

namespace peerwatt::postgres {
namespace {

/// What became of one attempt.
struct Outcome {
  absl::Status status;
  bool try_again = false;
  bool connection_usable = true;
  bool in_doubt = false;
  // What `body` or a key says, which knows of every COMMIT before.
  bool is_answer = false;
};

absl::Status Unavailable(const std::exception& e) {
  return Error(kDatabaseUnavailable, absl::StrCat("the database is not reachable: ", e.what()));
}

template <typename Transaction>
Outcome Attempt(Connection& connection, const TransactionOptions& options,
                absl::FunctionRef<absl::Status(Transaction&)> body) {
  try {
    Transaction tx(connection);
    if (options.serializable) tx.exec0("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE");
    if (options.one_snapshot) tx.exec0("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
    absl::Status status = body(tx);
    if (!status.ok()) {
      tx.abort();
      return {std::move(status), false, connection.is_open(), false, true};
    }
    tx.commit();
    return {absl::OkStatus(), false, true, false, true};
  } catch (const pqxx::in_doubt_error& e) {
    // The COMMIT was sent and its answer is lost. Every write has an id: doing it again is safe.
    return {Unavailable(e), true, false, true};
  } catch (const pqxx::serialization_failure& e) {
    return {absl::AbortedError(e.what()), true};
  } catch (const pqxx::deadlock_detected& e) {
    return {absl::AbortedError(e.what()), true};
  } catch (const pqxx::unique_violation& e) {
    return {absl::AlreadyExistsError(e.what()), false, true, false, true};
  } catch (const pqxx::broken_connection& e) {
    return {Unavailable(e), true, false};
  } catch (const pqxx::sql_error& e) {
    // 57P01…57P03: the server shuts down or starts up. 08xxx: the connection is gone. 25P03: this
    // process stood still for too long in the middle of a transaction.
    const std::string& state = e.sqlstate();
    if (state.rfind("57P", 0) == 0 || state.rfind("08", 0) == 0 || state == "25P03")
      return {Unavailable(e), true, false};
    if (state == "40001" || state == "40P01") return {absl::AbortedError(e.what()), true};
    return {absl::InternalError(absl::StrCat(state, " ", e.what())), false, connection.is_open()};
  } catch (const std::exception& e) {
    if (!connection.is_open()) return {Unavailable(e), true, false};
    return {absl::InternalError(e.what()), false, connection.is_open()};
  }
}

}  // namespace

Pool::Pool(std::string dsn, std::vector<Query> queries, int size)
    : dsn_(std::move(dsn)), queries_(std::move(queries)), size_(size) {}

Pool::~Pool() = default;

std::unique_ptr<Connection> Pool::Take() {
  {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [this] { return in_use_ < size_; });
    ++in_use_;
    if (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
  }
  try {
    auto connection = std::make_unique<Connection>(dsn_);
    // The library's silent reconnect would lose the session's settings; we replace it instead.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    connection->inhibit_reactivation(true);
#pragma GCC diagnostic pop
    connection->set_variable("TimeZone", "'UTC'");
    connection->set_variable("DateStyle", "'ISO'");
    // Errors come back as exceptions with their SQLSTATE; notices would only repeat them on stderr.
    connection->set_verbosity(pqxx::connection_base::terse);
    for (const Query& query : queries_) connection->prepare(query.name, query.sql);
    return connection;
  } catch (...) {
    Give(nullptr);
    throw;
  }
}

void Pool::Give(std::unique_ptr<Connection> connection) {
  {
    const std::lock_guard lock(mutex_);
    --in_use_;
    if (connection != nullptr) {
      idle_.push_back(std::move(connection));
    } else {
      // One dead connection means that the others, made before it died, are dead as well.
      idle_.clear();
    }
  }
  freed_.notify_one();
}

absl::Status Pool::Run(const TransactionOptions& options,
                       absl::FunctionRef<absl::Status(pqxx::work&)> body) {
  return Repeat<pqxx::work>(options, body);
}

absl::Status Pool::RunAlone(absl::FunctionRef<absl::Status(pqxx::nontransaction&)> body) {
  return Repeat<pqxx::nontransaction>({}, body);
}

template <typename Transaction>
absl::Status Pool::Repeat(const TransactionOptions& options,
                          absl::FunctionRef<absl::Status(Transaction&)> body) {
  auto pause = std::chrono::milliseconds(5);
  bool in_doubt = false;
  for (int attempt = 1;; ++attempt) {
    Outcome outcome;
    try {
      std::unique_ptr<Connection> connection = Take();
      outcome = Attempt<Transaction>(*connection, options, body);
      Give(outcome.connection_usable ? std::move(connection) : nullptr);
    } catch (const std::exception& e) {
      outcome = {Unavailable(e), true, false};
    }
    in_doubt = in_doubt || outcome.in_doubt;
    if (outcome.status.ok() || !outcome.try_again || attempt >= options.attempts) {
      if (outcome.status.code() == absl::StatusCode::kInternal) {
        Log(Severity::kError, "a statement failed", {{"error", outcome.status.message()}});
      }
      if (in_doubt && !outcome.is_answer) {
        return Error(ErrorReason{"OUTCOME_UNKNOWN", absl::StatusCode::kUnavailable, true},
                     "the database did not answer a COMMIT: it may have happened");
      }
      if (outcome.status.code() == absl::StatusCode::kAborted && ReasonOf(outcome.status).empty()) {
        return Error(ErrorReason{"TRANSACTION_CONFLICT", absl::StatusCode::kAborted, true},
                     "the transaction met another one too often");
      }
      return outcome.status;
    }
    {
      const std::lock_guard lock(mutex_);
      ++retry_count_;
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(200));
  }
}

absl::Status Pool::Ping() {
  return Run(TransactionOptions{.attempts = 1}, [](pqxx::work& tx) {
    tx.exec1("SELECT 1");
    return absl::OkStatus();
  });
}

int Pool::in_use() const {
  const std::lock_guard lock(mutex_);
  return in_use_;
}

int64_t Pool::retry_count() const {
  const std::lock_guard lock(mutex_);
  return retry_count_;
}

}  // namespace peerwatt::postgres
