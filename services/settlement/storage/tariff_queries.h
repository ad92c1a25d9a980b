#pragma once

#include <vector>

#include "libs/postgres/pool.h"

namespace peerwatt::settlement {

// ---- Versions of tariffs that reach back ----

inline constexpr postgres::Query kSelectTariffCursor{"select_tariff_cursor", R"sql(
  SELECT version_count FROM tariff_cursors WHERE community_id = $1
)sql"};

/// A run that is being committed comes before or after the mark, never beside it.
inline constexpr postgres::Query kLockLedgerForMark{"lock_ledger_for_mark", R"sql(
  SELECT community_id FROM ledgers WHERE community_id = $1 FOR NO KEY UPDATE
)sql"};

inline constexpr postgres::Query kUpsertTariffCursor{"upsert_tariff_cursor", R"sql(
  INSERT INTO tariff_cursors (community_id, version_count) VALUES ($1, $2)
  ON CONFLICT (community_id)
  DO UPDATE SET version_count = greatest(tariff_cursors.version_count, excluded.version_count)
)sql"};

/// Marks settled periods whose newest run knew fewer versions. Returns them by start.
inline constexpr postgres::Query kMarkRepriced{"mark_repriced", R"sql(
  WITH marked AS (
    INSERT INTO repriced_periods (community_id, period_start_at, version_count)
    SELECT p.community_id, p.period_start_at, $4
    FROM settlement_periods AS p
    WHERE p.community_id = $1 AND p.tariff_version_count < $4
      AND EXISTS (SELECT 1 FROM unnest($2::timestamptz[], $3::timestamptz[]) AS s(start_at, end_at)
                  WHERE p.period_start_at >= s.start_at AND p.period_start_at < s.end_at)
    ON CONFLICT (community_id, period_start_at)
    DO UPDATE SET version_count = greatest(repriced_periods.version_count, excluded.version_count)
    RETURNING period_start_at
  )
  SELECT period_start_at FROM marked ORDER BY period_start_at
)sql"};

inline constexpr postgres::Query kDeleteRepriced{"delete_repriced", R"sql(
  DELETE FROM repriced_periods
  WHERE community_id = $1 AND period_start_at = ANY ($2::timestamptz[]) AND version_count <= $3
)sql"};

/// Periods in which a line has no price, over all communities.
inline constexpr postgres::Query kCountPriceMissing{"count_price_missing", R"sql(
  SELECT count(*) AS period_count FROM settlement_periods WHERE price_missing_count > 0
)sql"};

/// The statements about versions of tariffs.
inline std::vector<postgres::Query> TariffQueries() {
  return {kSelectTariffCursor, kLockLedgerForMark, kUpsertTariffCursor,
          kMarkRepriced,       kDeleteRepriced,    kCountPriceMissing};
}

}  // namespace peerwatt::settlement
