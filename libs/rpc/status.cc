#include "libs/rpc/status.h"

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/error_info.pb.h"
#include "libs/base/error.h"
#include "libs/base/log.h"

namespace peerwatt::rpc {
namespace {

constexpr int kRetryDelayMs = 200;

}  // namespace

google::rpc::Status ToRpcStatus(const absl::Status& status, absl::string_view domain) {
  google::rpc::Status proto;
  if (status.ok()) return proto;
  ErrorDetail detail = DetailOf(status);
  absl::StatusCode code = status.code();
  std::string message(status.message());
  if (detail.reason.empty() || code == absl::StatusCode::kInternal) {
    Log(Severity::kError, "internal error", {{"error", status.ToString()}});
    // The cause is in the log; a client can do nothing with it.
    code = absl::StatusCode::kInternal;
    message = "internal error";
    detail = {};
    detail.reason = "INTERNAL";
  }
  proto.set_code(static_cast<int>(code));
  proto.set_message(message);
  google::rpc::ErrorInfo info;
  info.set_reason(detail.reason);
  info.set_domain(std::string(domain));
  for (const auto& [key, value] : detail.metadata) (*info.mutable_metadata())[key] = value;
  proto.add_details()->PackFrom(info);
  if (!detail.violations.empty()) {
    google::rpc::BadRequest bad;
    for (const FieldViolation& violation : detail.violations) {
      auto* out = bad.add_field_violations();
      out->set_field(violation.field);
      out->set_description(violation.description);
    }
    proto.add_details()->PackFrom(bad);
  }
  if (detail.retryable) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_nanos(kRetryDelayMs * 1'000'000);
    proto.add_details()->PackFrom(retry);
  }
  return proto;
}

grpc::Status ToGrpcStatus(const absl::Status& status, absl::string_view domain) {
  if (status.ok()) return grpc::Status::OK;
  const google::rpc::Status proto = ToRpcStatus(status, domain);
  return grpc::Status(static_cast<grpc::StatusCode>(proto.code()), proto.message(),
                      proto.SerializeAsString());
}

absl::Status FromRpcStatus(const google::rpc::Status& proto) {
  if (proto.code() == 0) return absl::OkStatus();
  ErrorDetail detail;
  google::rpc::ErrorInfo info;
  google::rpc::BadRequest bad;
  google::rpc::RetryInfo retry;
  for (const auto& any : proto.details()) {
    if (any.UnpackTo(&info)) {
      detail.reason = info.reason();
      detail.metadata = {info.metadata().begin(), info.metadata().end()};
    } else if (any.UnpackTo(&bad)) {
      for (const auto& violation : bad.field_violations()) {
        detail.violations.push_back({violation.field(), violation.description()});
      }
    } else if (any.UnpackTo(&retry)) {
      detail.retryable = true;
    }
  }
  return ErrorFromDetail(static_cast<absl::StatusCode>(proto.code()), proto.message(), detail);
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  google::rpc::Status proto;
  if (!status.error_details().empty() && proto.ParseFromString(status.error_details()) &&
      proto.code() != 0) {
    return FromRpcStatus(proto);
  }
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
      return Error(kPeerUnavailable, status.error_message());
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return Error(
          ErrorReason{"DEADLINE_EXCEEDED", absl::StatusCode::kDeadlineExceeded, true},
          "a peer did not answer in time");
    default:
      return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                          status.error_message());
  }
}

int HttpCodeOf(int grpc_code) {
  switch (grpc_code) {
    case 0:
      return 200;
    case 1:
      return 499;
    case 3:
    case 9:
    case 11:
      return 400;
    case 4:
      return 504;
    case 5:
      return 404;
    case 6:
    case 10:
      return 409;
    case 7:
      return 403;
    case 8:
      return 429;
    case 12:
      return 501;
    case 14:
      return 503;
    case 16:
      return 401;
    default:
      return 500;
  }
}

}  // namespace peerwatt::rpc
