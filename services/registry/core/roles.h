#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace peerwatt::registry {

/// What a user may act as. Devices have no user and no role here.
enum class Role { kConsumer, kProsumer, kOperator, kRegulator, kAdmin };

/// `CONSUMER`, …, as in tokens and in the database.
absl::string_view NameOf(Role role);
/// Names of roles, in order.
std::vector<std::string> NamesOf(const std::vector<Role>& roles);
/// Reads names. Errors: kInvalidArgument with the unknown name.
absl::StatusOr<std::vector<Role>> RolesFromNames(const std::vector<std::string>& names);

/// Sorted, each once; nothing asked means consumer and prosumer.
std::vector<Role> RolesOrDefault(std::vector<Role> asked);
/// Whether only an administrator may grant one of these.
bool NeedAdministrator(const std::vector<Role>& roles);

}  // namespace peerwatt::registry
