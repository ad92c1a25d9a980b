#pragma once

#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/metering/core/ports.h"
#include "services/metering/core/vee/ports.h"

namespace peerwatt::metering {

/// Turns stored register values into readings.
class RegisterIngest {
 public:
  RegisterIngest(RegisterStore& registers, ReadingStore& readings)
      : registers_(registers), readings_(readings) {}

  /// The readings that follow from all stored register values around those of a batch and are not
  /// stored like that. Measured readings stay, and what the batch's own series have is left out.
  absl::StatusOr<std::vector<Series>> Derive(
      const Batch& batch, const absl::flat_hash_map<MeteringPointId, Member>& members);

  /// Derives and stores until nothing is left to store: writers of neighbouring values may have
  /// derived from each other's older ones, and the last of them makes it right.
  /// Errors: DATABASE_UNAVAILABLE, also when others do not cease to change the values.
  absl::Status Settle(const Batch& batch,
                      const absl::flat_hash_map<MeteringPointId, Member>& members, absl::Time now,
                      StoredCounts& counts);

 private:
  RegisterStore& registers_;
  ReadingStore& readings_;
};

}  // namespace peerwatt::metering
