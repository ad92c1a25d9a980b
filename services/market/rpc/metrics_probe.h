#pragma once

#include <array>
#include <cstdint>

#include "libs/telemetry/metrics.h"
#include "services/market/core/ports.h"

namespace peerwatt::market {

/// The only part of the market that knows the metrics library.
class MetricsProbe final : public Probe {
 public:
  explicit MetricsProbe(telemetry::Metrics& metrics);
  void OrderDecided(Side side, bool accepted) override;
  void ClearingStarted() override;
  void ClearingEnded() override;
  void AuctionCleared(const AuctionOutcome& outcome) override;
  void LagSeen(absl::Duration lag) override;
  void WriteRefused() override;
  /// How many leases this replica holds, and how many it ever took and lost. For one thread.
  void LeasesSeen(int64_t held, int64_t taken, int64_t lost);

 private:
  // By side, then by whether accepted.
  std::array<std::array<telemetry::Counter*, 2>, 2> orders_;
  telemetry::Counter& auctions_cleared_;
  telemetry::Histogram& clearing_duration_;
  telemetry::Counter& cleared_energy_;
  telemetry::Gauge& clearing_price_;
  telemetry::Gauge& lag_;
  telemetry::Gauge& leases_held_;
  telemetry::Counter& leases_taken_;
  telemetry::Counter& leases_lost_;
  telemetry::Counter& writes_refused_;
  int64_t leases_seen_taken_ = 0;
  int64_t leases_seen_lost_ = 0;
};

}  // namespace peerwatt::market
