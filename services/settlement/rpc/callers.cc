#include "services/settlement/rpc/callers.h"

#include <utility>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/names.h"
#include "libs/rpc/security.h"
#include "services/settlement/core/errors.h"

namespace peerwatt::settlement {

absl::Status RequireOperator(const grpc::ServerContext& context, absl::string_view refusal) {
  PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(context));
  if (rpc::HasRole(caller, access::v1::OPERATOR) || rpc::HasRole(caller, access::v1::ADMIN)) {
    return absl::OkStatus();
  }
  return Error(kPermissionDenied, refusal);
}

absl::Status RequireStaff(const grpc::ServerContext& context, absl::string_view refusal) {
  PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(context));
  return rpc::IsStaff(caller) ? absl::OkStatus() : Error(kPermissionDenied, refusal);
}

absl::StatusOr<CommunityId> CommunityFrom(const std::string& name, absl::string_view pattern,
                                          absl::string_view field) {
  PW_ASSIGN_OR_RETURN(std::string id, rpc::ParseName1(name, pattern, field));
  return CommunityId(std::move(id));
}

}  // namespace peerwatt::settlement
