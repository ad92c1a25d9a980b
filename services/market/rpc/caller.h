#pragma once

#include <grpcpp/grpcpp.h>

#include "absl/status/statusor.h"
#include "libs/domain/ids.h"
#include "libs/rpc/security.h"

namespace peerwatt::market {

/// The caller, who must stand for a participant. Errors: CALLER_UNKNOWN, PERMISSION_DENIED.
absl::StatusOr<rpc::Principal> Trader(const grpc::ServerContextBase& context);

/// The participant whom a caller stands for.
absl::StatusOr<ParticipantId> ParticipantOf(const rpc::Principal& caller);

/// Whose rows the caller sees: those of its participant, or all, which is the empty id.
/// Errors: PERMISSION_DENIED when the caller is neither staff nor a participant.
absl::StatusOr<ParticipantId> VisibleTo(const rpc::Principal& caller);

}  // namespace peerwatt::market
