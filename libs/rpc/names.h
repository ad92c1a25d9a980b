#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace peerwatt::rpc {

/// Takes the ids out of a resource name.
/// pattern: `communities/*/auctions/*`; a star matches one segment. field: path for the error.
/// Returns one id per star. Errors: FIELD_INVALID when the name does not match.
absl::StatusOr<std::vector<std::string>> ParseName(absl::string_view name,
                                                   absl::string_view pattern,
                                                   absl::string_view field);
/// The same for a pattern with one star.
absl::StatusOr<std::string> ParseName1(absl::string_view name, absl::string_view pattern,
                                       absl::string_view field);
/// Errors: FIELD_INVALID unless `id` is `[a-z][a-z0-9-]{0,61}[a-z0-9]`.
absl::Status CheckResourceId(absl::string_view id, absl::string_view field);

}  // namespace peerwatt::rpc
