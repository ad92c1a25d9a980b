#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace peerwatt::crypto {

/// SHA-256, 32 bytes.
std::string Sha256(absl::string_view bytes);
/// SHA-256 as 64 lower-case hexadecimal digits.
std::string Sha256Hex(absl::string_view bytes);
/// Whether two secrets are equal, in a time that does not depend on where they differ.
bool EqualInConstantTime(absl::string_view a, absl::string_view b);

}  // namespace peerwatt::crypto
