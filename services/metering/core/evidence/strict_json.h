#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace peerwatt::metering {

/// A JSON value of which no digit is lost: numbers stay as they were written.
struct StrictJson {
  enum class Kind { kNull, kBool, kNumber, kText, kList, kObject };

  Kind kind = Kind::kNull;
  bool truth = false;
  std::string text;  ///< Of a text; of a number, as it was written.
  std::vector<StrictJson> items;   ///< Of a list, or the values of an object's members.
  std::vector<std::string> names;  ///< Of an object's members, one for each item.

  /// A member of an object, or nullptr.
  const StrictJson* Find(absl::string_view name) const;
};

/// How much of a document is read.
struct StrictJsonLimits {
  int depth_max = 8;
  size_t values_max = 20'000;
};

/// Reads one JSON document. Errors: kInvalidArgument when it is malformed, a member occurs twice in
/// an object, or it is larger than the limits.
absl::StatusOr<StrictJson> ParseStrictJson(absl::string_view text,
                                           const StrictJsonLimits& limits = {});

}  // namespace peerwatt::metering
