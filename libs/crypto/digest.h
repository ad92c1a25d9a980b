#pragma once

#include <string>
#include <string_view>

namespace peerwatt::crypto {

/// SHA-256, 32 bytes.
std::string Sha256(std::string_view bytes);
/// SHA-256 as 64 lower-case hexadecimal digits.
std::string Sha256Hex(std::string_view bytes);
/// Whether two secrets are equal, in a time that does not depend on where they differ.
bool EqualInConstantTime(std::string_view a, std::string_view b);

}  // namespace peerwatt::crypto
