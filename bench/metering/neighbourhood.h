#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/domain/interval.h"
#include "services/metering/core/ports.h"

namespace peerwatt::metering {

/// Readings of households and plants in the same intervals, from local midnight to midnight.
struct Neighbourhood {
  Interval span;
  absl::Duration resolution;
  absl::TimeZone zone;
  std::vector<ReadingColumn> households;  ///< Import.
  std::vector<ReadingColumn> plants;      ///< Export.
};

/// Reads the measured profiles in `folder` (`load/*.csv` in watts, `pv/*_pu.csv` in kilowatts per
/// kilowatt peak, as plants of 5 kWp), in order of their names, through registers in whole Wh.
/// Errors: PROFILE_INVALID.
absl::StatusOr<Neighbourhood> MeasuredNeighbourhood(const std::string& folder);

/// Makes up 16 households and 3 plants for the same 45 days.
/// Errors: SETTINGS_INVALID.
absl::StatusOr<Neighbourhood> GeneratedNeighbourhood(uint64_t seed);

}  // namespace peerwatt::metering
