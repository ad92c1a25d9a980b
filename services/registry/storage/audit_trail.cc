#include "services/registry/storage/audit_trail.h"

#include "libs/postgres/codec.h"
#include "libs/postgres/pool.h"
#include "services/registry/storage/queries.h"

namespace peerwatt::registry {

void WriteAuditEvent(pqxx::work& tx, const Actor& actor, absl::string_view action,
                     const std::string& subject, const std::string& detail) {
  postgres::Exec(tx, kInsertAuditEvent, actor.name, std::string(action), subject, detail,
                 postgres::ToSql(actor.at));
}

}  // namespace peerwatt::registry
