#include "services/market/core/autopilot/plan.h"

#include <utility>

#include "services/market/core/order_rules.h"

namespace peerwatt::market {
namespace {

// One interval of the day as an auction, with what is known of it.
struct PlannedAuction {
  Auction auction;
  NetByConnection nets;
  OrderLimits limits;
  NetworkVersion network;
};

std::vector<PlannedAuction> AuctionsOf(const std::vector<Candidate>& candidates,
                                       const CommunitySnapshot& snapshot,
                                       const DayOutlook& outlook) {
  const CommunityRules& rules = snapshot.rules;
  std::vector<Auction> auctions;
  for (absl::Time start = outlook.day.start; start < outlook.day.end; start += rules.interval) {
    Auction auction;
    auction.key = {rules.id, start};
    auction.delivery_end = start + rules.interval;
    auction.gate_closure = start - rules.gate_closure_lead;
    auction.network_fee = rules.network_fee;
    auctions.push_back(auction);
  }
  FixNetworks(outlook.networks, auctions);
  std::vector<PlannedAuction> planned;
  for (size_t i = 0; i < auctions.size(); ++i) {
    ForecastsByPoint forecasts;
    for (const auto& [point, values] : outlook.forecasts) {
      forecasts.emplace(point, values.at(i));
    }
    PlannedAuction one;
    one.auction = auctions[i];
    one.nets = NetForecasts(candidates, snapshot, forecasts);
    one.limits = LimitsAt(outlook.limits, auctions[i].key.delivery_start);
    for (const NetworkVersion& network : outlook.networks) {
      if (network.id == auctions[i].network) {
        one.network = network;
      }
    }
    planned.push_back(std::move(one));
  }
  return planned;
}

}  // namespace

Interval DeliveriesOf(const CommunityRules& rules, Interval day) {
  const auto ceil = [&](absl::Time time) {
    const absl::Time floor = FloorToGrid(time, rules.interval);
    return floor == time ? time : floor + rules.interval;
  };
  return {ceil(day.start), ceil(day.end)};
}

std::vector<DayPlan> PlanDay(const std::vector<Candidate>& candidates,
                             const CommunitySnapshot& snapshot, const DayOutlook& outlook,
                             absl::Time plan_time) {
  const std::vector<PlannedAuction> auctions = AuctionsOf(candidates, snapshot, outlook);
  const auto connections = LimitsOfAll(snapshot);
  const absl::TimeZone zone = ZoneOfCommunity(snapshot.rules);
  std::vector<DayPlan> plans;
  for (const Candidate& candidate : candidates) {
    const StandingOrder& standing = candidate.standing_order;
    const GridConnectionId& connection = candidate.member.grid_connection;
    const absl::StatusOr<AutopilotCalendar> calendar = ParseCalendar(standing.terms.calendar);
    DayPlan plan{standing.participant, standing.id,   standing.version,        plan_time,
                 outlook.day,          snapshot.rules.interval, {}};
    Closing closing;
    for (const PlannedAuction& one : auctions) {
      closing.limits = one.limits;
      const std::optional<Energy>& net = one.nets.at(connection);
      const SizingFacts facts =
          FactsOf(one.auction, candidate, net, connections.at(connection), closing,
                  {kRampSteps, one.auction.gate_closure, &one.network});
      Sizing sizing;
      sizing.reason = SizingReason::kOutsideCalendar;
      if (calendar.ok()) {
        sizing = SizeOrder(standing, *calendar, zone, facts);
      }
      closing.costs[{standing.participant, standing.id}] += sizing.worst_cost;
      plan.intervals.push_back({sizing.reason, net.value_or(Energy()), sizing.energy, sizing.limit,
                                sizing.worst_cost});
    }
    plans.push_back(std::move(plan));
  }
  return plans;
}

}  // namespace peerwatt::market
