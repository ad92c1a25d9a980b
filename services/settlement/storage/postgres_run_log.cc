#include "services/settlement/storage/postgres_run_log.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/settlement/core/errors.h"
#include "services/settlement/storage/run_queries.h"

namespace peerwatt::settlement {
namespace {

using postgres::BoolFrom;
using postgres::Exec;
using postgres::Int32From;
using postgres::Int64From;
using postgres::TextFrom;
using postgres::TimeFrom;
using postgres::ToSql;

constexpr int64_t kNoDelay = -1;

LoggedRun LoggedRunFrom(const pqxx::row& row) {
  LoggedRun run;
  run.record.id = TextFrom(row["run_id"]);
  run.record.kind = static_cast<RunKind>(Int32From(row["kind"]));
  run.record.calendar_version = Int32From(row["calendar_version"]);
  run.record.as_of = TimeFrom(row["as_of_at"]);
  run.record.span = {TimeFrom(row["span_start_at"]), TimeFrom(row["span_end_at"])};
  run.period_count = Int32From(row["period_count"]);
  run.posted_period_count = Int32From(row["posted_count"]);
  run.line_count = Int64From(row["line_count"]);
  run.entry_count = Int64From(row["entry_count"]);
  run.moved = Money::Micros(Int64From(row["moved_micros"]));
  run.readings_cursor = Int64From(row["readings_cursor"]);
  run.absurd_reading_count = Int64From(row["absurd_count"]);
  run.elapsed = absl::Microseconds(Int64From(row["elapsed_micros"]));
  return run;
}

}  // namespace

RunCalendar ReadCalendar(pqxx::work& tx, const CommunityId& community) {
  RunCalendar calendar;
  const pqxx::result rows = Exec(tx, kSelectRunCalendar, community.value());
  if (rows.empty()) return calendar;
  const pqxx::row row = rows[0];
  calendar.version = Int32From(row["version"]);
  const std::optional<int64_t> delay = postgres::OptionalInt64From(row["first_run_delay_s"]);
  if (delay.has_value()) calendar.first_run_delay = absl::Seconds(*delay);
  calendar.corrects_at_once = BoolFrom(row["corrects_at_once"]);
  calendar.run_time = absl::Seconds(Int32From(row["run_time_s"]));
  calendar.has_daily_runs = BoolFrom(row["has_daily_runs"]);
  calendar.monthly_run_day = Int32From(row["monthly_run_day"]);
  calendar.correction_window_days = Int32From(row["correction_window_days"]);
  calendar.created_at = TimeFrom(row["created_at"]);
  return calendar;
}

RunReach ReadReach(pqxx::work& tx, const CommunityId& community) {
  RunReach reach;
  const pqxx::result rows = Exec(tx, kSelectRunReach, community.value());
  if (rows.empty()) return reach;
  reach.daily = TimeFrom(rows[0]["daily_through_at"]);
  reach.monthly = TimeFrom(rows[0]["monthly_through_at"]);
  reach.final = TimeFrom(rows[0]["final_through_at"]);
  return reach;
}

void WriteRun(pqxx::work& tx, const CommunityId& community, const RunRecord& record) {
  Exec(tx, kInsertRun, community.value(), record.id, static_cast<int32_t>(record.kind),
       record.calendar_version, ToSql(record.as_of), ToSql(record.span.start),
       ToSql(record.span.end));
}

void WriteReach(pqxx::work& tx, const CommunityId& community, const RunReach& reach) {
  Exec(tx, kUpsertRunReach, community.value(), ToSql(reach.daily), ToSql(reach.monthly),
       ToSql(reach.final));
}

absl::StatusOr<RunCalendar> PostgresRunLog::AddCalendar(const CommunityId& community,
                                                        const RunCalendar& calendar) {
  RunCalendar in_force;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    in_force = ReadCalendar(tx, community);
    if (SameContent(in_force, calendar)) return absl::OkStatus();
    const absl::Status changed =
        Error(kCalendarChanged, "the calendar has another version than the one that was read",
              {{"version", absl::StrCat(in_force.version)}});
    if (calendar.version != in_force.version + 1) return changed;
    const int64_t delay = calendar.first_run_delay.has_value()
                              ? absl::ToInt64Seconds(*calendar.first_run_delay)
                              : kNoDelay;
    const pqxx::result added =
        Exec(tx, kInsertRunCalendar, community.value(), calendar.version, delay,
             calendar.corrects_at_once, absl::ToInt64Seconds(calendar.run_time),
             calendar.has_daily_runs, calendar.monthly_run_day, calendar.correction_window_days,
             ToSql(calendar.created_at));
    if (added.affected_rows() == 0) return changed;
    in_force = ReadCalendar(tx, community);
    return absl::OkStatus();
  }));
  return in_force;
}

absl::StatusOr<std::vector<LoggedRun>> PostgresRunLog::ListRuns(const CommunityId& community,
                                                                const RunFilter& filter,
                                                                int32_t limit) {
  std::vector<LoggedRun> runs;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    runs.clear();
    const int32_t kind = filter.kind.has_value() ? static_cast<int32_t>(*filter.kind) : 0;
    for (const auto& row : Exec(tx, kListRuns, community.value(), filter.before, kind,
                                ToSql(filter.period_start), filter.id, limit)) {
      runs.push_back(LoggedRunFrom(row));
    }
    return absl::OkStatus();
  }));
  return runs;
}

absl::StatusOr<std::vector<LateChange>> PostgresRunLog::ListLateChanges(
    const CommunityId& community, const LateChange& after, int32_t limit) {
  std::vector<LateChange> changes;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    changes.clear();
    for (const auto& row : Exec(tx, kListLateChanges, community.value(), ToSql(after.listed_at),
                                ToSql(after.period_start), after.cursor, limit)) {
      changes.push_back({TimeFrom(row["listed_at"]), TimeFrom(row["period_start_at"]),
                         Int64From(row["changed_cursor"]), Int64From(row["tariff_version_count"])});
    }
    return absl::OkStatus();
  }));
  return changes;
}

}  // namespace peerwatt::settlement
