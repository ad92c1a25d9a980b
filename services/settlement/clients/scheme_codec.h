#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "peerwatt/registry/v1/schemes.pb.h"
#include "services/settlement/core/scheme.h"

namespace peerwatt::settlement {

/// Reads a version of a scheme as the registry sends it.
/// currency: the community's. Errors: FIELD_INVALID where it cannot be read, also when it uses what
/// is not known here: to settle it otherwise would be wrong.
absl::StatusOr<Scheme> SchemeFrom(const registry::v1::Scheme& proto, const std::string& currency);

}  // namespace peerwatt::settlement
