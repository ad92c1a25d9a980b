#include "services/registry/core/roles.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace peerwatt::registry {
namespace {

constexpr Role kAllRoles[] = {Role::kConsumer, Role::kProsumer, Role::kOperator, Role::kRegulator,
                              Role::kAdmin};

}  // namespace

absl::string_view NameOf(Role role) {
  switch (role) {
    case Role::kConsumer:
      return "CONSUMER";
    case Role::kProsumer:
      return "PROSUMER";
    case Role::kOperator:
      return "OPERATOR";
    case Role::kRegulator:
      return "REGULATOR";
    case Role::kAdmin:
      return "ADMIN";
  }
  return "";
}

std::vector<std::string> NamesOf(const std::vector<Role>& roles) {
  std::vector<std::string> names;
  for (const Role role : roles) names.emplace_back(NameOf(role));
  return names;
}

absl::StatusOr<std::vector<Role>> RolesFromNames(const std::vector<std::string>& names) {
  std::vector<Role> roles;
  for (const std::string& name : names) {
    const auto* const role = std::find_if(std::begin(kAllRoles), std::end(kAllRoles),
                                          [&](Role r) { return NameOf(r) == name; });
    if (role == std::end(kAllRoles)) {
      return absl::InvalidArgumentError(absl::StrCat("no role ", name));
    }
    roles.push_back(*role);
  }
  return roles;
}

std::vector<Role> RolesOrDefault(std::vector<Role> asked) {
  if (asked.empty()) return {Role::kConsumer, Role::kProsumer};
  std::sort(asked.begin(), asked.end());
  asked.erase(std::unique(asked.begin(), asked.end()), asked.end());
  return asked;
}

bool NeedAdministrator(const std::vector<Role>& roles) {
  return std::any_of(roles.begin(), roles.end(), [](Role role) {
    return role != Role::kConsumer && role != Role::kProsumer;
  });
}

}  // namespace peerwatt::registry
