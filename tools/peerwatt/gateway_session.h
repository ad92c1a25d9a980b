#pragma once

#include <memory>
#include <string>

#include <grpcpp/grpcpp.h>

#include "absl/status/statusor.h"

namespace peerwatt::tool {

/// How to reach a gateway's public gRPC port, and as whom.
struct GatewayOptions {
  std::string address;     ///< `host:port`; empty: that of the set-up in `state_root`.
  std::string ca_file;     ///< Authority of its certificate; empty: that of the set-up.
  std::string token_file;  ///< Access token; empty: sign in as the set-up's admin.
  std::string state_root;
};

/// A channel to the gateway and the token of its calls.
class GatewaySession {
 public:
  /// Errors: kInvalidArgument for options that do not suffice; what the gateway answers.
  static absl::StatusOr<GatewaySession> Open(const GatewayOptions& options);
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  /// Puts the token on a call.
  void Authorize(grpc::ClientContext& context) const;

 private:
  GatewaySession(std::shared_ptr<grpc::Channel> channel, std::string token)
      : channel_(std::move(channel)), token_(std::move(token)) {}

  std::shared_ptr<grpc::Channel> channel_;
  std::string token_;
};

}  // namespace peerwatt::tool
