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

// ---- Changes of some points ----

inline constexpr postgres::Query kSelectChangedPoints{"select_changed_points", R"sql(
  SELECT period_start_at, changed_points FROM dirty_periods
  WHERE community_id = $1 AND period_start_at = ANY ($2::timestamptz[])
    AND changed_points IS NOT NULL
)sql"};

/// $2 and $3: a period and a participant each.
inline constexpr postgres::Query kSelectPostedOf{"select_posted_of", R"sql(
  SELECT l.period_start_at, l.participant_id, l.connection_id, l.kind, l.trade_id, l.is_taxable,
         l.is_price_missing, sum(l.energy_wh)::bigint AS energy_wh,
         sum(l.amount_micros)::bigint AS amount_micros
  FROM unnest($2::timestamptz[], $3::text[]) AS asked(period_start_at, participant_id)
  CROSS JOIN LATERAL (
    SELECT period_start_at, participant_id, connection_id, kind, trade_id, is_taxable,
           is_price_missing, energy_wh, amount_micros
    FROM settlement_lines
    WHERE community_id = $1 AND participant_id = asked.participant_id
      AND period_start_at = asked.period_start_at
    OFFSET 0
  ) AS l
  GROUP BY l.period_start_at, l.participant_id, l.connection_id, l.kind, l.trade_id,
           l.is_taxable, l.is_price_missing
)sql"};

/// What the newest runs of periods knew, as far as they posted lines.
inline constexpr postgres::Query kSelectNewestRuns{"select_newest_runs", R"sql(
  SELECT p.period_start_at, p.run_count, e.tariff_name, e.scheme_id, w.optimum_micros,
         w.delivered_micros
  FROM settlement_periods AS p
  JOIN run_evidence AS e
    ON e.community_id = $1 AND e.period_start_at = p.period_start_at AND e.run = p.run_count
  LEFT JOIN period_welfare AS w
    ON w.community_id = $1 AND w.period_start_at = p.period_start_at
  WHERE p.community_id = $1 AND p.period_start_at = ANY ($2::timestamptz[])
)sql"};

/// Totals and counts are changes. $3: runs before this one; $4: runs after it.
inline constexpr postgres::Query kChangePeriods{"change_periods", R"sql(
  UPDATE settlement_periods AS p
  SET run_count = c.run_after, drawn_wh = p.drawn_wh + c.drawn_wh,
      fed_in_wh = p.fed_in_wh + c.fed_in_wh,
      self_consumed_wh = p.self_consumed_wh + c.self_consumed_wh,
      delivered_wh = p.delivered_wh + c.delivered_wh, retail_wh = p.retail_wh + c.retail_wh,
      surplus_wh = p.surplus_wh + c.surplus_wh,
      imbalance_bought_wh = p.imbalance_bought_wh + c.imbalance_bought_wh,
      imbalance_sold_wh = p.imbalance_sold_wh + c.imbalance_sold_wh,
      substituted_count = c.substituted_count,
      price_missing_count = p.price_missing_count + c.price_missing_count, readings_cursor = $14
  FROM unnest($2::timestamptz[], $3::integer[], $4::integer[], $5::bigint[], $6::bigint[],
              $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[],
              $12::bigint[], $13::integer[], $15::integer[])
    AS c(period_start_at, run_before, run_after, drawn_wh, fed_in_wh, self_consumed_wh,
         delivered_wh, retail_wh, surplus_wh, imbalance_bought_wh, imbalance_sold_wh,
         substituted_count, price_missing_count)
  WHERE p.community_id = $1 AND p.period_start_at = c.period_start_at
    AND p.run_count = c.run_before AND p.readings_cursor <= $14
)sql"};

/// A run that a replica at the same instant was faster with has its rows already.
inline constexpr postgres::Query kInsertRunPeriods{"insert_run_periods", R"sql(
  INSERT INTO run_periods (community_id, run_id, period_start_at, run, line_count, entry_count,
                           moved_micros, readings_cursor, absurd_count, elapsed_micros)
  SELECT $1, $2, n.period_start_at, n.run, n.line_count, n.entry_count, n.moved_micros, $8,
         n.absurd_count, $10
  FROM unnest($3::timestamptz[], $4::integer[], $5::integer[], $6::integer[], $7::bigint[],
              $9::integer[])
    AS n(period_start_at, run, line_count, entry_count, moved_micros, absurd_count)
  ON CONFLICT (community_id, run_id, period_start_at) DO NOTHING
)sql"};

inline constexpr postgres::Query kDeleteAllSeenChanges{"delete_all_seen_changes", R"sql(
  DELETE FROM dirty_periods
  WHERE community_id = $1 AND period_start_at = ANY ($2::timestamptz[]) AND changed_cursor <= $3
)sql"};

// ---- What runs did ----

inline constexpr postgres::Query kInsertRun{"insert_run", R"sql(
  INSERT INTO settlement_runs (community_id, run_id, kind, calendar_version, as_of_at,
                               span_start_at, span_end_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (community_id, run_id) DO NOTHING
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

inline constexpr postgres::Query kListLateChanges{"list_late_changes", R"sql(
  SELECT listed_at, period_start_at, changed_cursor FROM late_changes
  WHERE community_id = $1 AND (listed_at, period_start_at, changed_cursor) > ($2, $3, $4)
  ORDER BY listed_at, period_start_at, changed_cursor LIMIT $5
)sql"};

/// All statements about runs, to be prepared on every connection.
inline std::vector<postgres::Query> RunQueries() {
  return {kSelectChangedPoints, kSelectPostedOf, kSelectNewestRuns, kChangePeriods,
          kDeleteAllSeenChanges, kSelectRunCalendar, kInsertRunCalendar, kSelectRunReach,
          kUpsertRunReach, kInsertRun, kInsertRunPeriods, kListLate, kListRuns,
          kListLateChanges};
}

}  // namespace peerwatt::settlement
