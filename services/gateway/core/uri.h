#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace peerwatt::gateway {

/// A request target, split at the first question mark; a fragment is dropped.
struct Target {
  absl::string_view path;
  absl::string_view query;
};
Target SplitTarget(absl::string_view target);

/// What percent-decoding leaves alone.
enum class Decoding {
  kAll,        ///< decodes every escape
  kKeepSlash,  ///< leaves `%2F`, so that a value of several segments keeps its shape
  kForm,       ///< decodes every escape, and `+` is a space
};

/// Resolves percent escapes (RFC 3986). Returns nothing for a broken escape or when the result is
/// not UTF-8.
std::optional<std::string> PercentDecode(absl::string_view text, Decoding decoding);

/// Reads `a=1&b=2`. Returns nothing when a part cannot be decoded.
std::optional<std::vector<std::pair<std::string, std::string>>> ParseQuery(absl::string_view query);

/// Whether `text` is well-formed UTF-8 (no surrogates, no overlong forms).
bool IsUtf8(absl::string_view text);

}  // namespace peerwatt::gateway
