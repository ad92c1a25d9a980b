#pragma once

#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "services/market/core/contracts/values.h"
#include "services/market/core/model.h"

namespace peerwatt::market {

/// Energy that offers of each connection hold in an auction.
using OfferedByConnection = absl::flat_hash_map<GridConnectionId, Energy>;

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

/// The orders that the candidates place at gate closure, by the forecast less what contracts sell
/// and more what they buy: a surplus is offered at the offer price, up to the feed-in capacity less
/// what the connection offers already; a shortfall is bid for at the bid price, up to what the
/// connection can draw besides. No price, no energy or no forecast: no order. The orders are
/// pending and timed at gate closure; ids are `so-<metering point>`. offered: that of contracts
/// too.
std::vector<Order> PlaceStandingOrders(const Auction& auction,
                                       const std::vector<Candidate>& candidates,
                                       const CommunitySnapshot& snapshot,
                                       const ForecastsByPoint& forecasts,
                                       const OfferedByConnection& offered,
                                       const ContractedByConnection& contracted = {});

/// The id of the order that a standing order places on a metering point: `so-<metering point>`; of
/// a point whose id leaves no room for that, the front and a hash. A point has at most one active
/// standing order, so the id is unique in its auction.
OrderId StandingOrderOrderId(const MeteringPointId& metering_point);

/// Prefix of the ids of orders that standing orders place; clients may not use it.
inline constexpr char kStandingOrderPrefix[] = "so-";

}  // namespace peerwatt::market
