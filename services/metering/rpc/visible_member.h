#pragma once

#include <grpcpp/grpcpp.h>

#include "absl/status/statusor.h"
#include "libs/rpc/security.h"
#include "services/metering/core/ports.h"

namespace peerwatt::metering {

/// The metering point, when the caller may see its readings: its owner and staff may.
/// Errors: CALLER_UNKNOWN; PERMISSION_DENIED, also when the point is unknown to other than staff;
/// METERING_POINT_UNKNOWN; PEER_UNAVAILABLE.
absl::StatusOr<Member> VisibleMember(const grpc::ServerContextBase& context,
                                     MemberDirectory& directory, const MeteringPointId& point);

/// The same for a caller that is known already.
absl::StatusOr<Member> VisibleMember(const rpc::Principal& caller, MemberDirectory& directory,
                                     const MeteringPointId& point);

/// The same with what was found out about the point.
absl::StatusOr<Member> VisibleMember(const rpc::Principal& caller, const MemberLookup& lookup,
                                     const MeteringPointId& point);

}  // namespace peerwatt::metering
