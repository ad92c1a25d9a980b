#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace peerwatt::rpc {

/// Takes the ids out of a resource name.
/// pattern: `communities/*/auctions/*`; a star matches one segment. field: path for the error.
/// Returns one id per star. Errors: FIELD_INVALID when the name does not match.
absl::StatusOr<std::vector<std::string>> ParseName(std::string_view name, std::string_view pattern,
                                                   std::string_view field);
/// The same for a pattern with one star.
absl::StatusOr<std::string> ParseName1(std::string_view name, std::string_view pattern,
                                       std::string_view field);
/// Errors: FIELD_INVALID unless `id` is `[a-z][a-z0-9-]{0,61}[a-z0-9]`.
absl::Status CheckResourceId(std::string_view id, std::string_view field);

}  // namespace peerwatt::rpc
