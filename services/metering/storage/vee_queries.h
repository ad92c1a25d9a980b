#pragma once

#include <vector>

#include "libs/postgres/pool.h"

namespace peerwatt::metering {

/// Opens findings, again if they were resolved. Columns: $1 points, $2 rules, $3 at_ingest,
/// $4 starts, $5 ends, $6 messages, $7 devices and $8 reasons, empty where there is none; no
/// (point, start, rule, at_ingest) twice. $9 created_at.
/// Returns the rule of each that was not open before.
inline constexpr postgres::Query kOpenFindings{"open_findings", R"sql(
WITH found AS MATERIALIZED (
  SELECT sent.*
  FROM unnest($1::text[], $2::integer[], $3::integer[], $4::timestamptz[], $5::timestamptz[],
              $6::text[], $7::text[], $8::text[])
       AS sent(metering_point_id, rule, at_ingest, start_at, end_at, message, device_id, reason)
), opened AS MATERIALIZED (
  SELECT found.rule
  FROM found
  WHERE NOT EXISTS (
    SELECT 1 FROM findings f
    WHERE f.metering_point_id = found.metering_point_id AND f.start_at = found.start_at
      AND f.rule = found.rule AND f.at_ingest = (found.at_ingest = 1) AND f.resolved_at IS NULL)
), stored AS (
  INSERT INTO findings AS f (metering_point_id, rule, at_ingest, start_at, end_at, message,
                             device_id, reason, created_at)
  SELECT metering_point_id, rule, at_ingest = 1, start_at, end_at, message, device_id, reason,
         $9::timestamptz
  FROM found
  ORDER BY metering_point_id, start_at, rule, at_ingest
  ON CONFLICT (metering_point_id, start_at, rule, at_ingest) DO UPDATE
  SET end_at = excluded.end_at, message = excluded.message, device_id = excluded.device_id,
      reason = excluded.reason, resolved_at = NULL
  WHERE f.end_at <> excluded.end_at OR f.message <> excluded.message
     OR f.device_id <> excluded.device_id OR f.reason <> excluded.reason
     OR f.resolved_at IS NOT NULL
)
SELECT rule FROM opened
)sql"};

/// Resolves open findings about stored readings that were not found again. Columns of what was
/// examined: $1 points, $2 starts, $3 ends, $4 whether rules about registers (1) or others (0).
/// Columns of what was found: $5 points, $6 rules, $7 starts. $8 rules about registers.
/// $9 resolved_at. Returns the rule of each. (NOT IN hashes what was found; an anti-join would
/// compare each open finding with all of it.)
inline constexpr postgres::Query kResolveFindings{"resolve_findings", R"sql(
UPDATE findings f SET resolved_at = $9::timestamptz
FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::integer[])
     AS examined(metering_point_id, start_at, end_at, registers)
WHERE f.metering_point_id = examined.metering_point_id
  AND f.start_at >= examined.start_at AND f.start_at < examined.end_at
  AND NOT f.at_ingest AND f.resolved_at IS NULL
  AND (f.rule = ANY ($8::integer[])) = (examined.registers = 1)
  AND (f.metering_point_id, f.rule, f.start_at) NOT IN (
    SELECT found.metering_point_id, found.rule, found.start_at
    FROM unnest($5::text[], $6::smallint[], $7::timestamptz[])
         AS found(metering_point_id, rule, start_at))
RETURNING f.rule
)sql"};

/// Resolves findings of refused batches over whose span readings were stored. Columns: $1 points,
/// $2 starts, $3 ends. $4 resolved_at. $5 the rule about stored batches, whose findings stay.
/// Returns the rule of each.
inline constexpr postgres::Query kResolveRefusals{"resolve_refusals", R"sql(
UPDATE findings f SET resolved_at = $4::timestamptz
FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[])
     AS stored(metering_point_id, start_at, end_at)
WHERE f.metering_point_id = stored.metering_point_id
  AND f.start_at >= stored.start_at AND f.end_at <= stored.end_at
  AND f.at_ingest AND f.resolved_at IS NULL AND f.rule <> $5::integer
RETURNING f.rule
)sql"};

/// Findings, newest span first. $1 point or NULL; spans that end after $2 and start before $3, or
/// NULL; $4 also resolved ones; after ($5 start, $6 point, $7 rule, $8 at_ingest), or NULLs;
/// $9 rows at most.
inline constexpr postgres::Query kListFindings{"list_findings", R"sql(
SELECT metering_point_id, rule, at_ingest, start_at, end_at, message, created_at, resolved_at,
       device_id, reason
FROM findings
WHERE ($1::text IS NULL OR metering_point_id = $1::text)
  AND ($2::timestamptz IS NULL OR end_at > $2::timestamptz)
  AND ($3::timestamptz IS NULL OR start_at < $3::timestamptz)
  AND ($4::boolean OR resolved_at IS NULL)
  AND ($5::timestamptz IS NULL
       OR (start_at, metering_point_id, rule, at_ingest)
          < ($5::timestamptz, $6::text COLLATE "C", $7::smallint, $8::boolean))
ORDER BY start_at DESC, metering_point_id DESC, rule DESC, at_ingest DESC
LIMIT $9::bigint
)sql"};

inline constexpr postgres::Query kSelectValidator{"select_validator", R"sql(
SELECT cursor, version FROM validator_position WHERE name = 'validator'
)sql"};

/// Moves the validator on, unless another one did. $1 cursor; $2 version it was at.
inline constexpr postgres::Query kMoveValidator{"move_validator", R"sql(
UPDATE validator_position SET cursor = $1::bigint, version = version + 1
WHERE name = 'validator' AND version = $2::bigint
)sql"};

/// What the validator knows of points. $1 ids.
inline constexpr postgres::Query kSelectValidated{"select_validated", R"sql(
SELECT p.metering_point_id, p.begins_at, p.latest_at, p.next_day_at, p.due_at
FROM unnest($1::text[]) AS asked(id)
JOIN validated_points p ON p.metering_point_id = asked.id
)sql"};

/// Points that are due. $1 now, $2 rows at most.
inline constexpr postgres::Query kSelectDue{"select_due", R"sql(
SELECT metering_point_id, begins_at, latest_at, next_day_at, due_at
FROM validated_points
WHERE due_at <= $1::timestamptz
ORDER BY due_at
LIMIT $2::integer
)sql"};

/// Keeps what the validator knows. Columns: $1 ids, $2 begins_at, $3 latest_at, $4 next_day_at,
/// $5 due_at.
inline constexpr postgres::Query kKeepValidated{"keep_validated", R"sql(
INSERT INTO validated_points (metering_point_id, begins_at, latest_at, next_day_at, due_at)
SELECT sent.* FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[],
                          $5::timestamptz[]) AS sent
ORDER BY 1
ON CONFLICT (metering_point_id) DO UPDATE
SET begins_at = excluded.begins_at, latest_at = excluded.latest_at,
    next_day_at = excluded.next_day_at, due_at = excluded.due_at
)sql"};

/// Wishes for examinations. $1 rows at most.
inline constexpr postgres::Query kSelectWanted{"select_wanted", R"sql(
SELECT wish_no, metering_point_id, start_at, end_at
FROM wanted_examinations
ORDER BY metering_point_id, wish_no
LIMIT $1::integer
)sql"};

/// Removes wishes that were fulfilled. $1 points, $2 numbers.
inline constexpr postgres::Query kRemoveWanted{"remove_wanted", R"sql(
DELETE FROM wanted_examinations w
USING unnest($1::text[], $2::bigint[]) AS done(metering_point_id, wish_no)
WHERE w.metering_point_id = done.metering_point_id AND w.wish_no = done.wish_no
)sql"};

/// Stores register values that are new or differ from the latest revision, and asks for the
/// examination of each point's span of them. Two writers of the same new value: the second fails
/// with a unique violation and is tried again. Columns: $1 points, $2 registers, $3 times,
/// $4 meters, $5 values, $6 rollovers. $7 created_at.
inline constexpr postgres::Query kKeepRegisters{"keep_registers", R"sql(
WITH decided AS MATERIALIZED (
  SELECT sent.*, coalesce(latest.revision, 0) + 1 AS revision
  FROM unnest($1::text[], $2::integer[], $3::timestamptz[], $4::text[], $5::bigint[],
              $6::bigint[])
       AS sent(metering_point_id, register, at, meter, energy_wh, rollover_wh)
  LEFT JOIN LATERAL (
    SELECT r.revision, r.energy_wh, r.rollover_wh
    FROM register_values r
    WHERE r.metering_point_id = sent.metering_point_id AND r.register = sent.register
      AND r.at = sent.at AND r.meter = sent.meter
    ORDER BY r.revision DESC
    LIMIT 1
  ) AS latest ON true
  WHERE latest.revision IS NULL OR latest.energy_wh <> sent.energy_wh
     OR latest.rollover_wh <> sent.rollover_wh
), stored AS (
  INSERT INTO register_values (metering_point_id, register, at, meter, revision, energy_wh,
                               rollover_wh, created_at)
  SELECT metering_point_id, register, at, meter, revision, energy_wh, rollover_wh, $7::timestamptz
  FROM decided
)
INSERT INTO wanted_examinations (metering_point_id, start_at, end_at)
SELECT metering_point_id, min(at), max(at) FROM decided GROUP BY metering_point_id
)sql"};

/// Highest revisions of register values of a point: $1 point; from $2 to $3, and of each register
/// the eight rows nearest before and after.
inline constexpr postgres::Query kSelectRegistersAround{"select_registers_around", R"sql(
SELECT DISTINCT ON (r.register, r.at, r.meter)
       r.meter, r.register, r.at, r.energy_wh, r.rollover_wh, r.revision, r.created_at
FROM (
  SELECT i.* FROM register_values i
  WHERE i.metering_point_id = $1::text AND i.at BETWEEN $2::timestamptz AND $3::timestamptz
    AND i.register IN (1, 2)
  UNION ALL
  SELECT near.*
  FROM (VALUES (1), (2)) AS kind(register)
  CROSS JOIN LATERAL (
    (SELECT b.* FROM register_values b
     WHERE b.metering_point_id = $1::text AND b.register = kind.register
       AND b.at < $2::timestamptz
     ORDER BY b.at DESC, b.meter DESC, b.revision DESC
     LIMIT 8)
    UNION ALL
    (SELECT a.* FROM register_values a
     WHERE a.metering_point_id = $1::text AND a.register = kind.register
       AND a.at > $3::timestamptz
     ORDER BY a.at, a.meter, a.revision
     LIMIT 8)
  ) AS near
) AS r
ORDER BY r.register, r.at, r.meter, r.revision DESC
)sql"};

/// Those of the points that have register values. $1 points.
inline constexpr postgres::Query kSelectPointsWithRegisters{"select_points_with_registers", R"sql(
SELECT asked.id FROM unnest($1::text[]) AS asked(id)
WHERE EXISTS (SELECT 1 FROM register_values r WHERE r.metering_point_id = asked.id)
)sql"};

/// Highest revisions of a point's register values by time, register and meter. $1 point; from $2
/// on, before $3, or NULL; after ($4 time, $5 register, $6 meter), or NULLs; $7 rows at most.
inline constexpr postgres::Query kListRegisters{"list_registers", R"sql(
SELECT DISTINCT ON (at, register, meter)
       meter, register, at, energy_wh, rollover_wh, revision, created_at
FROM register_values
WHERE metering_point_id = $1::text
  AND ($2::timestamptz IS NULL OR at >= $2::timestamptz)
  AND ($3::timestamptz IS NULL OR at < $3::timestamptz)
  AND ($4::timestamptz IS NULL
       OR (at, register, meter) > ($4::timestamptz, $5::smallint, $6::text COLLATE "C"))
ORDER BY at, register, meter, revision DESC
LIMIT $7::bigint
)sql"};

/// The statements of validation, to be prepared on each connection.
inline std::vector<postgres::Query> VeeQueries() {
  return {kOpenFindings,    kResolveFindings, kResolveRefusals,       kListFindings,
          kSelectValidator, kMoveValidator,   kSelectValidated,       kSelectDue,
          kKeepValidated,   kSelectWanted,    kRemoveWanted,          kKeepRegisters,
          kSelectRegistersAround, kSelectPointsWithRegisters, kListRegisters};
}

}  // namespace peerwatt::metering
