#include "libs/domain/local_window.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"

namespace peerwatt {
namespace {

constexpr char kTimeForm[] = "must be HH:MM from 00:00 to 24:00";
constexpr char kDayForm[] = "must be MM-DD, a day of the year";

/// The two numbers of `NN?NN`, or nothing.
std::optional<std::pair<int, int>> PairFrom(absl::string_view text, char separator) {
  if (text.size() != 5 || text[2] != separator) return std::nullopt;
  for (const size_t i : {0UL, 1UL, 3UL, 4UL}) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(text[i]))) return std::nullopt;
  }
  const auto number = [&](size_t at) { return (text[at] - '0') * 10 + (text[at + 1] - '0'); };
  return std::pair(number(0), number(3));
}

}  // namespace

uint32_t WeekdayBit(absl::CivilDay day) {
  return 1U << static_cast<uint32_t>(absl::GetWeekday(day));
}

bool Contains(const Season& season, YearDay day) {
  if (season.first <= season.last) return season.first <= day && day <= season.last;
  return day >= season.first || day <= season.last;
}

bool Contains(const LocalWindow& window, absl::CivilMinute local) {
  const absl::CivilDay day(local);
  const int minute = local.hour() * 60 + local.minute();
  return (window.weekdays & WeekdayBit(day)) != 0 && window.start_minute <= minute &&
         minute < window.end_minute &&
         (!window.season.has_value() || Contains(*window.season, {day.month(), day.day()}));
}

bool Overlap(const LocalWindow& a, const LocalWindow& b) {
  if ((a.weekdays & b.weekdays) == 0) return false;
  if (a.start_minute >= b.end_minute || b.start_minute >= a.end_minute) return false;
  if (!a.season.has_value() || !b.season.has_value()) return true;
  // Two arcs of the year meet when one begins within the other.
  return Contains(*a.season, b.season->first) || Contains(*b.season, a.season->first);
}

absl::StatusOr<int> MinuteOfDayFrom(absl::string_view text, absl::string_view field) {
  const auto pair = PairFrom(text, ':');
  if (!pair.has_value() || pair->second > 59) return FieldInvalid(field, kTimeForm);
  const int minute = pair->first * 60 + pair->second;
  if (minute > kMinutesOfDay) return FieldInvalid(field, kTimeForm);
  return minute;
}

std::string MinuteOfDayText(int minute) {
  return absl::StrFormat("%02d:%02d", minute / 60, minute % 60);
}

absl::StatusOr<YearDay> YearDayFrom(absl::string_view text, absl::string_view field) {
  const auto pair = PairFrom(text, '-');
  if (!pair.has_value()) return FieldInvalid(field, kDayForm);
  // A leap year has all days.
  const absl::CivilDay day(2024, pair->first, pair->second);
  if (day.year() != 2024 || day.month() != pair->first || day.day() != pair->second) {
    return FieldInvalid(field, kDayForm);
  }
  return YearDay{pair->first, pair->second};
}

std::string YearDayText(YearDay day) { return absl::StrFormat("%02d-%02d", day.month, day.day); }

}  // namespace peerwatt
