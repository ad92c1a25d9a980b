#pragma once

#include <string>
#include <vector>

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include "services/gateway/api/method_table.h"
#include "services/gateway/auth/authenticator.h"
#include "services/gateway/core/rate_limit.h"
#include "services/gateway/forward/admission.h"
#include "services/gateway/forward/upstreams.h"

namespace peerwatt::gateway {

/// Forwards unary, server-streaming and client-streaming methods by bytes, without parsing a
/// message. Methods are registered by name, so that reflection lists their service.
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

}  // namespace peerwatt::gateway
