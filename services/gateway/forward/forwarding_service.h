#pragma once

#include <functional>
#include <string>
#include <vector>

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include "services/gateway/api/method_table.h"
#include "services/gateway/auth/authenticator.h"
#include "services/gateway/core/rate_limit.h"
#include "services/gateway/forward/upstreams.h"

namespace peerwatt::gateway {

/// Decides whether a call may go on; calls `done` once.
using Admission = std::function<void(const grpc::CallbackServerContext& context,
                                     const ApiMethod& method, Authenticator::Done done)>;

/// Forwards unary and server-streaming methods by bytes, without parsing a message. Methods are
/// registered by name, so that reflection lists their service.
class ForwardingService final : public grpc::Service {
 public:
  /// methods: of one service. methods, upstreams: outlive the server.
  ForwardingService(const std::vector<const ApiMethod*>& methods, Upstreams& upstreams,
                    Deadlines deadlines, Admission admission);
};

/// Refuses what is not registered with METHOD_UNKNOWN.
class UnknownMethods final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override;
};

/// Admission at the public port: the rate of sign-ins, then the bearer token.
Admission TokenAdmission(Authenticator& authenticator, RateLimit& sign_ins, const Clock& clock);

/// Takes an attempt to sign in from `address`. Errors: SIGN_IN_RATE_EXCEEDED.
absl::Status TakeSignIn(const ApiMethod& method, absl::string_view address, RateLimit& sign_ins,
                        absl::Time now);

/// The address without the port of a gRPC peer such as `ipv4:127.0.0.1:4711`.
std::string AddressOf(absl::string_view peer);
/// A client's metadata value, or empty.
std::string MetadataOf(const grpc::ServerContextBase& context, const char* key);

}  // namespace peerwatt::gateway
