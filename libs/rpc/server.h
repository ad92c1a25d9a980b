#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/telemetry/metrics.h"

namespace peerwatt::rpc {

/// Name that the health port reports as SERVING while the process answers, whatever it can reach;
/// for liveness probes. The empty name follows `SetServing`.
inline constexpr char kLiveService[] = "live";

/// How a service's gRPC server is set up.
struct ServerOptions {
  std::string address;  ///< `host:port`. Empty: `customise` adds what brings connections.
  /// `host:port` of a second port without TLS that serves only the health service, for probes
  /// that cannot show a certificate. Empty: none.
  std::string health_address;
  std::shared_ptr<grpc::ServerCredentials> credentials = nullptr;
  int message_bytes_max = 4 << 20;
  int concurrent_streams_max = 1000;
  int threads_max = 64;  ///< Bound on threads of synchronous handlers.
  /// Sets what only this server needs, after everything else; may be empty.
  std::function<void(grpc::ServerBuilder&)> customise = nullptr;
};

/// A gRPC server with health service, reflection, RPC metrics and bounds. It is NOT_SERVING until
/// `SetServing(true)`.
class Server {
 public:
  /// Starts to listen. Errors: kUnavailable when the address cannot be bound.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       const std::vector<grpc::Service*>& services,
                                                       telemetry::Metrics& metrics);
  ~Server();
  /// The port it listens on, also when the address asked for port 0.
  int port() const;
  void SetServing(bool serving);
  /// Stops accepting, lets running calls end for at most `grace`, then cancels them.
  void Drain(absl::Duration grace);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Runs one unary handler: maps its status to the wire (domain `<service>.peerwatt.dev`) and logs
/// failures. body: decode → validate → authorise → call → encode.
grpc::Status Handle(const grpc::ServerContextBase& context, absl::string_view domain,
                    const std::function<absl::Status()>& body);

/// Gives an outgoing call a deadline of `timeout` from now.
void SetDeadline(grpc::ClientContext& context, absl::Duration timeout);
/// Hands the caller's identity on to a peer; only the gateway's word counts there.
void SetPrincipal(grpc::ClientContext& context, const std::string& serialized_principal);

}  // namespace peerwatt::rpc
