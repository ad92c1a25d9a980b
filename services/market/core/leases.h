#pragma once

#include <cstdint>
#include <optional>

#include "libs/base/error.h"
#include "libs/domain/ids.h"

namespace peerwatt::market {

/// Reason of a write that was refused because another replica holds the lease now.
inline constexpr char kLeaseLostReason[] = "LEASE_LOST";

/// Which communities this replica drives. A replica may believe so wrongly after it stood still:
/// the store checks the token in the transaction of every write.
class CommunityLeases {
 public:
  virtual ~CommunityLeases() = default;
  /// Starts a turn of the runner on a community. Returns the token of its lease, under which the
  /// writes of the turn are made; nothing when another replica drives the community.
  virtual std::optional<int64_t> Enter(const CommunityId& community) = 0;
};

}  // namespace peerwatt::market
