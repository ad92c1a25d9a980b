#pragma once

#include <vector>

#include "libs/postgres/pool.h"
#include "services/registry/core/metering_points.h"

namespace peerwatt::registry {

/// Errors: BOUNDARY_CONNECTION_SHARED when a point of the other role stands behind the connection.
absl::Status RequireOneRole(pqxx::work& tx, const GridConnectionId& connection, bool is_boundary);

/// Metering points in PostgreSQL.
class PostgresMeteringPointStore final : public MeteringPointStore {
 public:
  explicit PostgresMeteringPointStore(postgres::Pool& pool) : pool_(pool) {}

  absl::StatusOr<MeteringPoint> Create(const MeteringPoint& point) override;
  absl::StatusOr<MeteringPoint> Get(const MeteringPointId& id) override;
  absl::StatusOr<std::vector<MeteringPoint>> List(const ParticipantId& participant,
                                                  const MeteringPointId& after, int limit) override;
  absl::StatusOr<MeteringPoint> AssignZone(const MeteringPointId& id, const std::string& zone,
                                           const Actor& actor) override;
  absl::StatusOr<std::vector<Member>> BatchGetMembers(
      const std::vector<MeteringPointId>& ids) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace peerwatt::registry
