#pragma once

#include <cstdint>
#include <vector>

namespace peerwatt::metering {

/// Thresholds of the Hampel identifier.
struct HampelOptions {
  int64_t deviations = 8;   ///< Outliers are further from the median than this many deviations.
  int64_t deviation_min = 1;  ///< A smaller deviation counts as this one, Wh.
};

/// Whether `value` is an outlier among the values of a window: its distance from their median is
/// more than `deviations` times 1.4826 times their median absolute distance from it. Medians of an
/// even number are the lower of the two in the middle. window: not empty; it is reordered.
/// Source: Hampel, The influence curve and its role in robust estimation, 1974.
bool IsHampelOutlier(int64_t value, std::vector<int64_t>& window, const HampelOptions& options);

}  // namespace peerwatt::metering
