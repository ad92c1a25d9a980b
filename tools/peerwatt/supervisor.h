#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tools/peerwatt/backoff.h"
#include "tools/peerwatt/process.h"
#include "tools/peerwatt/progress.h"
#include "tools/peerwatt/state.h"

namespace peerwatt::tool {

/// Runs children and starts a dead one again. One thread; SIGCHLD, SIGTERM and SIGINT must be
/// blocked before the first thread starts.
class Supervisor {
 public:
  /// A child and how to treat it.
  struct Spec {
    std::string name;
    Command command;
    int stop_signal = SIGTERM;
    absl::Duration stop_grace = absl::Seconds(10);
    /// Called before each start but the first, to clear what the dead one left.
    std::function<void()> before_restart;
  };

  /// changed: called whenever a child started or ended.
  Supervisor(ProcessId watched, std::function<void()> changed)
      : watched_(watched), changed_(std::move(changed)) {}
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  /// Starts a child and watches it from now on. Errors: kUnavailable when it cannot be run.
  absl::Status Start(Spec spec);
  /// Handles what happens during `span`: deaths, restarts, requests to stop.
  void Pump(absl::Duration span);
  /// Waits until `ready` says OK. Errors: the last answer of `ready` when `timeout` is over; the
  /// way in which the child ended when it did; kCancelled when asked to stop.
  absl::Status WaitUntil(absl::string_view name, const std::function<absl::Status()>& ready,
                         absl::Duration timeout);
  /// Whether a signal asked for the end, or the watched process has gone.
  bool stop_requested() const { return stop_requested_; }
  /// Stops all children, the last started first. None is started again.
  void StopAll(Progress& progress);
  std::vector<ProcessState> States() const;

 private:
  struct Child {
    Spec spec;
    ProcessId id;
    int restarts = 0;
    std::string last_end;
    absl::Time started;
    absl::Time restart_at = absl::InfiniteFuture();
    RestartBackoff backoff;
  };

  void Reap();
  void RestartDue();
  absl::Status Launch(Child& child);
  void Stop(Child& child);

  ProcessId watched_;
  std::function<void()> changed_;
  std::vector<std::unique_ptr<Child>> children_;
  bool stop_requested_ = false;
  bool stopping_ = false;
};

}  // namespace peerwatt::tool
