#pragma once

#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "services/settlement/core/peers.h"

namespace peerwatt::settlement {

/// A connection of a participant.
using OwnedConnection = std::pair<ParticipantId, GridConnectionId>;

/// The part of a traded period that decides what some points' readings change.
struct Neighbourhood {
  std::vector<size_t> members;  ///< whose readings are needed; indexes, ascending
  std::vector<Trade> trades;    ///< that are needed
  /// Whose lines may change; all their lines come out exact.
  absl::flat_hash_set<OwnedConnection> affected;
};

/// Finds what depends on what among the members and trades of a community.
///
/// When a period is settled by trades, a reading changes the lines of its own connection, and
/// through what its trades deliver those of its partners, no further. To compute these exactly
/// takes the partners' partners and all trades of any of them.
class Neighbours {
 public:
  /// members: outlives this.
  explicit Neighbours(const std::vector<Member>& members);

  /// changed: points whose readings changed; those that are no members have no effect.
  /// trades: all of the period.
  Neighbourhood Around(const std::vector<MeteringPointId>& changed,
                       const std::vector<Trade>& trades) const;

 private:
  /// The number of the connection that a side of a trade meets; nothing when the point is not that
  /// participant's.
  size_t PartyOf(const MeteringPointId& point, const ParticipantId& participant) const;

  const std::vector<Member>& members_;
  absl::flat_hash_map<MeteringPointId, size_t> member_of_;
  std::vector<size_t> party_of_;                  ///< number of a connection, by member
  std::vector<std::vector<size_t>> members_of_;   ///< members behind a connection
};

}  // namespace peerwatt::settlement
