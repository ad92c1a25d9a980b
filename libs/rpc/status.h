#pragma once


#include <grpcpp/grpcpp.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/rpc/status.pb.h"

namespace peerwatt::rpc {

/// A domain error on the wire: `google.rpc.Status` with exactly one `ErrorInfo` (reason, domain,
/// metadata), `BadRequest` when there are field violations, `RetryInfo` when a retry can help.
/// An error without a reason, or of code kInternal, becomes reason INTERNAL without detail; its
/// message is logged. domain: such as `market.peerwatt.dev`.
google::rpc::Status ToRpcStatus(const absl::Status& status, absl::string_view domain);
grpc::Status ToGrpcStatus(const absl::Status& status, absl::string_view domain);

/// The error that a peer answered, with its reason. A lost connection becomes kUnavailable with
/// reason PEER_UNAVAILABLE, a missed deadline kDeadlineExceeded with reason DEADLINE_EXCEEDED.
absl::Status FromGrpcStatus(const grpc::Status& status);
absl::Status FromRpcStatus(const google::rpc::Status& status);

/// The HTTP status code of a gRPC code, by google.rpc.Code.
int HttpCodeOf(int grpc_code);

}  // namespace peerwatt::rpc
