// Plays the devices of a fleet in one process.
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <thread>

#include <unistd.h>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/base/flags.h"
#include "libs/base/log.h"
#include "nlohmann/json.hpp"
#include "tools/devsim/fleet.h"
#include "tools/devsim/simulator.h"

ABSL_FLAG(std::string, fleet, "", "Fleet of devices, JSON");
ABSL_FLAG(std::string, state, "", "Folder that keeps what each device knows");
ABSL_FLAG(std::string, status, "", "File that always shows where the fleet stands, JSON");
ABSL_FLAG(bool, print_totals, false, "Print each metering point's total energy and end");
ABSL_FLAG(bool, until_finished, false, "End when everything is acknowledged");
ABSL_FLAG(absl::Duration, clock_poll_interval, absl::Milliseconds(1),
          "How often the clock is read, 100us to 1h");
ABSL_FLAG(bool, buffer_sync, true, "Whether a reading is on the disk before it is sent");
ABSL_FLAG(int64_t, buffer_bytes_max, 64 << 20, "Largest size of one device's buffer, from 1 MiB");
ABSL_FLAG(int32_t, intervals_per_series_max, 96, "Intervals that one batch holds, 1 to 10000");
ABSL_FLAG(bool, sign_batches, false, "Whether devices sign their batches");
ABSL_FLAG(int32_t, enrolment_threads, 4, "Devices that enrol at once, 1 to 64");

namespace {

using peerwatt::StopForConfiguration;

template <typename T>
T Bounded(const char* name, T value, T min, T max) {
  if (value < min || value > max) {
    StopForConfiguration(absl::StrCat("--", name, " is out of bounds"));
  }
  return value;
}

void AllowManyFiles() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int PrintTotals(const peerwatt::devsim::Fleet& fleet) {
  const auto totals = peerwatt::devsim::FleetTotals(fleet);
  if (!totals.ok()) StopForConfiguration(totals.status().message());
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [point, total] : *totals) json[point] = total.wh();
  std::puts(json.dump().c_str());
  return 0;
}

peerwatt::devsim::SimulatorOptions OptionsFromFlags() {
  peerwatt::devsim::SimulatorOptions options;
  options.state_folder = absl::GetFlag(FLAGS_state);
  if (options.state_folder.empty()) StopForConfiguration("--state names no folder");
  options.status_file = absl::GetFlag(FLAGS_status);
  options.poll_interval = Bounded("clock_poll_interval", absl::GetFlag(FLAGS_clock_poll_interval),
                                  absl::Microseconds(100), absl::Hours(1));
  options.enrolment_threads =
      Bounded("enrolment_threads", absl::GetFlag(FLAGS_enrolment_threads), 1, 64);
  options.intervals_per_series_max =
      Bounded("intervals_per_series_max", absl::GetFlag(FLAGS_intervals_per_series_max), 1, 10'000);
  options.sync = absl::GetFlag(FLAGS_buffer_sync);
  options.sign_batches = absl::GetFlag(FLAGS_sign_batches);
  options.buffer_bytes_max = Bounded("buffer_bytes_max", absl::GetFlag(FLAGS_buffer_bytes_max),
                                     int64_t{1} << 20, int64_t{1} << 40);
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  peerwatt::BlockStopSignals();
  peerwatt::StartProcess(argc, argv, "devsim", "Plays the devices of a fleet in one process.");
  const std::string text = peerwatt::ReadConfigurationFile("fleet", absl::GetFlag(FLAGS_fleet));
  auto fleet = peerwatt::devsim::ParseFleet(text);
  if (!fleet.ok()) StopForConfiguration(absl::StrCat("--fleet: ", fleet.status().message()));
  if (absl::GetFlag(FLAGS_print_totals)) return PrintTotals(*fleet);

  AllowManyFiles();
  const auto clock = peerwatt::ClockFromFlags();
  if (!clock.ok()) StopForConfiguration(clock.status().message());
  auto simulator =
      peerwatt::devsim::Simulator::New(OptionsFromFlags(), *std::move(fleet), **clock);
  if (!simulator.ok()) StopForConfiguration(simulator.status().message());
  const bool until_finished = absl::GetFlag(FLAGS_until_finished);
  std::thread runner([&] {
    (*simulator)->Run(until_finished);
    // Wakes the wait below when the fleet ended by itself.
    kill(getpid(), SIGTERM);
  });
  peerwatt::WaitForStopSignal();
  (*simulator)->Stop();
  runner.join();
  simulator->reset();
  peerwatt::Log(peerwatt::Severity::kInfo, "stopped");
  return 0;
}
