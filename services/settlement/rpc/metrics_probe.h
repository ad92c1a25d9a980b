#pragma once

#include "libs/telemetry/metrics.h"
#include "services/settlement/core/batch_settler.h"

namespace peerwatt::settlement {

/// Turns what settlement does into metrics. Nothing else here knows the metrics library.
class MetricsProbe final : public RunProbe {
 public:
  explicit MetricsProbe(telemetry::Metrics& metrics);

  void PeriodSettled(absl::Duration took, size_t entry_count) override;
  void PeriodRestated(absl::Duration took, size_t entry_count) override;
  void Lag(absl::Duration lag) override;
  /// What the ledgers' balances differ from zero by.
  void Imbalance(Money imbalance);
  /// Settled periods in which a line has no price.
  void PriceMissing(int64_t periods);

 private:
  telemetry::Counter& periods_settled_;
  telemetry::Counter& entries_posted_;
  telemetry::Counter& restatements_;
  telemetry::Histogram& run_duration_;
  telemetry::Gauge& imbalance_;
  telemetry::Gauge& lag_;
  telemetry::Gauge& price_missing_;
};

}  // namespace peerwatt::settlement
