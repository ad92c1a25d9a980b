#pragma once

#include <string>

#include <grpcpp/grpcpp.h>

#include "absl/status/status.h"
#include "google/rpc/status.pb.h"

namespace peerwatt::gateway {

/// What a service answered, as the client gets it: unchanged when it has details, otherwise with
/// the gateway's own reason (PEER_UNAVAILABLE, DEADLINE_EXCEEDED, INTERNAL, …).
google::rpc::Status WireError(const grpc::Status& status);
/// An error of the gateway itself, with one ErrorInfo of its domain.
google::rpc::Status WireError(const absl::Status& status);
/// The same, as the status that ends a gRPC call.
grpc::Status CallError(const google::rpc::Status& status);
/// The reason in the ErrorInfo of an error, or empty.
std::string WireReasonOf(const google::rpc::Status& status);

}  // namespace peerwatt::gateway
