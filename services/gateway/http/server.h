#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/gateway/http/exchange.h"

namespace peerwatt::gateway {

/// How the HTTP server is set up.
struct HttpServerOptions {
  std::string address;  ///< `host:port`; port 0 picks a free one
  /// Certificate chain and key, PEM; both empty for plain HTTP.
  std::string cert_pem;
  std::string key_pem;
  int threads = 2;
  uint64_t body_bytes_max = 1 << 20;
  int connections_max = 2000;
  absl::Duration idle_timeout = absl::Seconds(60);
  absl::Duration request_timeout = absl::Seconds(30);
};

/// An HTTP/1.1 server. No request holds a thread while it waits.
class HttpServer {
 public:
  /// handler: outlives the server. Errors: kInvalidArgument for the address or the certificate,
  /// kUnavailable when it cannot listen.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const HttpServerOptions& options,
                                                           HttpHandler& handler);
  ~HttpServer();
  int port() const;
  /// Stops accepting, lets requests under way end for at most `grace`, then cuts them.
  void Drain(absl::Duration grace);

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace peerwatt::gateway
