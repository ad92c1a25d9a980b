#pragma once

#include "libs/postgres/pool.h"

namespace peerwatt::registry {

// Columns of a version of a scheme, by name.
#define PW_SCHEME_COLUMNS                                                                   \
  "community_id, scheme_id, starts_at, mechanism, policy, "                                 \
  "imbalance_purchase_micros_per_kwh, imbalance_sale_micros_per_kwh, sharing_key, "         \
  "share_points, share_coefficients_ppm, share_ranks, internal_price_micros_per_kwh, "      \
  "pool_price_micros_per_kwh, operator_share_ppm, billing_unit_wh, "                        \
  "collection_quantum_micros, payout_quantum_micros, created_at "

inline constexpr postgres::Query kInsertScheme{"insert_scheme", R"sql(
INSERT INTO schemes (
  community_id, scheme_id, starts_at, mechanism, policy, imbalance_purchase_micros_per_kwh,
  imbalance_sale_micros_per_kwh, sharing_key, share_points, share_coefficients_ppm, share_ranks,
  internal_price_micros_per_kwh, pool_price_micros_per_kwh, operator_share_ppm, billing_unit_wh,
  collection_quantum_micros, payout_quantum_micros, created_at)
VALUES ($1, $2, $3::timestamptz, $4, $5, $6, $7, $8, $9::text[], $10::bigint[], $11::bigint[], $12,
        $13, $14, $15, $16, $17, $18::timestamptz)
ON CONFLICT DO NOTHING
)sql"};

inline constexpr postgres::Query kSelectScheme{"select_scheme", "SELECT " PW_SCHEME_COLUMNS
  R"sql(FROM schemes WHERE community_id = $1 AND scheme_id = $2)sql"};

inline constexpr postgres::Query kListSchemes{"list_schemes", "SELECT " PW_SCHEME_COLUMNS
  R"sql(FROM schemes
WHERE community_id = $1 AND starts_at < $2::timestamptz
ORDER BY starts_at DESC
LIMIT $3::int)sql"};

inline constexpr postgres::Query kListSchemesInForce{"list_schemes_in_force",
  "SELECT " PW_SCHEME_COLUMNS R"sql(FROM schemes
WHERE community_id = $1 AND starts_at < $3::timestamptz
  AND starts_at >= coalesce((SELECT max(starts_at) FROM schemes
                             WHERE community_id = $1 AND starts_at <= $2::timestamptz),
                            '-infinity'::timestamptz)
ORDER BY starts_at)sql"};

// A point that a scheme names and the community does not have.
inline constexpr postgres::Query kSelectStranger{"select_stranger", R"sql(
SELECT named.point
FROM unnest($2::text[]) AS named (point)
WHERE NOT EXISTS (SELECT FROM metering_points m
                  WHERE m.metering_point_id = named.point AND m.community_id = $1)
ORDER BY named.point
LIMIT 1
)sql"};

// A point that a scheme names and that is a boundary.
inline constexpr postgres::Query kSelectNamedBoundary{"select_named_boundary", R"sql(
SELECT metering_point_id AS point FROM metering_points
WHERE metering_point_id = ANY ($1::text[]) AND is_boundary
ORDER BY metering_point_id
LIMIT 1
)sql"};

#undef PW_SCHEME_COLUMNS

}  // namespace peerwatt::registry
