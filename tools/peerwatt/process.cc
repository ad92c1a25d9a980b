#include "tools/peerwatt/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "tools/peerwatt/files.h"

extern char** environ;

namespace peerwatt::tool {
namespace {

/// Our environment without what would steer libpq, plus what the command adds.
std::vector<std::string> EnvironmentOf(const Command& command) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const absl::string_view text(*entry);
    if (absl::StartsWith(text, "PG")) continue;
    bool replaced = false;
    for (const auto& [name, value] : command.environment) {
      replaced = replaced || absl::StartsWith(text, absl::StrCat(name, "="));
    }
    if (!replaced) out.emplace_back(text);
  }
  for (const auto& [name, value] : command.environment) {
    out.push_back(absl::StrCat(name, "=", value));
  }
  return out;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

/// What the child needs between fork and exec, where only simple system calls are safe.
struct Prepared {
  char* const* argv;
  char* const* environment;
  int log_fd;
  int output_fd;
  int null_fd;
  int error_fd;
  pid_t parent;
  const std::optional<Identity>* identity;
  int death_signal;
  int inherited_fd;
  bool own_session;
};

[[noreturn]] void BecomeProgram(const Prepared& prepared) {
  const auto fail = [&](int error) {
    const ssize_t ignored = write(prepared.error_fd, &error, sizeof error);
    static_cast<void>(ignored);
    _exit(127);
  };
  if (prepared.own_session) {
    setsid();
  } else {
    setpgid(0, 0);
  }
  if (prepared.inherited_fd >= 0) fcntl(prepared.inherited_fd, F_SETFD, 0);
  if (const auto& identity = *prepared.identity; identity.has_value()) {
    const gid_t gid = identity->gid;
    if (setgroups(1, &gid) != 0 || setgid(gid) != 0 || setuid(identity->uid) != 0) fail(errno);
  }
  // Changing the user clears the death signal, so it is set afterwards.
  if (prepared.death_signal != 0) {
    prctl(PR_SET_PDEATHSIG, prepared.death_signal);
    if (getppid() != prepared.parent) fail(ESRCH);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  if (dup2(prepared.null_fd, 0) < 0 || dup2(prepared.output_fd, 1) < 0 ||
      dup2(prepared.log_fd, 2) < 0) {
    fail(errno);
  }
  execve(prepared.argv[0], prepared.argv, prepared.environment);
  fail(errno);
  _exit(127);
}

std::string LinkTarget(const std::string& link) {
  std::array<char, 4096> target{};
  const ssize_t length = readlink(link.c_str(), target.data(), target.size());
  return length <= 0 ? "" : std::string(target.data(), static_cast<size_t>(length));
}

}  // namespace

absl::StatusOr<pid_t> Spawn(const Command& command) {
  std::vector<std::string> arguments = command.argv;
  std::vector<std::string> environment = EnvironmentOf(command);
  const std::vector<char*> argv = Pointers(arguments);
  const std::vector<char*> envp = Pointers(environment);
  const int log_fd =
      open(command.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log_fd < 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot write ", command.log_path, ": ", std::strerror(errno)));
  }
  const int output_fd =
      command.output_path.empty()
          ? fcntl(log_fd, F_DUPFD_CLOEXEC, 0)
          : open(command.output_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  std::array<int, 2> error_pipe{-1, -1};
  if (null_fd < 0 || output_fd < 0 || pipe2(error_pipe.data(), O_CLOEXEC) != 0) {
    close(log_fd);
    return absl::UnavailableError(absl::StrCat("cannot start a process: ", std::strerror(errno)));
  }
  const Prepared prepared{argv.data(),
                          envp.data(),
                          log_fd,
                          output_fd,
                          null_fd,
                          error_pipe[1],
                          getpid(),
                          &command.identity,
                          command.death_signal,
                          command.inherited_fd,
                          command.own_session};
  const pid_t pid = fork();
  if (pid == 0) BecomeProgram(prepared);
  const int fork_error = errno;
  close(log_fd);
  close(output_fd);
  close(null_fd);
  close(error_pipe[1]);
  int error = 0;
  const ssize_t count = pid < 0 ? 0 : read(error_pipe[0], &error, sizeof error);
  close(error_pipe[0]);
  if (pid < 0) error = fork_error;
  if (pid > 0 && count == ssize_t{sizeof error}) waitpid(pid, nullptr, 0);
  if (error != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot run ", command.argv[0], ": ", std::strerror(error)));
  }
  return pid;
}

absl::StatusOr<int> RunToEnd(const Command& command) {
  const absl::StatusOr<pid_t> pid = Spawn(command);
  if (!pid.ok()) return pid.status();
  int status = 0;
  while (waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::string DescribeEnd(int wait_status) {
  if (WIFSIGNALED(wait_status)) return absl::StrCat("killed by signal ", WTERMSIG(wait_status));
  return absl::StrCat("exit code ", WEXITSTATUS(wait_status));
}

std::optional<ProcessId> FindProcess(pid_t pid) {
  if (pid <= 0) return std::nullopt;
  const auto content = ReadFile(absl::StrCat("/proc/", pid, "/stat"));
  if (!content.ok()) return std::nullopt;
  // The name in parentheses may hold blanks: fields count from behind its end.
  const size_t end = content->rfind(')');
  if (end == std::string::npos || end + 2 >= content->size()) return std::nullopt;
  const std::vector<absl::string_view> fields =
      absl::StrSplit(absl::string_view(*content).substr(end + 2), ' ');
  ProcessId process{pid, 0};
  if (fields.size() < 20 || fields[0] == "Z" || fields[0] == "X" ||
      !absl::SimpleAtoi(fields[19], &process.start_ticks)) {
    return std::nullopt;
  }
  return process;
}

bool IsAlive(const ProcessId& process) {
  const auto now = FindProcess(process.pid);
  return now.has_value() && now->start_ticks == process.start_ticks;
}

absl::Duration Uptime(const ProcessId& process) {
  timespec boot{};
  clock_gettime(CLOCK_BOOTTIME, &boot);
  const absl::Duration started =
      absl::Seconds(process.start_ticks) / static_cast<int64_t>(sysconf(_SC_CLK_TCK));
  return absl::DurationFromTimespec(boot) - started;
}

void SendSignal(const ProcessId& process, int signal) {
  if (IsAlive(process)) kill(process.pid, signal);
}

bool WaitUntilGone(const ProcessId& process, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (IsAlive(process)) {
    waitpid(process.pid, nullptr, WNOHANG);
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(10));
  }
  return true;
}

std::vector<ProcessId> ProcessesIn(const std::string& directory, absl::string_view program) {
  std::vector<ProcessId> out;
  DIR* proc = opendir("/proc");
  if (proc == nullptr) return out;
  while (const dirent* entry = readdir(proc)) {
    pid_t pid = 0;
    if (!absl::SimpleAtoi(entry->d_name, &pid)) continue;
    if (LinkTarget(absl::StrCat("/proc/", pid, "/cwd")) != directory) continue;
    std::string executable = LinkTarget(absl::StrCat("/proc/", pid, "/exe"));
    // What was replaced on disk while it runs is shown as deleted.
    const absl::string_view path = absl::StripSuffix(executable, " (deleted)");
    if (!absl::EndsWith(path, absl::StrCat("/", program))) continue;
    if (const auto process = FindProcess(pid)) out.push_back(*process);
  }
  closedir(proc);
  return out;
}

}  // namespace peerwatt::tool
