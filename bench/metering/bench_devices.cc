// Many devices in one process, for figures: see --help. Prints JSON lines.
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "bench/metering/echo_server.h"
#include "bench/metering/fleet.h"
#include "bench/metering/identities.h"
#include "libs/base/flags.h"

ABSL_FLAG(std::string, identities, "", "File with the devices' key and certificates");
ABSL_FLAG(int, make, 0, "Make so many identities and end; also a .csv of device and serial");
ABSL_FLAG(bool, echo_server, false, "Serve an echo instead of being devices");
ABSL_FLAG(std::string, ca_cert_file, "", "Authority, PEM; for --make and --echo_server");
ABSL_FLAG(std::string, ca_key_file, "", "Its private key, PEM");
ABSL_FLAG(std::string, address, "", "Device port, host:port");
ABSL_FLAG(bool, echo, false, "The server is an echo");
ABSL_FLAG(int, streams, 8, "Devices that send; each has a connection and a stream");
ABSL_FLAG(int, first_device, 1, "Number of the first of them");
ABSL_FLAG(int, idle, 0, "Devices after those that open a stream and stay silent");
ABSL_FLAG(int64_t, connects_per_second, 0, "Streams begun per second; 0: all at once");
ABSL_FLAG(int, points_per_device, 1, "Metering points of a device");
ABSL_FLAG(int, values_per_series, 1, "Values of a series");
ABSL_FLAG(int, series_per_batch, 1, "Series of a batch");
ABSL_FLAG(int, window, 32, "Batches without an answer per stream");
ABSL_FLAG(int64_t, batches, 100, "Batches of each stream");
ABSL_FLAG(int64_t, start_s, 0, "Start of the first reading, Unix seconds");
ABSL_FLAG(int64_t, first_sequence, 1, "Sequence of the first batch");
ABSL_FLAG(double, batches_per_second, 0, "Of all streams together; 0: as fast as it goes");
ABSL_FLAG(bool, wait, false, "When all are open, wait for a line on the input before sending");

namespace peerwatt::bench {
namespace {

double At(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1))];
}

std::string Quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c != '"' && c != '\\' && c >= ' ') out += c;
  }
  return out + "\"";
}

void RunDevices() {
  const Identities identities = ReadIdentities(absl::GetFlag(FLAGS_identities));
  Connection connection;
  connection.address = absl::GetFlag(FLAGS_address);
  connection.echo = absl::GetFlag(FLAGS_echo);
  connection.per_second = absl::GetFlag(FLAGS_connects_per_second);
  Load load;
  load.points_per_device = absl::GetFlag(FLAGS_points_per_device);
  load.values_per_series = absl::GetFlag(FLAGS_values_per_series);
  load.series_per_batch = absl::GetFlag(FLAGS_series_per_batch);
  load.window = absl::GetFlag(FLAGS_window);
  load.batches = absl::GetFlag(FLAGS_batches);
  load.start_s = absl::GetFlag(FLAGS_start_s);
  load.first_sequence = absl::GetFlag(FLAGS_first_sequence);
  const int first = absl::GetFlag(FLAGS_first_device);
  const int streams = absl::GetFlag(FLAGS_streams);
  const int idle = absl::GetFlag(FLAGS_idle);
  if (static_cast<size_t>(first + streams + idle - 1) > identities.certificate_pems.size()) {
    StopForConfiguration("there are fewer identities than devices");
  }
  Fleet active(connection, load, identities, first, streams);
  Fleet silent(connection, load, identities, first + streams, idle);
  active.Open();
  silent.Open();
  const Outcome opened = silent.outcome();
  const Outcome ready = active.outcome();
  std::printf("{\"ready\": true, \"longest_open_s\": %.3f, \"retries\": %lld}\n",
              std::max(At(opened.waits_s, 1), At(ready.waits_s, 1)),
              static_cast<long long>(opened.retries + ready.retries));
  std::fflush(stdout);
  if (absl::GetFlag(FLAGS_wait)) {
    std::string line;
    std::getline(std::cin, line);
  }
  const absl::Time begin = absl::Now();
  active.Send(absl::GetFlag(FLAGS_batches_per_second));
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begin);
  const Outcome outcome = active.outcome();
  const auto readings = static_cast<double>(active.readings());
  std::printf(
      "{\"seconds\": %.6f, \"batches\": %lld, \"refused\": %lld, \"refusal\": %s, "
      "\"readings\": %.0f, \"stored\": %lld, \"unchanged\": %lld, \"readings_per_s\": %.1f, "
      "\"batches_per_s\": %.1f, \"latency_p50_ms\": %.3f, \"latency_p99_ms\": %.3f, "
      "\"latency_max_ms\": %.3f, \"retries\": %lld}\n",
      seconds, static_cast<long long>(outcome.acknowledged),
      static_cast<long long>(outcome.refused), Quoted(outcome.refusal).c_str(), readings,
      static_cast<long long>(outcome.stored_readings),
      static_cast<long long>(outcome.unchanged_readings), readings / seconds,
      static_cast<double>(outcome.acknowledged + outcome.refused) / seconds,
      At(outcome.latencies_ms, 0.5), At(outcome.latencies_ms, 0.99), At(outcome.latencies_ms, 1),
      static_cast<long long>(outcome.retries));
  std::fflush(stdout);
}

void Run() {
  if (absl::GetFlag(FLAGS_make) == 0 && !absl::GetFlag(FLAGS_echo_server)) {
    RunDevices();
    return;
  }
  const std::string ca = ReadConfigurationFile("ca_cert_file", absl::GetFlag(FLAGS_ca_cert_file));
  const std::string key = ReadConfigurationFile("ca_key_file", absl::GetFlag(FLAGS_ca_key_file));
  if (absl::GetFlag(FLAGS_echo_server)) {
    BlockStopSignals();
    ServeEcho(LocalServer(ca, key));
  } else {
    MakeIdentities(ca, key, absl::GetFlag(FLAGS_make), absl::GetFlag(FLAGS_identities));
  }
}

}  // namespace
}  // namespace peerwatt::bench

int main(int argc, char** argv) {
  peerwatt::StartProcess(argc, argv, "bench_devices", "Many devices in one process.");
  peerwatt::bench::Run();
  return 0;
}
