#pragma once

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "services/market/core/autopilot/sizing.h"
#include "services/market/core/controls.h"
#include "services/market/core/forecast.h"

namespace peerwatt::market {

/// What a standing order will do in one interval.
struct PlannedInterval {
  SizingReason reason = SizingReason::kOrders;
  /// What the connection is expected to feed in (positive) or draw; 0 when not known.
  Energy forecast;
  /// Ordered, at this limit and worst-case cost, on the side of the forecast; 0 without an order.
  Energy energy;
  Price limit;
  Money worst_cost;
  bool operator==(const PlannedInterval&) const = default;
};

/// What a standing order will do on a local day.
struct DayPlan {
  ParticipantId participant;
  StandingOrderId id;
  /// The version it was planned by.
  int32_t version = 1;
  absl::Time plan_time;
  Interval day;
  absl::Duration resolution;
  /// One per interval of the day, in order.
  std::vector<PlannedInterval> intervals;
  bool operator==(const DayPlan&) const = default;
};

/// Forecasts of a span by point, one per interval; a point of which too little is known is absent.
using SpanForecasts = absl::flat_hash_map<MeteringPointId, std::vector<Forecast>>;

/// What the deliveries of a day meet, as far as it is known the evening before.
struct DayOutlook {
  /// Whole intervals of the community.
  Interval day;
  SpanForecasts forecasts;
  /// The community's limits, by version.
  std::vector<LimitsVersion> limits;
  /// Versions of the network in force on the day, by start.
  std::vector<NetworkVersion> networks;
};

/// Plans the day of each candidate: the order at gate closure of each interval by the forecast of
/// the evening, as if all orders before it on that day traded in full, and with nothing committed.
/// Pure. candidates: as of the plan's time. Returns one plan for each, in their order.
std::vector<DayPlan> PlanDay(const std::vector<Candidate>& candidates,
                             const CommunitySnapshot& snapshot, const DayOutlook& outlook,
                             absl::Time plan_time);

/// The deliveries that start within a local day, as a span on the community's grid.
Interval DeliveriesOf(const CommunityRules& rules, Interval day);

}  // namespace peerwatt::market
