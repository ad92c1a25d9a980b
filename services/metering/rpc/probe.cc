#include "services/metering/rpc/probe.h"

#include <algorithm>

namespace peerwatt::metering {
namespace {

constexpr char kReadings[] = "peerwatt_metering_readings_total";
constexpr char kReadingsHelp[] = "Readings by what became of them.";
constexpr char kBatches[] = "peerwatt_metering_batches_total";
constexpr char kBatchesHelp[] = "Batches by what became of them.";

constexpr char kEvents[] = "peerwatt_metering_signature_events_total";
constexpr char kEventsHelp[] = "Signed batches that do not follow the one before.";

}  // namespace

IngestProbe::IngestProbe(telemetry::Metrics& metrics)
    : readings_stored_(metrics.AddCounter(kReadings, kReadingsHelp, {{"result", "stored"}})),
      readings_unchanged_(metrics.AddCounter(kReadings, kReadingsHelp, {{"result", "unchanged"}})),
      readings_refused_(metrics.AddCounter(kReadings, kReadingsHelp, {{"result", "refused"}})),
      batches_stored_(metrics.AddCounter(kBatches, kBatchesHelp, {{"result", "stored"}})),
      batches_refused_(metrics.AddCounter(kBatches, kBatchesHelp, {{"result", "refused"}})),
      counter_gaps_(metrics.AddCounter(kEvents, kEventsHelp, {{"event", "counter_gap"}})),
      broken_chains_(metrics.AddCounter(kEvents, kEventsHelp, {{"event", "chain_broken"}})),
      commit_duration_(metrics.AddHistogram("peerwatt_metering_commit_duration_seconds",
                                            "Time from taking a group of batches to its commit.")),
      compacted_days_(metrics.AddCounter("peerwatt_metering_compacted_days_total",
                                         "Days of metering points written by compaction.")),
      compaction_errors_(metrics.AddCounter("peerwatt_metering_compaction_errors_total",
                                            "Compactions that failed and are tried again.")),
      compaction_duration_(metrics.AddHistogram("peerwatt_metering_compaction_duration_seconds",
                                                "Time to compact one shard.")),
      queue_batches_(metrics.AddGauge("peerwatt_metering_queue_batches",
                                      "Batches that wait or are being stored.")),
      last_reading_timestamp_(
          metrics.AddGauge("peerwatt_metering_last_reading_timestamp_seconds",
                           "End of the latest interval that was stored, since 1970.")) {}

void IngestProbe::Decided(const Batch& batch, const BatchOutcome& outcome) {
  if (!outcome.status.ok()) {
    readings_refused_.Increment(static_cast<double>(batch.ReadingCount()));
    batches_refused_.Increment();
    return;
  }
  batches_stored_.Increment();
  readings_stored_.Increment(outcome.counts.stored);
  readings_unchanged_.Increment(outcome.counts.unchanged);
  int64_t latest_s = 0;
  for (const Series& series : batch.series) {
    latest_s = std::max(latest_s, absl::ToUnixSeconds(series.Span().end));
  }
  int64_t known_s = last_reading_s_.load();
  while (latest_s > known_s && !last_reading_s_.compare_exchange_weak(known_s, latest_s)) {
  }
  last_reading_timestamp_.Set(static_cast<double>(last_reading_s_.load()));
}

void IngestProbe::Noted(const ChainEvents& events) {
  if (events.counter_gap) {
    counter_gaps_.Increment();
  }
  if (events.chain_broken) {
    broken_chains_.Increment();
  }
}

void IngestProbe::Committed(absl::Duration elapsed) {
  commit_duration_.Observe(absl::ToDoubleSeconds(elapsed));
}

void IngestProbe::Compacted(const absl::StatusOr<size_t>& days, absl::Duration elapsed) {
  if (!days.ok()) {
    compaction_errors_.Increment();
    return;
  }
  compacted_days_.Increment(static_cast<double>(*days));
  compaction_duration_.Observe(absl::ToDoubleSeconds(elapsed));
}

void IngestProbe::Queued(size_t batch_count) {
  queue_batches_.Set(static_cast<double>(batch_count));
}

}  // namespace peerwatt::metering
