#pragma once

#include <array>

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

 private:
  // By side, then by whether accepted.
  std::array<std::array<telemetry::Counter*, 2>, 2> orders_;
  telemetry::Counter& auctions_cleared_;
  telemetry::Histogram& clearing_duration_;
  telemetry::Counter& cleared_energy_;
  telemetry::Gauge& clearing_price_;
  telemetry::Gauge& lag_;
};

}  // namespace peerwatt::market
