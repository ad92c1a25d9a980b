#include "services/metering/formats/local_time.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace peerwatt::metering {
namespace {

/// A rule must hold for these years, or it only looked like one.
constexpr int kYears = 10;

/// A change of a zone's offset.
struct Transition {
  absl::CivilSecond from;  ///< The wall clock's last instant, in the offset before.
  absl::Time at;
  int64_t jump_s = 0;
};

std::vector<Transition> TransitionsOf(const absl::TimeZone& zone, absl::civil_year_t year) {
  std::vector<Transition> found;
  const absl::Time end = absl::FromCivil(absl::CivilYear(year + 1), zone);
  absl::Time time = absl::FromCivil(absl::CivilYear(year), zone);
  absl::TimeZone::CivilTransition next;
  while (zone.NextTransition(time, &next)) {
    time = zone.At(next.to).trans;
    if (time >= end) {
      break;
    }
    if (next.to != next.from) {
      found.push_back({next.from, time, next.to - next.from});
    }
  }
  return found;
}

/// 1 to 7 from Monday.
uint32_t WeekdayNumber(const absl::CivilDay& day) {
  return static_cast<uint32_t>(absl::GetWeekday(day)) + 1;
}

bool IsLastOfMonth(const absl::CivilDay& day) {
  return absl::CivilMonth(day + 7) != absl::CivilMonth(day);
}

/// The rule that all these transitions follow, one of each year; nothing when there is none.
std::optional<uint32_t> RuleOf(const std::vector<Transition>& years) {
  const absl::CivilDay first(years[0].from);
  const int64_t second_of_day = years[0].from - absl::CivilSecond(first);
  int earliest = first.day();
  int latest = first.day();
  bool all_last = true;
  bool all_same_week = true;
  for (const Transition& one : years) {
    const absl::CivilDay day(one.from);
    if (day.month() != first.month() || WeekdayNumber(day) != WeekdayNumber(first) ||
        one.from - absl::CivilSecond(day) != second_of_day) {
      return std::nullopt;
    }
    all_last = all_last && IsLastOfMonth(day);
    all_same_week = all_same_week && (day.day() - 1) / 7 == (first.day() - 1) / 7;
    earliest = std::min(earliest, day.day());
    latest = std::max(latest, day.day());
  }
  uint32_t rule = static_cast<uint32_t>(second_of_day % 3600) |
                  static_cast<uint32_t>(second_of_day / 3600) << 12 | WeekdayNumber(first) << 17 |
                  static_cast<uint32_t>(first.month()) << 28;
  if (all_last) {
    return rule | 7U << 25;
  }
  if (all_same_week) {
    return rule | static_cast<uint32_t>((first.day() - 1) / 7 + 2) << 25;
  }
  if (latest - earliest > 6) {
    return std::nullopt;
  }
  return rule | 1U << 25 | static_cast<uint32_t>(earliest) << 20;
}

}  // namespace

LocalTimeRules LocalTimeRulesOf(const absl::TimeZone& zone, absl::Time time) {
  LocalTimeRules rules;
  rules.zone_offset_s = zone.At(time).offset;
  const absl::civil_year_t year = zone.At(time).cs.year();
  std::vector<Transition> starts;
  std::vector<Transition> ends;
  for (int i = 0; i < kYears; ++i) {
    for (const Transition& one : TransitionsOf(zone, year + i)) {
      (one.jump_s > 0 ? starts : ends).push_back(one);
    }
    const auto so_far = static_cast<size_t>(i) + 1;
    if (starts.size() != so_far || ends.size() != so_far) {
      return rules;
    }
  }
  const std::optional<uint32_t> start = RuleOf(starts);
  const std::optional<uint32_t> end = RuleOf(ends);
  if (!start.has_value() || !end.has_value()) {
    return rules;
  }
  rules.zone_offset_s = zone.At(starts[0].at - absl::Seconds(1)).offset;
  rules.daylight_offset_s = starts[0].jump_s;
  rules.daylight_start = *start;
  rules.daylight_end = *end;
  return rules;
}

}  // namespace peerwatt::metering
