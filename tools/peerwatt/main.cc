#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/reflection.h"
#include "absl/strings/numbers.h"
#include "libs/base/clock.h"
#include "libs/base/flags.h"
#include "libs/base/log.h"
#include "tools/peerwatt/demo.h"
#include "tools/peerwatt/files.h"
#include "tools/peerwatt/progress.h"
#include "tools/peerwatt/readings.h"
#include "tools/peerwatt/stack.h"

ABSL_FLAG(std::string, state, "",
          "Directory of everything a set-up keeps; default /var/lib/peerwatt for root, else "
          "~/.local/share/peerwatt; demo: a new one below /tmp");
ABSL_FLAG(absl::Duration, poll_interval, absl::ZeroDuration(),
          "up: how often the services look at the clock; 0: their default");
ABSL_FLAG(int, parent_death, 0, "up: stop everything when the process with this number ends");
ABSL_FLAG(int, days, 2, "demo: local days, 1 to 3660");
ABSL_FLAG(std::string, speed, "",
          "demo: simulated time per real time at most, or 'max'; default 2880: a day takes 30 s");
ABSL_FLAG(std::string, data, "",
          "demo: folder with measured profiles, load/*.csv and pv/*.csv; empty: generated ones");
ABSL_FLAG(uint64_t, seed, 1, "demo: draws limit prices and generated profiles");
ABSL_FLAG(int, households, 16, "demo: 2 to 99, at most as many as there are measured ones");
ABSL_FLAG(std::string, report, "", "demo: file for the report as JSON");
ABSL_FLAG(std::string, ledger, "", "demo: file for the journal in its comparable form");
ABSL_FLAG(bool, keep, false, "demo: leave everything running");
ABSL_FLAG(std::string, gateway, "", "readings: public gRPC port, host:port; empty: of --state");
ABSL_FLAG(std::string, ca_file, "", "readings: authority of the gateway's certificate, PEM");
ABSL_FLAG(std::string, token_file, "",
          "readings: file with an access token; empty: that of the admin of --state");
ABSL_FLAG(std::string, format, "", "readings: csv or espi; empty: by the file's name");
ABSL_FLAG(std::string, point, "",
          "readings: id of the metering point; import: only where the file names another or none");
ABSL_FLAG(std::string, on_error, "stop", "readings import: stop or skip");
ABSL_FLAG(std::string, start, "", "readings export: inclusive start, 2026-07-01T00:00:00Z");
ABSL_FLAG(std::string, end, "", "readings export: exclusive end");
ABSL_FLAG(int, progress_fd, -1, "supervise, internal: where progress goes");
ABSL_FLAG(int, watched_pid, 0, "supervise, internal: as --parent_death");

namespace peerwatt::tool {
namespace {

constexpr char kUsage[] =
    "PeerWatt's launcher.\n"
    "  peerwatt up      [--state DIR]   start PostgreSQL and the five services\n"
    "  peerwatt status  [--state DIR]   show what runs; exit code 0 when all is well\n"
    "  peerwatt down    [--state DIR]   stop everything that up started\n"
    "  peerwatt demo    [--days N] [--speed N|max] [--data DIR] [--seed N] [--households N]\n"
    "                   [--report FILE] [--ledger FILE] [--keep] [--state DIR]\n"
    "                                   a neighbourhood trades in accelerated time\n"
    "  peerwatt readings import [--format csv|espi] [--point ID] [--on_error stop|skip] FILE\n"
    "  peerwatt readings export [--format csv|espi] --point ID --start TIME --end TIME FILE\n"
    "                   [--state DIR | --gateway HOST:PORT --ca_file FILE --token_file FILE]\n"
    "                                   readings as files; FILE may be -";

StackOptions OptionsFromFlags() {
  std::string root = absl::GetFlag(FLAGS_state);
  if (root.empty()) root = DefaultStateDirectory();
  root = std::filesystem::absolute(root).lexically_normal().string();
  while (root.size() > 1 && root.back() == '/') root.pop_back();
  StackOptions options;
  options.paths = StatePaths{root};
  for (const char* name : {"clock", "clock_epoch", "clock_real_start", "clock_factor", "clock_file",
                           "poll_interval"}) {
    const absl::CommandLineFlag* flag = absl::FindCommandLineFlag(name);
    if (flag->CurrentValue() != flag->DefaultValue()) {
      options.clock_flags[name] = flag->CurrentValue();
    }
  }
  if (const auto clock = ClockFromFlags(); !clock.ok()) {
    StopForConfiguration(clock.status().message());
  }
  const int watched = absl::GetFlag(FLAGS_watched_pid) + absl::GetFlag(FLAGS_parent_death);
  if (watched != 0) {
    // One that has gone already is watched too: the stack then ends at once.
    options.watched = FindProcess(watched).value_or(ProcessId{watched, 0});
  }
  return options;
}

int RunDemoFromFlags() {
  DemoOptions options;
  options.days = absl::GetFlag(FLAGS_days);
  options.households = absl::GetFlag(FLAGS_households);
  options.seed = absl::GetFlag(FLAGS_seed);
  options.data_folder = absl::GetFlag(FLAGS_data);
  options.report_path = absl::GetFlag(FLAGS_report);
  options.ledger_path = absl::GetFlag(FLAGS_ledger);
  options.keep = absl::GetFlag(FLAGS_keep);
  options.state_root = absl::GetFlag(FLAGS_state);
  if (options.days < 1 || options.days > 3660) StopForConfiguration("--days must be 1 to 3660");
  if (options.households < 2 || options.households > 99) {
    StopForConfiguration("--households must be 2 to 99");
  }
  if (options.seed > uint64_t{1} << 62) StopForConfiguration("--seed must be at most 2^62");
  const std::string speed = absl::GetFlag(FLAGS_speed);
  if (speed == "max") {
    options.speed = 0;
  } else if (!speed.empty() && (!absl::SimpleAtod(speed, &options.speed) ||
                                !(options.speed >= 1 && options.speed <= 1e9))) {
    StopForConfiguration("--speed must be 'max' or a number from 1");
  }
  return RunDemo(options);
}

int RunReadings(const std::string& verb, const std::string& file) {
  ReadingsOptions options;
  options.gateway.address = absl::GetFlag(FLAGS_gateway);
  options.gateway.ca_file = absl::GetFlag(FLAGS_ca_file);
  options.gateway.token_file = absl::GetFlag(FLAGS_token_file);
  options.gateway.state_root = OptionsFromFlags().paths.root;
  options.file = file;
  options.format = absl::GetFlag(FLAGS_format);
  options.point = absl::GetFlag(FLAGS_point);
  options.on_error = absl::GetFlag(FLAGS_on_error);
  options.start = absl::GetFlag(FLAGS_start);
  options.end = absl::GetFlag(FLAGS_end);
  return verb == "import" ? RunReadingsImport(options) : RunReadingsExport(options);
}

int RunSupervisor(const StackOptions& options) {
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  pthread_sigmask(SIG_BLOCK, &children, nullptr);
  BlockStopSignals();
  StartLog("supervisor", "info");
  if (chdir("/") != 0) return 1;
  const int fd = absl::GetFlag(FLAGS_progress_fd);
  // The services must not hold the pipe open.
  if (fd >= 0) fcntl(fd, F_SETFD, FD_CLOEXEC);
  Progress progress(fd);
  return Supervise(options, progress);
}

int Run(int argc, char** argv) {
  DescribeProgram(kUsage);
  const std::vector<char*> words = absl::ParseCommandLine(argc, argv);
  if (words.size() == 4 && std::string(words[1]) == "readings") {
    const std::string what = words[2];
    if (what == "import" || what == "export") return RunReadings(what, words[3]);
  }
  const std::string verb = words.size() == 2 ? words[1] : "";
  if (verb == "up") return RunUp(OptionsFromFlags());
  if (verb == "down") return RunDown(OptionsFromFlags().paths);
  if (verb == "status") return RunStatus(OptionsFromFlags().paths);
  if (verb == "demo") return RunDemoFromFlags();
  if (verb == "supervise") return RunSupervisor(OptionsFromFlags());
  std::fprintf(stderr, "%s\n", kUsage);
  return 2;
}

}  // namespace
}  // namespace peerwatt::tool

int main(int argc, char** argv) { return peerwatt::tool::Run(argc, argv); }
