#include "services/market/rpc/caller.h"

#include <string>
#include <utility>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/names.h"

namespace peerwatt::market {

absl::StatusOr<rpc::Principal> Trader(const grpc::ServerContextBase& context) {
  PW_ASSIGN_OR_RETURN(rpc::Principal caller, rpc::CallerOf(context));
  if (caller.participant().empty()) {
    return Error(kPermissionDenied, "the caller stands for no participant");
  }
  return caller;
}

absl::StatusOr<ParticipantId> ParticipantOf(const rpc::Principal& caller) {
  PW_ASSIGN_OR_RETURN(std::string id,
                      rpc::ParseName1(caller.participant(), "participants/*", "participant"));
  return ParticipantId(std::move(id));
}

absl::StatusOr<ParticipantId> VisibleTo(const rpc::Principal& caller) {
  if (rpc::IsStaff(caller)) {
    return ParticipantId();
  }
  if (caller.participant().empty()) {
    return Error(kPermissionDenied, "the caller stands for no participant");
  }
  return ParticipantOf(caller);
}

}  // namespace peerwatt::market
