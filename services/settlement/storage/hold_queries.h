#pragma once

#include "libs/postgres/pool.h"

namespace peerwatt::settlement {

/// Keeps holds ($6 to $9; $6: the number of each one's period in $3) and what their accounts have
/// pending then ($4, $5), if the ledger has version $2 and no period of $3 is settled; else
/// nothing. One that is kept already is a unique violation.
///
/// The row of the ledger is the one that the statement saw when it began: whoever changed it while
/// this waited for its lock may have changed what else the statement saw.
inline constexpr postgres::Query kHoldAll{"hold_all", R"sql(
  WITH unchanged AS (
    UPDATE ledgers SET version = version + 1
    WHERE community_id = $1 AND version = $2
      AND ctid = (SELECT ctid FROM ledgers WHERE community_id = $1)
      AND NOT EXISTS (SELECT FROM settlement_periods
                      WHERE community_id = $1 AND period_start_at = ANY ($3::timestamptz[]))
    RETURNING community_id
  ), charged AS (
    UPDATE accounts AS t SET debits_pending_micros = c.debits_micros
    FROM unchanged CROSS JOIN unnest($4::integer[], $5::bigint[]) AS c(account_no, debits_micros)
    WHERE t.community_id = $1 AND t.account_no = c.account_no
  )
  INSERT INTO holds (community_id, order_name, period_start_at, debit_account_no, initial_micros,
                     amount_micros, state)
  SELECT unchanged.community_id, h.order_name, ($3::timestamptz[])[h.period], h.debit_account_no,
         h.amount_micros, h.amount_micros, 'OPEN'
  FROM unchanged CROSS JOIN unnest($6::integer[], $7::text[], $8::integer[], $9::bigint[])
    AS h(period, order_name, debit_account_no, amount_micros)
)sql"};

}  // namespace peerwatt::settlement
