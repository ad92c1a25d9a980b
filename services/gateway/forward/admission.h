#pragma once

#include <functional>
#include <string>

#include <grpcpp/grpcpp.h>

#include "absl/strings/string_view.h"
#include "services/gateway/api/method_table.h"
#include "services/gateway/auth/authenticator.h"

namespace peerwatt::gateway {

/// Decides whether a call may go on; calls `done` once.
using Admission = std::function<void(const grpc::CallbackServerContext& context,
                                     const ApiMethod& method, Authenticator::Done done)>;

/// The address without the port of a gRPC peer such as `ipv4:127.0.0.1:4711`.
std::string AddressOf(absl::string_view peer);
/// A client's metadata value, or empty.
std::string MetadataOf(const grpc::ServerContextBase& context, const char* key);

}  // namespace peerwatt::gateway
