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
  absl::Time time;
  std::string error;
  if (segment.size() != 16 ||
      !absl::ParseTime("%Y%m%dt%H%M%Sz", segment, absl::UTCTimeZone(), &time, &error) ||
      TimeSegment(time) != segment) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", segment, "' is not an instant of the form 20260701t101500z"));
  }
  return time;
}

bool IsIntervalLength(absl::Duration length) {
  return length == absl::Minutes(5) || length == absl::Minutes(15) ||
         length == absl::Minutes(30) || length == absl::Minutes(60);
}

}  // namespace peerwatt
