#include "libs/rpc/names.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/error.h"
#include "libs/base/ids.h"
#include "libs/base/status_macros.h"

namespace peerwatt::rpc {

absl::StatusOr<std::vector<std::string>> ParseName(absl::string_view name,
                                                   absl::string_view pattern,
                                                   absl::string_view field) {
  const std::vector<absl::string_view> parts =
      absl::StrSplit(name, '/');
  const std::vector<absl::string_view> wanted =
      absl::StrSplit(pattern, '/');
  std::vector<std::string> ids;
  bool matches = parts.size() == wanted.size();
  for (size_t i = 0; matches && i < parts.size(); ++i) {
    if (wanted[i] == "*") {
      // Instants (`20260701t101500z`) and counters are segments too; they need no letter in front.
      matches = !parts[i].empty() && parts[i].size() <= 63 &&
                parts[i].find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") ==
                    absl::string_view::npos;
      ids.emplace_back(parts[i]);
    } else {
      matches = parts[i] == wanted[i];
    }
  }
  if (!matches) return FieldInvalid(field, absl::StrCat("must have the form ", pattern));
  return ids;
}

absl::StatusOr<std::string> ParseName1(absl::string_view name, absl::string_view pattern,
                                       absl::string_view field) {
  PW_ASSIGN_OR_RETURN(std::vector<std::string> ids, ParseName(name, pattern, field));
  return ids.at(0);
}

absl::Status CheckResourceId(absl::string_view id, absl::string_view field) {
  if (IsResourceId(id)) return absl::OkStatus();
  return FieldInvalid(field, "must have the form [a-z][a-z0-9-]{0,61}[a-z0-9]");
}

}  // namespace peerwatt::rpc
