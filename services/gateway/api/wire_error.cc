#include "services/gateway/api/wire_error.h"

#include "google/rpc/error_info.pb.h"
#include "libs/base/error.h"
#include "libs/rpc/status.h"
#include "services/gateway/core/errors.h"

namespace peerwatt::gateway {
namespace {

// Codes that say their reason themselves when a service gave none.
absl::Status WithReason(const absl::Status& status) {
  if (!DetailOf(status).reason.empty()) return status;
  switch (status.code()) {
    case absl::StatusCode::kCancelled:
      return Error({"CANCELLED", absl::StatusCode::kCancelled}, "the call was cancelled");
    case absl::StatusCode::kUnimplemented:
      return Error(kMethodUnknown, "the service does not offer this method");
    case absl::StatusCode::kResourceExhausted:
      return Error({"RESOURCE_EXHAUSTED", absl::StatusCode::kResourceExhausted, true},
                   status.message());
    default:
      return status;
  }
}

}  // namespace

google::rpc::Status WireError(const grpc::Status& status) {
  google::rpc::Status proto;
  if (!status.error_details().empty() && proto.ParseFromString(status.error_details()) &&
      proto.code() == static_cast<int>(status.error_code()) && !WireReasonOf(proto).empty()) {
    return proto;
  }
  // The text of a lost connection names addresses inside.
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE) {
    return WireError(Error(kPeerUnavailable, "the service is not available; try again"));
  }
  return WireError(rpc::FromGrpcStatus(
      grpc::Status(status.error_code(), status.error_message())));
}

google::rpc::Status WireError(const absl::Status& status) {
  return rpc::ToRpcStatus(WithReason(status), kDomain);
}

grpc::Status CallError(const google::rpc::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), status.message(),
          status.SerializeAsString()};
}

std::string WireReasonOf(const google::rpc::Status& status) {
  google::rpc::ErrorInfo info;
  for (const auto& any : status.details()) {
    if (any.UnpackTo(&info)) return info.reason();
  }
  return "";
}

}  // namespace peerwatt::gateway
