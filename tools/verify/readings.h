#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace peerwatt::verify {

/// What one point measured in a period, and how much of the period the readings cover.
struct Measured {
  int64_t import_wh = 0;
  int64_t export_wh = 0;
  int64_t seconds = 0;
};

/// Readings of all points by period.
class Readings {
 public:
  /// interval: of a period, in seconds. points: how many there are.
  Readings(int64_t interval, size_t points) : interval_(interval), points_(points) {}

  /// Reads a file as metering exports it; readings of points without a number are left out.
  /// Errors: kInvalidArgument.
  absl::Status Read(absl::string_view text,
                    const absl::flat_hash_map<std::string, uint32_t>& point_numbers);
  /// What a point measured; nothing unless readings cover the period.
  const Measured* Find(uint32_t point, int64_t period) const;
  /// Lines that were read.
  int64_t count() const { return count_; }

 private:
  absl::StatusOr<int64_t> Instant(absl::string_view text);

  const int64_t interval_;
  const size_t points_;
  absl::flat_hash_map<int64_t, std::vector<Measured>> by_period_;
  int64_t count_ = 0;
  std::vector<std::pair<std::string, int64_t>> recent_{4};
  size_t next_ = 0;
};

}  // namespace peerwatt::verify
