#pragma once

#include <vector>

#include "libs/postgres/pool.h"

namespace peerwatt::metering {

/// Makes rows for metering points that have none. $1 ids, sorted.
inline constexpr postgres::Query kInsertPoints{"insert_points", R"sql(
INSERT INTO metering_points (metering_point_id)
SELECT id FROM unnest($1::text[]) AS asked(id) ORDER BY id
ON CONFLICT (metering_point_id) DO NOTHING
)sql"};

/// Finds the numbers of metering points. $1 ids.
inline constexpr postgres::Query kSelectPoints{"select_points", R"sql(
SELECT p.metering_point_id, p.point_no
FROM unnest($1::text[]) AS asked(id)
JOIN metering_points p ON p.metering_point_id = asked.id
)sql"};

/// Locks metering points against other writers, in the order of their numbers. $1 numbers, each
/// once. A join and not `= ANY`, which searches a long parameter row by row in a generic plan.
inline constexpr postgres::Query kLockPoints{"lock_points", R"sql(
WITH locked AS (
  SELECT p.point_no
  FROM unnest($1::bigint[]) AS asked(point_no)
  JOIN metering_points p ON p.point_no = asked.point_no
  ORDER BY p.point_no
  FOR NO KEY UPDATE OF p
)
SELECT count(*) FROM locked
)sql"};

/// Stores readings whose points are locked: what is new or differs from the latest revision.
/// Columns with one value per reading, no (point, interval) twice: $1 series number, $2 point
/// number, $3 interval start in seconds since 1970, $4 import, $5 export, $6 quality.
/// $7 created_at. Returns series number, number of stored readings, first and last interval start
/// in seconds since 1970, for each series of which something was stored, in order.
inline constexpr postgres::Query kStoreReadings{"store_readings", R"sql(
WITH decided AS MATERIALIZED (
  SELECT sent.series_no, sent.point_no, sent.start_s, sent.import_wh, sent.export_wh, sent.quality,
         coalesce(latest.revision, 0) + 1 AS revision
  FROM unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::smallint[])
       AS sent(series_no, point_no, start_s, import_wh, export_wh, quality)
  LEFT JOIN LATERAL (
    SELECT r.revision, r.import_wh, r.export_wh, r.quality
    FROM readings r
    WHERE r.interval_start_at = to_timestamp(sent.start_s) AND r.point_no = sent.point_no
    ORDER BY r.revision DESC
    LIMIT 1
  ) AS latest ON true
  WHERE latest.revision IS NULL OR latest.import_wh <> sent.import_wh
     OR latest.export_wh <> sent.export_wh OR latest.quality <> sent.quality
), stored AS (
  INSERT INTO readings (interval_start_at, point_no, import_wh, export_wh, created_at, revision,
                        quality)
  SELECT to_timestamp(start_s), point_no, import_wh, export_wh, $7::timestamptz, revision, quality
  FROM decided
)
SELECT series_no, count(*), min(start_s), max(start_s) FROM decided GROUP BY series_no
ORDER BY series_no
)sql"};

/// Notes the changes of a transaction and moves device positions on. Columns with one value per
/// change, in order: $1 metering point, $2 community, $3 start, $4 end in seconds since 1970.
/// $5 devices, each once and sorted; $6 their sequences.
inline constexpr postgres::Query kNoteChanges{"note_changes", R"sql(
WITH advanced AS (
  INSERT INTO device_positions AS p (device_id, acknowledged_sequence)
  SELECT sent.device_id, sent.sequence
  FROM unnest($5::text[], $6::bigint[]) AS sent(device_id, sequence)
  ORDER BY sent.device_id
  ON CONFLICT (device_id) DO UPDATE SET acknowledged_sequence = excluded.acknowledged_sequence
  WHERE p.acknowledged_sequence < excluded.acknowledged_sequence
)
INSERT INTO changes (position, metering_point_id, community_id, start_at, end_at)
SELECT (pg_current_xact_id()::text::bigint << 20) + c.ordinal, c.metering_point_id, c.community_id,
       to_timestamp(c.start_s), to_timestamp(c.end_s)
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) WITH ORDINALITY
     AS c(metering_point_id, community_id, start_s, end_s, ordinal)
)sql"};

inline constexpr postgres::Query kSelectDevice{"select_device", R"sql(
SELECT acknowledged_sequence FROM device_positions WHERE device_id = $1
)sql"};

/// The oldest position that is not final yet.
inline constexpr postgres::Query kSelectHorizon{"select_horizon", R"sql(
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint << 20
)sql"};

/// Highest revisions of many points. $1 point numbers; $2 first interval start, $3 last interval
/// start, $4 interval length, in seconds. One probe of the key for each point and interval.
inline constexpr postgres::Query kSelectColumns{"select_columns", R"sql(
SELECT p.ordinal - 1, (g.start_s - $2::bigint) / $4::bigint, r.import_wh, r.export_wh, r.quality,
       r.revision
FROM generate_series($2::bigint, $3::bigint, $4::bigint) AS g(start_s)
CROSS JOIN unnest($1::bigint[]) WITH ORDINALITY AS p(point_no, ordinal)
CROSS JOIN LATERAL (
  SELECT r.import_wh, r.export_wh, r.quality, r.revision
  FROM readings r
  WHERE r.interval_start_at = to_timestamp(g.start_s) AND r.point_no = p.point_no
  ORDER BY r.revision DESC
  LIMIT 1
) AS r
)sql"};

/// First and last interval start of all readings, in seconds since 1970; NULL without readings.
inline constexpr postgres::Query kSelectBounds{"select_bounds", R"sql(
SELECT extract(epoch FROM (SELECT min(interval_start_at) FROM readings))::bigint,
       extract(epoch FROM (SELECT max(interval_start_at) FROM readings))::bigint
)sql"};

/// Revisions of one point's readings in a window of the grid, in order. $1 point number;
/// $2 first, $3 last interval start, $4 interval length, in seconds; $5 as of, or NULL;
/// $6 revisions per reading at most, highest first; after ($7 start in seconds, $8 revision);
/// $9 rows at most.
inline constexpr postgres::Query kListReadings{"list_readings", R"sql(
SELECT g.start_s, r.import_wh, r.export_wh, r.quality, r.revision,
       (extract(epoch FROM r.created_at) * 1000000)::bigint
FROM generate_series($2::bigint, $3::bigint, $4::bigint) AS g(start_s)
CROSS JOIN LATERAL (
  SELECT r.import_wh, r.export_wh, r.quality, r.revision, r.created_at
  FROM readings r
  WHERE r.interval_start_at = to_timestamp(g.start_s) AND r.point_no = $1::bigint
    AND ($5::timestamptz IS NULL OR r.created_at <= $5::timestamptz)
  ORDER BY r.revision DESC
  LIMIT $6::integer
) AS r
WHERE (g.start_s, r.revision) > ($7::bigint, $8::integer)
ORDER BY g.start_s, r.revision
LIMIT $9::bigint
)sql"};

/// Final changes after a position. $1 position, $2 rows at most.
inline constexpr postgres::Query kSelectChanges{"select_changes", R"sql(
SELECT position, metering_point_id, community_id, extract(epoch FROM start_at)::bigint,
       extract(epoch FROM end_at)::bigint
FROM changes
WHERE position > $1::bigint
  AND position < pg_snapshot_xmin(pg_current_snapshot())::text::bigint << 20
ORDER BY position
LIMIT $2::integer
)sql"};

/// All statements, to be prepared on each connection.
inline std::vector<postgres::Query> Queries() {
  return {kInsertPoints, kSelectPoints,  kLockPoints,    kStoreReadings, kNoteChanges,
          kSelectDevice, kSelectHorizon, kSelectColumns, kSelectBounds,  kListReadings,
          kSelectChanges};
}

}  // namespace peerwatt::metering
