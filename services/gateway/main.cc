#include <sys/resource.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/clock.h"
#include "libs/base/flags.h"
#include "libs/base/log.h"
#include "libs/rpc/security.h"
#include "libs/telemetry/metrics.h"
#include "services/gateway/doors.h"

ABSL_FLAG(std::string, http_address, "127.0.0.1:8080", "Address of REST/JSON, host:port");
ABSL_FLAG(std::string, http_tls_cert_file, "",
          "Certificate chain of REST/JSON, PEM; plain if empty");
ABSL_FLAG(std::string, http_tls_key_file, "", "Private key of REST/JSON, PEM");
ABSL_FLAG(std::string, grpc_address, "127.0.0.1:8082", "Address of the public gRPC API, host:port");
ABSL_FLAG(std::string, grpc_tls_cert_file, "",
          "Certificate chain of the public gRPC API, PEM; --tls_cert_file if empty");
ABSL_FLAG(std::string, grpc_tls_key_file, "", "Private key of the public gRPC API, PEM");
ABSL_FLAG(std::string, device_address, "127.0.0.1:8443", "Address for devices, host:port");
ABSL_FLAG(std::string, device_tls_cert_file, "",
          "Certificate chain that devices see, PEM; --grpc_tls_cert_file if empty");
ABSL_FLAG(std::string, device_tls_key_file, "", "Private key that devices see, PEM");
ABSL_FLAG(std::string, device_ca_file, "",
          "Authority of device certificates, PEM; --tls_ca_file if empty");
ABSL_FLAG(std::string, metrics_address, "127.0.0.1:9100", "Address of /metrics, host:port");
ABSL_FLAG(std::string, health_address, "",
          "Address of the health service without TLS, host:port; none if empty");
ABSL_FLAG(std::string, registry_address, "127.0.0.1:7101", "Registry, host:port");
ABSL_FLAG(std::string, metering_address, "127.0.0.1:7102", "Metering, host:port");
ABSL_FLAG(std::string, market_address, "127.0.0.1:7103", "Market, host:port");
ABSL_FLAG(std::string, settlement_address, "127.0.0.1:7104", "Settlement, host:port");
ABSL_FLAG(std::string, token_issuer, "https://peerwatt.local", "Issuer that tokens must name");
ABSL_FLAG(std::string, token_audience, "peerwatt", "Audience that tokens must name");
ABSL_FLAG(absl::Duration, token_keys_refresh_interval, absl::Minutes(5),
          "Age at which the issuer's keys are fetched again, 1s to 24h");
ABSL_FLAG(absl::Duration, call_timeout, absl::Seconds(10),
          "Longest time of a call that is no stream, 10ms to 10m");
ABSL_FLAG(absl::Duration, stream_timeout, absl::Hours(1), "Longest time of a stream, 1s to 24h");
ABSL_FLAG(absl::Duration, device_recheck_interval, absl::Seconds(5),
          "How often open device streams are checked with the registry, 10ms to 1m");
ABSL_FLAG(int, device_message_bytes_max, 1 << 20, "Largest message of a device, 1 KiB to 64 MiB");
ABSL_FLAG(int, device_threads, 2, "Threads of the device port, 1 to 64");
ABSL_FLAG(int, device_handshakes_max, 256,
          "TLS handshakes with devices under way at once; others wait their turn, 1 to 100000");
ABSL_FLAG(int, device_batches_in_flight_max, 32,
          "Batches of a device without an acknowledgement, 1 to 1000");
ABSL_FLAG(int, device_bytes_in_flight_max, 2 << 20,
          "Bytes of them at which a device is no longer read, 1 KiB to 64 MiB");
ABSL_FLAG(int, relay_calls, 2, "Calls to metering that carry device streams, 1 to 16");
ABSL_FLAG(int, http_body_bytes_max, 1 << 20, "Largest HTTP body, 1 KiB to 64 MiB");
ABSL_FLAG(int, http_connections_max, 2000, "Most HTTP connections, 1 to 100000");
ABSL_FLAG(int, http_threads, 2, "Threads of the HTTP server, 1 to 64");
ABSL_FLAG(int, sign_ins_per_second, 10, "Attempts to sign in per client address; 0: no limit");
ABSL_FLAG(int, sign_ins_burst, 30, "Attempts to sign in at once per client address, 1 to 10000");
ABSL_FLAG(std::string, cors_origins, "",
          "Origins whose pages may call REST/JSON, with commas between; * for any");
ABSL_FLAG(absl::Duration, drain_grace, absl::Seconds(5),
          "Time for calls under way to end after SIGTERM, 0 to 10m");

namespace peerwatt::gateway {
namespace {

template <typename T>
void RequireRange(const char* flag, T value, T min, T max) {
  if (value < min || value > max) {
    StopForConfiguration(absl::StrCat("--", flag, " is out of bounds"));
  }
}

void CheckFlags() {
  RequireRange("token_keys_refresh_interval", absl::GetFlag(FLAGS_token_keys_refresh_interval),
               absl::Seconds(1), absl::Hours(24));
  RequireRange("call_timeout", absl::GetFlag(FLAGS_call_timeout), absl::Milliseconds(10),
               absl::Minutes(10));
  RequireRange("stream_timeout", absl::GetFlag(FLAGS_stream_timeout), absl::Seconds(1),
               absl::Hours(24));
  RequireRange("device_recheck_interval", absl::GetFlag(FLAGS_device_recheck_interval),
               absl::Milliseconds(10), absl::Minutes(1));
  RequireRange("device_message_bytes_max", absl::GetFlag(FLAGS_device_message_bytes_max), 1 << 10,
               64 << 20);
  RequireRange("device_threads", absl::GetFlag(FLAGS_device_threads), 1, 64);
  RequireRange("device_handshakes_max", absl::GetFlag(FLAGS_device_handshakes_max), 1, 100'000);
  RequireRange("device_batches_in_flight_max", absl::GetFlag(FLAGS_device_batches_in_flight_max), 1,
               1000);
  RequireRange("device_bytes_in_flight_max", absl::GetFlag(FLAGS_device_bytes_in_flight_max),
               1 << 10, 64 << 20);
  RequireRange("relay_calls", absl::GetFlag(FLAGS_relay_calls), 1, 16);
  RequireRange("http_body_bytes_max", absl::GetFlag(FLAGS_http_body_bytes_max), 1 << 10, 64 << 20);
  RequireRange("http_connections_max", absl::GetFlag(FLAGS_http_connections_max), 1, 100000);
  RequireRange("http_threads", absl::GetFlag(FLAGS_http_threads), 1, 64);
  RequireRange("sign_ins_per_second", absl::GetFlag(FLAGS_sign_ins_per_second), 0, 10000);
  RequireRange("sign_ins_burst", absl::GetFlag(FLAGS_sign_ins_burst), 1, 10000);
  RequireRange("drain_grace", absl::GetFlag(FLAGS_drain_grace), absl::ZeroDuration(),
               absl::Minutes(10));
}

// The pair of a door, or `otherwise` when neither file is named.
rpc::TlsFiles DoorTls(const char* cert_flag, const std::string& cert_file, const char* key_flag,
                      const std::string& key_file, const rpc::TlsFiles& otherwise) {
  if (cert_file.empty() && key_file.empty()) return otherwise;
  rpc::TlsFiles tls = otherwise;
  tls.cert_pem = ReadConfigurationFile(cert_flag, cert_file);
  tls.key_pem = ReadConfigurationFile(key_flag, key_file);
  return tls;
}

// A connection of its own for each call that carries device streams: what one sends does not wait
// for another.
std::vector<std::shared_ptr<grpc::Channel>> RelayChannels(const rpc::TlsFiles& own) {
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int i = 0; i < absl::GetFlag(FLAGS_relay_calls); ++i) {
    channels.push_back(rpc::MutualTlsChannel(
        absl::GetFlag(FLAGS_metering_address), own, "metering",
        [](grpc::ChannelArguments& arguments) {
          arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
          // The call stays open for good: notice when nobody is at the other end any more.
          arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
          arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
        }));
  }
  return channels;
}

DoorOptions OptionsFromFlags() {
  const rpc::TlsFiles own = rpc::TlsFromFlags();
  DoorOptions options;
  options.http.address = absl::GetFlag(FLAGS_http_address);
  const rpc::TlsFiles http =
      DoorTls("http_tls_cert_file", absl::GetFlag(FLAGS_http_tls_cert_file), "http_tls_key_file",
              absl::GetFlag(FLAGS_http_tls_key_file), rpc::TlsFiles{});
  options.http.cert_pem = http.cert_pem;
  options.http.key_pem = http.key_pem;
  options.http.threads = absl::GetFlag(FLAGS_http_threads);
  options.http.body_bytes_max = static_cast<uint64_t>(absl::GetFlag(FLAGS_http_body_bytes_max));
  options.http.connections_max = absl::GetFlag(FLAGS_http_connections_max);
  options.grpc_address = absl::GetFlag(FLAGS_grpc_address);
  options.grpc_tls =
      DoorTls("grpc_tls_cert_file", absl::GetFlag(FLAGS_grpc_tls_cert_file), "grpc_tls_key_file",
              absl::GetFlag(FLAGS_grpc_tls_key_file), own);
  options.health_address = absl::GetFlag(FLAGS_health_address);
  options.device_address = absl::GetFlag(FLAGS_device_address);
  options.device_tls =
      DoorTls("device_tls_cert_file", absl::GetFlag(FLAGS_device_tls_cert_file),
              "device_tls_key_file", absl::GetFlag(FLAGS_device_tls_key_file), options.grpc_tls);
  if (const std::string ca = absl::GetFlag(FLAGS_device_ca_file); !ca.empty()) {
    options.device_tls.ca_pem = ReadConfigurationFile("device_ca_file", ca);
  }
  options.device_message_bytes_max = absl::GetFlag(FLAGS_device_message_bytes_max);
  options.device_recheck_interval = absl::GetFlag(FLAGS_device_recheck_interval);
  options.device_threads = absl::GetFlag(FLAGS_device_threads);
  options.device_handshakes_max = absl::GetFlag(FLAGS_device_handshakes_max);
  options.device_window = {
      absl::GetFlag(FLAGS_device_batches_in_flight_max),
      static_cast<size_t>(absl::GetFlag(FLAGS_device_bytes_in_flight_max))};
  options.deadlines = {absl::GetFlag(FLAGS_call_timeout), absl::GetFlag(FLAGS_stream_timeout)};
  options.tokens.issuer = absl::GetFlag(FLAGS_token_issuer);
  options.tokens.audience = absl::GetFlag(FLAGS_token_audience);
  options.tokens.refresh_interval = absl::GetFlag(FLAGS_token_keys_refresh_interval);
  options.sign_ins_per_second = absl::GetFlag(FLAGS_sign_ins_per_second);
  options.sign_ins_burst = absl::GetFlag(FLAGS_sign_ins_burst);
  options.cors_origins =
      absl::StrSplit(absl::GetFlag(FLAGS_cors_origins), ',', absl::SkipWhitespace());
  options.channels = {
      rpc::MutualTlsChannel(absl::GetFlag(FLAGS_registry_address), own, "registry"),
      rpc::MutualTlsChannel(absl::GetFlag(FLAGS_metering_address), own, "metering"),
      rpc::MutualTlsChannel(absl::GetFlag(FLAGS_market_address), own, "market"),
      rpc::MutualTlsChannel(absl::GetFlag(FLAGS_settlement_address), own, "settlement")};
  options.relay_channels = RelayChannels(own);
  return options;
}

// Every connection is an open file: take as many as the system allows.
void AllowManyFiles() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == files.rlim_max) return;
  files.rlim_cur = files.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &files) != 0) {
    Log(Severity::kWarning, "the limit of open files cannot be raised");
  }
}

int Serve() {
  CheckFlags();
  AllowManyFiles();
  // Tokens and certificates live in real time, also while the services rehearse another.
  const SystemClock clock;
  telemetry::Metrics metrics;
  auto doors = Doors::Open(OptionsFromFlags(), clock, metrics);
  absl::Status started = doors.status();
  started.Update(metrics.Expose(absl::GetFlag(FLAGS_metrics_address)));
  if (!started.ok()) StopForConfiguration(started.message());
  Log(Severity::kInfo, "the gateway serves");
  WaitForStopSignal();
  (*doors)->Drain(absl::GetFlag(FLAGS_drain_grace));
  Log(Severity::kInfo, "the gateway has stopped");
  FlushLog();
  return 0;
}

}  // namespace
}  // namespace peerwatt::gateway

int main(int argc, char** argv) {
  peerwatt::BlockStopSignals();
  peerwatt::StartProcess(argc, argv, "gateway",
                         "Lets people and devices in: peerwatt-gateway --flag=value …");
  return peerwatt::gateway::Serve();
}
