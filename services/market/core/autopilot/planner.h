#pragma once

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/market/core/autopilot/ports.h"
#include "services/market/core/community_turns.h"
#include "services/market/core/runner.h"

namespace peerwatt::market {

/// Plans the next local day of every standing order each evening, once: what is kept says where to
/// go on, so that restarts and replicas change no plan. For one thread.
class EveningPlanner {
 public:
  /// All references must outlive the planner. leases: of its own, so that the runner's stay as they
  /// are. plan_minute: when the evening begins, in minutes since local midnight.
  EveningPlanner(RulesBook& rules, CommunityLeases& leases, AuctionStore& auctions,
                 AutopilotStore& store, Registry& registry, DayForecasts& forecasts,
                 int32_t plan_minute)
      : rules_(rules),
        auctions_(auctions),
        store_(store),
        registry_(registry),
        forecasts_(forecasts),
        plan_minute_(plan_minute),
        turns_(leases) {}

  /// Makes the plans that are due at `now`, in the communities whose lease this replica holds:
  /// those for tomorrow from the evening on. Who was away all evening leaves the day without plans.
  /// Asks nobody when nothing is due.
  /// stop: asked between pages. A community that fails is tried again and does not hinder the
  /// others; the first failure is returned.
  absl::Status RunOnce(absl::Time now, absl::FunctionRef<bool()> stop);

 private:
  /// Returns when the next plans are due.
  absl::StatusOr<absl::Time> RunCommunity(const CommunityRules& rules, absl::Time now,
                                          absl::FunctionRef<bool()> stop);
  absl::Status Plan(const CommunityRules& rules, Interval day, absl::Time plan_time,
                    absl::FunctionRef<bool()> stop);

  RulesBook& rules_;
  AuctionStore& auctions_;
  AutopilotStore& store_;
  Registry& registry_;
  DayForecasts& forecasts_;
  const int32_t plan_minute_;
  CommunityTurns turns_;
};

/// When the plans for the day after a local day are made.
absl::Time PlanTimeOf(absl::CivilDay day, int32_t plan_minute, const absl::TimeZone& zone);

}  // namespace peerwatt::market
