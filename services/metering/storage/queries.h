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

/// Finds metering points by their numbers. $1 numbers.
inline constexpr postgres::Query kSelectPointNames{"select_point_names", R"sql(
SELECT p.metering_point_id, p.point_no
FROM unnest($1::bigint[]) AS asked(point_no)
JOIN metering_points p ON p.point_no = asked.point_no
)sql"};

/// Locks shards against other writers, in the order of their numbers. $1 shard numbers.
inline constexpr postgres::Query kLockShards{"lock_shards", R"sql(
SELECT shard_no, last_block_no FROM shards WHERE shard_no = ANY($1::smallint[])
ORDER BY shard_no
FOR NO KEY UPDATE
)sql"};

/// How far shards have come. $1 shard numbers.
inline constexpr postgres::Query kSelectShards{"select_shards", R"sql(
SELECT shard_no, last_block_no FROM shards WHERE shard_no = ANY($1::smallint[])
)sql"};

/// What a reader that has seen a shard's blocks up to $2 lacks, in one snapshot: the last block,
/// how far the shard is compacted, and the blocks after the later of both. $1 shard number.
inline constexpr postgres::Query kSelectBlocks{"select_blocks", R"sql(
SELECT s.last_block_no, c.compacted_block_no, b.block_no,
       (extract(epoch FROM b.created_at) * 1000000)::bigint, b.payload, b.positions
FROM shards s
JOIN compactions c ON c.shard_no = s.shard_no
LEFT JOIN blocks b ON b.shard_no = s.shard_no
                  AND b.block_no > greatest($2::bigint, c.compacted_block_no)
WHERE s.shard_no = $1::smallint
ORDER BY b.block_no
)sql"};

/// Stores what a transaction wrote. One value per block: $1 shard number, $2 block number,
/// $3 length of its payload, $4 length of its positions. $5 payload and positions of each, one
/// after the other. $6 created_at. Then one value per row of changes: $7 number in the transaction
/// of its last span, $8 number of spans, $9 shard number, $10 length. $11 the spans, one after the
/// other.
inline constexpr postgres::Query kStoreBlocks{"store_blocks", R"sql(
WITH sent AS (
  SELECT shard_no, block_no, p, d,
         (sum(p + d) OVER (ORDER BY ordinal) - (p + d))::integer AS before
  FROM unnest($1::smallint[], $2::bigint[], $3::integer[], $4::integer[]) WITH ORDINALITY
       AS b(shard_no, block_no, p, d, ordinal)
), stored AS (
  INSERT INTO blocks (shard_no, block_no, created_at, payload, positions)
  SELECT shard_no, block_no, $6::timestamptz, substring($5::bytea FROM before + 1 FOR p),
         substring($5::bytea FROM before + p + 1 FOR d)
  FROM sent
), advanced AS (
  UPDATE shards s SET last_block_no = sent.block_no FROM sent WHERE s.shard_no = sent.shard_no
)
INSERT INTO changes (position, span_count, shard_no, spans)
SELECT (pg_current_xact_id()::text::bigint << 20) + number, span_count, shard_no,
       substring($11::bytea FROM (sum(length) OVER (ORDER BY ordinal) - length + 1)::integer
                 FOR length)
FROM unnest($7::integer[], $8::integer[], $9::smallint[], $10::integer[]) WITH ORDINALITY
     AS c(number, span_count, shard_no, length, ordinal)
)sql"};

/// Days as they are stored. One value per day asked: $1 shard number, $2 day, $3 point number,
/// $4 interval length in seconds. Returns the index asked.
inline constexpr postgres::Query kSelectDays{"select_days", R"sql(
SELECT a.ordinal - 1, d.last_block_no, d.import_wh, d.export_wh, d.detail
FROM unnest($1::smallint[], $2::integer[], $3::bigint[], $4::integer[]) WITH ORDINALITY
     AS a(shard_no, day, point_no, resolution_s, ordinal)
JOIN days d ON d.shard_no = a.shard_no AND d.day = a.day AND d.point_no = a.point_no
           AND d.resolution_s = a.resolution_s
)sql"};

/// Some intervals of the days of neighbouring points. One value per range asked: $1 shard number,
/// $2 day, $3 first and $4 last point number, $6 first interval, $7 number of intervals; $5 is the
/// interval length in seconds. Returns the index asked and, one after the other, for each day: the
/// point number with the widths of its columns in the lowest six bits, as eight bytes; so many
/// energies of import, then of export (width 0: none); the detail of the whole day, which says
/// where it ends. Each function call here costs as much as finding the row.
inline constexpr postgres::Query kSelectSlices{"select_slices", R"sql(
SELECT a.ordinal - 1, s.slices
FROM unnest($1::smallint[], $2::integer[], $3::bigint[], $4::bigint[], $6::integer[],
            $7::integer[]) WITH ORDINALITY
     AS a(shard_no, day, first_point_no, last_point_no, slot, slots, ordinal)
CROSS JOIN LATERAL (
  SELECT string_agg(
           int8send((d.point_no << 6) | (get_byte(d.import_wh, 0) << 3) |
                    coalesce(get_byte(d.export_wh, 0), 0)) ||
           substring(d.import_wh FROM 2 + a.slot * get_byte(d.import_wh, 0)
                     FOR a.slots * get_byte(d.import_wh, 0)) ||
           coalesce(substring(d.export_wh FROM 2 + a.slot * get_byte(d.export_wh, 0)
                              FOR a.slots * get_byte(d.export_wh, 0)), '') ||
           d.detail, '') AS slices
  FROM days d
  WHERE d.shard_no = a.shard_no AND d.day = a.day
    AND d.point_no BETWEEN a.first_point_no AND a.last_point_no
    AND d.resolution_s = $5::integer
) s
WHERE s.slices IS NOT NULL
)sql"};

/// Days of one point with any interval length, in order. $1 shard number, $2 point number,
/// $3 first and $4 last day.
inline constexpr postgres::Query kSelectPointDays{"select_point_days", R"sql(
SELECT d.day, d.resolution_s, d.last_block_no, d.import_wh, d.export_wh, d.detail
FROM generate_series($3::integer, $4::integer) AS asked(day)
JOIN days d ON d.shard_no = $1::smallint AND d.day = asked.day AND d.point_no = $2::bigint
)sql"};

/// First and last day of a shard; NULL without days. $1 shard number.
inline constexpr postgres::Query kSelectDayBounds{"select_day_bounds", R"sql(
SELECT (SELECT min(day) FROM days WHERE shard_no = $1::smallint),
       (SELECT max(day) FROM days WHERE shard_no = $1::smallint)
)sql"};

/// Makes one process compact a shard at a time; no row when another does. $1 shard number.
inline constexpr postgres::Query kLockCompaction{"lock_compaction", R"sql(
SELECT compacted_block_no FROM compactions WHERE shard_no = $1::smallint
FOR UPDATE SKIP LOCKED
)sql"};

/// Writes days of one shard ($1) that are further than those stored. One value per day, in order
/// of day and point: $2 day, $3 point number, $4 interval length in seconds, $5 last block; then
/// the lengths of $6 import, $7 export (0: none) and $8 detail, and $9 all these bytes, day by day.
inline constexpr postgres::Query kStoreDays{"store_days", R"sql(
WITH sent AS (
  SELECT day, point_no, resolution_s, last_block_no, i, e, d,
         (sum(i + e + d) OVER (ORDER BY ordinal) - (i + e + d))::integer AS before
  FROM unnest($2::integer[], $3::bigint[], $4::integer[], $5::bigint[], $6::integer[],
              $7::integer[], $8::integer[]) WITH ORDINALITY
       AS s(day, point_no, resolution_s, last_block_no, i, e, d, ordinal)
)
INSERT INTO days AS stored (shard_no, day, point_no, resolution_s, last_block_no, import_wh,
                            export_wh, detail)
SELECT $1::smallint, day, point_no, resolution_s, last_block_no,
       substring($9::bytea FROM before + 1 FOR i),
       CASE WHEN e > 0 THEN substring($9::bytea FROM before + i + 1 FOR e) END,
       substring($9::bytea FROM before + i + e + 1 FOR d)
FROM sent
ON CONFLICT (shard_no, day, point_no, resolution_s) DO UPDATE
SET last_block_no = excluded.last_block_no, import_wh = excluded.import_wh,
    export_wh = excluded.export_wh, detail = excluded.detail
WHERE stored.last_block_no < excluded.last_block_no
)sql"};

/// Writes how far devices of a shard ($1) have come, unless they are further. $2 devices, each once
/// and sorted; $3 their sequences.
inline constexpr postgres::Query kStorePositions{"store_positions", R"sql(
INSERT INTO device_positions AS p (shard_no, device_id, acknowledged_sequence)
SELECT $1::smallint, d.device_id, d.sequence
FROM unnest($2::text[], $3::bigint[]) AS d(device_id, sequence)
ORDER BY d.device_id
ON CONFLICT (shard_no, device_id) DO UPDATE
SET acknowledged_sequence = excluded.acknowledged_sequence
WHERE p.acknowledged_sequence < excluded.acknowledged_sequence
)sql"};

/// Ends a compaction: the blocks up to $2 of shard $1 stand in its days.
inline constexpr postgres::Query kEndCompaction{"end_compaction", R"sql(
WITH gone AS (
  DELETE FROM blocks WHERE shard_no = $1::smallint AND block_no <= $2::bigint
)
UPDATE compactions SET compacted_block_no = $2::bigint WHERE shard_no = $1::smallint
)sql"};

/// How far a shard has come, and a device of it as far as compacted; NULL where it is not stored.
/// $1 shard number, $2 device.
inline constexpr postgres::Query kSelectDevice{"select_device", R"sql(
SELECT s.last_block_no, p.acknowledged_sequence
FROM shards s
LEFT JOIN device_positions p ON p.shard_no = s.shard_no AND p.device_id = $2
WHERE s.shard_no = $1::smallint
)sql"};

/// The oldest position that is not final yet.
inline constexpr postgres::Query kSelectHorizon{"select_horizon", R"sql(
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint << 20
)sql"};

/// Final changes after a position: rows that together have at least so many spans behind it, if
/// there are. $1 position, which may be that of a span within a row, $2 spans.
inline constexpr postgres::Query kSelectChanges{"select_changes", R"sql(
SELECT position, span_count, spans
FROM (
  SELECT position, span_count, spans,
         sum(least(span_count, position - $1::bigint))
           OVER (ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
  FROM changes
  WHERE position > $1::bigint
    AND position < pg_snapshot_xmin(pg_current_snapshot())::text::bigint << 20
  ORDER BY position
  LIMIT $2::integer
) AS next
WHERE coalesce(before, 0) < $2::integer
ORDER BY position
)sql"};

/// All statements, to be prepared on each connection.
inline std::vector<postgres::Query> Queries() {
  return {kInsertPoints,    kSelectPoints,    kSelectPointNames, kLockShards,
          kSelectShards,    kSelectBlocks,    kStoreBlocks,      kSelectDays,
          kSelectSlices,    kSelectPointDays, kSelectDayBounds, kLockCompaction,   kStoreDays,
          kStorePositions,  kEndCompaction,   kSelectDevice,    kSelectHorizon,    kSelectChanges};
}

}  // namespace peerwatt::metering
