#pragma once

#include "libs/postgres/pool.h"

namespace peerwatt::settlement {

/// Appends entries of two postings after entry $4 if the ledger has version $2, no hold's time is
/// over at $3, and none of their keys stands in `transfer_keys`, which is asked if $5; else
/// nothing. A key that the journal has is a unique violation.
/// $6, $7: keys and hashes; $8: two accounts of each; $9: what the second one gets; $10: four
/// closing sums of each; $11: the number of the last.
///
/// The row of the ledger is the one that the statement saw when it began: whoever changed it while
/// this waited for its lock may have changed what else the statement saw.
inline constexpr postgres::Query kPostPlain{"post_plain", R"sql(
  WITH unchanged AS (
    UPDATE ledgers
    SET entry_count = $11::bigint, clock_at = $3::timestamptz, version = version + 1
    WHERE community_id = $1::text AND version = $2::bigint
      AND ctid = (SELECT ctid FROM ledgers WHERE community_id = $1::text)
      AND NOT EXISTS (SELECT FROM holds WHERE community_id = $1::text AND state = 'OPEN'
                        AND expires_at <= $3::timestamptz AND expires_at < 'infinity')
      AND NOT ($5::boolean AND EXISTS (
        SELECT FROM transfer_keys
        WHERE community_id = $1::text AND idempotency_key = ANY ($6::text[])))
    RETURNING currency_code
  )
  INSERT INTO journal_entries (community_id, entry_no, kind, idempotency_key, content_hash,
                               currency_code, account_nos, amounts_micros, closing_micros,
                               created_at)
  SELECT $1::text, $4::bigint + e.n, 'transfer', e.idempotency_key, e.content_hash,
         unchanged.currency_code, ($8::integer[])[2 * e.n - 1 : 2 * e.n],
         ARRAY[-($9::bigint[])[e.n], ($9::bigint[])[e.n]],
         ($10::bigint[])[4 * e.n - 3 : 4 * e.n], $3::timestamptz
  FROM unchanged
  CROSS JOIN unnest($6::text[], $7::bytea[]) WITH ORDINALITY
    AS e(idempotency_key, content_hash, n)
)sql"};

}  // namespace peerwatt::settlement
