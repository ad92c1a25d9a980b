#include "services/market/core/autopilot/planner.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "libs/base/status_macros.h"

namespace peerwatt::market {
namespace {

// Standing orders planned per call to metering and per transaction.
constexpr size_t kPage = 1000;

// The points behind the connections of some candidates; the others do not matter to them.
CommunitySnapshot Around(const std::vector<Candidate>& candidates,
                         const CommunitySnapshot& snapshot) {
  std::set<GridConnectionId> connections;
  for (const Candidate& candidate : candidates) {
    connections.insert(candidate.member.grid_connection);
  }
  CommunitySnapshot around;
  around.rules = snapshot.rules;
  for (const Member& member : snapshot.members) {
    if (connections.contains(member.grid_connection)) {
      around.members.push_back(member);
    }
  }
  return around;
}

}  // namespace

absl::Time PlanTimeOf(absl::CivilDay day, int32_t plan_minute, const absl::TimeZone& zone) {
  return absl::FromCivil(absl::CivilMinute(day) + plan_minute, zone);
}

absl::Status EveningPlanner::Plan(const CommunityRules& rules, Interval day, absl::Time plan_time,
                                  absl::FunctionRef<bool()> stop) {
  PW_ASSIGN_OR_RETURN(const std::vector<StandingOrder> standing_orders,
                      auctions_.ActiveStandingOrders(rules.id, plan_time));
  if (!standing_orders.empty()) {
    PW_ASSIGN_OR_RETURN(const CommunitySnapshot snapshot,
                        registry_.GetSnapshot(rules.id, plan_time));
    const std::vector<Candidate> candidates = Candidates(standing_orders, snapshot);
    DayOutlook outlook;
    outlook.day = day;
    PW_ASSIGN_OR_RETURN(outlook.limits, store_.ListLimits(rules.id));
    if (AnyPrefers(candidates)) {
      PW_ASSIGN_OR_RETURN(outlook.networks, registry_.ListNetworks(rules, day));
    }
    // Devices have had an interval's time to report, as before gate closure.
    const absl::Time data_end = FloorToGrid(plan_time, rules.interval) - rules.interval;
    for (size_t from = 0; from < candidates.size(); from += kPage) {
      if (stop()) {
        return absl::CancelledError("the planner ends");
      }
      const std::vector<Candidate> page(
          candidates.begin() + static_cast<std::ptrdiff_t>(from),
          candidates.begin() +
              static_cast<std::ptrdiff_t>(std::min(from + kPage, candidates.size())));
      const CommunitySnapshot around = Around(page, snapshot);
      PW_ASSIGN_OR_RETURN(outlook.forecasts,
                          forecasts_.ForecastSpan(PointsToForecast(page, around), day,
                                                  rules.interval, data_end));
      PW_RETURN_IF_ERROR(store_.KeepPlans(rules.id, PlanDay(page, around, outlook, plan_time)));
    }
  }
  return store_.MarkPlanned(rules.id, day.start, plan_time);
}

absl::StatusOr<absl::Time> EveningPlanner::RunCommunity(const CommunityRules& rules,
                                                        absl::Time now,
                                                        absl::FunctionRef<bool()> stop) {
  const absl::TimeZone zone = ZoneOfCommunity(rules);
  const absl::CivilDay today = absl::ToCivilDay(now, zone);
  const absl::Time evening = PlanTimeOf(today, plan_minute_, zone);
  if (now < evening) {
    return evening;
  }
  const Interval tomorrow = DeliveriesOf(rules, DaySpanOf(today + 1, zone));
  if (tomorrow.end > rules.trading_start) {
    PW_ASSIGN_OR_RETURN(const bool is_planned, store_.IsPlanned(rules.id, tomorrow.start));
    if (!is_planned) {
      PW_RETURN_IF_ERROR(Plan(rules, tomorrow, evening, stop));
    }
  }
  return PlanTimeOf(today + 1, plan_minute_, zone);
}

absl::Status EveningPlanner::RunOnce(absl::Time now, absl::FunctionRef<bool()> stop) {
  return turns_.RunOnce(
      rules_.All(), now, stop,
      [&](const CommunityRules& rules) { return RunCommunity(rules, now, stop); },
      [](const absl::Status& ended) { return !absl::IsCancelled(ended) && !IsLeaseLost(ended); });
}

}  // namespace peerwatt::market
