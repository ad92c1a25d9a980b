#include "agent/config_node.h"

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/ids.h"
#include "libs/base/status_macros.h"

namespace peerwatt::agent {

using nlohmann::json;

absl::Status ConfigNode::Bad(absl::string_view why) const {
  return Error(reason_, absl::StrCat(path_.empty() ? document_ : path_, " ", why));
}

absl::Status ConfigNode::CheckFields(std::initializer_list<const char*> known) const {
  if (!value_.is_object()) return Bad("is not an object");
  const std::set<std::string> names(known.begin(), known.end());
  for (const auto& [name, unused] : value_.items()) {
    if (!names.contains(name)) return Field(name).Bad("is not a known field");
  }
  return absl::OkStatus();
}

ConfigNode ConfigNode::Field(const std::string& name) const {
  static const json kNothing;
  const auto at = value_.find(name);
  return {at == value_.end() ? kNothing : *at,
          path_.empty() ? name : absl::StrCat(path_, ".", name), document_, reason_};
}

absl::StatusOr<std::string> ConfigNode::Text() const {
  if (!value_.is_string()) return Bad("is not a string");
  return value_.get<std::string>();
}

absl::StatusOr<int64_t> ConfigNode::Number(int64_t min, int64_t max) const {
  if (!value_.is_number_integer()) return Bad("is not a whole number");
  const auto number = value_.get<int64_t>();
  if (number < min || number > max) return Bad(absl::StrCat("is not from ", min, " to ", max));
  return number;
}

absl::StatusOr<bool> ConfigNode::Boolean() const {
  if (!value_.is_boolean()) return Bad("is neither true nor false");
  return value_.get<bool>();
}

absl::StatusOr<absl::Time> ConfigNode::Instant() const {
  PW_ASSIGN_OR_RETURN(const std::string text, Text());
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error)) {
    return Bad("is not an instant such as 2021-02-14T23:00:00Z");
  }
  return time;
}

absl::StatusOr<std::vector<ConfigNode>> ConfigNode::Items() const {
  if (!value_.is_array() || value_.empty()) return Bad("is not a list with at least one item");
  std::vector<ConfigNode> items;
  for (size_t i = 0; i < value_.size(); ++i) {
    items.emplace_back(value_[i], absl::StrCat(path_, "[", i, "]"), document_, reason_);
  }
  return items;
}

absl::StatusOr<std::string> ConfigNode::Name(absl::string_view collection) const {
  PW_ASSIGN_OR_RETURN(std::string text, Text());
  const std::string prefix = absl::StrCat(collection, "/");
  if (!absl::StartsWith(text, prefix) || !IsResourceId(text.substr(prefix.size()))) {
    return Bad(absl::StrCat("is not a name such as ", prefix, "a1"));
  }
  return text;
}

}  // namespace peerwatt::agent
