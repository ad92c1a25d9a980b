#include "services/market/rpc/metrics_probe.h"

#include <chrono>

namespace peerwatt::market {
namespace {

telemetry::Counter* OrdersCounter(telemetry::Metrics& metrics, const char* side,
                                  const char* result) {
  return &metrics.AddCounter("peerwatt_market_orders_total", "Orders that were decided.",
                             {{"side", side}, {"result", result}});
}

// Clearing starts and ends on one thread.
thread_local std::chrono::steady_clock::time_point clearing_started;

}  // namespace

MetricsProbe::MetricsProbe(telemetry::Metrics& metrics)
    : orders_{{{OrdersCounter(metrics, "bid", "refused"),
                OrdersCounter(metrics, "bid", "accepted")},
               {OrdersCounter(metrics, "offer", "refused"),
                OrdersCounter(metrics, "offer", "accepted")}}},
      auctions_cleared_(metrics.AddCounter("peerwatt_market_auctions_cleared_total",
                                           "Auctions that were cleared.")),
      clearing_duration_(metrics.AddHistogram("peerwatt_market_clearing_duration_seconds",
                                              "Time to clear one frozen order book.")),
      cleared_energy_(metrics.AddCounter("peerwatt_market_cleared_energy_watthours_total",
                                         "Energy traded.")),
      clearing_price_(metrics.AddGauge("peerwatt_market_clearing_price_micros",
                                       "Last clearing price, in millionths per kWh.")),
      lag_(metrics.AddGauge("peerwatt_market_auction_lag_seconds",
                            "How long the oldest due gate closure has been waiting.")),
      leases_held_(metrics.AddGauge("peerwatt_market_leases_held",
                                    "Communities that this replica drives.")),
      leases_taken_(metrics.AddCounter("peerwatt_market_leases_taken_total",
                                       "Leases that this replica took.")),
      leases_lost_(metrics.AddCounter("peerwatt_market_leases_lost_total",
                                      "Leases that another replica took from this one.")),
      writes_refused_(metrics.AddCounter("peerwatt_market_writes_refused_total",
                                         "Writes refused because the lease was lost.")) {}

void MetricsProbe::OrderDecided(Side side, bool accepted) {
  orders_[side == Side::kBid ? 0 : 1][accepted ? 1 : 0]->Increment();
}

void MetricsProbe::ClearingStarted() { clearing_started = std::chrono::steady_clock::now(); }

void MetricsProbe::ClearingEnded() {
  clearing_duration_.Observe(
      std::chrono::duration<double>(std::chrono::steady_clock::now() - clearing_started).count());
}

void MetricsProbe::AuctionCleared(const AuctionOutcome& outcome) {
  auctions_cleared_.Increment();
  cleared_energy_.Increment(static_cast<double>(outcome.cleared_energy.wh()));
  if (outcome.clearing_price.has_value()) {
    clearing_price_.Set(static_cast<double>(outcome.clearing_price->micros_per_kwh()));
  }
}

void MetricsProbe::LagSeen(absl::Duration lag) { lag_.Set(absl::ToDoubleSeconds(lag)); }

void MetricsProbe::WriteRefused() { writes_refused_.Increment(); }

void MetricsProbe::LeasesSeen(int64_t held, int64_t taken, int64_t lost) {
  leases_held_.Set(static_cast<double>(held));
  leases_taken_.Increment(static_cast<double>(taken - leases_seen_taken_));
  leases_lost_.Increment(static_cast<double>(lost - leases_seen_lost_));
  leases_seen_taken_ = taken;
  leases_seen_lost_ = lost;
}

}  // namespace peerwatt::market
