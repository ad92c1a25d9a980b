#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "tools/peerwatt/authority.h"
#include "tools/peerwatt/files.h"
#include "tools/peerwatt/postgres_cluster.h"
#include "tools/peerwatt/services.h"
#include "tools/peerwatt/stack.h"
#include "tools/peerwatt/supervisor.h"

namespace peerwatt::tool {
namespace {

constexpr absl::Duration kDatabaseTimeout = absl::Minutes(5);  // recovery after a crash takes time
constexpr absl::Duration kServiceTimeout = absl::Seconds(30);
constexpr absl::Duration kHealthTimeout = absl::Milliseconds(500);

/// The supervisor's view of one stack.
class StackRunner {
 public:
  StackRunner(const StackOptions& options, Progress& progress)
      : options_(options),
        paths_(options.paths),
        progress_(progress),
        supervisor_(options.watched, [this] { Publish(); }) {}

  absl::Status Start();
  /// Runs until asked to stop.
  void Watch();
  void Stop(Progress& progress);
  const std::string& stage() const { return stage_; }

 private:
  absl::Status Prepare();
  absl::Status EndFormerProcesses(const State& former);
  absl::Status StartPostgres(PostgresCluster& cluster);
  absl::Status StartService(const std::string& service, PostgresCluster& cluster);
  void Publish();

  const StackOptions& options_;
  const StatePaths& paths_;
  Progress& progress_;
  Supervisor supervisor_;
  State state_;
  std::string stage_;  ///< the process being started, for the error message
};

void StackRunner::Publish() {
  state_.processes = supervisor_.States();
  if (const absl::Status status = WriteState(paths_, state_); !status.ok()) {
    Log(Severity::kError, "the state file is out of date; it will be written at the next change",
        {{"error", std::string(status.message())}});
  }
}

absl::Status StackRunner::EndFormerProcesses(const State& former) {
  for (auto it = former.processes.rbegin(); it != former.processes.rend(); ++it) {
    if (!IsAlive(it->id)) continue;
    SendSignal(it->id, it->name == "postgres" ? SIGINT : SIGTERM);
    if (WaitUntilGone(it->id, absl::Seconds(10))) continue;
    SendSignal(it->id, SIGKILL);
    if (!WaitUntilGone(it->id, absl::Seconds(10))) {
      return absl::UnavailableError(
          absl::StrCat(it->name, " of an earlier start (pid ", it->id.pid, ") cannot be ended"));
    }
  }
  return absl::OkStatus();
}

absl::Status StackRunner::Prepare() {
  PW_ASSIGN_OR_RETURN(State former, ReadState(paths_));
  PW_RETURN_IF_ERROR(EndFormerProcesses(former));
  state_.supervisor = FindProcess(getpid()).value_or(ProcessId{getpid(), 0});
  state_.clock_flags = options_.clock_flags.empty() ? former.clock_flags : options_.clock_flags;
  PW_ASSIGN_OR_RETURN(state_.ports, AssignPorts(PortNames(), former.ports));
  std::vector<std::string> identities = ServiceNames();
  identities.push_back("launcher");
  PW_RETURN_IF_ERROR(PrepareAuthorities(paths_, identities));
  PW_RETURN_IF_ERROR(SecretInFile(paths_.secret("admin_password")).status());
  PW_RETURN_IF_ERROR(WriteFile(paths_.secret("admin_email"), kAdminEmail, 0600));
  return WriteState(paths_, state_);
}

absl::Status StackRunner::StartPostgres(PostgresCluster& cluster) {
  PW_RETURN_IF_ERROR(cluster.Prepare());
  cluster.EndLeftovers();
  Supervisor::Spec spec;
  spec.name = "postgres";
  spec.command = cluster.ServerCommand();
  spec.stop_signal = SIGINT;  // fast shutdown
  spec.stop_grace = absl::Seconds(30);
  spec.before_restart = [&cluster] { cluster.EndLeftovers(); };
  PW_RETURN_IF_ERROR(supervisor_.Start(std::move(spec)));
  return supervisor_.WaitUntil(
      "postgres", [&] { return cluster.Ping(); }, kDatabaseTimeout);
}

absl::Status StackRunner::StartService(const std::string& service, PostgresCluster& cluster) {
  if (HasDatabase(service)) {
    PW_RETURN_IF_ERROR(cluster.CreateDatabase(service));
    PW_ASSIGN_OR_RETURN(const Command migration,
                        MigrationCommand(service, paths_, state_, cluster));
    PW_ASSIGN_OR_RETURN(const int code, RunToEnd(migration));
    if (code != 0) {
      return absl::UnavailableError(
          absl::StrCat("the migrations of ", service, " ended with exit code ", code));
    }
  }
  Supervisor::Spec spec;
  spec.name = service;
  PW_ASSIGN_OR_RETURN(spec.command, ServiceCommand(service, paths_, state_, cluster));
  PW_RETURN_IF_ERROR(supervisor_.Start(std::move(spec)));
  PW_ASSIGN_OR_RETURN(const Endpoint endpoint, HealthEndpoint(service, paths_, state_));
  return supervisor_.WaitUntil(
      service, [&] { return CheckHealth(endpoint, kHealthTimeout); }, kServiceTimeout);
}

absl::Status StackRunner::Start() {
  stage_ = "supervisor";
  PW_RETURN_IF_ERROR(Prepare());
  stage_ = "postgres";
  progress_.Begin("starting postgres");
  auto opened = PostgresCluster::Open(paths_, state_.ports.at("postgres"));
  PW_RETURN_IF_ERROR(opened.status());
  // Restarts use it as long as the supervisor lives.
  static PostgresCluster cluster = *std::move(opened);
  PW_RETURN_IF_ERROR(StartPostgres(cluster));
  progress_.Done();
  for (const std::string& service : ServiceNames()) {
    stage_ = service;
    progress_.Begin(absl::StrCat("starting ", service));
    PW_RETURN_IF_ERROR(StartService(service, cluster));
    progress_.Done();
    if (progress_.broken()) return absl::CancelledError("the caller has gone");
  }
  stage_ = "postgres";
  PW_RETURN_IF_ERROR(cluster.KeepNewDatabases());
  state_.ready = true;
  Publish();
  return absl::OkStatus();
}

void StackRunner::Watch() {
  while (!supervisor_.stop_requested()) supervisor_.Pump(absl::Minutes(1));
}

void StackRunner::Stop(Progress& progress) {
  state_.ready = false;
  supervisor_.StopAll(progress);
  state_.supervisor = {};
  Publish();
}

}  // namespace

int Supervise(const StackOptions& options, Progress& progress) {
  StackRunner runner(options, progress);
  const auto lock = StateLock::TryTake(options.paths);
  absl::Status status = lock.status();
  if (lock.ok() && !lock->has_value()) {
    status = absl::UnavailableError("another start of the same state directory is under way");
  }
  if (!status.ok()) {
    progress.Say(status.message());
    return 1;
  }
  status = runner.Start();
  if (!status.ok()) {
    progress.Failed();
    const std::string log = options.paths.log(runner.stage());
    progress.Say(absl::StrCat("cause: ", status.message()));
    if (const std::string lines = LastLines(log, 10); !lines.empty()) {
      progress.Say(absl::StrCat("log: ", log, "\n", lines));
    }
    Log(Severity::kError, "the start failed; stopping",
        {{"process", runner.stage()}, {"error", std::string(status.message())}});
    Progress silent(-1);
    runner.Stop(silent);
    return 1;
  }
  Log(Severity::kInfo, "all services answer", {{"state", options.paths.root}});
  progress.Ready();
  runner.Watch();
  Log(Severity::kInfo, "stopping all processes", {{"state", options.paths.root}});
  Progress silent(-1);
  runner.Stop(silent);
  return 0;
}

}  // namespace peerwatt::tool
