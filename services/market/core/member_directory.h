#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "services/market/core/order_rules.h"
#include "services/market/core/ports.h"

namespace peerwatt::market {

/// A community as the registry told it at one moment, made for looking up.
struct Neighbourhood {
  CommunityRules rules;
  absl::flat_hash_map<MeteringPointId, Member> members;
  absl::flat_hash_map<GridConnectionId, ConnectionLimits> connections;

  /// The member of this point, if the community has it.
  std::optional<Member> Find(const MeteringPointId& point) const;
  /// What a connection can draw and feed in; 0 when unknown.
  ConnectionLimits LimitsOf(const GridConnectionId& connection) const;
};

/// Remembers communities for a short time, so that placing an order need not ask the registry.
/// Safe for many threads.
class MemberDirectory {
 public:
  /// clock: the machine's time. age_max: how old an answer may be.
  MemberDirectory(Registry& registry, const Clock& clock, absl::Duration age_max = absl::Seconds(2))
      : registry_(registry), clock_(clock), age_max_(age_max) {}

  /// now: the market's time, for the registry. Returns the community as it was at most `age_max`
  /// ago, and whether it was asked for just now.
  struct Found {
    std::shared_ptr<const Neighbourhood> neighbourhood;
    bool is_fresh = false;
  };
  absl::StatusOr<Found> Get(const CommunityId& community, absl::Time now);
  /// Asks the registry in any case.
  absl::StatusOr<Found> Ask(const CommunityId& community, absl::Time now);

 private:
  struct Entry {
    std::shared_ptr<const Neighbourhood> neighbourhood;
    absl::Time asked_at;
  };

  Registry& registry_;
  const Clock& clock_;
  const absl::Duration age_max_;
  std::mutex mutex_;
  std::map<CommunityId, Entry> entries_;
};

}  // namespace peerwatt::market
