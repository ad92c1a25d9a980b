#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/telemetry/metrics.h"
#include "services/gateway/h2/call.h"
#include "services/gateway/h2/door_worker.h"
#include "services/gateway/h2/http2_session.h"
#include "services/gateway/h2/tls.h"

namespace peerwatt::gateway {

/// How a door is set up.
struct DoorSettings {
  std::string address;  ///< `host:port`; port 0 is any
  TlsServerOptions tls;
  Http2Limits limits;
  DoorTimes times;
  int threads = 2;
  int handshakes_max = 256;  ///< under way at once; at least one per thread
};

/// A server of gRPC calls over HTTP/2 and TLS with client certificates, for many connections of
/// which few have something to say. A connection stays on one of few threads.
class GrpcDoor {
 public:
  /// router and the metrics outlive the door. Errors: kInvalidArgument, kUnavailable.
  static absl::StatusOr<std::unique_ptr<GrpcDoor>> Open(const DoorSettings& settings,
                                                        CallRouter& router,
                                                        telemetry::Gauge& connections,
                                                        telemetry::Counter& handshake_failures);
  ~GrpcDoor();
  int port() const;
  /// Takes no more connections.
  void StopAccepting();
  /// Stops accepting, lets calls end for at most `grace`, then cuts them.
  void Drain(absl::Duration grace);

 private:
  struct Impl;
  explicit GrpcDoor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace peerwatt::gateway
