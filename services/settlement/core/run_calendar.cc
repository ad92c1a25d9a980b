#include "services/settlement/core/run_calendar.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "libs/base/check.h"
#include "libs/base/error.h"

namespace peerwatt::settlement {
namespace {

constexpr absl::Duration kFirstRunDelayMax = absl::Hours(24 * 30);
constexpr int32_t kMonthlyRunDayMax = 28;
constexpr int32_t kWindowDaysMax = 3653;

/// The instant of a local time; the later one when a change of the clock skips it.
absl::Time InstantOf(absl::CivilSecond local, const absl::TimeZone& zone) {
  const absl::TimeZone::TimeInfo info = zone.At(local);
  return info.kind == absl::TimeZone::TimeInfo::SKIPPED ? info.trans : info.pre;
}

absl::Time StartOf(absl::CivilDay day, const absl::TimeZone& zone) {
  return InstantOf(absl::CivilSecond(day), zone);
}

/// When the runs of a day are due.
absl::Time RunsOf(absl::CivilDay day, const RunCalendar& calendar, const absl::TimeZone& zone) {
  return InstantOf(absl::CivilSecond(day) + absl::ToInt64Seconds(calendar.run_time), zone);
}

/// The last day whose runs are due at `now`.
absl::CivilDay LastRunDay(const RunCalendar& calendar, const absl::TimeZone& zone,
                          absl::Time now) {
  const absl::CivilDay today = absl::ToCivilDay(now, zone);
  return RunsOf(today, calendar, zone) <= now ? today : today - 1;
}

}  // namespace

std::string NameOf(RunKind kind) {
  switch (kind) {
    case RunKind::kFirst:
      return "first";
    case RunKind::kCorrection:
      return "correction";
    case RunKind::kDaily:
      return "daily";
    case RunKind::kMonthly:
      return "monthly";
    case RunKind::kFinal:
      return "final";
    case RunKind::kRequested:
      return "requested";
  }
  PW_CHECK(false, "a run has a known kind");
}

bool SameContent(const RunCalendar& a, const RunCalendar& b) {
  RunCalendar other = b;
  other.version = a.version;
  other.created_at = a.created_at;
  return a == other;
}

absl::Status CheckRunCalendar(const RunCalendar& calendar) {
  if (calendar.first_run_delay.has_value() &&
      (*calendar.first_run_delay < absl::ZeroDuration() ||
       *calendar.first_run_delay > kFirstRunDelayMax)) {
    return FieldInvalid("run_calendar.first_run_delay", "must be 0 to 30 days");
  }
  if (calendar.run_time < absl::ZeroDuration() || calendar.run_time >= absl::Hours(24) ||
      calendar.run_time % absl::Minutes(1) != absl::ZeroDuration()) {
    return FieldInvalid("run_calendar.run_time", "must be whole minutes, 0 to less than 24 h");
  }
  if (calendar.monthly_run_day < 0 || calendar.monthly_run_day > kMonthlyRunDayMax) {
    return FieldInvalid("run_calendar.monthly_run_day", "must be 0 to 28");
  }
  if (calendar.correction_window_days < 1 || calendar.correction_window_days > kWindowDaysMax) {
    return FieldInvalid("run_calendar.correction_window_days", "must be 1 to 3653");
  }
  return absl::OkStatus();
}

RunReach DueReach(const RunCalendar& calendar, const absl::TimeZone& zone, absl::Time now) {
  const absl::CivilDay day = LastRunDay(calendar, zone, now);
  RunReach reach;
  reach.final = StartOf(day - calendar.correction_window_days, zone);
  if (calendar.has_daily_runs) reach.daily = StartOf(day, zone);
  if (calendar.monthly_run_day > 0) {
    const absl::CivilMonth month(day);
    const bool is_due = day.day() >= calendar.monthly_run_day;
    reach.monthly = StartOf(absl::CivilDay(is_due ? month : month - 1), zone);
  }
  return reach;
}

absl::Time NextRunAt(const RunCalendar& calendar, const absl::TimeZone& zone, absl::Time now) {
  return RunsOf(LastRunDay(calendar, zone, now) + 1, calendar, zone);
}

RunRecord MakeRunRecord(RunKind kind, const RunCalendar& calendar, Interval span, absl::Time now,
                        absl::Time begun_at) {
  return {absl::StrCat(TimeSegment(now), "-",
                       absl::Dec(absl::ToUnixMicros(now) % 1'000'000, absl::kZeroPad6), "-",
                       NameOf(kind), "-", TimeSegment(span.start)),
          kind, calendar.version, now, span, begun_at};
}

}  // namespace peerwatt::settlement
