#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/rpc/security.h"
#include "libs/telemetry/metrics.h"
#include "services/gateway/auth/token_keys.h"
#include "services/gateway/device/device_stream.h"
#include "services/gateway/forward/upstreams.h"
#include "services/gateway/http/server.h"

namespace peerwatt::gateway {

/// How the three doors are set up.
struct DoorOptions {
  HttpServerOptions http;
  std::string grpc_address;
  rpc::TlsFiles grpc_tls;
  std::string health_address;
  std::string device_address;
  /// `ca_pem`: the authority of device certificates.
  rpc::TlsFiles device_tls;
  int device_message_bytes_max = 1 << 20;
  absl::Duration device_recheck_interval = absl::Seconds(5);
  DeviceWindow device_window;
  int device_threads = 2;
  int device_handshakes_max = 256;
  Deadlines deadlines;
  TokenPolicy tokens;
  int sign_ins_per_second = 10;
  int sign_ins_burst = 30;
  std::vector<std::string> cors_origins;
  Upstreams::Channels channels;
  /// Channels to metering, each for a call that carries device streams; the one above if empty.
  std::vector<std::shared_ptr<grpc::Channel>> relay_channels;
};

/// The running gateway: REST/JSON, public gRPC and the device port over the same rules.
class Doors {
 public:
  /// clock, metrics: outlive the doors. Errors: kInvalidArgument, kUnavailable.
  static absl::StatusOr<std::unique_ptr<Doors>> Open(DoorOptions options, const Clock& clock,
                                                     telemetry::Metrics& metrics);
  ~Doors();
  // The ports, also where an address asked for port 0.
  int http_port() const;
  int grpc_port() const;
  int device_port() const;
  /// Ends device streams, lets calls end for at most `grace`, then cuts them.
  void Drain(absl::Duration grace);

 private:
  struct Impl;
  explicit Doors(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace peerwatt::gateway
