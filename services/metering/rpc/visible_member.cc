#include "services/metering/rpc/visible_member.h"

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/security.h"
#include "services/metering/core/errors.h"

namespace peerwatt::metering {

absl::StatusOr<Member> VisibleMember(const grpc::ServerContextBase& context,
                                     MemberDirectory& directory, const MeteringPointId& point) {
  PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(context));
  return VisibleMember(caller, directory, point);
}

absl::StatusOr<Member> VisibleMember(const rpc::Principal& caller, MemberDirectory& directory,
                                     const MeteringPointId& point) {
  return VisibleMember(caller, directory.Find({point}), point);
}

absl::StatusOr<Member> VisibleMember(const rpc::Principal& caller, const MemberLookup& lookup,
                                     const MeteringPointId& point) {
  const auto member = lookup.members.find(point);
  if (member == lookup.members.end()) {
    PW_RETURN_IF_ERROR(lookup.failure);
    PW_RETURN_IF_ERROR(rpc::RequireOwnerOrStaff(caller, ""));
    return Error(kMeteringPointUnknown, "the metering point is not registered",
                 {{"metering_point", point.value()}});
  }
  PW_RETURN_IF_ERROR(rpc::RequireOwnerOrStaff(
      caller, absl::StrCat("participants/", member->second.participant.value())));
  return member->second;
}

}  // namespace peerwatt::metering
