#pragma once

#include <vector>

#include "libs/postgres/pool.h"

namespace peerwatt::registry {

// Columns of a version of a tariff, by name.
#define PW_TARIFF_COLUMNS                                              \
  "community_id, tariff_id, starts_at, feed_in_price_micros_per_kwh, " \
  "retail_price_micros_per_kwh, version_no, created_at "

/// The caller has locked the community.
inline constexpr postgres::Query kInsertTariffVersion{"insert_tariff_version", R"sql(
INSERT INTO tariffs (community_id, tariff_id, starts_at, feed_in_price_micros_per_kwh,
                     retail_price_micros_per_kwh, version_no, created_at)
SELECT $1, $2, $3::timestamptz, $4::bigint, $5::bigint,
       (SELECT count(*) + 1 FROM tariffs WHERE community_id = $1), $6::timestamptz
ON CONFLICT DO NOTHING
)sql"};

inline constexpr postgres::Query kInsertTariffRule{"insert_tariff_rule", R"sql(
INSERT INTO tariff_rules (
  community_id, tariff_id, rule_no, kind, rule_id, basis, amount_micros, is_taxable,
  window_weekdays, window_start_minutes, window_end_minutes, window_season_starts,
  window_season_ends)
VALUES ($1, $2, $3::integer, $4, $5, $6::integer, $7::bigint, $8::boolean, $9::bigint[],
        $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[])
)sql"};

inline constexpr postgres::Query kSelectTariffVersion{
    "select_tariff_version",
    "SELECT " PW_TARIFF_COLUMNS R"sql(FROM tariffs WHERE community_id = $1 AND tariff_id = $2)sql"};

inline constexpr postgres::Query kListTariffVersions{"list_tariff_versions",
                                                     "SELECT " PW_TARIFF_COLUMNS R"sql(FROM tariffs
WHERE community_id = $1 AND starts_at < $2::timestamptz
ORDER BY starts_at DESC
LIMIT $3::int
)sql"};

inline constexpr postgres::Query kListTariffVersionsInForce{
    "list_tariff_versions_in_force", "SELECT " PW_TARIFF_COLUMNS R"sql(FROM tariffs
WHERE community_id = $1 AND starts_at < $3::timestamptz
  AND starts_at >= coalesce((SELECT max(starts_at) FROM tariffs
                             WHERE community_id = $1 AND starts_at <= $2::timestamptz),
                            '-infinity')
ORDER BY starts_at
)sql"};

inline constexpr postgres::Query kSelectTariffRules{"select_tariff_rules", R"sql(
SELECT tariff_id, kind, rule_id, basis, amount_micros, is_taxable, window_weekdays,
       window_start_minutes, window_end_minutes, window_season_starts, window_season_ends
FROM tariff_rules
WHERE community_id = $1 AND tariff_id = ANY ($2::text[])
ORDER BY tariff_id, rule_no
)sql"};

inline constexpr postgres::Query kCountTariffVersions{"count_tariff_versions", R"sql(
SELECT community_id, max(version_no) AS version_count FROM tariffs
GROUP BY community_id
ORDER BY community_id
)sql"};

inline constexpr postgres::Query kCountTariffVersionsOf{"count_tariff_versions_of", R"sql(
SELECT count(*) AS version_count FROM tariffs WHERE community_id = $1
)sql"};

/// The statements about versions of tariffs.
inline std::vector<postgres::Query> TariffQueries() {
  return {kInsertTariffVersion, kInsertTariffRule,          kSelectTariffVersion,
          kListTariffVersions,  kListTariffVersionsInForce, kSelectTariffRules,
          kCountTariffVersions, kCountTariffVersionsOf};
}

}  // namespace peerwatt::registry
