#pragma once

#include <string>

#include <grpcpp/server_context.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/domain/ids.h"

namespace peerwatt::settlement {

/// OK for operators. refusal: what others are told. Errors: PERMISSION_DENIED, CALLER_UNKNOWN.
absl::Status RequireOperator(const grpc::ServerContext& context, absl::string_view refusal);

/// OK for operators and regulators. refusal: what others are told.
/// Errors: PERMISSION_DENIED, CALLER_UNKNOWN.
absl::Status RequireStaff(const grpc::ServerContext& context, absl::string_view refusal);

/// The community in a name that matches `pattern`. Errors: FIELD_INVALID of `field`.
absl::StatusOr<CommunityId> CommunityFrom(const std::string& name, absl::string_view pattern,
                                          absl::string_view field);

}  // namespace peerwatt::settlement
