#pragma once

#include <cstdint>
#include <memory>

#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/postgres/leases.h"
#include "libs/postgres/pool.h"
#include "services/market/clients/peers.h"
#include "services/market/core/autopilot/planner.h"
#include "services/market/core/autopilot/quoter.h"
#include "services/market/rpc/autopilot_service.h"
#include "services/market/storage/autopilot_store.h"
#include "services/market/storage/store.h"

namespace peerwatt::market {

/// What the autopilot is made of and stands on.
struct AutopilotParts {
  struct Ground {
    postgres::Pool& pool;
    postgres::Leases& leases;
    RulesBook& rules;
    OrderDesk& desk;
    MarketView& view;
    Registry& registry;
    Metering& metering;
    Settlement& settlement;
    std::shared_ptr<grpc::Channel> to_metering;
    std::shared_ptr<grpc::Channel> to_registry;
    const Clock& clock;
    /// When the evening begins, after local midnight.
    absl::Duration plan_time;
  };
  explicit AutopilotParts(const Ground& g)
      : leases(g.leases),
        auctions(g.pool, &leases),
        store(g.pool, &leases),
        view(g.pool),
        forecasts(g.to_metering),
        tariffs(g.to_registry),
        planner(g.rules, leases, auctions, store, g.registry, forecasts,
                static_cast<int32_t>(absl::ToInt64Minutes(g.plan_time))),
        quoter(g.rules, leases, auctions, store, g.registry, g.metering, g.settlement, g.desk),
        service({g.rules, g.desk, g.view, view, g.registry, tariffs, g.clock}) {}

  /// Its own view of the leases: the runner's turns stay as they are.
  PostgresCommunityLeases leases;
  PostgresAuctionStore auctions;
  PostgresAutopilotStore store;
  PostgresAutopilotView view;
  DayForecastClient forecasts;
  TariffClient tariffs;
  EveningPlanner planner;
  Quoter quoter;
  AutopilotService service;
};

}  // namespace peerwatt::market
