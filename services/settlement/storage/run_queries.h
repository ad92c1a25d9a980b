#pragma once

#include <vector>

#include "libs/postgres/pool.h"

namespace peerwatt::settlement {

// ---- The calendar of runs ----

inline constexpr postgres::Query kSelectRunCalendar{"select_run_calendar", R"sql(
  SELECT version, first_run_delay_s, corrects_at_once, run_time_s, has_daily_runs,
         monthly_run_day, correction_window_days, created_at
  FROM run_calendars WHERE community_id = $1
  ORDER BY version DESC LIMIT 1
)sql"};

/// A delay of -1 is none.
inline constexpr postgres::Query kInsertRunCalendar{"insert_run_calendar", R"sql(
  INSERT INTO run_calendars (community_id, version, first_run_delay_s, corrects_at_once, run_time_s,
                             has_daily_runs, monthly_run_day, correction_window_days, created_at)
  VALUES ($1, $2, nullif($3::bigint, -1), $4, $5, $6, $7, $8, $9)
  ON CONFLICT (community_id, version) DO NOTHING
)sql"};

inline constexpr postgres::Query kSelectRunReach{"select_run_reach", R"sql(
  SELECT daily_through_at, monthly_through_at, final_through_at
  FROM run_reaches WHERE community_id = $1
)sql"};

inline constexpr postgres::Query kUpsertRunReach{"upsert_run_reach", R"sql(
  INSERT INTO run_reaches (community_id, daily_through_at, monthly_through_at, final_through_at)
  VALUES ($1, $2, $3, $4)
  ON CONFLICT (community_id) DO UPDATE
  SET daily_through_at = greatest(run_reaches.daily_through_at, excluded.daily_through_at),
      monthly_through_at = greatest(run_reaches.monthly_through_at, excluded.monthly_through_at),
      final_through_at = greatest(run_reaches.final_through_at, excluded.final_through_at)
)sql"};

// ---- What runs did ----

inline constexpr postgres::Query kInsertRun{"insert_run", R"sql(
  INSERT INTO settlement_runs (community_id, run_id, kind, calendar_version, as_of_at,
                               span_start_at, span_end_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (community_id, run_id) DO NOTHING
)sql"};

/// A run that a replica at the same instant was faster with has its row already.
inline constexpr postgres::Query kInsertRunPeriod{"insert_run_period", R"sql(
  INSERT INTO run_periods (community_id, run_id, period_start_at, run, line_count, entry_count,
                           moved_micros, readings_cursor, absurd_count, elapsed_micros)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
  ON CONFLICT (community_id, run_id, period_start_at) DO NOTHING
)sql"};

/// Moves the marks of final periods to the list of late changes.
inline constexpr postgres::Query kListLate{"list_late", R"sql(
  WITH late AS (
    DELETE FROM dirty_periods
    WHERE community_id = $1 AND period_start_at = ANY ($2::timestamptz[])
    RETURNING period_start_at, changed_cursor
  )
  INSERT INTO late_changes (community_id, listed_at, period_start_at, changed_cursor)
  SELECT $1, $3, period_start_at, changed_cursor FROM late
  ON CONFLICT (community_id, listed_at, period_start_at, changed_cursor) DO NOTHING
)sql"};

/// $2: only runs before this one, unless empty. $3: only this kind, unless 0. $4: only runs that
/// computed this period, unless NULL. $5: only this one, unless empty.
inline constexpr postgres::Query kListRuns{"list_runs", R"sql(
  SELECT r.run_id, r.kind, r.calendar_version, r.as_of_at, r.span_start_at, r.span_end_at,
         p.period_count, p.posted_count, p.line_count, p.entry_count, p.moved_micros,
         p.readings_cursor, p.absurd_count, p.elapsed_micros
  FROM settlement_runs AS r
  CROSS JOIN LATERAL (
    SELECT count(*)::integer AS period_count,
           (count(*) FILTER (WHERE run > 0))::integer AS posted_count,
           coalesce(sum(line_count), 0)::bigint AS line_count,
           coalesce(sum(entry_count), 0)::bigint AS entry_count,
           coalesce(sum(moved_micros), 0)::bigint AS moved_micros,
           coalesce(sum(absurd_count), 0)::bigint AS absurd_count,
           coalesce(min(readings_cursor), 0)::bigint AS readings_cursor,
           coalesce(max(elapsed_micros), 0)::bigint AS elapsed_micros
    FROM run_periods WHERE community_id = $1 AND run_id = r.run_id
  ) AS p
  WHERE r.community_id = $1 AND ($2 = '' OR r.run_id < $2 COLLATE "C")
    AND ($3::integer = 0 OR r.kind = $3)
    AND ($4::timestamptz IS NULL OR EXISTS (
      SELECT FROM run_periods AS c
      WHERE c.community_id = $1 AND c.run_id = r.run_id AND c.period_start_at = $4))
    AND ($5 = '' OR r.run_id = $5)
  ORDER BY r.run_id DESC LIMIT $6
)sql"};

inline constexpr postgres::Query kListLateTariffs{"list_late_tariffs", R"sql(
  WITH late AS (
    DELETE FROM repriced_periods
    WHERE community_id = $1 AND period_start_at = ANY ($2::timestamptz[])
    RETURNING period_start_at, version_count
  )
  INSERT INTO late_changes (community_id, listed_at, period_start_at, changed_cursor,
                            tariff_version_count)
  SELECT $1, $3, period_start_at, 0, version_count FROM late
  ON CONFLICT (community_id, listed_at, period_start_at, changed_cursor) DO NOTHING
)sql"};

inline constexpr postgres::Query kListLateChanges{"list_late_changes", R"sql(
  SELECT listed_at, period_start_at, changed_cursor, tariff_version_count FROM late_changes
  WHERE community_id = $1 AND (listed_at, period_start_at, changed_cursor) > ($2, $3, $4)
  ORDER BY listed_at, period_start_at, changed_cursor LIMIT $5
)sql"};

/// All statements about runs, to be prepared on every connection.
inline std::vector<postgres::Query> RunQueries() {
  return {kSelectRunCalendar, kInsertRunCalendar, kSelectRunReach, kUpsertRunReach, kInsertRun,
          kInsertRunPeriod, kListLate, kListLateTariffs, kListRuns, kListLateChanges};
}

}  // namespace peerwatt::settlement
