#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/node_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/verify/books.h"

namespace peerwatt::verify {

/// What one point measured in a period, and how much of the period the readings cover.
struct Measured {
  int64_t import_wh = 0;
  int64_t export_wh = 0;
  int64_t seconds = 0;
};

/// Finds points by their ids.
class PointIndex {
 public:
  /// Of points with one id, the last counts.
  void Add(absl::string_view id, uint32_t index) {
    const uint32_t name = names_.NumberOf(id);
    if (name == indices_.size()) indices_.push_back(index);
    indices_[name] = index;
  }
  /// The index of a point, or `kNone`.
  uint32_t Find(absl::string_view id) const {
    const uint32_t name = names_.Find(id);
    return name == Names::kNone ? kNone : indices_[name];
  }

  static constexpr uint32_t kNone = Names::kNone;

 private:
  Names names_;
  std::vector<uint32_t> indices_;  // by number of the name
};

/// Readings of all points by period.
class Readings {
 public:
  /// interval: of a period, in seconds. points: how many there are.
  Readings(int64_t interval, size_t points) : interval_(interval), points_(points) {}

  /// Reads a file as metering exports it; readings of points without an index are left out.
  /// Errors: kInvalidArgument.
  absl::Status Read(absl::string_view text, const PointIndex& points);
  /// What a point measured; nothing unless readings cover the period.
  const Measured* Find(uint32_t point, int64_t period) const;
  /// Lines that were read.
  int64_t count() const { return count_; }

 private:
  absl::StatusOr<int64_t> Instant(absl::string_view text);

  const int64_t interval_;
  const size_t points_;
  absl::node_hash_map<int64_t, std::vector<Measured>> by_period_;
  std::vector<Measured>* latest_ = nullptr;  // of the last reading's period
  int64_t latest_period_ = 0;
  int64_t count_ = 0;
  std::vector<std::pair<std::string, int64_t>> recent_{4};
  size_t next_ = 0;
};

}  // namespace peerwatt::verify
