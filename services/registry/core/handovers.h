#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/domain/ids.h"
#include "services/registry/core/audit.h"

namespace peerwatt::registry {

/// Who is responsible for a metering point from an instant on.
struct Handover {
  MeteringPointId point;
  ParticipantId participant;         ///< empty: nobody
  GridConnectionId grid_connection;  ///< empty when asked for: the point alone
  absl::Time starts_at = absl::InfinitePast();
};

/// A metering point as of an instant.
struct Holder {
  MeteringPointId point;
  ParticipantId participant;
  GridConnectionId grid_connection;
  absl::Time created_at;  ///< of the point
  absl::Time held_since = absl::InfinitePast();  ///< infinite past: since it was created
  bool is_boundary = false;  ///< the point is the community's, and no connection of a member
};

/// Who was responsible for a metering point in a span that is over.
struct FormerHolder {
  MeteringPointId point;
  ParticipantId participant;
  GridConnectionId grid_connection;
  absl::Time starts_at;
  absl::Time ends_at;
};

/// The metering points of a community as of an instant.
struct Membership {
  std::vector<Holder> holders;       ///< by point
  std::vector<FormerHolder> former;  ///< of the last 40 days, by point and start
  int64_t version = 0;               ///< grows with each point that changed hands up to then
};

/// Who was responsible for metering points when.
class HandoverStore {
 public:
  virtual ~HandoverStore() = default;
  /// Gives a point away from the first interval on that starts at or after `actor.at`, or a later
  /// one where the point changes hands then already, and writes down who did. What is so already
  /// stays. Returns what holds from then on.
  /// Errors, in this order: NOT_FOUND, PARTICIPANT_UNKNOWN, GRID_CONNECTION_TAKEN,
  /// BOUNDARY_CONNECTION_SHARED.
  virtual absl::StatusOr<Handover> HandOver(const Handover& asked, const Actor& actor) = 0;
  /// Who was responsible for the points of a community at an instant.
  virtual absl::StatusOr<Membership> MembershipAt(const CommunityId& community,
                                                  absl::Time time) = 0;
};

}  // namespace peerwatt::registry
