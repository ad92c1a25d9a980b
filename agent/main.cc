// Reads the meters behind a gateway box and sends what they count.
#include <csignal>
#include <string>
#include <thread>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/box_config.h"
#include "agent/box_metrics.h"
#include "agent/disk.h"
#include "agent/identity_keeper.h"
#include "agent/meter_box.h"
#include "agent/random.h"
#include "libs/base/clock.h"
#include "libs/base/flags.h"
#include "libs/base/log.h"

ABSL_FLAG(std::string, config, "", "Meters and metering points, JSON");
ABSL_FLAG(std::string, state, "", "Folder that keeps identity, buffer and checkpoint");
ABSL_FLAG(std::string, enrolment_token, "", "Token for the first start, better by environment");
ABSL_FLAG(int64_t, buffer_bytes_max, 16 << 20, "Largest size of the buffer, from 1 MiB");
ABSL_FLAG(std::string, buffer_full, "keep_oldest",
          "Full and offline: keep_oldest takes nothing new, keep_newest drops the oldest");
ABSL_FLAG(bool, buffer_sync, true, "Whether a reading is on the disk before it is sent");
ABSL_FLAG(absl::Duration, connect_spread, absl::Seconds(10),
          "The first connection is made at a random moment of this span, 0 to 1h");
ABSL_FLAG(absl::Duration, reconnect_pause_max, absl::Seconds(30),
          "Longest pause between attempts to connect, 1s to 1h");
ABSL_FLAG(double, backlog_batches_per_second, 20,
          "How fast what waited is sent after an outage, 0 for at once, up to 10000");
ABSL_FLAG(absl::Duration, certificate_check_interval, absl::Seconds(30),
          "How often it is asked whether the certificate is to be renewed, 100ms to 1h");
ABSL_FLAG(absl::Duration, tick_interval, absl::Milliseconds(200),
          "How often finished intervals are looked for, 1ms to 1min");
ABSL_FLAG(std::string, metrics_textfile, "", "File for metrics in Prometheus' text format");
ABSL_FLAG(absl::Duration, metrics_interval, absl::Seconds(5),
          "How often the metrics are written, 10ms to 1h");

namespace {

using peerwatt::StopForConfiguration;
namespace agent = peerwatt::agent;

template <typename T>
T Bounded(const char* name, const absl::Flag<T>& flag, T min, T max) {
  const T value = absl::GetFlag(flag);
  if (value < min || value > max) {
    StopForConfiguration(absl::StrCat("--", name, " is out of bounds"));
  }
  return value;
}

agent::MeterBoxOptions OptionsFor(agent::BoxConfig& config, const std::string& folder) {
  agent::MeterBoxOptions options;
  options.device = config.device;
  options.folder = folder;
  options.sources = std::move(config.sources);
  options.sign_batches = config.sign_batches;
  options.buffer.folder = folder + "/buffer";
  options.buffer.bytes_max =
      Bounded("buffer_bytes_max", FLAGS_buffer_bytes_max, int64_t{1} << 20, int64_t{1} << 40);
  options.buffer.sync = absl::GetFlag(FLAGS_buffer_sync);
  const std::string full = absl::GetFlag(FLAGS_buffer_full);
  if (full != "keep_oldest" && full != "keep_newest") {
    StopForConfiguration("--buffer_full is neither keep_oldest nor keep_newest");
  }
  options.buffer.when_full =
      full == "keep_newest" ? agent::WhenFull::kKeepNewest : agent::WhenFull::kKeepOldest;
  options.stream.device = config.device;
  options.stream.jitter_key = agent::KeyOf(0, config.device);
  options.stream.backoff_min = absl::Seconds(1);
  options.stream.backoff_max =
      Bounded("reconnect_pause_max", FLAGS_reconnect_pause_max, absl::Seconds(1), absl::Hours(1));
  options.stream.connect_spread =
      Bounded("connect_spread", FLAGS_connect_spread, absl::ZeroDuration(), absl::Hours(1));
  options.stream.backlog_batches_per_second =
      Bounded("backlog_batches_per_second", FLAGS_backlog_batches_per_second, 0.0, 10'000.0);
  return options;
}

agent::EnrolmentOptions EnrolmentFor(const agent::BoxConfig& config, const std::string& folder) {
  agent::EnrolmentOptions options;
  options.device = config.device;
  options.folder = folder;
  options.enrolment_token = absl::GetFlag(FLAGS_enrolment_token);
  options.gateway_grpc_address = config.gateway_grpc_address;
  options.gateway_device_address = config.gateway_device_address;
  options.ca_pem = config.ca_pem;
  return options;
}

// Ticks until it is time to stop.
void Run(agent::MeterBox& box, const agent::IdentityKeeper& keeper, const agent::StopSignal& stop) {
  const std::string textfile = absl::GetFlag(FLAGS_metrics_textfile);
  const absl::Duration tick =
      Bounded("tick_interval", FLAGS_tick_interval, absl::Milliseconds(1), absl::Minutes(1));
  const absl::Duration every =
      Bounded("metrics_interval", FLAGS_metrics_interval, absl::Milliseconds(10), absl::Hours(1));
  absl::Time write_at = absl::InfinitePast();
  do {
    const absl::Time now = absl::Now();
    box.Tick(now);
    if (textfile.empty() || now < write_at) continue;
    write_at = now + every;
    const absl::Status written =
        agent::ReplaceFile(textfile, agent::BoxMetrics(box.state(), keeper.state()), 0644, false);
    if (!written.ok()) {
      Log(peerwatt::Severity::kError, "the metrics cannot be written",
          {{"cause", std::string(written.message())}});
    }
  } while (stop.Pause(tick));
}

}  // namespace

int main(int argc, char** argv) {
  peerwatt::BlockStopSignals();
  peerwatt::StartProcess(argc, argv, "agent",
                         "Reads the meters behind a gateway box and sends what they count.",
                         {"enrolment_token"});
  const auto clock = peerwatt::ClockFromFlags();
  if (!clock.ok()) StopForConfiguration(clock.status().message());
  const std::string text = peerwatt::ReadConfigurationFile("config", absl::GetFlag(FLAGS_config));
  auto config = agent::ParseBoxConfig(text, **clock);
  if (!config.ok()) StopForConfiguration(absl::StrCat("--config: ", config.status().message()));
  const std::string folder = absl::GetFlag(FLAGS_state);
  if (folder.empty()) StopForConfiguration("--state names no folder");
  const agent::EnrolmentOptions enrolment = EnrolmentFor(*config, folder);
  const absl::Duration check =
      Bounded("certificate_check_interval", FLAGS_certificate_check_interval,
              absl::Milliseconds(100), absl::Hours(1));
  auto box = agent::MeterBox::New(OptionsFor(*config, folder));
  if (!box.ok()) StopForConfiguration(box.status().message());
  agent::StopSignal stop;
  {
    agent::IdentityKeeper keeper(enrolment, check,
                                 [&](auto channel, const agent::Identity& identity) {
                                   return (*box)->Connect(std::move(channel), identity);
                                 });
    (*box)->Start();
    std::thread runner([&] { Run(**box, keeper, stop); });
    peerwatt::WaitForStopSignal();
    stop.Stop();
    runner.join();
  }
  box->reset();
  peerwatt::Log(peerwatt::Severity::kInfo, "stopped");
  return 0;
}
