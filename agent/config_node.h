#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/base/error.h"
#include "nlohmann/json.hpp"

namespace peerwatt::agent {

/// A part of a JSON configuration with its path, so that messages name the field at fault:
/// `devices[2].points[0].source.path is not a string`.
class ConfigNode {
 public:
  /// value: outlives the node. document: what to call the whole. reason: of every error.
  ConfigNode(const nlohmann::json& value, std::string path, std::string document,
             const ErrorReason& reason)
      : value_(value), path_(std::move(path)), document_(std::move(document)), reason_(reason) {}

  /// An error about this part.
  absl::Status Bad(absl::string_view why) const;
  /// Refuses what is no object, and fields that are not known.
  absl::Status CheckFields(std::initializer_list<const char*> known) const;
  bool Has(const char* name) const { return value_.is_object() && value_.contains(name); }
  ConfigNode Field(const std::string& name) const;
  absl::StatusOr<std::string> Text() const;
  /// A whole number within bounds.
  absl::StatusOr<int64_t> Number(int64_t min, int64_t max) const;
  absl::StatusOr<bool> Boolean() const;
  /// An instant, RFC 3339.
  absl::StatusOr<absl::Time> Instant() const;
  /// The items of a list with at least one.
  absl::StatusOr<std::vector<ConfigNode>> Items() const;
  /// A resource name of a collection: `devices/d1`.
  absl::StatusOr<std::string> Name(absl::string_view collection) const;

 private:
  const nlohmann::json& value_;
  std::string path_;
  std::string document_;
  const ErrorReason& reason_;
};

}  // namespace peerwatt::agent
