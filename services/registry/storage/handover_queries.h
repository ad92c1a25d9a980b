#pragma once

#include "libs/postgres/pool.h"

namespace peerwatt::registry {

/// A point with the newest of its holders. Points change hands one at a time.
inline constexpr postgres::Query kLockHolder{"lock_holder", R"sql(
SELECT m.participant_id, m.community_id, m.grid_connection_id, m.is_boundary, c.interval_s,
       h.starts_at,
       h.metering_point_id IS NOT NULL AND h.participant_id IS NULL AS left_community,
       (SELECT count(*) FROM metering_point_holders a WHERE a.metering_point_id = $1)::integer
         AS holder_count
FROM metering_points m
JOIN communities c ON c.community_id = m.community_id
LEFT JOIN LATERAL (
  SELECT a.metering_point_id, a.participant_id, a.starts_at FROM metering_point_holders a
  WHERE a.metering_point_id = $1
  ORDER BY a.starts_at DESC LIMIT 1
) h ON true
WHERE m.metering_point_id = $1
FOR NO KEY UPDATE OF m
)sql"};

/// $3: empty for nobody.
inline constexpr postgres::Query kInsertHolder{"insert_holder", R"sql(
INSERT INTO metering_point_holders (
  metering_point_id, starts_at, participant_id, community_id, grid_connection_id)
VALUES ($1, $2::timestamptz, nullif($3, ''), $4, $5)
)sql"};

inline constexpr postgres::Query kUpdateHolder{"update_holder", R"sql(
UPDATE metering_points SET participant_id = $2, community_id = $3, grid_connection_id = $4
WHERE metering_point_id = $1
)sql"};

/// Points that belong to the community now, or did once, with who held them at $2.
inline constexpr postgres::Query kSelectMembership{"select_membership", R"sql(
SELECT m.metering_point_id, m.created_at, m.is_boundary,
       CASE WHEN h.metering_point_id IS NULL THEN m.participant_id ELSE h.participant_id END
         AS participant_id,
       coalesce(h.grid_connection_id, m.grid_connection_id) AS grid_connection_id,
       nullif(h.starts_at, '-infinity') AS held_since
FROM metering_points m
LEFT JOIN LATERAL (
  SELECT a.metering_point_id, a.participant_id, a.community_id, a.grid_connection_id, a.starts_at
  FROM metering_point_holders a
  WHERE a.metering_point_id = m.metering_point_id AND a.starts_at <= $2::timestamptz
  ORDER BY a.starts_at DESC LIMIT 1
) h ON true
WHERE (m.community_id = $1 OR m.metering_point_id IN (
    SELECT o.metering_point_id FROM metering_point_holders o WHERE o.community_id = $1))
  AND coalesce(h.community_id, m.community_id) = $1
  AND (h.metering_point_id IS NULL OR h.participant_id IS NOT NULL)
ORDER BY m.metering_point_id
)sql"};

/// Who held points of the community in the 40 days before $2, and no longer does.
inline constexpr postgres::Query kSelectFormerHolders{"select_former_holders", R"sql(
SELECT h.metering_point_id, h.participant_id, h.grid_connection_id,
       greatest(h.starts_at, m.created_at) AS starts_at, h.ends_at
FROM (
  SELECT a.metering_point_id, a.participant_id, a.community_id, a.grid_connection_id, a.starts_at,
         lead(a.starts_at) OVER (PARTITION BY a.metering_point_id ORDER BY a.starts_at) AS ends_at
  FROM metering_point_holders a
  WHERE a.metering_point_id IN (
    SELECT o.metering_point_id FROM metering_point_holders o WHERE o.community_id = $1)
) h
JOIN metering_points m ON m.metering_point_id = h.metering_point_id
WHERE h.community_id = $1 AND h.participant_id IS NOT NULL AND h.ends_at <= $2::timestamptz
  AND h.ends_at > $2::timestamptz - interval '40 days'
ORDER BY h.metering_point_id, h.starts_at
)sql"};

inline constexpr postgres::Query kCountHandovers{"count_handovers", R"sql(
SELECT count(*) AS handover_count FROM metering_point_holders h
WHERE h.starts_at <= $2::timestamptz AND h.metering_point_id IN (
  SELECT o.metering_point_id FROM metering_point_holders o WHERE o.community_id = $1)
)sql"};

}  // namespace peerwatt::registry
