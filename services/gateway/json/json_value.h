#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace peerwatt::gateway {

/// A JSON text as a tree. Numbers keep their spelling, so that no digit is lost.
struct JsonValue {
  enum class Kind { kNull, kBool, kInteger, kFraction, kString, kArray, kObject };
  Kind kind = Kind::kNull;
  bool boolean = false;
  std::string text;  ///< a string's content, a number's spelling
  std::vector<JsonValue> items;
  std::vector<std::pair<std::string, JsonValue>> members;
};

/// What a kind is called in a message to people.
absl::string_view NameOf(JsonValue::Kind kind);

/// Reads one JSON text (RFC 8259) of at most 64 levels.
/// Errors: MALFORMED_JSON with the byte where reading stopped; also for a repeated key.
absl::StatusOr<JsonValue> ParseJson(absl::string_view text);

}  // namespace peerwatt::gateway
