#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tools/peerwatt/process.h"
#include "tools/peerwatt/state.h"

namespace peerwatt::tool {

/// The directory with `initdb` and `postgres`: `pg_config --bindir`, else the newest below
/// `/usr/lib/postgresql`, else the one on PATH. Errors: kNotFound.
absl::StatusOr<std::string> FindServerBinaries();

/// A PostgreSQL cluster of our own in a state directory. It never touches another one.
class PostgresCluster {
 public:
  /// Looks for the server and, for root, for the user that it will run as, since PostgreSQL refuses
  /// to run as root. Errors: kNotFound.
  static absl::StatusOr<PostgresCluster> Open(StatePaths paths, uint16_t port);

  /// Creates the cluster unless it exists, and writes its configuration.
  /// Errors: kFailedPrecondition when its user cannot reach the directory; kUnavailable.
  absl::Status Prepare();
  /// What runs the server in the foreground.
  Command ServerCommand() const;
  /// Whether the server answers. Errors: kUnavailable with the server's words.
  absl::Status Ping() const;
  /// Ends what an earlier, killed postmaster left behind, so that a new one can start: the server
  /// refuses to start while old backends use its shared memory.
  void EndLeftovers() const;
  /// Makes the database `peerwatt_<service>` with its owner and its application role, or gives the
  /// roles their passwords again.
  absl::Status CreateDatabase(absl::string_view service);
  /// Writes out the databases that were made since the start, if any: a crash soon afterwards then
  /// recovers in a moment instead of writing them first.
  absl::Status KeepNewDatabases();

  /// Connection string of a service's owner role (`owner`) or application role.
  absl::StatusOr<std::string> Dsn(absl::string_view service, bool owner) const;

 private:
  PostgresCluster(StatePaths paths, std::string bin, std::optional<Identity> identity,
                  uint16_t port)
      : paths_(std::move(paths)),
        bin_(std::move(bin)),
        identity_(std::move(identity)),
        port_(port) {}
  absl::StatusOr<std::string> SuperuserDsn() const;
  std::string DsnOf(absl::string_view user, absl::string_view database,
                    absl::string_view password) const;
  absl::Status RequireReachable(const std::string& directory) const;
  absl::Status Initialise();
  absl::Status Own(const std::string& path) const;
  bool HasSocket() const;

  StatePaths paths_;
  std::string bin_;
  std::optional<Identity> identity_;
  uint16_t port_;
  bool made_database_ = false;
};

}  // namespace peerwatt::tool
