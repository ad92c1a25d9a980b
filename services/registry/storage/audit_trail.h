#pragma once

#include <string>

#include <pqxx/pqxx>

#include "absl/strings/string_view.h"
#include "services/registry/core/audit.h"

namespace peerwatt::registry {

/// Writes an event into the audit trail, in the transaction of the change.
/// subject: resource name of what changed. detail: what the action does not say, or empty.
void WriteAuditEvent(pqxx::work& tx, const Actor& actor, absl::string_view action,
                     const std::string& subject, const std::string& detail);

}  // namespace peerwatt::registry
