#include "services/settlement/rpc/reconciliation_metrics.h"

#include <string>

namespace peerwatt::settlement {

ReconciliationMetrics::ReconciliationMetrics(telemetry::Metrics& metrics)
    : duration_(metrics.AddHistogram("peerwatt_settlement_reconciliation_duration_seconds",
                                     "Time to look at a community's books once")),
      age_(metrics.AddGauge("peerwatt_settlement_reconciliation_age_seconds",
                            "Time since the community that waits longest was looked at")) {
  for (const reconciliation::Check check : reconciliation::AllChecks()) {
    telemetry::Gauge& gauge = metrics.AddGauge("peerwatt_settlement_reconciliation_findings",
                                               "Findings that are not resolved; must be 0",
                                               {{"check", std::string(NameOf(check))}});
    gauge.Set(0);
    findings_[check] = &gauge;
  }
  age_.Set(0);
}

void ReconciliationMetrics::Looked(absl::Duration took) {
  duration_.Observe(absl::ToDoubleSeconds(took));
}

void ReconciliationMetrics::Open(const std::map<reconciliation::Check, int64_t>& counts) {
  for (const auto& [check, gauge] : findings_) {
    const auto count = counts.find(check);
    gauge->Set(count == counts.end() ? 0.0 : static_cast<double>(count->second));
  }
}

void ReconciliationMetrics::Age(absl::Duration age) { age_.Set(absl::ToDoubleSeconds(age)); }

}  // namespace peerwatt::settlement
