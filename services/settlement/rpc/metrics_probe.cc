#include "services/settlement/rpc/metrics_probe.h"

namespace peerwatt::settlement {

MetricsProbe::MetricsProbe(telemetry::Metrics& metrics)
    : periods_settled_(metrics.AddCounter("peerwatt_settlement_periods_settled_total",
                                          "Periods settled for the first time")),
      entries_posted_(metrics.AddCounter("peerwatt_settlement_entries_posted_total",
                                         "Journal entries posted by settlement runs")),
      restatements_(metrics.AddCounter("peerwatt_settlement_restatements_total",
                                       "Settled periods computed again")),
      run_duration_(metrics.AddHistogram("peerwatt_settlement_run_duration_seconds",
                                         "Time to compute and commit one run of a period")),
      imbalance_(metrics.AddGauge("peerwatt_settlement_ledger_imbalance_microunits",
                                  "What the balances of the ledgers sum to; must be 0")),
      lag_(metrics.AddGauge("peerwatt_settlement_lag_seconds",
                            "Time since the end of the oldest period that is not settled")),
      price_missing_(metrics.AddGauge("peerwatt_settlement_price_missing_periods",
                                      "Settled periods in which a line has no price")) {
  price_missing_.Set(0);
  imbalance_.Set(0);
  lag_.Set(0);
}

void MetricsProbe::PeriodSettled(absl::Duration took, size_t entry_count) {
  periods_settled_.Increment();
  entries_posted_.Increment(static_cast<double>(entry_count));
  run_duration_.Observe(absl::ToDoubleSeconds(took));
}

void MetricsProbe::PeriodRestated(absl::Duration took, size_t entry_count) {
  restatements_.Increment();
  entries_posted_.Increment(static_cast<double>(entry_count));
  run_duration_.Observe(absl::ToDoubleSeconds(took));
}

void MetricsProbe::Lag(absl::Duration lag) { lag_.Set(absl::ToDoubleSeconds(lag)); }

void MetricsProbe::Imbalance(Money imbalance) {
  imbalance_.Set(static_cast<double>(imbalance.micros()));
}

void MetricsProbe::PriceMissing(int64_t periods) {
  price_missing_.Set(static_cast<double>(periods));
}

}  // namespace peerwatt::settlement
