#include "libs/domain/interval.h"

#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace peerwatt {

bool IsOnGrid(absl::Time time, absl::Duration step) { return FloorToGrid(time, step) == time; }

absl::Time FloorToGrid(absl::Time time, absl::Duration step) {
  return absl::UnixEpoch() + absl::Floor(time - absl::UnixEpoch(), step);
}

std::string TimeSegment(absl::Time time) {
  return absl::FormatTime("%Y%m%dt%H%M%Sz", time, absl::UTCTimeZone());
}

absl::StatusOr<absl::Time> ParseTimeSegment(absl::string_view segment) {
  constexpr size_t kSegmentSize = 16;
  absl::Time time;
  std::string error;
  if (segment.size() == kSegmentSize) {
    // The parser reads a year to its last digit, so the parts are set apart first.
    const std::string spaced =
        absl::StrCat(segment.substr(0, 4), "-", segment.substr(4, 2), "-", segment.substr(6));
    if (absl::ParseTime("%Y-%m-%dt%H%M%Sz", spaced, absl::UTCTimeZone(), &time, &error) &&
        TimeSegment(time) == segment) {
      return time;
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", segment, "' is not an instant of the form 20260701t101500z"));
}

bool IsIntervalLength(absl::Duration length) {
  return length == absl::Minutes(5) || length == absl::Minutes(15) ||
         length == absl::Minutes(30) || length == absl::Minutes(60);
}

}  // namespace peerwatt
