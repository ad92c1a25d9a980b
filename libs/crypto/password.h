#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace peerwatt::crypto {

/// The argon2id hash of a password as a PHC string (64 MiB, 2 passes). About 0.1 s.
/// Errors: kResourceExhausted when there is no memory.
absl::StatusOr<std::string> HashPassword(absl::string_view password);
/// Whether `password` has this hash. About 0.1 s.
bool VerifyPassword(absl::string_view password, const std::string& phc);

}  // namespace peerwatt::crypto
