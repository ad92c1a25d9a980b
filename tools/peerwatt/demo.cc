#include "tools/peerwatt/demo.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/clock.h"
#include "libs/base/status_macros.h"
#include "tools/peerwatt/device_process.h"
#include "tools/peerwatt/files.h"
#include "tools/peerwatt/gather.h"
#include "tools/peerwatt/lockstep.h"
#include "tools/peerwatt/neighbourhood.h"
#include "tools/peerwatt/report.h"
#include "tools/peerwatt/services.h"
#include "tools/peerwatt/stack.h"

namespace peerwatt::tool {
namespace {

std::atomic<bool> stop_requested{false};

void RequestStop(int) { stop_requested = true; }

void CatchStopSignals() {
  struct sigaction action {};
  action.sa_handler = RequestStop;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGHUP, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

/// The demo's state directory: always a fresh one.
absl::StatusOr<std::string> FreshRoot(const DemoOptions& options) {
  // PostgreSQL's user must pass through when we are root.
  const mode_t mode = geteuid() == 0 ? 0711 : 0700;
  if (options.state_root.empty()) {
    std::string pattern = "/tmp/peerwatt-demo-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr || chmod(pattern.c_str(), mode) != 0) {
      return absl::UnavailableError("no folder can be made below /tmp");
    }
    return pattern;
  }
  const std::string root =
      std::filesystem::absolute(options.state_root).lexically_normal().string();
  // It is removed at the end: nothing that belongs to somebody may be in it.
  std::error_code error;
  if (std::filesystem::exists(root) && !std::filesystem::is_empty(root, error)) {
    return absl::FailedPreconditionError(
        absl::StrCat(root, " is not an empty folder: the demo starts from nothing"));
  }
  PW_RETURN_IF_ERROR(MakeDirectory(root, mode));
  return root;
}

absl::StatusOr<Scenario> ScenarioOf(const DemoOptions& options) {
  if (options.data_folder.empty()) {
    return GeneratedScenario(options.households, options.days, options.seed);
  }
  return MeasuredScenario(options.data_folder, options.households, options.days, options.seed);
}

void PrintDoors(const StatePaths& paths, const State& state, const Scenario& scenario,
                const Neighbourhood& neighbourhood) {
  const DemoHousehold& household = scenario.households.front();
  const Account& account = neighbourhood.accounts.at(household.id);
  const std::string base = absl::StrCat("http://", state.Address("gateway_http"), "/v1");
  const std::string sign_in = absl::StrCat(
      "curl -sS ", base, "/users:signIn -H 'content-type: application/json' -d '{\"email\":\"",
      account.email, "\",\"password\":\"", account.password, "\"}'");
  const std::string bearer =
      absl::StrCat("-H \"authorization: Bearer $(", sign_in,
                   " | sed -n 's/.*\"accessToken\": *\"\\([^\"]*\\)\".*/\\1/p')\"");
  std::printf(
      "\nStill running; the demo's clock stands at its end.\n"
      "REST and OpenAPI: http://%s   (/openapi.json)\n"
      "gRPC over TLS:    %s\n"
      "devices, mTLS:    %s\n"
      "authority:        %s\n"
      "user:             %s, password %s\n"
      "admin:            %s, password in %s\n\n",
      state.Address("gateway_http").c_str(), state.Address("gateway_grpc").c_str(),
      state.Address("gateway_device").c_str(), paths.secret("ca_cert.pem").c_str(),
      account.email.c_str(), account.password.c_str(), kAdminEmail,
      paths.secret("admin_password").c_str());
  std::printf("%s\n\n", sign_in.c_str());
  std::printf("curl -sS %s '%s/communities/%s/auctions?pageSize=3'\n\n", bearer.c_str(),
              base.c_str(), scenario.rules.community.c_str());
  std::printf("curl -sS %s '%s/%s/bill'\n\n", bearer.c_str(), base.c_str(),
              household.participant().c_str());
  std::printf("Stop it: %s/peerwatt down --state %s\n", OwnDirectory().c_str(), paths.root.c_str());
}

/// Plays the demo in a state directory. Returns whether all proofs hold.
absl::StatusOr<bool> Play(const DemoOptions& options, const StatePaths& paths,
                          const Scenario& scenario) {
  const std::string clock_file = paths.root + "/clock";
  PW_ASSIGN_OR_RETURN(const std::unique_ptr<SharedClock> clock,
                      SharedClock::Open(clock_file, true));
  clock->Set(FirstInstant(scenario.timetable));
  StackOptions stack;
  stack.paths = paths;
  stack.clock_flags = {{"clock", "shared"}, {"clock_file", clock_file}, {"poll_interval", "5ms"}};
  if (!options.keep) stack.watched = FindProcess(getpid()).value_or(ProcessId{});
  PW_RETURN_IF_ERROR(Up(stack).status());
  PW_ASSIGN_OR_RETURN(const State state, ReadState(paths));

  Progress progress(STDOUT_FILENO);
  LiveLine line;
  const auto stopped = [] { return stop_requested.load(); };
  Api api(
      state.Address("gateway_http"),
      [&line](absl::string_view why) { line.Remark(absl::StrCat("trying again: ", why)); },
      stopped);
  Account staff{kAdminEmail, "", "", absl::InfinitePast()};
  PW_ASSIGN_OR_RETURN(staff.password, ReadFile(paths.secret("admin_password")));
  PW_ASSIGN_OR_RETURN(Neighbourhood neighbourhood, SetUp(scenario, staff, api, progress));
  DeviceProcess devices(paths, clock_file);
  const Json fleet = FleetOf(scenario, neighbourhood, state.Address("gateway_device"),
                             state.Address("gateway_grpc"), paths.secret("ca_cert.pem"));
  PW_RETURN_IF_ERROR(devices.Start(fleet.dump(2)));
  Lockstep lockstep({scenario, neighbourhood, api, devices, *clock, line, stopped, paths.logs()},
                    options.speed);
  PW_RETURN_IF_ERROR(lockstep.Run());

  progress.Begin("reading meters, bills and books");
  PW_ASSIGN_OR_RETURN(Gathered gathered, Gather(scenario, neighbourhood, api, devices));
  progress.Done();
  RunFigures& run = gathered.figures.run;
  const DeviceStatus device_status = devices.Status();
  run = {lockstep.duration(),
         device_status.readings_acknowledged,
         device_status.readings_refused,
         device_status.reconnects,
         lockstep.outages(),
         {},
         lockstep.waited()};
  PW_ASSIGN_OR_RETURN(const State at_end, ReadState(paths));
  for (const ProcessState& process : at_end.processes)
    run.restarts[process.name] = process.restarts;
  run.restarts["devsim"] = devices.restarts();
  std::printf("%s", ReportText(scenario, gathered.figures).c_str());
  if (!options.report_path.empty()) {
    PW_RETURN_IF_ERROR(WriteFile(options.report_path,
                                 ReportJson(scenario, gathered.figures).dump(2) + "\n", 0644));
  }
  if (!options.ledger_path.empty()) {
    PW_RETURN_IF_ERROR(
        WriteFile(options.ledger_path, absl::StrJoin(gathered.ledger_lines, "\n") + "\n", 0644));
  }
  if (options.keep) PrintDoors(paths, at_end, scenario, neighbourhood);
  return ProofsHold(scenario, gathered.figures);
}

}  // namespace

int RunDemo(const DemoOptions& options) {
  CatchStopSignals();
  const auto scenario = ScenarioOf(options);
  const auto root = scenario.ok() ? FreshRoot(options) : scenario.status();
  if (!root.ok()) {
    std::fprintf(stderr, "peerwatt: %s\n", std::string(root.status().message()).c_str());
    return 1;
  }
  const StatePaths paths{*root};
  std::printf("Demo: %zu households, %lld intervals, %s, state in %s\n",
              scenario->households.size(), static_cast<long long>(scenario->interval_count()),
              options.speed > 0 ? absl::StrCat(options.speed, " times real time").c_str()
                                : "as fast as it goes",
              root->c_str());
  std::fflush(stdout);
  const auto holds = Play(options, paths, *scenario);
  if (!holds.ok()) {
    const bool cancelled = absl::IsCancelled(holds.status());
    std::fprintf(stderr, "\npeerwatt: %s%s\n", std::string(holds.status().message()).c_str(),
                 cancelled ? "" : absl::StrCat("\nlogs: ", paths.logs()).c_str());
  }
  if (options.keep) return holds.ok() && *holds ? 0 : 1;
  const auto down = Down(paths);
  if (!down.ok()) {
    std::fprintf(stderr, "peerwatt: %s\n", std::string(down.status().message()).c_str());
    return 1;
  }
  while (waitpid(-1, nullptr, WNOHANG) > 0) {
  }
  // What explains a failure stays.
  if (holds.ok() || absl::IsCancelled(holds.status())) {
    std::error_code error;
    std::filesystem::remove_all(paths.root, error);
  }
  return holds.ok() && *holds ? 0 : 1;
}

}  // namespace peerwatt::tool
