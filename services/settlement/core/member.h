#pragma once

#include "absl/time/time.h"
#include "libs/domain/ids.h"
#include "libs/domain/interval.h"

namespace peerwatt::settlement {

/// A metering point with who answers for it.
struct Member {
  MeteringPointId point;
  ParticipantId participant;
  GridConnectionId connection;
  absl::Time joined_at = absl::InfinitePast();   ///< before, no reading is expected
  absl::Time held_since = absl::InfinitePast();  ///< when it came to the participant
};

/// Who answered for a metering point, until it changed hands or left.
struct FormerMember {
  ParticipantId participant;
  GridConnectionId connection;
  Interval span;
};

}  // namespace peerwatt::settlement
