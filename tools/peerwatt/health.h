#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace peerwatt::tool {

/// How to reach a gRPC server over TLS.
struct Endpoint {
  std::string address;      ///< `host:port`
  std::string server_name;  ///< name that its certificate must prove
  std::string ca_pem;
  std::string cert_pem;  ///< our own certificate; empty for none
  std::string key_pem;
};

/// Asks a server by the gRPC health protocol whether it serves.
/// Errors: kUnavailable with the cause when it does not answer in time or is not serving.
absl::Status CheckHealth(const Endpoint& endpoint, absl::Duration timeout);

}  // namespace peerwatt::tool
