#pragma once

#include <sys/types.h>

#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace peerwatt::tool {

/// A user that a child process becomes.
struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;
};

/// What to run and how.
struct Command {
  std::vector<std::string> argv;  ///< the program first, with its path
  std::vector<std::pair<std::string, std::string>> environment;  ///< added to our own
  std::string log_path;                                          ///< where output goes, appended
  std::string output_path;  ///< where standard output goes instead, replaced; empty: the log
  std::optional<Identity> identity;  ///< our own when absent
  int death_signal = SIGTERM;        ///< sent to the child when we die; 0: it lives on
  int inherited_fd = -1;             ///< stays open in the child under the same number
  bool own_session = false;          ///< instead of a process group of its own only
};

/// A process that cannot be mistaken for a later one with the same number.
struct ProcessId {
  pid_t pid = 0;
  int64_t start_ticks = 0;  ///< clock ticks between boot and its start
};

/// Starts a child in a process group of its own. Call it from the main thread only: the death
/// signal follows the thread. Errors: kUnavailable with the cause when it cannot be run.
absl::StatusOr<pid_t> Spawn(const Command& command);
/// Starts a child, waits for its end and returns its exit code (128 + signal when killed).
absl::StatusOr<int> RunToEnd(const Command& command);
/// How a child ended, for people: `exit code 2`, `killed by signal 9`.
std::string DescribeEnd(int wait_status);

/// The process that has this number now. A zombie counts as gone: nothing when there is none.
std::optional<ProcessId> FindProcess(pid_t pid);
/// Whether this very process still runs.
bool IsAlive(const ProcessId& process);
/// For how long the process has been running.
absl::Duration Uptime(const ProcessId& process);
/// Sends `signal` unless the process has gone.
void SendSignal(const ProcessId& process, int signal);
/// Waits until the process has gone; false when `timeout` is over first.
bool WaitUntilGone(const ProcessId& process, absl::Duration timeout);
/// All processes that run the program `program` (its file name) in the working directory
/// `directory`.
std::vector<ProcessId> ProcessesIn(const std::string& directory, absl::string_view program);

}  // namespace peerwatt::tool
