#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/domain/ids.h"
#include "libs/domain/interval.h"
#include "libs/domain/quantities.h"
#include "services/registry/core/audit.h"
#include "services/registry/core/communities.h"

namespace peerwatt::registry {

using NetworkId = Id<struct NetworkTag>;

/// Who trades among orders of equal limit.
enum class TieRule { kTime, kProRata };
/// What is withdrawn where an owner would trade with himself.
enum class SelfTradeMode { kKeepGreaterWelfare, kWithdrawBids, kWithdrawOffers };

/// A line between two zones, named by their ids. Either direction costs the fee.
struct NetworkLine {
  std::string from_zone;
  std::string to_zone;
  Price fee;
  std::optional<int64_t> capacity_w;          ///< towards `to_zone`; none: no limit
  std::optional<int64_t> reverse_capacity_w;  ///< towards `from_zone`
  bool operator==(const NetworkLine&) const = default;
};

/// The network of a community from an instant on. Never changed.
struct Network {
  CommunityId community;
  NetworkId id;
  absl::Time starts_at;
  std::vector<std::string> zones;
  std::vector<NetworkLine> lines;
  TieRule tie_rule = TieRule::kTime;
  SelfTradeMode self_trade_mode = SelfTradeMode::kKeepGreaterWelfare;
  absl::Time created_at;
};

/// Most zones and lines of a network.
inline constexpr size_t kZonesMax = 1000;
inline constexpr size_t kLinesMax = 4000;

/// A network has 1 to 1000 zones of different names, at most 4000 lines, each between two of them
/// at a fee from 0 to kPriceMax; it starts with an interval of its community. A capacity is whole
/// watt hours per interval, because the market counts in those.
/// Errors: FIELD_INVALID, for the first wrong field in the order of the proto.
absl::Status CheckNetwork(const Network& network, const Community& community);
/// Whether two versions differ at most in their time of creation.
bool SameContent(const Network& a, const Network& b);

/// Versions of networks.
class NetworkStore {
 public:
  virtual ~NetworkStore() = default;
  /// Keeps a version and writes down who made it. Errors: CONTENT_DIFFERS, NETWORK_START_TAKEN,
  /// ZONE_IN_USE when a metering point of the community lies in a zone that it does not have.
  virtual absl::StatusOr<Network> Create(const Network& network, const Actor& actor) = 0;
  /// Errors: NOT_FOUND.
  virtual absl::StatusOr<Network> Get(const CommunityId& community, const NetworkId& id) = 0;
  /// At most `limit` versions that start before `before`, newest first.
  virtual absl::StatusOr<std::vector<Network>> List(const CommunityId& community, absl::Time before,
                                                    int limit) = 0;
  /// The version in force at the start of a span and those that start within it, by start.
  virtual absl::StatusOr<std::vector<Network>> ListInForce(const CommunityId& community,
                                                           Interval span) = 0;
};

}  // namespace peerwatt::registry
