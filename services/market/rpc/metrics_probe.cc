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
                            "How long the oldest due gate closure has been waiting.")) {}

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

}  // namespace peerwatt::market
