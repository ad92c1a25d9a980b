#pragma once

#include "libs/postgres/pool.h"

namespace peerwatt::registry {

// Columns of a version of a network, by name.
#define PW_NETWORK_COLUMNS                                                                   \
  "community_id, network_id, starts_at, zones, line_from_zones, line_to_zones, "             \
  "line_fees_micros_per_kwh, line_capacities_w, line_reverse_capacities_w, tie_rule, "       \
  "self_trade_mode, created_at "

// Zones in use and zones of networks change one after the other.
inline constexpr postgres::Query kLockCommunity{"lock_community", R"sql(
SELECT community_id FROM communities WHERE community_id = $1 FOR NO KEY UPDATE
)sql"};

inline constexpr postgres::Query kInsertNetwork{"insert_network", R"sql(
INSERT INTO networks (
  community_id, network_id, starts_at, zones, line_from_zones, line_to_zones,
  line_fees_micros_per_kwh, line_capacities_w, line_reverse_capacities_w, tie_rule,
  self_trade_mode, created_at)
VALUES ($1, $2, $3::timestamptz, $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[],
        $9::bigint[], $10, $11, $12::timestamptz)
ON CONFLICT DO NOTHING
)sql"};

inline constexpr postgres::Query kSelectNetwork{"select_network", "SELECT " PW_NETWORK_COLUMNS
  R"sql(FROM networks WHERE community_id = $1 AND network_id = $2)sql"};

inline constexpr postgres::Query kListNetworks{"list_networks", "SELECT " PW_NETWORK_COLUMNS
  R"sql(FROM networks
WHERE community_id = $1 AND starts_at < $2::timestamptz
ORDER BY starts_at DESC
LIMIT $3::int)sql"};

inline constexpr postgres::Query kListNetworksInForce{"list_networks_in_force",
  "SELECT " PW_NETWORK_COLUMNS R"sql(FROM networks
WHERE community_id = $1 AND starts_at < $3::timestamptz
  AND starts_at >= coalesce((SELECT max(starts_at) FROM networks
                             WHERE community_id = $1 AND starts_at <= $2::timestamptz),
                            '-infinity'::timestamptz)
ORDER BY starts_at)sql"};

inline constexpr postgres::Query kSelectZoneInUse{"select_zone_in_use", R"sql(
SELECT zone FROM metering_points
WHERE community_id = $1 AND zone <> '' AND NOT zone = ANY ($2::text[])
ORDER BY zone
LIMIT 1
)sql"};

inline constexpr postgres::Query kSelectZoneKnown{"select_zone_known", R"sql(
SELECT EXISTS (
  SELECT FROM networks
  WHERE community_id = $1 AND $2 = ANY (zones)
    AND starts_at >= coalesce((SELECT max(starts_at) FROM networks
                               WHERE community_id = $1 AND starts_at <= $3::timestamptz),
                              '-infinity'::timestamptz)) AS known
)sql"};

inline constexpr postgres::Query kUpdateZone{"update_zone", R"sql(
UPDATE metering_points SET zone = $2 WHERE metering_point_id = $1
)sql"};

#undef PW_NETWORK_COLUMNS

}  // namespace peerwatt::registry
