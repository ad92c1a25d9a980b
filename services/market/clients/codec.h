#pragma once

#include "absl/status/statusor.h"
#include "peerwatt/registry/v1/registry.pb.h"
#include "services/market/core/model.h"
#include "services/market/core/network.h"

namespace peerwatt::market {

// Answers of the registry as core knows them. Errors: FIELD_INVALID for what it never sends.
absl::StatusOr<CommunityRules> RulesFrom(const peerwatt::registry::v1::Community& proto);
absl::StatusOr<Member> MemberFrom(const peerwatt::registry::v1::Member& proto);
/// Capacities become watt hours per interval of the community, exactly.
absl::StatusOr<NetworkVersion> NetworkFrom(const peerwatt::registry::v1::Network& proto,
                                           const CommunityRules& rules);

}  // namespace peerwatt::market
