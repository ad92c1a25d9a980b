#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"

namespace peerwatt {

/// A day of any year. 29 February is after 28 February in every year, so a season that ends then
/// ends with February.
struct YearDay {
  int month = 1;
  int day = 1;
  auto operator<=>(const YearDay&) const = default;
};

/// Days of each year, both ends inclusive; a last day before the first is in the next year.
struct Season {
  YearDay first;
  YearDay last;
  bool operator==(const Season&) const = default;
};

inline constexpr int kMinutesOfDay = 24 * 60;
inline constexpr uint32_t kAllWeekdays = 0x7F;

/// When something applies, in local time. All of its parts must hold.
struct LocalWindow {
  uint32_t weekdays = kAllWeekdays;  ///< bit 0 is Monday, bit 6 Sunday; at least one
  int start_minute = 0;              ///< of the day, inclusive
  int end_minute = kMinutesOfDay;    ///< of the same day, exclusive, after the start
  std::optional<Season> season;      ///< none: the whole year
  bool operator==(const LocalWindow&) const = default;
};

/// The bit of a day's weekday.
uint32_t WeekdayBit(absl::CivilDay day);
/// Whether a season has a day.
bool Contains(const Season& season, YearDay day);
/// Whether a local minute is in a window. Hours that the clock skips are in none; those that it
/// repeats are in both times.
bool Contains(const LocalWindow& window, absl::CivilMinute local);
/// Whether a minute of some year can be in both.
bool Overlap(const LocalWindow& a, const LocalWindow& b);

/// Reads `HH:MM` from `00:00` to `24:00` as minutes of the day. Errors: FIELD_INVALID.
absl::StatusOr<int> MinuteOfDayFrom(absl::string_view text, absl::string_view field);
/// Writes minutes of the day as `HH:MM`.
std::string MinuteOfDayText(int minute);
/// Reads `MM-DD`, a day that some year has. Errors: FIELD_INVALID.
absl::StatusOr<YearDay> YearDayFrom(absl::string_view text, absl::string_view field);
/// Writes a day as `MM-DD`.
std::string YearDayText(YearDay day);

}  // namespace peerwatt
