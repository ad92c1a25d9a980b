#pragma once

#include "libs/postgres/pool.h"

namespace peerwatt::settlement {

/// Keeps holds of which all stand, $2 to $5 as kInsertHolds has them and $6, $7 their sums by
/// account. Returns how many holds and how many accounts changed: fewer than asked for when one
/// does not stand. One that is kept already is a unique violation.
inline constexpr postgres::Query kHoldAll{"hold_all", R"sql(
  WITH created AS (
    INSERT INTO holds (community_id, order_name, period_start_at, participant_id, initial_micros,
                       amount_micros, state)
    SELECT $1, h.order_name, h.period_start_at, h.participant_id, h.amount_micros,
           h.amount_micros, 'OPEN'
    FROM unnest($2::timestamptz[], $3::text[], $4::text[], $5::bigint[])
      AS h(period_start_at, order_name, participant_id, amount_micros)
    WHERE NOT EXISTS (
      SELECT FROM settlement_periods
      WHERE community_id = $1 AND period_start_at = ANY ($2::timestamptz[])
    )
    RETURNING 1
  ), charged AS (
    UPDATE accounts AS t
    SET held_micros = t.held_micros + c.held_micros
    FROM unnest($6::text[], $7::bigint[]) AS c(account_id, held_micros)
    WHERE t.community_id = $1 AND t.account_id = c.account_id
      AND t.balance_micros - t.held_micros >= c.held_micros
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM created) AS hold_count,
         (SELECT count(*) FROM charged) AS account_count
)sql"};

}  // namespace peerwatt::settlement
