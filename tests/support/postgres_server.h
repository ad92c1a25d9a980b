#pragma once

#include <sys/types.h>

#include <string>

namespace peerwatt::testing {

/// A private PostgreSQL server for the tests of one process: own data folder, loopback only, a
/// free port; never a system cluster. It runs as an unprivileged user when the tests run as root,
/// and ends with the process, also when that is killed.
class PostgresServer {
 public:
  /// The server of this process, started on first use. Stops the test when it cannot start.
  static PostgresServer& Instance();
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  /// Connection string of the superuser to a database.
  std::string SuperuserDsn(const std::string& database) const;
  /// Connection string of another role.
  std::string Dsn(const std::string& role, const std::string& database) const;
  /// Stops at once, as a crash would, and starts again.
  void CrashAndRestart();

 private:
  PostgresServer();
  void Start();

  std::string bin_;
  std::string dir_;
  int port_ = 0;
  pid_t pid_ = 0;
};

}  // namespace peerwatt::testing
