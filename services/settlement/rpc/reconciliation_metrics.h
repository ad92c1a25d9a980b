#pragma once

#include <map>

#include "libs/telemetry/metrics.h"
#include "services/settlement/core/reconciliation/reconciler.h"

namespace peerwatt::settlement {

/// Turns what reconciliation finds into metrics.
class ReconciliationMetrics final : public reconciliation::Probe {
 public:
  explicit ReconciliationMetrics(telemetry::Metrics& metrics);

  void Looked(absl::Duration took) override;
  void Open(const std::map<reconciliation::Check, int64_t>& counts) override;
  void Age(absl::Duration age) override;

 private:
  std::map<reconciliation::Check, telemetry::Gauge*> findings_;
  telemetry::Histogram& duration_;
  telemetry::Gauge& age_;
};

}  // namespace peerwatt::settlement
