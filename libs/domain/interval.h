#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace peerwatt {

/// A half-open span of UTC time, `[start, end)`.
struct Interval {
  absl::Time start;
  absl::Time end;
  absl::Duration length() const { return end - start; }
  bool operator==(const Interval&) const = default;
};

/// Whether `time` is a multiple of `step` since the Unix epoch.
bool IsOnGrid(absl::Time time, absl::Duration step);

/// The last grid instant at or before `time`.
absl::Time FloorToGrid(absl::Time time, absl::Duration step);

/// The instant as the last segment of a resource name: `20260701t101500z`.
std::string TimeSegment(absl::Time time);

/// Reads such a segment. Errors: kInvalidArgument.
absl::StatusOr<absl::Time> ParseTimeSegment(absl::string_view segment);

/// The interval lengths a community may have: 5, 15, 30 and 60 minutes.
bool IsIntervalLength(absl::Duration length);

}  // namespace peerwatt
