#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/telemetry/metrics.h"
#include "services/metering/core/ingest.h"

namespace peerwatt::metering {

/// What metering measures of itself; the only place here that knows the metrics library.
class IngestProbe {
 public:
  explicit IngestProbe(telemetry::Metrics& metrics);
  /// Counts a batch and its readings when its fate is decided.
  void Decided(const Batch& batch, const BatchOutcome& outcome);
  /// Counts what is new about a device's chain of signed batches.
  void Noted(const ChainEvents& events);
  /// How long a group of batches took from being taken to being durable.
  void Committed(absl::Duration elapsed);
  /// A shard was compacted, or that failed.
  void Compacted(const absl::StatusOr<size_t>& days, absl::Duration elapsed);
  /// How many batches wait or are being stored.
  void Queued(size_t batch_count);

 private:
  telemetry::Counter& readings_stored_;
  telemetry::Counter& readings_unchanged_;
  telemetry::Counter& readings_refused_;
  telemetry::Counter& batches_stored_;
  telemetry::Counter& batches_refused_;
  telemetry::Counter& counter_gaps_;
  telemetry::Counter& broken_chains_;
  telemetry::Histogram& commit_duration_;
  telemetry::Counter& compacted_days_;
  telemetry::Counter& compaction_errors_;
  telemetry::Histogram& compaction_duration_;
  telemetry::Gauge& queue_batches_;
  telemetry::Gauge& last_reading_timestamp_;
  std::atomic<int64_t> last_reading_s_{0};
};

}  // namespace peerwatt::metering
