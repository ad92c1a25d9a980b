#pragma once

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "services/metering/core/series.h"

namespace peerwatt::metering {

/// Longest resolution that is split into the community's intervals.
inline constexpr absl::Duration kSplitMax = absl::Hours(1);

/// Equal parts of `energy_wh`, remainders carried: part i is the difference of the running totals
/// energy · i / parts, each rounded half up. 20003 in 4 is 5001, 5001, 5000, 5001.
/// energy_wh: not negative, at most 10^15; parts: 1 to 1000. The parts sum to `energy_wh`.
std::vector<int64_t> SplitWithCarry(int64_t energy_wh, int64_t parts);

/// Whether readings of this resolution are taken: the interval, or a multiple of it up to an hour.
bool IsSplittable(absl::Duration resolution, absl::Duration interval);

/// A series in intervals. Each value becomes equal parts with carry; quality is CALCULATED or as
/// weak as it was, the method SPLIT unless one was given.
/// series: its columns agree in length and its resolution is splittable.
Series SplitSeries(const Series& series, absl::Duration interval);

}  // namespace peerwatt::metering
