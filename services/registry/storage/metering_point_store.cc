#include "services/registry/storage/metering_point_store.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/registry/core/errors.h"
#include "services/registry/storage/audit_trail.h"
#include "services/registry/storage/community_store.h"
#include "services/registry/storage/network_store.h"
#include "services/registry/storage/queries.h"

namespace peerwatt::registry {
namespace {

using postgres::Exec;
using postgres::Int64From;
using postgres::TextFrom;
using postgres::ToSql;

MeteringPoint MeteringPointFrom(const pqxx::row& row) {
  MeteringPoint point;
  point.id = MeteringPointId(TextFrom(row["metering_point_id"]));
  point.participant = ParticipantId(TextFrom(row["participant_id"]));
  point.grid_connection = GridConnectionId(TextFrom(row["grid_connection_id"]));
  point.import_capacity_w = Int64From(row["import_capacity_w"]);
  point.export_capacity_w = Int64From(row["export_capacity_w"]);
  point.community = CommunityId(TextFrom(row["community_id"]));
  point.created_at = postgres::TimeFrom(row["created_at"]);
  point.zone = TextFrom(row["zone"]);
  point.energy_source = EnergySourceFromName(TextFrom(row["energy_source"]));
  point.is_boundary = postgres::BoolFrom(row["is_boundary"]);
  return point;
}

// Returns the existing point, or nothing. Errors: CONTENT_DIFFERS.
absl::StatusOr<std::optional<MeteringPoint>> Existing(pqxx::work& tx, const MeteringPoint& asked) {
  const pqxx::result rows = Exec(tx, kSelectMeteringPoint, asked.id.value());
  if (rows.empty()) return std::optional<MeteringPoint>();
  MeteringPoint stored = MeteringPointFrom(rows[0]);
  if (!SameContent(stored, asked)) {
    return Error(kContentDiffers, "the metering point exists with other content",
                 {{"metering_point", asked.id.value()}});
  }
  return std::optional<MeteringPoint>(std::move(stored));
}

// Errors: GRID_CONNECTION_TAKEN, BOUNDARY_CONNECTION_SHARED.
absl::Status TakeGridConnection(pqxx::work& tx, const MeteringPoint& point) {
  Exec(tx, kInsertGridConnection, point.grid_connection.value(), point.participant.value());
  const pqxx::result rows = Exec(tx, kSelectGridConnection, point.grid_connection.value());
  if (TextFrom(rows[0]["participant_id"]) != point.participant.value()) {
    return Error(kGridConnectionTaken, "the grid connection belongs to another participant",
                 {{"grid_connection", point.grid_connection.value()}});
  }
  return RequireOneRole(tx, point.grid_connection, point.is_boundary);
}

}  // namespace

absl::Status RequireOneRole(pqxx::work& tx, const GridConnectionId& connection, bool is_boundary) {
  const pqxx::result others = Exec(tx, kSelectOtherRole, connection.value(), is_boundary);
  if (others.empty()) return absl::OkStatus();
  return Error(kBoundaryConnectionShared,
               "points of members and of the boundary do not share a grid connection",
               {{"grid_connection", connection.value()},
                {"metering_point", TextFrom(others[0]["metering_point_id"])}});
}

absl::StatusOr<MeteringPoint> PostgresMeteringPointStore::Create(const MeteringPoint& point) {
  std::optional<MeteringPoint> stored;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    const pqxx::result owner = Exec(tx, kSelectParticipant, point.participant.value());
    if (owner.empty()) {
      return Error(kParticipantUnknown, "there is no such participant",
                   {{"participant", point.participant.value()}});
    }
    PW_ASSIGN_OR_RETURN(stored, Existing(tx, point));
    if (stored) return absl::OkStatus();
    const std::string community = TextFrom(owner[0]["community_id"]);
    PW_RETURN_IF_ERROR(RequireZone(tx, community, point.zone, point.created_at));
    PW_RETURN_IF_ERROR(TakeGridConnection(tx, point));
    Exec(tx, kInsertMeteringPoint, point.id.value(), point.participant.value(), community,
         point.grid_connection.value(), point.import_capacity_w, point.export_capacity_w,
         ToSql(point.created_at), point.zone, NameOf(point.energy_source), point.is_boundary);
    PW_ASSIGN_OR_RETURN(stored, Existing(tx, point));
    return absl::OkStatus();
  }));
  return *std::move(stored);
}

absl::StatusOr<MeteringPoint> PostgresMeteringPointStore::Get(const MeteringPointId& id) {
  MeteringPoint point;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    const pqxx::result rows = Exec(tx, kSelectMeteringPoint, id.value());
    if (rows.empty()) {
      return Error(kNotFound, "there is no such metering point", {{"metering_point", id.value()}});
    }
    point = MeteringPointFrom(rows[0]);
    return absl::OkStatus();
  }));
  return point;
}

absl::StatusOr<MeteringPoint> PostgresMeteringPointStore::AssignZone(const MeteringPointId& id,
                                                                     const std::string& zone,
                                                                     const Actor& actor) {
  PW_ASSIGN_OR_RETURN(MeteringPoint point, Get(id));
  if (point.zone == zone) return point;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    PW_RETURN_IF_ERROR(RequireZone(tx, point.community.value(), zone, actor.at));
    Exec(tx, kUpdateZone, id.value(), zone);
    WriteAuditEvent(tx, actor, "ZONE_ASSIGNED", absl::StrCat("meteringPoints/", id.value()), zone);
    return absl::OkStatus();
  }));
  point.zone = zone;
  return point;
}

absl::StatusOr<std::vector<MeteringPoint>> PostgresMeteringPointStore::List(
    const ParticipantId& participant, const MeteringPointId& after, int limit) {
  std::vector<MeteringPoint> points;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    points.clear();
    const pqxx::result rows =
        participant.empty()
            ? Exec(tx, kListMeteringPoints, after.value(), limit)
            : Exec(tx, kListMeteringPointsOf, participant.value(), after.value(), limit);
    for (const pqxx::row& row : rows) points.push_back(MeteringPointFrom(row));
    return absl::OkStatus();
  }));
  return points;
}

absl::StatusOr<std::vector<Member>> PostgresMeteringPointStore::BatchGetMembers(
    const std::vector<MeteringPointId>& ids) {
  std::vector<std::string> asked;
  for (const MeteringPointId& id : ids) asked.push_back(id.value());
  std::vector<Member> members;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    members.clear();
    for (const pqxx::row& row : Exec(tx, kSelectMembers, postgres::ToSqlArray(asked))) {
      members.push_back(MemberFrom(row));
    }
    return absl::OkStatus();
  }));
  return members;
}

}  // namespace peerwatt::registry
