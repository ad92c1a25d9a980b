#pragma once

#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/metering/core/ports.h"
#include "services/metering/core/vee/ports.h"

namespace peerwatt::metering {

/// Whether a series has values that give way to what registers say: calculated or estimated ones
/// that were not entered by hand.
bool IsWeak(const Series& series);

/// Turns stored register values into readings.
///
/// Where registers say what flowed in an interval, one rule holds whatever came first: the last
/// measured value is stronger than the register's, and so is a present one entered by hand; what
/// was sent as calculated (parts of a longer interval too) or estimated is weaker: it is not stored
/// when it comes later, and replaced when it came before.
class RegisterIngest {
 public:
  using Members = absl::flat_hash_map<MeteringPointId, Member>;
  using Points = absl::flat_hash_set<MeteringPointId>;

  RegisterIngest(RegisterStore& registers, ReadingStore& readings)
      : registers_(registers), readings_(readings) {}

  /// Those metering points of weak series among the batches that have register values.
  absl::StatusOr<Points> WeakPoints(const std::vector<const Batch*>& batches);

  /// The readings that follow from all stored register values around those of a batch, and where
  /// it has weak values, and are not stored like that. Takes the weak ones they stand for out of
  /// the batch. weak: of `WeakPoints`.
  absl::StatusOr<std::vector<Series>> Derive(Batch& batch, const Members& members,
                                             const Points& weak);

  /// Derives and stores until nothing is left to store: writers of neighbouring values may have
  /// derived from each other's older ones, and the last of them makes it right.
  /// Errors: DATABASE_UNAVAILABLE, also when others do not cease to change the values.
  absl::Status Settle(const Batch& batch, const Members& members, const Points& weak,
                      absl::Time now, StoredCounts& counts);

 private:
  RegisterStore& registers_;
  ReadingStore& readings_;
};

}  // namespace peerwatt::metering
