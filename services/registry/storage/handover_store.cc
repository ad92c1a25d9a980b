#include "services/registry/storage/handover_store.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/domain/interval.h"
#include "libs/postgres/codec.h"
#include "services/registry/core/errors.h"
#include "services/registry/storage/audit_trail.h"
#include "services/registry/storage/handover_queries.h"
#include "services/registry/storage/metering_point_store.h"
#include "services/registry/storage/queries.h"

namespace peerwatt::registry {
namespace {

using postgres::Exec;
using postgres::TextFrom;
using postgres::ToSql;

/// The first interval that starts at or after `at` and after the newest holder's.
absl::Time StartOfHandover(const pqxx::row& holder, absl::Time at) {
  const absl::Duration interval = absl::Seconds(postgres::Int64From(holder["interval_s"]));
  const absl::Time floor = FloorToGrid(at, interval);
  absl::Time start = floor == at ? floor : floor + interval;
  const std::optional<absl::Time> newest = postgres::OptionalTimeFrom(holder["starts_at"]);
  if (newest.has_value()) start = std::max(start, *newest + interval);
  return start;
}

/// Makes the new participant the one of the point's row. Errors: PARTICIPANT_UNKNOWN,
/// GRID_CONNECTION_TAKEN, BOUNDARY_CONNECTION_SHARED.
absl::StatusOr<std::string> MoveTo(pqxx::work& tx, const Handover& to, bool is_boundary) {
  const pqxx::result owner = Exec(tx, kSelectParticipant, to.participant.value());
  if (owner.empty()) {
    return Error(kParticipantUnknown, "there is no such participant",
                 {{"participant", to.participant.value()}});
  }
  Exec(tx, kInsertGridConnection, to.grid_connection.value(), to.participant.value());
  const pqxx::result connection = Exec(tx, kSelectGridConnection, to.grid_connection.value());
  if (TextFrom(connection[0]["participant_id"]) != to.participant.value()) {
    return Error(kGridConnectionTaken, "the grid connection belongs to another participant",
                 {{"grid_connection", to.grid_connection.value()}});
  }
  PW_RETURN_IF_ERROR(RequireOneRole(tx, to.grid_connection, is_boundary));
  std::string community = TextFrom(owner[0]["community_id"]);
  Exec(tx, kUpdateHolder, to.point.value(), to.participant.value(), community,
       to.grid_connection.value());
  return community;
}

}  // namespace

absl::StatusOr<Handover> PostgresHandoverStore::HandOver(const Handover& asked,
                                                         const Actor& actor) {
  Handover handover;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    handover = asked;
    const std::string& point = asked.point.value();
    const pqxx::result rows = Exec(tx, kLockHolder, point);
    if (rows.empty()) {
      return Error(kNotFound, "there is no such metering point", {{"metering_point", point}});
    }
    const pqxx::row holder = rows[0];
    const bool belongs = !postgres::BoolFrom(holder["left_community"]);
    const std::string participant = belongs ? TextFrom(holder["participant_id"]) : "";
    const std::string connection = TextFrom(holder["grid_connection_id"]);
    const bool same_connection =
        asked.grid_connection.empty() || asked.grid_connection.value() == connection;
    if (asked.participant.value() == participant && (participant.empty() || same_connection)) {
      handover.grid_connection = GridConnectionId(connection);
      handover.starts_at = postgres::OptionalTimeFrom(holder["starts_at"])
                               .value_or(absl::InfinitePast());
      return absl::OkStatus();
    }
    std::string community = TextFrom(holder["community_id"]);
    const int32_t holder_count = std::max(postgres::Int32From(holder["holder_count"]), 1);
    if (holder["starts_at"].is_null()) {
      Exec(tx, kInsertHolder, point, ToSql(absl::InfinitePast()), participant, community,
           connection);
    }
    handover.starts_at = StartOfHandover(holder, actor.at);
    if (asked.participant.empty()) {
      handover.grid_connection = GridConnectionId(connection);
    } else {
      // The point's own name may stand for its first participant's connection.
      if (asked.grid_connection.empty()) {
        handover.grid_connection = GridConnectionId(absl::StrCat(point, "-", holder_count + 1));
      }
      PW_ASSIGN_OR_RETURN(community,
                          MoveTo(tx, handover, postgres::BoolFrom(holder["is_boundary"])));
    }
    Exec(tx, kInsertHolder, point, ToSql(handover.starts_at), handover.participant.value(),
         community, handover.grid_connection.value());
    WriteAuditEvent(tx, actor, "METERING_POINT_HANDED_OVER",
                    absl::StrCat("meteringPoints/", point), handover.participant.value());
    return absl::OkStatus();
  }));
  return handover;
}

absl::StatusOr<Membership> PostgresHandoverStore::MembershipAt(const CommunityId& community,
                                                               absl::Time time) {
  Membership membership;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    membership = {};
    // The version comes first: what changes hands meanwhile starts later than what is asked for.
    membership.version = postgres::Int64From(
        Exec(tx, kCountHandovers, community.value(), ToSql(time))[0]["handover_count"]);
    for (const auto& row : Exec(tx, kSelectMembership, community.value(), ToSql(time))) {
      membership.holders.push_back({MeteringPointId(TextFrom(row["metering_point_id"])),
                                    ParticipantId(TextFrom(row["participant_id"])),
                                    GridConnectionId(TextFrom(row["grid_connection_id"])),
                                    postgres::TimeFrom(row["created_at"]), absl::InfinitePast(),
                                    postgres::BoolFrom(row["is_boundary"])});
      const std::optional<absl::Time> since = postgres::OptionalTimeFrom(row["held_since"]);
      if (since.has_value()) membership.holders.back().held_since = *since;
    }
    for (const auto& row : Exec(tx, kSelectFormerHolders, community.value(), ToSql(time))) {
      membership.former.push_back({MeteringPointId(TextFrom(row["metering_point_id"])),
                                   ParticipantId(TextFrom(row["participant_id"])),
                                   GridConnectionId(TextFrom(row["grid_connection_id"])),
                                   postgres::TimeFrom(row["starts_at"]),
                                   postgres::TimeFrom(row["ends_at"])});
    }
    return absl::OkStatus();
  }));
  return membership;
}

}  // namespace peerwatt::registry
