#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "services/market/core/autopilot/ramp.h"
#include "services/market/core/autopilot/sizing.h"
#include "services/market/core/contracts/values.h"
#include "services/market/core/model.h"
#include "services/market/core/network.h"

namespace peerwatt::market {

struct Closing;  // controls.h

/// Energy that offers of each connection hold in an auction.
using OfferedByConnection = absl::flat_hash_map<GridConnectionId, Energy>;

/// Energy that owners of each connection have in an auction: orders placed by hand that are open,
/// and trades of all orders.
using CommittedByConnection = absl::flat_hash_map<GridConnectionId, Committed>;

/// What names a standing order within its community.
using StandingOrderName = std::pair<ParticipantId, StandingOrderId>;
/// What the orders of each standing order for the deliveries of a day cost at worst: open ones all
/// of their hold, decided ones the part of it that was filled. Those without a bound are absent.
using CostByStandingOrder = absl::flat_hash_map<StandingOrderName, Money>;

/// Standing orders whose orders of a local day may cost only so much at worst.
struct DayBudgets {
  Interval day;
  std::vector<StandingOrderName> bounded;
};

/// Forecasts of one interval; a point of which too little is known is absent.
using ForecastsByPoint = absl::flat_hash_map<MeteringPointId, Forecast>;

/// The standing orders that may place an order now, each with its metering point as the registry
/// knows it: of approved participants, one per connection (the first by participant and id).
/// standing_orders: ordered by participant and id.
struct Candidate {
  StandingOrder standing_order;
  Member member;
};
std::vector<Candidate> Candidates(const std::vector<StandingOrder>& standing_orders,
                                  const CommunitySnapshot& snapshot);

/// The metering points behind the connections of these candidates, in the snapshot's order.
std::vector<MeteringPointId> PointsToForecast(const std::vector<Candidate>& candidates,
                                              const CommunitySnapshot& snapshot);

/// The instant up to which readings count for an auction: one interval before gate closure, so
/// that devices have had an interval's time to report and the forecast does not depend on whether
/// the latest reading or gate closure came first.
absl::Time DataEndOf(const Auction& auction);

/// What each connection is expected to feed in (positive) or draw (negative): the net of all points
/// behind it. Nothing when the forecast of any is missing.
using NetByConnection = absl::flat_hash_map<GridConnectionId, std::optional<Energy>>;
NetByConnection NetForecasts(const std::vector<Candidate>& candidates,
                             const CommunitySnapshot& snapshot, const ForecastsByPoint& forecasts);

/// What contracts let connections buy and sell in an auction.
using ContractedByConnection = absl::flat_hash_map<GridConnectionId, Contracted>;

struct ConnectionLimits;  // order_rules.h

/// When standing orders order, and by which network preferences are judged.
struct PlacementStep {
  /// The step of the ramp; kRampSteps at gate closure.
  int32_t ramp_step = kRampSteps;
  /// The time of the orders.
  absl::Time time;
  /// The auction's network; may be null when no candidate prefers anything.
  const NetworkVersion* network = nullptr;
};

/// What one standing order meets in an auction.
/// net: forecast of its connection; connection: what that can draw and feed in.
SizingFacts FactsOf(const Auction& auction, const Candidate& candidate,
                    const std::optional<Energy>& net, const ConnectionLimits& connection,
                    const Closing& closing, const PlacementStep& step);

/// The time zone of a community, UTC when it has none.
absl::TimeZone ZoneOfCommunity(const CommunityRules& rules);

/// Whether any of them requires or prefers something.
bool AnyPrefers(const std::vector<Candidate>& candidates);

/// Those of the candidates that bound the cost of a day, and the day of a delivery in the
/// community's time zone.
DayBudgets BudgetsOf(const std::vector<Candidate>& candidates, const CommunitySnapshot& snapshot,
                     absl::Time delivery_start);

/// The orders that the candidates place, each sized by SizeOrder on its own: the orders of others
/// and the order of the candidates do not matter. They are pending; ids are those of
/// StandingOrderOrderId.
/// What contracts sell is taken off the forecast, what they buy is added, and lessens what the
/// connection can draw besides.
/// Where preferences would be more than the auction can be cleared with (`Fits`), beside those of
/// orders placed by hand, the orders of participants that come last go without.
/// closing: what they meet; of its limits those of price and size count here; `offered` holds what
/// contracts offer too.
std::vector<Order> PlaceStandingOrders(const Auction& auction,
                                       const std::vector<Candidate>& candidates,
                                       const CommunitySnapshot& snapshot,
                                       const ForecastsByPoint& forecasts, const Closing& closing,
                                       const PlacementStep& step);

/// The id of the order that a standing order places on a metering point: `so-<metering point>` at
/// gate closure, `so-<step>-<metering point>` at a step of its ramp; of a point whose id leaves no
/// room for that, the front and a hash. A point has at most one active standing order, and its id
/// begins with a letter, so the id is unique in its auction.
OrderId StandingOrderOrderId(const MeteringPointId& metering_point, int32_t ramp_step = kRampSteps);

/// Prefix of the ids of orders that standing orders place; clients may not use it.
inline constexpr char kStandingOrderPrefix[] = "so-";

}  // namespace peerwatt::market
