#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "libs/domain/interval.h"

namespace peerwatt::metering {

/// The first grid instant at or after `time`.
absl::Time CeilToGrid(absl::Time time, absl::Duration step);

/// A local day on the grid: from the first interval that starts in it to the first that starts in
/// the next. An interval belongs to the local day in which it starts.
Interval LocalDay(absl::CivilDay day, const absl::TimeZone& zone, absl::Duration step);
/// The local day in which the interval that starts at `start` lies.
Interval LocalDayAround(absl::Time start, const absl::TimeZone& zone, absl::Duration step);

/// Intervals of a local day or month by the calendar: Europe/Berlin has 92 quarter-hours on
/// 2026-03-29 and 2980 in October 2026.
int64_t IntervalsInDay(absl::CivilDay day, const absl::TimeZone& zone, absl::Duration step);
int64_t IntervalsInMonth(absl::CivilMonth month, const absl::TimeZone& zone, absl::Duration step);

/// A change of the local clock.
struct ClockChange {
  absl::Time at;
  absl::Duration forward;  ///< How far clocks go forward; negative when an hour is repeated.
};

/// The change of the clock in a span of at most a few days, if there is one.
std::optional<ClockChange> ClockChangeIn(Interval span, const absl::TimeZone& zone);

/// The zone of an IANA name; UTC when there is none of this name.
absl::TimeZone ZoneOf(const std::string& name);

}  // namespace peerwatt::metering
