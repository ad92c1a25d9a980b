#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/peerwatt/progress.h"
#include "tools/peerwatt/state.h"

namespace peerwatt::tool {

/// What `up` starts with.
struct StackOptions {
  StatePaths paths;
  /// Flags that set the services' clock and pace; empty: those of the last start.
  std::map<std::string, std::string> clock_flags;
  /// When this process ends, the stack ends; pid 0: it lives on.
  ProcessId watched;
};

/// Body of the supervisor process: starts PostgreSQL and the services, reports on `progress`, then
/// supervises until asked to stop. Returns the exit code.
int Supervise(const StackOptions& options, Progress& progress);

/// How `Up` ended.
enum class UpOutcome { kStarted, kAlreadyRunning };
/// Starts a supervisor in a session of its own and waits until every service answers; shows
/// progress on stdout. Errors: what went wrong was shown already.
absl::StatusOr<UpOutcome> Up(const StackOptions& options);
/// Stops everything that was started in a state directory, even when its supervisor was killed, and
/// makes sure that nothing is left. Returns whether there was anything to stop.
absl::StatusOr<bool> Down(const StatePaths& paths);
/// Prints a table of the processes. Returns whether all run and answer.
absl::StatusOr<bool> PrintStatus(const StatePaths& paths);
/// Asks one process of the stack, `postgres` or a service, whether it answers.
absl::Status CheckProcess(const StatePaths& paths, const State& state, const std::string& name,
                          absl::Duration timeout);

/// Starts and stops as the verbs of the command line do. Returns the exit code.
int RunUp(const StackOptions& options);
int RunDown(const StatePaths& paths);
int RunStatus(const StatePaths& paths);

}  // namespace peerwatt::tool
