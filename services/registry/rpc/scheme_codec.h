#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "peerwatt/registry/v1/schemes.pb.h"
#include "services/registry/core/schemes.h"

namespace peerwatt::registry {

/// currency: of the scheme's community.
v1::Scheme ToProto(const Scheme& scheme, const std::string& currency);

/// Reads what a client may set, with defaults. community: the scheme's, whose currency the prices
/// must have. Errors: FIELD_INVALID when a field is missing or cannot be read; whether its value is
/// allowed is for the core to say.
absl::StatusOr<Scheme> SchemeFrom(const v1::CreateSchemeRequest& request,
                                  const Community& community);

}  // namespace peerwatt::registry
