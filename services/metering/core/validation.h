#pragma once

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/metering/core/series.h"

namespace peerwatt::metering {

/// Most series and most readings of one batch.
inline constexpr size_t kBatchSeriesMax = 10'000;
inline constexpr size_t kBatchReadingsMax = 100'000;

/// Checks the size of a batch, which needs nothing but the batch.
/// Errors: SERIES_EMPTY, BATCH_TOO_LARGE.
absl::Status CheckBatchSize(const Batch& batch);

/// Checks a batch against all rules, in the order of `core/errors.h`.
/// members: every known metering point of the batch. now: the instant at which it is judged.
/// Errors: those of CheckBatchSize, METERING_POINT_UNKNOWN, RESOLUTION_MISMATCH, READING_OFF_GRID,
/// ENERGY_NEGATIVE, COLUMN_LENGTH_MISMATCH, QUALITY_INVALID, READING_IN_FUTURE,
/// READING_IMPLAUSIBLE, REGISTER_INVALID, OVERLAP.
absl::Status ValidateBatch(const Batch& batch,
                           const absl::flat_hash_map<MeteringPointId, Member>& members,
                           absl::Time now);

/// Most energy that `capacity_w` watts can carry in an interval, rounded up to a whole watt hour.
Energy EnergyMax(int64_t capacity_w, absl::Duration interval);

}  // namespace peerwatt::metering
