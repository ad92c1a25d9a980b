#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "libs/domain/interval.h"

namespace peerwatt::market {

/// A span of local time of day in minutes since midnight, half-open. One whose end is not after its
/// start goes on into the next day; that part belongs to the day on which the span began.
struct DayWindow {
  int32_t start_minute = 0;
  int32_t end_minute = 1440;
  bool operator==(const DayWindow&) const = default;
};

/// When a standing order may order. Empty: always.
struct AutopilotCalendar {
  /// One bit per weekday, the lowest for Monday; 0: every day.
  uint32_t weekdays = 0;
  /// None: the whole day.
  std::vector<DayWindow> windows;
  /// Days on which it orders nothing.
  std::vector<absl::CivilDay> exceptions;
  /// IANA name; empty: the community's.
  std::string time_zone;
  bool operator==(const AutopilotCalendar&) const = default;
};

/// Most windows and most exceptions of a calendar.
inline constexpr size_t kCalendarWindowsMax = 16;
inline constexpr size_t kCalendarExceptionsMax = 366;

/// The one text of a calendar, empty for always: `days=1,2,3,4,5 times=08:00-20:00,22:00-06:00
/// except=2026-12-24 zone=Europe/Berlin`, windows and exceptions sorted, each once.
std::string FormatCalendar(const AutopilotCalendar& calendar);
/// Reads what FormatCalendar wrote.
/// Errors: CALENDAR_INVALID: not that form, a weekday outside 1 to 7, a time outside 00:00 to
/// 24:00, an empty window, no such day or time zone, too many values.
absl::StatusOr<AutopilotCalendar> ParseCalendar(absl::string_view text);

/// Whether a delivery that starts at `start` lies in the calendar: by the local time of its start,
/// so on the day the clocks go forward a window in the hour that is left out has no delivery, and
/// on the day they go back one in the hour that comes twice has them twice.
/// community_zone: where the calendar names no time zone.
bool IsInCalendar(const AutopilotCalendar& calendar, absl::Time start,
                  const absl::TimeZone& community_zone);

/// The span of a local day, 23, 24 or 25 hours long.
Interval DaySpanOf(absl::CivilDay day, const absl::TimeZone& zone);
/// The local day in which an instant lies.
absl::CivilDay LocalDayOf(absl::Time time, const absl::TimeZone& zone);

/// A time zone by its IANA name; UTC for the empty one. Errors: CALENDAR_INVALID.
absl::StatusOr<absl::TimeZone> ZoneOf(absl::string_view name);

}  // namespace peerwatt::market
