#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/domain/interval.h"

namespace peerwatt::settlement {

/// Why a run took place. The numbers are those of the database and of the protocol.
enum class RunKind : int32_t {
  kFirst = 1,       ///< periods were settled for the first time
  kCorrection = 2,  ///< changes were posted as they arrived
  kDaily = 3,
  kMonthly = 4,
  kFinal = 5,      ///< the last one of its periods
  kRequested = 6,  ///< an operator asked for it
};

/// The part of a run's name that tells its kind: `first`, `correction`, …
std::string NameOf(RunKind kind);

/// When a community's periods are settled, settled again, and final. Days, months and times of day
/// are local to the community.
struct RunCalendar {
  int32_t version = 0;  ///< 0: the default
  /// After a period's end; nothing: once all readings are there or the grace is over.
  std::optional<absl::Duration> first_run_delay;
  bool corrects_at_once = true;  ///< posts changes as they arrive, besides the calendar's runs
  absl::Duration run_time;       ///< time of day of daily, monthly and final runs, < 24 h
  bool has_daily_runs = false;
  int32_t monthly_run_day = 0;  ///< 1 to 28; 0: no monthly runs
  int32_t correction_window_days = kWindowDaysDefault;
  absl::Time created_at = absl::InfinitePast();

  static constexpr int32_t kWindowDaysDefault = 1096;
  bool operator==(const RunCalendar&) const = default;
};

/// Whether two calendars say the same, whatever their versions.
bool SameContent(const RunCalendar& a, const RunCalendar& b);

/// Errors: FIELD_INVALID for first_run_delay, run_time, monthly_run_day, correction_window_days.
absl::Status CheckRunCalendar(const RunCalendar& calendar);

/// Up to where the runs of a calendar reach: each had all periods that start before.
struct RunReach {
  absl::Time daily = absl::InfinitePast();
  absl::Time monthly = absl::InfinitePast();
  absl::Time final = absl::InfinitePast();  ///< periods that start before are final
  bool operator==(const RunReach&) const = default;
};

/// Up to where the runs that are due at `now` reach; never, where the calendar has none.
/// Daily: past days. Monthly: past months. Final: days whose correction window is over.
RunReach DueReach(const RunCalendar& calendar, const absl::TimeZone& zone, absl::Time now);

/// The first instant after `now` at which a daily, monthly or final run is due.
absl::Time NextRunAt(const RunCalendar& calendar, const absl::TimeZone& zone, absl::Time now);

/// What is written down about a run.
struct RunRecord {
  std::string id;  ///< unique in the community
  RunKind kind = RunKind::kFirst;
  int32_t calendar_version = 0;
  absl::Time as_of;  ///< the clock when it began
  Interval span;     ///< from the first to the end of the last period it is about
  absl::Time begun_at;  ///< real time
};

/// A run that begins now. Two runs that begin at the same instant differ in kind or span.
RunRecord MakeRunRecord(RunKind kind, const RunCalendar& calendar, Interval span, absl::Time now,
                        absl::Time begun_at);

}  // namespace peerwatt::settlement
