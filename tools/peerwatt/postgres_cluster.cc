#include "tools/peerwatt/postgres_cluster.h"

#include <pwd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <pqxx/pqxx>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "tools/peerwatt/cluster_queries.h"
#include "tools/peerwatt/files.h"

namespace peerwatt::tool {
namespace {

namespace fs = std::filesystem;

constexpr char kSuperuser[] = "peerwatt_superuser";
constexpr char kSuperuserSecret[] = "postgres_superuser_password";

// Durability stays at PostgreSQL's defaults: an acknowledgement means committed.
constexpr char kConfiguration[] = R"(# Written by the launcher at every start; changes are lost.
listen_addresses = '127.0.0.1'
port = %PORT%
unix_socket_directories = '%SOCKETS%'
max_connections = 200
password_encryption = 'scram-sha-256'
shared_buffers = '256MB'
wal_compression = on
max_wal_size = '2GB'
checkpoint_timeout = '15min'
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] '
lc_messages = 'C'
)";

bool HasServer(const fs::path& directory) {
  std::error_code error;
  return fs::exists(directory / "initdb", error) && fs::exists(directory / "postgres", error);
}

std::string OutputOf(const char* command) {
  std::string out;
  FILE* pipe = popen(command, "r");
  if (pipe == nullptr) return out;
  char buffer[512];
  while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) out += buffer;
  pclose(pipe);
  return std::string(absl::StripAsciiWhitespace(out));
}

std::string Replaced(std::string text, const std::string& mark, const std::string& value) {
  const size_t at = text.find(mark);
  return at == std::string::npos ? text : text.replace(at, mark.size(), value);
}

absl::Status DatabaseError(const std::exception& error) {
  return absl::UnavailableError(
      absl::StrCat("PostgreSQL: ", absl::StripAsciiWhitespace(error.what())));
}

std::string BuiltStatement(pqxx::transaction_base& tx, const char* query,
                           const std::string& first) {
  return tx.exec_params(query, first)[0][0].as<std::string>();
}

std::string BuiltStatement(pqxx::transaction_base& tx, const char* query, const std::string& first,
                           const std::string& second) {
  return tx.exec_params(query, first, second)[0][0].as<std::string>();
}

}  // namespace

absl::StatusOr<std::string> FindServerBinaries() {
  if (const std::string told = OutputOf("pg_config --bindir 2>/dev/null"); HasServer(told)) {
    return told;
  }
  std::error_code error;
  int newest = 0;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", error)) {
    int version = 0;
    if (absl::SimpleAtoi(entry.path().filename().string(), &version) && version > newest &&
        HasServer(entry.path() / "bin")) {
      newest = version;
    }
  }
  if (newest > 0) return absl::StrCat("/usr/lib/postgresql/", newest, "/bin");
  const char* path = std::getenv("PATH");
  for (const absl::string_view part : absl::StrSplit(path == nullptr ? "" : path, ':')) {
    if (HasServer(std::string(part))) return std::string(part);
  }
  return absl::NotFoundError(
      "PostgreSQL's server (initdb, postgres) is not installed; on Debian: "
      "apt-get install postgresql-15");
}

absl::StatusOr<PostgresCluster> PostgresCluster::Open(StatePaths paths, uint16_t port) {
  PW_ASSIGN_OR_RETURN(std::string bin, FindServerBinaries());
  std::optional<Identity> identity;
  if (geteuid() == 0) {
    for (const char* name : {"postgres", "nobody"}) {
      const passwd* user = getpwnam(name);
      if (user == nullptr) continue;
      identity = Identity{user->pw_uid, user->pw_gid, name};
      break;
    }
    if (!identity.has_value()) {
      return absl::NotFoundError(
          "PostgreSQL does not run as root, and there is no user 'postgres' or 'nobody'");
    }
  }
  return PostgresCluster(std::move(paths), std::move(bin), std::move(identity), port);
}

absl::Status PostgresCluster::Own(const std::string& path) const {
  if (identity_.has_value() && chown(path.c_str(), identity_->uid, identity_->gid) != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot give ", path, " to ", identity_->name, ": ", std::strerror(errno)));
  }
  return absl::OkStatus();
}

absl::Status PostgresCluster::RequireReachable(const std::string& directory) const {
  if (!identity_.has_value()) return absl::OkStatus();
  // The server's user needs the right to pass through every directory above its own.
  for (fs::path path = fs::path(directory).parent_path();; path = path.parent_path()) {
    struct stat info {};
    if (stat(path.c_str(), &info) == 0) {
      const bool passable = (info.st_mode & S_IXOTH) != 0 ||
                            (info.st_uid == identity_->uid && (info.st_mode & S_IXUSR) != 0) ||
                            (info.st_gid == identity_->gid && (info.st_mode & S_IXGRP) != 0);
      if (!passable) {
        return absl::FailedPreconditionError(absl::StrCat(
            "PostgreSQL runs as user '", identity_->name, "', which may not pass through ",
            path.string(), "; choose another --state, or: chmod o+x ", path.string()));
      }
    }
    if (path == path.parent_path()) return absl::OkStatus();
  }
}

bool PostgresCluster::HasSocket() const {
  // `.s.PGSQL.<port>` and its lock file must fit the address of a socket.
  return paths_.run().size() + sizeof("/.s.PGSQL.65535.lock") <= sizeof(sockaddr_un{}.sun_path);
}

absl::Status PostgresCluster::Initialise() {
  const std::string draft = paths_.pgdata() + ".new";
  std::error_code error;
  fs::remove_all(draft, error);
  PW_RETURN_IF_ERROR(MakeDirectory(draft, 0700));
  PW_RETURN_IF_ERROR(Own(draft));
  PW_ASSIGN_OR_RETURN(const std::string password, SecretInFile(paths_.secret(kSuperuserSecret)));
  const std::string password_file = paths_.run() + "/initdb-password";
  PW_RETURN_IF_ERROR(WriteFile(password_file, password + "\n", 0600));
  PW_RETURN_IF_ERROR(Own(password_file));
  Command command;
  command.argv = {bin_ + "/initdb",           "--pgdata=" + draft,
                  "--encoding=UTF8",          "--locale=C.UTF-8",
                  "--data-checksums",         "--auth=scram-sha-256",
                  "--no-instructions",        "--username=peerwatt_superuser",
                  "--pwfile=" + password_file};
  command.log_path = paths_.log("initdb");
  command.identity = identity_;
  command.death_signal = SIGKILL;
  const auto code = RunToEnd(command);
  fs::remove(password_file, error);
  PW_RETURN_IF_ERROR(code.status());
  if (*code != 0) {
    return absl::UnavailableError(absl::StrCat("initdb ended with exit code ", *code,
                                               "; log: ", command.log_path, "\n",
                                               LastLines(command.log_path, 8)));
  }
  // A cluster that is only half made never gets its final name.
  fs::rename(draft, paths_.pgdata(), error);
  if (error)
    return absl::UnavailableError(absl::StrCat("cannot keep the cluster: ", error.message()));
  return absl::OkStatus();
}

absl::Status PostgresCluster::Prepare() {
  PW_RETURN_IF_ERROR(RequireReachable(paths_.pgdata()));
  PW_RETURN_IF_ERROR(MakeDirectory(paths_.run(), 0700));
  PW_RETURN_IF_ERROR(Own(paths_.run()));
  if (!fs::exists(paths_.pgdata() + "/PG_VERSION")) PW_RETURN_IF_ERROR(Initialise());
  std::string configuration = Replaced(kConfiguration, "%PORT%", absl::StrCat(port_));
  configuration = Replaced(configuration, "%SOCKETS%", HasSocket() ? paths_.run() : "");
  // For tuning and for tests that weaken the server on purpose; the last setting of a name counts.
  if (const char* extra = std::getenv("PEERWATT_POSTGRES_SETTINGS")) {
    absl::StrAppend(&configuration, "# From PEERWATT_POSTGRES_SETTINGS\n",
                    absl::StrReplaceAll(extra, {{";", "\n"}}), "\n");
  }
  const std::string path = paths_.pgdata() + "/postgresql.conf";
  PW_RETURN_IF_ERROR(WriteFile(path, configuration, 0600));
  return Own(path);
}

Command PostgresCluster::ServerCommand() const {
  Command command;
  command.argv = {bin_ + "/postgres", "-D", paths_.pgdata()};
  command.log_path = paths_.log("postgres");
  command.identity = identity_;
  command.death_signal = SIGINT;  // fast shutdown
  return command;
}

std::string PostgresCluster::DsnOf(absl::string_view user, absl::string_view database,
                                   absl::string_view password) const {
  // Names and passwords are ours: they hold no character that needs quotes; the path may.
  std::string host = "127.0.0.1";
  if (HasSocket()) {
    host = "'";
    for (const char c : paths_.run()) {
      if (c == '\'' || c == '\\') host += '\\';
      host += c;
    }
    host += "'";
  }
  return absl::StrCat("host=", host, " port=", port_, " user=", user, " dbname=", database,
                      " password=", password, " connect_timeout=5");
}

absl::StatusOr<std::string> PostgresCluster::SuperuserDsn() const {
  PW_ASSIGN_OR_RETURN(const std::string password, ReadFile(paths_.secret(kSuperuserSecret)));
  return DsnOf(kSuperuser, "postgres", password);
}

absl::StatusOr<std::string> PostgresCluster::Dsn(absl::string_view service, bool owner) const {
  const std::string role = absl::StrCat("peerwatt_", service, owner ? "_owner" : "");
  PW_ASSIGN_OR_RETURN(const std::string password,
                      SecretInFile(paths_.secret(absl::StrCat(role, "_password"))));
  return DsnOf(role, absl::StrCat("peerwatt_", service), password);
}

absl::Status PostgresCluster::Ping() const {
  PW_ASSIGN_OR_RETURN(const std::string dsn, SuperuserDsn());
  try {
    pqxx::connection connection(dsn);
    return absl::OkStatus();
  } catch (const std::exception& error) {
    return DatabaseError(error);
  }
}

void PostgresCluster::EndLeftovers() const {
  std::error_code error;
  const fs::path real = fs::canonical(paths_.pgdata(), error);
  if (error) return;
  const absl::Time kill_at = absl::Now() + absl::Seconds(2);
  while (true) {
    const std::vector<ProcessId> left = ProcessesIn(real.string(), "postgres");
    if (left.empty()) break;
    // What the postmaster itself would do after a crash: immediate exit.
    for (const ProcessId& process : left) {
      SendSignal(process, absl::Now() < kill_at ? SIGQUIT : SIGKILL);
    }
    absl::SleepFor(absl::Milliseconds(20));
  }
  // Nobody uses the cluster, so its lock files are stale; their process numbers may belong to
  // others.
  fs::remove(paths_.pgdata() + "/postmaster.pid", error);
  fs::remove(absl::StrCat(paths_.run(), "/.s.PGSQL.", port_, ".lock"), error);
}

absl::Status PostgresCluster::KeepNewDatabases() {
  if (!made_database_) return absl::OkStatus();
  PW_ASSIGN_OR_RETURN(const std::string dsn, SuperuserDsn());
  try {
    pqxx::connection connection(dsn);
    pqxx::nontransaction(connection).exec(kCheckpoint);
    made_database_ = false;
    return absl::OkStatus();
  } catch (const std::exception& error) {
    return DatabaseError(error);
  }
}

absl::Status PostgresCluster::CreateDatabase(absl::string_view service) {
  PW_ASSIGN_OR_RETURN(const std::string dsn, SuperuserDsn());
  const std::string database = absl::StrCat("peerwatt_", service);
  const std::vector<std::string> roles = {absl::StrCat(database, "_owner"), database};
  try {
    pqxx::connection connection(dsn);
    pqxx::nontransaction tx(connection);
    for (const std::string& role : roles) {
      PW_ASSIGN_OR_RETURN(const std::string password,
                          SecretInFile(paths_.secret(absl::StrCat(role, "_password"))));
      if (tx.exec_params(kRoleExists, role).empty()) {
        tx.exec(BuiltStatement(tx, kBuildCreateRole, role));
      }
      tx.exec(BuiltStatement(tx, kBuildSetPassword, role, password));
    }
    if (tx.exec_params(kDatabaseExists, database).empty()) {
      tx.exec(BuiltStatement(tx, kBuildCreateDatabase, database, roles[0]));
      made_database_ = true;
    }
    tx.exec(BuiltStatement(tx, kBuildRevokeConnect, database));
    tx.exec(BuiltStatement(tx, kBuildGrantConnect, database, roles[1]));
    return absl::OkStatus();
  } catch (const std::exception& error) {
    return DatabaseError(error);
  }
}

}  // namespace peerwatt::tool
