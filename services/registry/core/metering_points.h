#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/domain/ids.h"
#include "services/registry/core/audit.h"
#include "services/registry/core/communities.h"

namespace peerwatt::registry {

/// What fed-in energy is made from.
enum class EnergySource { kUnknown, kSolar, kWind, kHydro, kBiomass, kCogeneration, kStorage };

/// The name that is stored, such as `SOLAR`.
std::string NameOf(EnergySource source);
/// Reads a stored name; `kUnknown` for any other.
EnergySource EnergySourceFromName(const std::string& name);

/// A place where energy is measured.
struct MeteringPoint {
  MeteringPointId id;
  ParticipantId participant;
  GridConnectionId grid_connection;  ///< empty on creation: the point alone
  int64_t import_capacity_w = 0;
  int64_t export_capacity_w = 0;
  CommunityId community;  ///< of the participant; set by the store
  absl::Time created_at;
  std::string zone;  ///< of the community's network; empty: its first
  EnergySource energy_source = EnergySource::kUnknown;
  /// Whether the community's network meets the main grid here; else it is a member's connection.
  bool is_boundary = false;
};

/// Fills in the connection when there is none. Errors, in this order: FIELD_INVALID for
/// metering_point_id, grid_connection, import_capacity_w, export_capacity_w, zone, energy_source (a
/// boundary has none).
absl::StatusOr<MeteringPoint> CheckNewMeteringPoint(MeteringPoint asked);
/// Errors: FIELD_INVALID unless a zone is empty or has the form of an id.
absl::Status CheckZone(const std::string& zone, absl::string_view field);
/// Whether a creation asks for what exists.
bool SameContent(const MeteringPoint& a, const MeteringPoint& b);

/// Metering points.
class MeteringPointStore {
 public:
  virtual ~MeteringPointStore() = default;
  /// Errors: PARTICIPANT_UNKNOWN, CONTENT_DIFFERS, ZONE_UNKNOWN, GRID_CONNECTION_TAKEN,
  /// BOUNDARY_CONNECTION_SHARED.
  virtual absl::StatusOr<MeteringPoint> Create(const MeteringPoint& point) = 0;
  /// Errors: NOT_FOUND.
  virtual absl::StatusOr<MeteringPoint> Get(const MeteringPointId& id) = 0;
  /// At most `limit` points whose ids follow `after`, by id; of one participant unless empty.
  virtual absl::StatusOr<std::vector<MeteringPoint>> List(const ParticipantId& participant,
                                                          const MeteringPointId& after,
                                                          int limit) = 0;
  /// Moves a point into a zone and writes down who did. Errors: NOT_FOUND, ZONE_UNKNOWN.
  virtual absl::StatusOr<MeteringPoint> AssignZone(const MeteringPointId& id,
                                                   const std::string& zone, const Actor& actor) = 0;
  /// The known ones of `ids`, in that order.
  virtual absl::StatusOr<std::vector<Member>> BatchGetMembers(
      const std::vector<MeteringPointId>& ids) = 0;
};

}  // namespace peerwatt::registry
