#pragma once

#include <memory>
#include <string>
#include <thread>

#include <grpcpp/grpcpp.h>
#include <grpcpp/server_builder.h>

#include "absl/status/statusor.h"

namespace peerwatt::gateway {

/// Accepts the connections of devices and hands them to a gRPC server: gRPC 1.51 never accepts
/// again once it has run out of file descriptors (CVE-2023-4785), this does.
///
/// It takes no more than so many per second, so that handshakes that were begun are also finished
/// when everybody comes at once. The system keeps no more waiting than can be served within two
/// seconds; the others come again by themselves.
class DeviceListener {
 public:
  /// Listens on `host:port`; port 0 is any. Errors: kUnavailable when the address cannot be bound.
  static absl::StatusOr<std::unique_ptr<DeviceListener>> Listen(const std::string& address,
                                                                int connections_per_second);
  ~DeviceListener();
  DeviceListener(const DeviceListener&) = delete;
  DeviceListener& operator=(const DeviceListener&) = delete;

  int port() const { return port_; }
  /// Begins to hand connections over. The server has started and outlives `Stop`.
  void Start(std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor);
  /// Accepts no more; new connections are refused.
  void Stop();

 private:
  DeviceListener(int socket, int stop, int port, int connections_per_second)
      : socket_(socket), stop_(stop), port_(port),
        connections_per_second_(connections_per_second) {}
  void Run();
  /// Waits until there is a connection, or so long. Returns false when it is to stop.
  bool Wait(bool for_connection, int timeout_ms) const;

  int socket_;
  const int stop_;  ///< an eventfd
  const int port_;
  const int connections_per_second_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::thread thread_;
};

}  // namespace peerwatt::gateway
