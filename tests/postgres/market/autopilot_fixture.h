#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libs/postgres/codec.h"
#include "services/market/core/autopilot/planner.h"
#include "services/market/core/autopilot/quoter.h"
#include "services/market/storage/autopilot_store.h"
#include "tests/postgres/market/peers.h"

namespace peerwatt::market {

/// Metering's forecasts of days in memory: the same for every interval.
class InMemoryDayForecasts final : public DayForecasts {
 public:
  InMemoryDayForecasts(Weather& weather, InMemoryMetering& metering)
      : weather_(weather), metering_(metering) {}
  absl::StatusOr<SpanForecasts> ForecastSpan(const std::vector<MeteringPointId>& points,
                                             Interval span, absl::Duration interval,
                                             absl::Time data_end) override {
    const absl::Status status = weather_.Call([&] { asked.emplace_back(span, data_end); });
    if (!status.ok()) {
      return status;
    }
    SpanForecasts found;
    for (const MeteringPointId& point : points) {
      const auto forecast = metering_.forecasts.find(point);
      if (forecast != metering_.forecasts.end()) {
        found[point].assign(static_cast<size_t>(span.length() / interval), forecast->second);
      }
    }
    return found;
  }

  std::vector<std::pair<Interval, absl::Time>> asked;

 private:
  Weather& weather_;
  InMemoryMetering& metering_;
};

/// One tariff for ever.
class InMemoryTariffs final : public Tariffs {
 public:
  absl::StatusOr<TariffBook> InForce(const CommunityId&, Interval) override { return book; }

  TariffBook book = {
      {{absl::UnixEpoch(), Price::MicrosPerKwh(320'000), Price::MicrosPerKwh(80'000)}}, 10'000};
};

/// The world in Berlin, with all that the autopilot needs. It starts at 9 o'clock.
struct PilotWorld : World {
  static constexpr int32_t kEvening = 20 * 60;

  PilotWorld()
      : store(pool),
        pilot_view(pool),
        day_forecasts(weather, metering),
        planner(rules, leases, auctions, store, registry, day_forecasts, kEvening),
        quoter(rules, leases, auctions, store, registry, metering, settlement, desk) {
    registry.snapshot.rules.time_zone = "Europe/Berlin";
    registry.snapshot.rules.price_min = Price::MicrosPerKwh(-100'000);
    Require(rules.Refresh());
  }

  /// A standing order of p1 on m1, which draws 400 Wh, before any auction opened.
  StandingOrder Standing(const std::string& participant = "p1",
                         const std::string& point = "m1") const {
    StandingOrder order;
    order.participant = ParticipantId(participant);
    order.id = StandingOrderId("auto");
    order.metering_point = MeteringPointId(point);
    order.bid_price = Price::MicrosPerKwh(300'000);
    order.offer_price = Price::MicrosPerKwh(80'000);
    order.create_time = start - absl::Hours(48);
    return order;
  }
  StandingOrder Create(const StandingOrder& order) {
    const auto kept = desk.CreateStanding(order);
    Require(kept.status());
    return *kept;
  }
  /// Gives a standing order other terms at an instant.
  StandingOrder Change(StandingOrder order, absl::Time now) {
    order.community = community;
    const auto kept = desk.ChangeStanding(order, 0, now);
    Require(kept.status());
    return *kept;
  }
  absl::Time GateClosure(int interval) const {
    return Key(interval).delivery_start - absl::Hours(1);
  }
  /// Lets an evening planner run until it succeeds.
  void PlanUntilDone(absl::Time now) {
    for (int i = 0; i < 100; ++i) {
      if (planner.RunOnce(now, [] { return false; }).ok()) {
        return;
      }
    }
    throw std::runtime_error("the planner never succeeds");
  }
  void QuoteUntilDone(absl::Time now) {
    for (int i = 0; i < 100; ++i) {
      if (quoter.RunOnce(now, [] { return false; }).ok()) {
        return;
      }
    }
    throw std::runtime_error("the quoter never succeeds");
  }
  std::optional<Order> Find(int interval, const std::string& id) {
    const auto order = orders.GetOrder(Key(interval), OrderId(id));
    return order.ok() ? std::optional(*order) : std::nullopt;
  }
  int64_t Count(const std::string& table) {
    int64_t count = 0;
    Require(pool.Run([&](pqxx::work& tx) {
      count = postgres::Int64From(tx.exec("SELECT count(*) FROM " + table)[0][0]);
      return absl::OkStatus();
    }));
    return count;
  }

  PostgresAutopilotStore store;
  PostgresAutopilotView pilot_view;
  InMemoryDayForecasts day_forecasts;
  InMemoryTariffs tariffs;
  EveningPlanner planner;
  Quoter quoter;
};

}  // namespace peerwatt::market
