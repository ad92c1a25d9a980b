#include "tools/peerwatt/stack.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "tools/peerwatt/files.h"
#include "tools/peerwatt/postgres_cluster.h"
#include "tools/peerwatt/services.h"

namespace peerwatt::tool {
namespace {

constexpr absl::Duration kStopTimeout = absl::Seconds(90);

absl::Status PrepareDirectories(const StatePaths& paths) {
  // PostgreSQL's user must pass through when we are root; what is secret has its own mode.
  PW_RETURN_IF_ERROR(MakeDirectory(paths.root, geteuid() == 0 ? 0711 : 0700));
  PW_RETURN_IF_ERROR(MakeDirectory(paths.logs(), 0700));
  return MakeDirectory(paths.secrets(), 0700);
}

absl::StatusOr<bool> IsSupervised(const StatePaths& paths) {
  PW_ASSIGN_OR_RETURN(const auto lock, StateLock::TryTake(paths));
  return !lock.has_value();
}

absl::StatusOr<pid_t> SpawnSupervisor(const StackOptions& options, int progress_fd) {
  Command command;
  command.argv = {OwnProgram(), "supervise", "--state=" + options.paths.root,
                  absl::StrCat("--progress_fd=", progress_fd)};
  for (const auto& [flag, value] : options.clock_flags) {
    command.argv.push_back(absl::StrCat("--", flag, "=", value));
  }
  if (options.watched.pid != 0) {
    command.argv.push_back(absl::StrCat("--watched_pid=", options.watched.pid));
  }
  command.log_path = options.paths.log("supervisor");
  command.death_signal = 0;
  command.inherited_fd = progress_fd;
  command.own_session = true;
  return Spawn(command);
}

/// Copies progress to stdout. Returns whether the end was the mark of readiness.
bool ShowProgress(int fd) {
  std::array<char, 4096> buffer{};
  bool ready = false;
  while (true) {
    const ssize_t count = read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return ready;
    absl::string_view text(buffer.data(), static_cast<size_t>(count));
    if (text.back() == kReadyMark) {
      ready = true;
      text.remove_suffix(1);
    }
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }
}

/// All processes of the state that still run, and servers of its cluster that it does not know.
std::vector<ProcessState> Remaining(const StatePaths& paths, const State& state) {
  std::vector<ProcessState> out;
  for (const ProcessState& process : state.processes) {
    if (IsAlive(process.id)) out.push_back(process);
  }
  if (!out.empty()) return out;
  for (const ProcessId& process : ProcessesIn(paths.pgdata(), "postgres")) {
    out.push_back({"postgres", process, 0});
  }
  return out;
}

absl::Status StopWithoutSupervisor(const StatePaths& paths, const State& state) {
  std::vector<ProcessState> left = Remaining(paths, state);
  for (auto it = left.rbegin(); it != left.rend(); ++it) {
    SendSignal(it->id, it->name == "postgres" ? SIGINT : SIGTERM);
    if (!WaitUntilGone(it->id, absl::Seconds(15))) SendSignal(it->id, SIGKILL);
  }
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  for (left = Remaining(paths, state); !left.empty(); left = Remaining(paths, state)) {
    if (absl::Now() > deadline) {
      return absl::UnavailableError(
          absl::StrCat(left[0].name, " (pid ", left[0].id.pid, ") cannot be stopped"));
    }
    absl::SleepFor(absl::Milliseconds(50));
  }
  State stopped = state;
  stopped.supervisor = {};
  stopped.ready = false;
  for (ProcessState& process : stopped.processes) process.id = {};
  return WriteState(paths, stopped);
}

std::string FormatUptime(const ProcessId& process) {
  if (process.pid == 0 || !IsAlive(process)) return "-";
  const int64_t seconds = absl::ToInt64Seconds(Uptime(process));
  return absl::StrFormat("%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

std::string AddressOf(const State& state, const std::string& process) {
  const std::string port = process == "gateway" ? "gateway_http" : process;
  return state.ports.contains(port) ? state.Address(port) : "-";
}

}  // namespace

absl::StatusOr<UpOutcome> Up(const StackOptions& options) {
  PW_RETURN_IF_ERROR(PrepareDirectories(options.paths));
  PW_ASSIGN_OR_RETURN(const bool running, IsSupervised(options.paths));
  if (running) return UpOutcome::kAlreadyRunning;
  std::array<int, 2> pipe_fds{-1, -1};
  if (pipe2(pipe_fds.data(), O_CLOEXEC) != 0) {
    return absl::UnavailableError(absl::StrCat("no pipe: ", std::strerror(errno)));
  }
  const auto supervisor = SpawnSupervisor(options, pipe_fds[1]);
  close(pipe_fds[1]);
  if (!supervisor.ok()) {
    close(pipe_fds[0]);
    return supervisor.status();
  }
  const bool ready = ShowProgress(pipe_fds[0]);
  close(pipe_fds[0]);
  if (ready) return UpOutcome::kStarted;
  int status = 0;
  waitpid(*supervisor, &status, 0);
  return absl::UnavailableError(
      absl::StrCat("not started; the supervisor's log is ", options.paths.log("supervisor")));
}

absl::StatusOr<bool> Down(const StatePaths& paths) {
  PW_ASSIGN_OR_RETURN(const State state, ReadState(paths));
  const bool supervised = IsAlive(state.supervisor);
  if (!supervised && Remaining(paths, state).empty()) return false;
  if (supervised) {
    SendSignal(state.supervisor, SIGTERM);
    if (!WaitUntilGone(state.supervisor, kStopTimeout)) {
      SendSignal(state.supervisor, SIGKILL);
      WaitUntilGone(state.supervisor, absl::Seconds(5));
    }
  }
  // Looks again at what the state says now: nothing may be left.
  PW_ASSIGN_OR_RETURN(const State after, ReadState(paths));
  PW_RETURN_IF_ERROR(StopWithoutSupervisor(paths, after));
  return true;
}

absl::Status CheckProcess(const StatePaths& paths, const State& state, const std::string& name,
                          absl::Duration timeout) {
  if (name == "postgres") {
    PW_ASSIGN_OR_RETURN(const PostgresCluster cluster,
                        PostgresCluster::Open(paths, state.ports.at("postgres")));
    return cluster.Ping();
  }
  PW_ASSIGN_OR_RETURN(const Endpoint endpoint, HealthEndpoint(name, paths, state));
  return CheckHealth(endpoint, timeout);
}

absl::StatusOr<bool> PrintStatus(const StatePaths& paths) {
  PW_ASSIGN_OR_RETURN(const State state, ReadState(paths));
  if (!IsAlive(state.supervisor)) {
    std::printf("not running (state: %s)\n", paths.root.c_str());
    return false;
  }
  constexpr char kRow[] = "%-11s %8s %10s %9s  %-21s %s\n";
  std::printf(kRow, "PROCESS", "PID", "UPTIME", "RESTARTS", "ADDRESS", "HEALTH");
  std::printf(kRow, "supervisor", absl::StrCat(state.supervisor.pid).c_str(),
              FormatUptime(state.supervisor).c_str(), "-", "-", "ok");
  bool healthy = true;
  for (const std::string& name : [] {
         std::vector<std::string> all = ServiceNames();
         all.insert(all.begin(), "postgres");
         return all;
       }()) {
    ProcessState process{name, {}, 0};
    for (const ProcessState& known : state.processes) {
      if (known.name == name) process = known;
    }
    const bool alive = IsAlive(process.id);
    const absl::Status health =
        alive ? CheckProcess(paths, state, name, absl::Seconds(2))
              : absl::UnavailableError(state.ready ? "not running" : "not started yet");
    healthy = healthy && health.ok();
    std::printf(kRow, name.c_str(), alive ? absl::StrCat(process.id.pid).c_str() : "-",
                FormatUptime(process.id).c_str(), absl::StrCat(process.restarts).c_str(),
                AddressOf(state, name).c_str(),
                health.ok() ? "ok" : std::string(health.message()).c_str());
  }
  return healthy;
}

}  // namespace peerwatt::tool
