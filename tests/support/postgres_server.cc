#include "tests/support/postgres_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <pqxx/pqxx>
#include <thread>
#include <vector>

#include "libs/base/check.h"

namespace peerwatt::testing {
namespace {

namespace fs = std::filesystem;

std::string FindBinaries() {
  if (const char* dir = std::getenv("PEERWATT_POSTGRES_BIN")) return dir;
  std::string best;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql")) {
    const fs::path bin = entry.path() / "bin";
    if (fs::exists(bin / "initdb") && bin.string() > best) best = bin.string();
  }
  PW_CHECK(!best.empty(), "PostgreSQL's server binaries are installed");
  return best;
}

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  PW_CHECK(bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
               getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0,
           "a loopback port is free");
  close(fd);
  return ntohs(address.sin_port);
}

const passwd* ServerUser() {
  const passwd* user = getpwnam("postgres");
  return user != nullptr ? user : getpwnam("nobody");
}

// Runs a program of PostgreSQL, as its user when we are root. It dies with us.
pid_t Spawn(const std::vector<std::string>& arguments, const std::string& log) {
  const pid_t parent = getpid();
  const pid_t pid = fork();
  PW_CHECK(pid >= 0, "a process can be started");
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGQUIT);
  if (getuid() == 0) {
    const passwd* user = ServerUser();
    if (user == nullptr || setgroups(0, nullptr) != 0 || setgid(user->pw_gid) != 0 ||
        setuid(user->pw_uid) != 0) {
      _exit(126);
    }
    prctl(PR_SET_PDEATHSIG, SIGQUIT);  // Changing the user cleared it.
  }
  if (getppid() != parent) _exit(125);
  const int fd = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  dup2(fd, STDOUT_FILENO);
  dup2(fd, STDERR_FILENO);
  if (chdir("/") != 0) _exit(124);
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execv(argv[0], argv.data());
  _exit(127);
}

}  // namespace

PostgresServer& PostgresServer::Instance() {
  static PostgresServer server;
  return server;
}

PostgresServer::PostgresServer() : bin_(FindBinaries()) {
  std::string pattern = (fs::temp_directory_path() / "peerwatt-test-XXXXXX").string();
  PW_CHECK(mkdtemp(pattern.data()) != nullptr, "a temporary folder can be made");
  dir_ = pattern;
  if (getuid() == 0) {
    const passwd* user = ServerUser();
    PW_CHECK(user != nullptr && chown(dir_.c_str(), user->pw_uid, user->pw_gid) == 0,
             "the server's user owns its folder");
  }
  const pid_t init = Spawn({bin_ + "/initdb", "-D", dir_ + "/data", "-U", "postgres", "-A", "trust",
                            "-E", "UTF8", "--no-sync", "--locale=C.UTF-8"},
                           dir_ + "/initdb.log");
  int status = 0;
  waitpid(init, &status, 0);
  PW_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "initdb succeeds");
  port_ = FreePort();
  Start();
}

void PostgresServer::Start() {
  pid_ = Spawn({bin_ + "/postgres", "-D", dir_ + "/data", "-p", std::to_string(port_), "-h",
                "127.0.0.1", "-k", "", "-c", "max_connections=100", "-c", "logging_collector=off",
                // The server is killed here, never the machine: what it wrote is there without.
                "-c", "fsync=off"},
               dir_ + "/postgres.log");
  for (int i = 0; i < 600; ++i) {
    try {
      pqxx::connection connection(SuperuserDsn("postgres"));
      return;
    } catch (const std::exception&) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
  PW_CHECK(false, "the test server answers within 30 s");
}

PostgresServer::~PostgresServer() {
  kill(pid_, SIGQUIT);
  waitpid(pid_, nullptr, 0);
  std::error_code ignored;
  fs::remove_all(dir_, ignored);
}

std::string PostgresServer::SuperuserDsn(const std::string& database) const {
  return Dsn("postgres", database);
}

std::string PostgresServer::Dsn(const std::string& role, const std::string& database) const {
  return "host=127.0.0.1 port=" + std::to_string(port_) + " user=" + role + " dbname=" + database;
}

void PostgresServer::CrashAndRestart() {
  kill(pid_, SIGQUIT);  // Immediate shutdown: as a crash, recovery follows.
  waitpid(pid_, nullptr, 0);
  Start();
}

}  // namespace peerwatt::testing
