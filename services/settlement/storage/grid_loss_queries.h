#pragma once

#include <vector>

#include "libs/postgres/pool.h"

namespace peerwatt::settlement {

// The loss of a period as its readers get it, beside the columns of `settlement_periods AS p`.
#define PW_GRID_LOSS_COLUMNS                                                     \
  "g.boundary_count, g.missing_count AS boundary_missing_count, g.import_wh AS " \
  "boundary_import_wh, g.export_wh AS boundary_export_wh, g.loss_wh, "           \
  "g.price_micros_per_kwh AS loss_price_micros_per_kwh, g.amount_micros AS loss_micros "
#define PW_JOIN_GRID_LOSSES                                               \
  "LEFT JOIN period_grid_losses AS g ON g.community_id = p.community_id " \
  "AND g.period_start_at = p.period_start_at "

inline constexpr postgres::Query kUpsertGridLoss{"upsert_grid_loss", R"sql(
  INSERT INTO period_grid_losses (community_id, period_start_at, boundary_count, missing_count,
                                  import_wh, export_wh, loss_wh, price_micros_per_kwh,
                                  amount_micros)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
  ON CONFLICT (community_id, period_start_at) DO UPDATE
  SET boundary_count = excluded.boundary_count, missing_count = excluded.missing_count,
      import_wh = excluded.import_wh, export_wh = excluded.export_wh, loss_wh = excluded.loss_wh,
      price_micros_per_kwh = excluded.price_micros_per_kwh, amount_micros = excluded.amount_micros
)sql"};

/// grid_loss, periods $2: what crossed the boundary is accounted for, its worth is the loss at its
/// price, rounded half to even once; over all runs the entries of the period's loss post that from
/// account `grid-loss` to the main grid, and nothing else.
inline constexpr postgres::Query kCheckGridLosses{"check_grid_losses", R"sql(
  WITH periods AS MATERIALIZED (
    SELECT p.period_start_at, p.drawn_wh, p.fed_in_wh,
           to_char(p.period_start_at AT TIME ZONE 'UTC', 'YYYYMMDD"t"HH24MISS"z"') AS segment
    FROM settlement_periods AS p
    WHERE p.community_id = $1 AND p.period_start_at = ANY ($2::timestamptz[])
  ), losses AS (
    SELECT p.segment, p.drawn_wh, p.fed_in_wh, g.import_wh, g.export_wh, g.loss_wh,
           g.price_micros_per_kwh AS price, g.amount_micros
    FROM periods AS p
    JOIN period_grid_losses AS g
      ON g.community_id = $1 AND g.period_start_at = p.period_start_at
  ), posted AS (
    SELECT p.segment, coalesce(sum(u.amount_micros) FILTER (WHERE a.account_id = 'main-grid'), 0)
             AS amount_micros,
           count(*) FILTER (WHERE a.account_id IS NULL
                              OR a.account_id NOT IN ('main-grid', 'grid-loss')) AS strange_count
    FROM periods AS p
    JOIN journal_entries AS j
      ON j.community_id = $1 AND j.idempotency_key >= 'grid-loss:' || p.segment || ':'
        AND j.idempotency_key < 'grid-loss:' || p.segment || ';'
    CROSS JOIN LATERAL unnest(j.account_nos, j.amounts_micros) AS u(account_no, amount_micros)
    LEFT JOIN accounts AS a ON a.community_id = $1 AND a.account_no = u.account_no
    GROUP BY p.segment
  )
  SELECT l.segment AS position, 'settlementPeriods/' || l.segment AS subject,
         'loses ' || l.loss_wh || ' Wh of ' || l.import_wh || ' imported, ' || l.export_wh
           || ' exported, ' || l.fed_in_wh || ' fed in and ' || l.drawn_wh || ' drawn' AS detail
  FROM losses AS l
  WHERE l.loss_wh <> l.import_wh + l.fed_in_wh - l.drawn_wh - l.export_wh
  UNION ALL
  SELECT l.segment, 'settlementPeriods/' || l.segment,
         'loses ' || l.amount_micros || ' for ' || l.loss_wh || ' Wh at ' || l.price
  FROM losses AS l
  CROSS JOIN LATERAL (SELECT mod(mod(l.loss_wh::numeric * l.price, 1000) + 1000, 1000) AS part) AS r
  CROSS JOIN LATERAL (SELECT div(l.loss_wh::numeric * l.price - r.part, 1000) AS whole) AS q
  WHERE l.amount_micros <> q.whole
    + CASE WHEN r.part > 500 OR (r.part = 500 AND mod(q.whole, 2) <> 0) THEN 1 ELSE 0 END
  UNION ALL
  SELECT segment, 'settlementPeriods/' || segment,
         'posts ' || coalesce(p.amount_micros, 0) || ' of loss, it is worth '
           || coalesce(l.amount_micros, 0)
  FROM losses AS l FULL JOIN posted AS p USING (segment)
  WHERE coalesce(p.amount_micros, 0) <> coalesce(l.amount_micros, 0) OR p.strange_count > 0
  ORDER BY 1, 2 LIMIT 100
)sql"};

/// All statements about losses.
inline std::vector<postgres::Query> GridLossQueries() {
  return {kUpsertGridLoss, kCheckGridLosses};
}

}  // namespace peerwatt::settlement
