#include "tools/peerwatt/supervisor.h"

#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"

namespace peerwatt::tool {
namespace {

sigset_t HandledSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

constexpr absl::Duration kWatchEvery = absl::Milliseconds(200);

}  // namespace

absl::Status Supervisor::Launch(Child& child) {
  const auto pid = Spawn(child.spec.command);
  if (!pid.ok()) return pid.status();
  child.started = absl::Now();
  child.restart_at = absl::InfiniteFuture();
  child.id = FindProcess(*pid).value_or(ProcessId{*pid, 0});
  changed_();
  return absl::OkStatus();
}

absl::Status Supervisor::Start(Spec spec) {
  auto child = std::make_unique<Child>();
  child->spec = std::move(spec);
  children_.push_back(std::move(child));
  return Launch(*children_.back());
}

void Supervisor::Reap() {
  int status = 0;
  for (pid_t pid = 0; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    for (const auto& child : children_) {
      if (child->id.pid != pid) continue;
      child->id = {};
      child->last_end = DescribeEnd(status);
      if (!stopping_) {
        child->restart_at = absl::Now() + child->backoff.PauseAfter(absl::Now() - child->started);
        Log(Severity::kWarning, "a process ended; it will be started again",
            {{"process", child->spec.name},
             {"end", child->last_end},
             {"pause_ms", absl::ToInt64Milliseconds(child->restart_at - absl::Now())}});
      }
      changed_();
    }
  }
}

void Supervisor::RestartDue() {
  for (const auto& child : children_) {
    if (stopping_ || child->restart_at > absl::Now()) continue;
    if (child->spec.before_restart) child->spec.before_restart();
    ++child->restarts;
    if (const absl::Status status = Launch(*child); !status.ok()) {
      Log(Severity::kError, "a process cannot be started; trying again",
          {{"process", child->spec.name}, {"error", std::string(status.message())}});
      child->restart_at = absl::Now() + child->backoff.PauseAfter(absl::ZeroDuration());
    }
  }
}

void Supervisor::Pump(absl::Duration span) {
  const sigset_t signals = HandledSignals();
  const absl::Time until = absl::Now() + span;
  do {
    if (watched_.pid != 0 && !IsAlive(watched_)) stop_requested_ = true;
    RestartDue();
    absl::Time wake = std::min(until, absl::Now() + kWatchEvery);
    for (const auto& child : children_) wake = std::min(wake, child->restart_at);
    const timespec wait = absl::ToTimespec(std::max(wake - absl::Now(), absl::ZeroDuration()));
    const int signal = sigtimedwait(&signals, nullptr, &wait);
    if (signal == SIGTERM || signal == SIGINT) stop_requested_ = true;
    Reap();
    if (stop_requested_) return;
  } while (absl::Now() < until);
  RestartDue();
}

absl::Status Supervisor::WaitUntil(absl::string_view name,
                                   const std::function<absl::Status()>& ready,
                                   absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  const auto child = std::find_if(children_.begin(), children_.end(),
                                  [&](const auto& one) { return one->spec.name == name; });
  while (true) {
    Pump(absl::Milliseconds(20));
    if (stop_requested_) return absl::CancelledError("asked to stop");
    if (child != children_.end() && !(*child)->last_end.empty()) {
      return absl::UnavailableError(absl::StrCat(name, " ended: ", (*child)->last_end));
    }
    absl::Status status = ready();
    if (status.ok() || absl::Now() > deadline) return status;
  }
}

void Supervisor::Stop(Child& child) {
  if (child.id.pid == 0) return;
  SendSignal(child.id, child.spec.stop_signal);
  absl::Time kill_at = absl::Now() + child.spec.stop_grace;
  const sigset_t signals = HandledSignals();
  while (child.id.pid != 0) {
    const timespec wait = absl::ToTimespec(absl::Milliseconds(100));
    sigtimedwait(&signals, nullptr, &wait);
    Reap();
    if (child.id.pid != 0 && absl::Now() > kill_at) {
      Log(Severity::kWarning, "a process did not end in time; killing it",
          {{"process", child.spec.name}});
      SendSignal(child.id, SIGKILL);
      kill_at = absl::InfiniteFuture();
    }
  }
}

void Supervisor::StopAll(Progress& progress) {
  stopping_ = true;
  for (auto it = children_.rbegin(); it != children_.rend(); ++it) {
    progress.Begin(absl::StrCat("stopping ", (*it)->spec.name));
    Stop(**it);
    progress.Done();
  }
}

std::vector<ProcessState> Supervisor::States() const {
  std::vector<ProcessState> out;
  for (const auto& child : children_) {
    out.push_back({child->spec.name, child->id, child->restarts});
  }
  return out;
}

}  // namespace peerwatt::tool
