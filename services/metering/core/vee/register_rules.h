#pragma once

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/base/error.h"
#include "services/metering/core/series.h"

namespace peerwatt::metering {

/// Longest serial number of a meter, bytes.
inline constexpr size_t kMeterSerialMax = 63;

/// An error about one field of a register series, with the metering point in its metadata.
absl::Status RegisterError(const ErrorReason& reason, size_t series_no,
                           const RegisterSeries& series, absl::string_view field,
                           absl::string_view message);

/// Checks the register series of a batch, in the order of `core/errors.h`.
/// members: every known metering point of the batch. now: the instant at which it is judged.
/// Errors: METERING_POINT_UNKNOWN, RESOLUTION_MISMATCH, READING_OFF_GRID, ENERGY_NEGATIVE,
/// READING_IN_FUTURE, REGISTER_INVALID, OVERLAP.
absl::Status ValidateRegisters(const Batch& batch,
                               const absl::flat_hash_map<MeteringPointId, Member>& members,
                               absl::Time now);

}  // namespace peerwatt::metering
