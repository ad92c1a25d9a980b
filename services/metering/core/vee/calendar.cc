#include "services/metering/core/vee/calendar.h"

namespace peerwatt::metering {
namespace {

/// The first instant of a local day. When its midnight is skipped, the instant of the change.
absl::Time StartOf(absl::CivilDay day, const absl::TimeZone& zone) {
  const absl::TimeZone::TimeInfo info = zone.At(absl::CivilSecond(day));
  return info.kind == absl::TimeZone::TimeInfo::SKIPPED ? info.trans : info.pre;
}

int64_t IntervalsBetween(absl::CivilDay first, absl::CivilDay last, const absl::TimeZone& zone,
                         absl::Duration step) {
  const Interval span{CeilToGrid(StartOf(first, zone), step),
                      CeilToGrid(StartOf(last, zone), step)};
  return span.length() / step;
}

}  // namespace

absl::Time CeilToGrid(absl::Time time, absl::Duration step) {
  const absl::Time floor = FloorToGrid(time, step);
  return floor == time ? floor : floor + step;
}

Interval LocalDay(absl::CivilDay day, const absl::TimeZone& zone, absl::Duration step) {
  return {CeilToGrid(StartOf(day, zone), step), CeilToGrid(StartOf(day + 1, zone), step)};
}

Interval LocalDayAround(absl::Time start, const absl::TimeZone& zone, absl::Duration step) {
  return LocalDay(absl::ToCivilDay(start, zone), zone, step);
}

int64_t IntervalsInDay(absl::CivilDay day, const absl::TimeZone& zone, absl::Duration step) {
  return IntervalsBetween(day, day + 1, zone, step);
}

int64_t IntervalsInMonth(absl::CivilMonth month, const absl::TimeZone& zone, absl::Duration step) {
  return IntervalsBetween(absl::CivilDay(month), absl::CivilDay(month + 1), zone, step);
}

std::optional<ClockChange> ClockChangeIn(Interval span, const absl::TimeZone& zone) {
  absl::TimeZone::CivilTransition change;
  if (!zone.NextTransition(span.start, &change)) {
    return std::nullopt;
  }
  const int64_t forward_s = change.to - change.from;
  const absl::Time at =
      forward_s < 0 ? zone.At(change.to).trans : zone.At(change.from).trans;
  if (forward_s == 0 || at >= span.end) {
    return std::nullopt;
  }
  return ClockChange{at, absl::Seconds(forward_s)};
}

absl::TimeZone ZoneOf(const std::string& name) {
  absl::TimeZone zone = absl::UTCTimeZone();
  if (!absl::LoadTimeZone(name, &zone)) {
    zone = absl::UTCTimeZone();
  }
  return zone;
}

}  // namespace peerwatt::metering
