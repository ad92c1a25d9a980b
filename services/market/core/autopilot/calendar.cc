#include "services/market/core/autopilot/calendar.h"

#include <algorithm>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "libs/base/status_macros.h"
#include "libs/domain/time_zone.h"
#include "services/market/core/autopilot/errors.h"
#include "services/market/core/autopilot/mutant.h"

namespace peerwatt::market {
namespace {

constexpr int32_t kDayMinutes = 1440;

absl::Status Invalid(absl::string_view why) {
  return Error(kCalendarInvalid, why, {}, {{"standing_order.calendar", std::string(why)}});
}

std::string FormatMinute(int32_t minute) {
  return absl::StrFormat("%02d:%02d", minute / 60, minute % 60);
}

absl::StatusOr<int32_t> MinuteFrom(absl::string_view text) {
  int32_t hours = 0;
  int32_t minutes = 0;
  if (text.size() != 5 || text[2] != ':' || !absl::SimpleAtoi(text.substr(0, 2), &hours) ||
      !absl::SimpleAtoi(text.substr(3), &minutes) || hours < 0 || minutes < 0 || minutes > 59 ||
      hours * 60 + minutes > kDayMinutes) {
    return Invalid("a time must be between 00:00 and 24:00");
  }
  return hours * 60 + minutes;
}

absl::Status ReadDays(absl::string_view text, AutopilotCalendar& calendar) {
  for (const absl::string_view item : absl::StrSplit(text, ',')) {
    int32_t day = 0;
    if (!absl::SimpleAtoi(item, &day) || day < 1 || day > 7) {
      return Invalid("weekdays are 1 (Monday) to 7");
    }
    calendar.weekdays |= 1u << (day - 1);
  }
  return absl::OkStatus();
}

absl::Status ReadWindows(absl::string_view text, AutopilotCalendar& calendar) {
  for (const absl::string_view item : absl::StrSplit(text, ',')) {
    const std::vector<absl::string_view> ends = absl::StrSplit(item, '-');
    if (ends.size() != 2) {
      return Invalid("a window has a start and an end");
    }
    DayWindow window;
    PW_ASSIGN_OR_RETURN(window.start_minute, MinuteFrom(ends[0]));
    PW_ASSIGN_OR_RETURN(window.end_minute, MinuteFrom(ends[1]));
    if (window.start_minute == window.end_minute || window.start_minute == kDayMinutes) {
      return Invalid("a window must not be empty");
    }
    calendar.windows.push_back(window);
  }
  return calendar.windows.size() > kCalendarWindowsMax ? Invalid("there are too many windows")
                                                       : absl::OkStatus();
}

absl::Status ReadExceptions(absl::string_view text, AutopilotCalendar& calendar) {
  for (const absl::string_view item : absl::StrSplit(text, ',')) {
    absl::CivilDay day;
    if (!absl::ParseCivilTime(item, &day)) {
      return Invalid("an exception is a day as 2026-12-24");
    }
    calendar.exceptions.push_back(day);
  }
  return calendar.exceptions.size() > kCalendarExceptionsMax
             ? Invalid("there are too many exceptions")
             : absl::OkStatus();
}

int32_t WeekdayOf(absl::CivilDay day) { return static_cast<int32_t>(absl::GetWeekday(day)); }

// Whether the day on which a window begins counts.
bool DayCounts(const AutopilotCalendar& calendar, absl::CivilDay day) {
  const bool weekday_counts =
      calendar.weekdays == 0 || (calendar.weekdays >> WeekdayOf(day) & 1) != 0;
  return weekday_counts &&
         PW_AUTOPILOT_MUTANT(kExceptionsAreIgnored, true,
                             std::find(calendar.exceptions.begin(), calendar.exceptions.end(),
                                       day) == calendar.exceptions.end());
}

bool IsBefore(int32_t minute, int32_t end) {
  return PW_AUTOPILOT_MUTANT(kWindowsIncludeTheirEnd, minute <= end, minute < end);
}

}  // namespace

std::string FormatCalendar(const AutopilotCalendar& calendar) {
  std::vector<std::string> parts;
  if (calendar.weekdays != 0) {
    std::vector<int> days;
    for (int day = 0; day < 7; ++day) {
      if ((calendar.weekdays >> day & 1) != 0) {
        days.push_back(day + 1);
      }
    }
    parts.push_back(absl::StrCat("days=", absl::StrJoin(days, ",")));
  }
  if (!calendar.windows.empty()) {
    std::vector<std::string> windows;
    for (const DayWindow& window : calendar.windows) {
      windows.push_back(
          absl::StrCat(FormatMinute(window.start_minute), "-", FormatMinute(window.end_minute)));
    }
    std::sort(windows.begin(), windows.end());
    windows.erase(std::unique(windows.begin(), windows.end()), windows.end());
    parts.push_back(absl::StrCat("times=", absl::StrJoin(windows, ",")));
  }
  if (!calendar.exceptions.empty()) {
    std::vector<std::string> days;
    for (const absl::CivilDay day : calendar.exceptions) {
      days.push_back(absl::FormatCivilTime(day));
    }
    std::sort(days.begin(), days.end());
    days.erase(std::unique(days.begin(), days.end()), days.end());
    parts.push_back(absl::StrCat("except=", absl::StrJoin(days, ",")));
  }
  if (!calendar.time_zone.empty()) {
    parts.push_back(absl::StrCat("zone=", calendar.time_zone));
  }
  return absl::StrJoin(parts, " ");
}

absl::StatusOr<AutopilotCalendar> ParseCalendar(absl::string_view text) {
  AutopilotCalendar calendar;
  for (absl::string_view part : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    absl::Status read;
    if (absl::ConsumePrefix(&part, "days=")) {
      read = ReadDays(part, calendar);
    } else if (absl::ConsumePrefix(&part, "times=")) {
      read = ReadWindows(part, calendar);
    } else if (absl::ConsumePrefix(&part, "except=")) {
      read = ReadExceptions(part, calendar);
    } else if (absl::ConsumePrefix(&part, "zone=")) {
      calendar.time_zone = std::string(part);
      read = ZoneOf(part).status();
    } else {
      read = Invalid("a calendar has days, times, except and zone");
    }
    PW_RETURN_IF_ERROR(read);
  }
  return calendar;
}

absl::StatusOr<absl::TimeZone> ZoneOf(absl::string_view name) {
  if (name.empty()) {
    return absl::UTCTimeZone();
  }
  const std::optional<absl::TimeZone> zone = IanaTimeZone(name);
  if (!zone.has_value()) {
    return Invalid("there is no such time zone");
  }
  return *zone;
}

bool IsInCalendar(const AutopilotCalendar& calendar, absl::Time start,
                  const absl::TimeZone& community_zone) {
  if (calendar == AutopilotCalendar()) {
    return true;
  }
  absl::TimeZone zone = community_zone;
  if (!calendar.time_zone.empty() && !absl::LoadTimeZone(calendar.time_zone, &zone)) {
    return false;  // Gone since the order was made: better no order than one at another time.
  }
  const absl::CivilSecond local(
      absl::ToCivilSecond(start, PW_AUTOPILOT_MUTANT(kWeekdaysAreUtc, absl::UTCTimeZone(), zone)));
  const absl::CivilDay day(local);
  const int32_t minute = static_cast<int32_t>(local.hour()) * 60 + local.minute();
  if (calendar.windows.empty()) {
    return DayCounts(calendar, day);
  }
  for (const DayWindow& window : calendar.windows) {
    const bool passes_midnight = window.end_minute < window.start_minute;
    const bool today = minute >= window.start_minute &&
                       (passes_midnight || IsBefore(minute, window.end_minute));
    if (today && DayCounts(calendar, day)) {
      return true;
    }
    const absl::CivilDay began = PW_AUTOPILOT_MUTANT(kNightBelongsToTheNextDay, day, day - 1);
    if (passes_midnight && IsBefore(minute, window.end_minute) && DayCounts(calendar, began)) {
      return true;
    }
  }
  return false;
}

Interval DaySpanOf(absl::CivilDay day, const absl::TimeZone& zone) {
  return {absl::FromCivil(day, zone), absl::FromCivil(day + 1, zone)};
}

absl::CivilDay LocalDayOf(absl::Time time, const absl::TimeZone& zone) {
  return absl::ToCivilDay(time, PW_AUTOPILOT_MUTANT(kDayIsUtc, absl::UTCTimeZone(), zone));
}

}  // namespace peerwatt::market
