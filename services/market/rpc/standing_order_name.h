#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/names.h"
#include "libs/rpc/security.h"
#include "services/market/rpc/codec.h"

namespace peerwatt::market {

/// Whose standing order, and which.
struct StandingOrderRef {
  ParticipantId participant;
  StandingOrderId id;
};

/// Reads `participants/*/standingOrders/*`. Errors: FIELD_INVALID.
inline absl::StatusOr<StandingOrderRef> StandingOrderNameFrom(const std::string& name,
                                                              absl::string_view field = "name") {
  PW_ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                      rpc::ParseName(name, "participants/*/standingOrders/*", field));
  return StandingOrderRef{ParticipantId(ids[0]), StandingOrderId(ids[1])};
}

/// Standing orders belong to their owner alone; staff only looks. Errors: PERMISSION_DENIED.
inline absl::Status RequireOwner(const rpc::Principal& caller, const ParticipantId& participant) {
  if (caller.participant() != NameOf(participant)) {
    return Error(kPermissionDenied, "the caller does not stand for this participant");
  }
  return absl::OkStatus();
}

}  // namespace peerwatt::market
