#pragma once

#include <vector>

#include "libs/postgres/pool.h"

namespace peerwatt::settlement {

using postgres::Query;

// Each check is a statement that gives what is wrong as (position, subject, detail): no row when
// all is well. None shares anything with the statements that write.

// ---- The journal, entries $2 exclusive to $3 inclusive ----

/// entry_gap. Numbers above the ledger's count are as wrong as missing ones.
inline constexpr Query kCheckEntryGaps{"check_entry_gaps", R"sql(
  SELECT lpad(g.missing_no::text, 20, '0') AS position,
         'journalEntries/' || g.missing_no AS subject,
         'entries ' || g.missing_no || ' to ' || g.found_no - 1 || ' are missing' AS detail
  FROM (
    SELECT lag(n.entry_no, 1, $2::bigint) OVER (ORDER BY n.entry_no) + 1 AS missing_no,
           n.entry_no AS found_no
    FROM (
      SELECT entry_no FROM journal_entries
      WHERE community_id = $1 AND entry_no > $2 AND entry_no <= $3
      UNION ALL SELECT $3::bigint + 1
    ) AS n
  ) AS g
  WHERE g.missing_no < g.found_no
  UNION ALL
  SELECT lpad($3::text, 20, '0'), 'journalEntries/' || e.entry_no, 'is above the ledger''s count'
  FROM ledgers AS l
  JOIN LATERAL (
    SELECT max(entry_no) AS entry_no FROM journal_entries WHERE community_id = $1
  ) AS e ON e.entry_no > l.entry_count
  WHERE l.community_id = $1 AND l.entry_count = $3
  LIMIT 100
)sql"};

/// entry_balance
inline constexpr Query kCheckEntryBalances{"check_entry_balances", R"sql(
  SELECT lpad(e.entry_no::text, 20, '0') AS position, 'journalEntries/' || e.entry_no AS subject,
         'sums to ' || e.total || ' over ' || e.known_count || ' known accounts of '
           || e.posting_count AS detail
  FROM (
    SELECT j.entry_no, coalesce(sum(u.amount_micros), 0) AS total,
           count(a.account_no) AS known_count,
           count(DISTINCT u.account_no) AS account_count, cardinality(j.amounts_micros)
             AS posting_count, bool_and(a.currency_code = j.currency_code) AS has_one_currency
    FROM journal_entries AS j
    LEFT JOIN LATERAL unnest(j.account_nos, j.amounts_micros) AS u(account_no, amount_micros)
      ON true
    LEFT JOIN accounts AS a ON a.community_id = $1 AND a.account_no = u.account_no
    WHERE j.community_id = $1 AND j.entry_no > $2 AND j.entry_no <= $3
    GROUP BY j.entry_no, j.amounts_micros
  ) AS e
  WHERE e.total <> 0 OR e.posting_count < 2 OR e.known_count <> e.posting_count
    OR e.account_count <> e.posting_count OR e.has_one_currency IS NOT TRUE
  ORDER BY e.entry_no LIMIT 100
)sql"};

/// closing_sum: each account's first closing sum that is not the sum of its postings. $4: walk.
/// Less what the account posted within the slice, every closing sum must be the sum before it.
/// `OFFSET 0`: looked up by key, whatever the table's statistics say.
inline constexpr Query kCheckClosingSums{"check_closing_sums", R"sql(
  WITH sums AS MATERIALIZED (
    SELECT p.entry_no, p.account_no, p.debits, p.credits,
           p.debits - sum(greatest(-p.amount_micros, 0)) OVER own AS debits_before,
           p.credits - sum(greatest(p.amount_micros, 0)) OVER own AS credits_before
    FROM (
      SELECT j.entry_no, u.account_no, u.amount_micros,
             j.closing_micros[2 * u.place::integer - 1] AS debits,
             j.closing_micros[2 * u.place::integer] AS credits
      FROM journal_entries AS j
      CROSS JOIN LATERAL unnest(j.account_nos, j.amounts_micros)
        WITH ORDINALITY AS u(account_no, amount_micros, place)
      WHERE j.community_id = $1 AND j.entry_no > $2 AND j.entry_no <= $3
    ) AS p
    WINDOW own AS (PARTITION BY p.account_no ORDER BY p.entry_no)
  ), wrong AS MATERIALIZED (
    SELECT a.account_no, coalesce(t.debits_micros, 0) AS debits_before,
           coalesce(t.credits_micros, 0) AS credits_before
    FROM (
      SELECT account_no, min(debits_before) AS debits_min, max(debits_before) AS debits_max,
             min(credits_before) AS credits_min, max(credits_before) AS credits_max
      FROM sums GROUP BY account_no
    ) AS a
    LEFT JOIN LATERAL (
      SELECT debits_micros, credits_micros FROM reconciliation_tallies
      WHERE community_id = $1 AND walk = $4 AND account_no = a.account_no OFFSET 0
    ) AS t ON true
    WHERE a.debits_min IS DISTINCT FROM coalesce(t.debits_micros, 0)
      OR a.debits_max IS DISTINCT FROM coalesce(t.debits_micros, 0)
      OR a.credits_min IS DISTINCT FROM coalesce(t.credits_micros, 0)
      OR a.credits_max IS DISTINCT FROM coalesce(t.credits_micros, 0)
    ORDER BY a.account_no LIMIT 100
  )
  SELECT lpad(f.entry_no::text, 20, '0') AS position, 'journalEntries/' || f.entry_no AS subject,
         'account ' || f.account_no || ' closes at ' || f.debits || ' and ' || f.credits
           || ', its postings make ' || f.debits_due || ' and ' || f.credits_due AS detail
  FROM (
    SELECT DISTINCT ON (s.account_no) s.account_no, s.entry_no, s.debits, s.credits,
           s.debits - s.debits_before + w.debits_before AS debits_due,
           s.credits - s.credits_before + w.credits_before AS credits_due
    FROM wrong AS w JOIN sums AS s ON s.account_no = w.account_no
    WHERE s.debits_before IS DISTINCT FROM w.debits_before
      OR s.credits_before IS DISTINCT FROM w.credits_before
    ORDER BY s.account_no, s.entry_no
  ) AS f
  ORDER BY f.entry_no LIMIT 100
)sql"};

/// Adds the slice to a walk's sums.
inline constexpr Query kTallyEntries{"tally_entries", R"sql(
  INSERT INTO reconciliation_tallies AS t
    (community_id, walk, account_no, debits_micros, credits_micros, last_entry_no)
  SELECT $1, $4, u.account_no, least(sum(greatest(-u.amount_micros, 0)), 9223372036854775807),
         least(sum(greatest(u.amount_micros, 0)), 9223372036854775807), max(j.entry_no)
  FROM journal_entries AS j
  CROSS JOIN LATERAL unnest(j.account_nos, j.amounts_micros) AS u(account_no, amount_micros)
  WHERE j.community_id = $1 AND j.entry_no > $2 AND j.entry_no <= $3
  GROUP BY u.account_no
  ON CONFLICT (community_id, walk, account_no)
  DO UPDATE SET debits_micros = least(t.debits_micros::numeric + excluded.debits_micros,
                                      9223372036854775807),
                credits_micros = least(t.credits_micros::numeric + excluded.credits_micros,
                                       9223372036854775807),
                last_entry_no = excluded.last_entry_no
)sql"};

inline constexpr Query kForgetTallies{"forget_tallies", R"sql(
  DELETE FROM reconciliation_tallies WHERE community_id = $1 AND walk = $2
)sql"};

/// clearing_account: runs move nothing through transit and rounding, and what came in by a deposit
/// has its deposit.
inline constexpr Query kCheckClearingAccounts{"check_clearing_accounts", R"sql(
  SELECT lpad(j.entry_no::text, 20, '0') AS position, 'journalEntries/' || j.entry_no AS subject,
         a.account_id || ' is left with ' || u.amount_micros || ' by the run of a period' AS detail
  FROM journal_entries AS j
  CROSS JOIN LATERAL unnest(j.account_nos, j.amounts_micros) AS u(account_no, amount_micros)
  JOIN accounts AS a ON a.community_id = $1 AND a.account_no = u.account_no AND a.kind IN (5, 6)
  WHERE j.community_id = $1 AND j.entry_no > $2 AND j.entry_no <= $3
    AND j.period_start_at IS NOT NULL AND u.amount_micros <> 0
  UNION ALL
  SELECT lpad(j.entry_no::text, 20, '0'), 'journalEntries/' || j.entry_no,
         'no deposit that succeeded has this amount'
  FROM journal_entries AS j
  WHERE j.community_id = $1 AND j.entry_no > $2 AND j.entry_no <= $3 AND j.kind = 'deposit'
    AND NOT EXISTS (
      SELECT FROM deposits AS d
      WHERE d.community_id = $1 AND d.state = 2
        AND j.idempotency_key = 'deposit:' || d.participant_id || ':' || d.deposit_id
        AND d.amount_micros = (
          SELECT sum(greatest(u.amount_micros, 0)) FROM unnest(j.amounts_micros)
            AS u(amount_micros)))
  LIMIT 100
)sql"};

/// account_page: postings that should be on a page of their account and are not; all up to $3 are
/// folded. An account's pages are read from the first that ends within the slice to the first that
/// ends after it.
inline constexpr Query kCheckAccountPages{"check_account_pages", R"sql(
  SELECT lpad(m.entry_no::text, 20, '0') AS position, 'accounts/' || coalesce(a.account_id, '?')
           AS subject, 'entry ' || m.entry_no || ' is on no page' AS detail
  FROM (
    SELECT u.account_no, j.entry_no
    FROM journal_entries AS j CROSS JOIN LATERAL unnest(j.account_nos) AS u(account_no)
    WHERE j.community_id = $1 AND j.entry_no > $2 AND j.entry_no <= $3
    EXCEPT
    SELECT p.account_no, n.entry_no
    FROM (
      SELECT DISTINCT u.account_no
      FROM journal_entries AS j CROSS JOIN LATERAL unnest(j.account_nos) AS u(account_no)
      WHERE j.community_id = $1 AND j.entry_no > $2 AND j.entry_no <= $3
    ) AS c
    CROSS JOIN LATERAL (
      SELECT g.account_no, g.entry_nos FROM account_pages AS g
      WHERE g.community_id = $1 AND g.account_no = c.account_no AND g.last_entry_no > $2
        AND g.last_entry_no <= coalesce((
          SELECT min(l.last_entry_no) FROM account_pages AS l
          WHERE l.community_id = $1 AND l.account_no = c.account_no AND l.last_entry_no >= $3),
          9223372036854775807)
    ) AS p
    CROSS JOIN LATERAL unnest(p.entry_nos) AS n(entry_no)
  ) AS m
  LEFT JOIN accounts AS a ON a.community_id = $1 AND a.account_no = m.account_no
  ORDER BY m.entry_no LIMIT 100
)sql"};

// ---- Accounts $2 exclusive to $3 inclusive ----

/// account_balance: rows are the sums of the postings up to the entry they stand at. All entries
/// are in walk 1.
inline constexpr Query kCheckAccountBalances{"check_account_balances", R"sql(
  SELECT lpad(a.account_no::text, 20, '0') AS position, 'accounts/' || a.account_id AS subject,
         'has ' || a.debits_posted_micros || ' and ' || a.credits_posted_micros || ' as of entry '
           || a.posted_entry_no || ', its postings make '
           || coalesce(CASE WHEN a.posted_entry_no < t.last_entry_no THEN j.debits
                            ELSE t.debits_micros END, 0) || ' and '
           || coalesce(CASE WHEN a.posted_entry_no < t.last_entry_no THEN j.credits
                            ELSE t.credits_micros END, 0) AS detail
  FROM accounts AS a
  JOIN ledgers AS l ON l.community_id = $1
  LEFT JOIN LATERAL (
    SELECT debits_micros, credits_micros, last_entry_no FROM reconciliation_tallies
    WHERE community_id = $1 AND walk = 1 AND account_no = a.account_no OFFSET 0
  ) AS t ON true
  LEFT JOIN LATERAL (
    SELECT e.closing_micros[2 * array_position(e.account_nos, a.account_no) - 1] AS debits,
           e.closing_micros[2 * array_position(e.account_nos, a.account_no)] AS credits
    FROM journal_entries AS e
    WHERE e.community_id = $1 AND e.entry_no = a.posted_entry_no
      AND a.posted_entry_no < t.last_entry_no
  ) AS j ON true
  WHERE a.community_id = $1 AND a.account_no > $2 AND a.account_no <= $3 AND CASE
    WHEN t.last_entry_no IS NULL OR a.posted_entry_no = 0 AND t.last_entry_no > l.folded_entry_no
      THEN a.posted_entry_no <> 0 OR a.debits_posted_micros <> 0 OR a.credits_posted_micros <> 0
    WHEN a.posted_entry_no = t.last_entry_no
      THEN a.debits_posted_micros <> t.debits_micros OR a.credits_posted_micros <> t.credits_micros
    WHEN a.posted_entry_no > t.last_entry_no OR t.last_entry_no <= l.folded_entry_no THEN true
    ELSE a.debits_posted_micros IS DISTINCT FROM j.debits
      OR a.credits_posted_micros IS DISTINCT FROM j.credits
  END
  ORDER BY a.account_no LIMIT 100
)sql"};

/// pending_sum
inline constexpr Query kCheckPendingSums{"check_pending_sums", R"sql(
  WITH open_holds AS MATERIALIZED (
    SELECT debit_account_no, credit_account_no, amount_micros FROM holds
    WHERE community_id = $1 AND state = 'OPEN' AND period_start_at IS NOT NULL
    UNION ALL
    SELECT debit_account_no, credit_account_no, amount_micros FROM holds
    WHERE community_id = $1 AND state = 'OPEN' AND period_start_at IS NULL
      AND expires_at < 'infinity'
    UNION ALL
    SELECT debit_account_no, credit_account_no, amount_micros FROM holds
    WHERE community_id = $1 AND state = 'OPEN' AND period_start_at IS NULL
      AND expires_at = 'infinity'
  )
  SELECT lpad(a.account_no::text, 20, '0') AS position, 'accounts/' || a.account_id AS subject,
         'has ' || a.debits_pending_micros || ' and ' || a.credits_pending_micros
           || ' pending, its open holds make ' || coalesce(h.debits, 0) || ' and '
           || coalesce(h.credits, 0) AS detail
  FROM accounts AS a
  LEFT JOIN (
    SELECT s.account_no, sum(s.debits) AS debits, sum(s.credits) AS credits
    FROM (
      SELECT debit_account_no AS account_no, amount_micros AS debits, 0 AS credits FROM open_holds
      UNION ALL
      SELECT credit_account_no, 0, amount_micros FROM open_holds
      WHERE credit_account_no IS NOT NULL
    ) AS s GROUP BY s.account_no
  ) AS h ON h.account_no = a.account_no
  WHERE a.community_id = $1 AND a.account_no > $2 AND a.account_no <= $3
    AND (a.debits_pending_micros <> coalesce(h.debits, 0)
         OR a.credits_pending_micros <> coalesce(h.credits, 0))
  ORDER BY a.account_no LIMIT 100
)sql"};

// ---- The ledger as a whole ----

/// ledger_balance
inline constexpr Query kCheckLedgerBalance{"check_ledger_balance", R"sql(
  SELECT '1' AS position, 'ledger' AS subject,
         'all postings together make ' || sum(credits_micros::numeric - debits_micros) AS detail
  FROM reconciliation_tallies
  WHERE community_id = $1 AND walk = 1
  HAVING sum(credits_micros::numeric - debits_micros) <> 0
)sql"};

/// journal_changed: what the pass over everything read against what was read when it was new.
inline constexpr Query kCheckJournalChanged{"check_journal_changed", R"sql(
  SELECT lpad(w.account_no::text, 20, '0') AS position,
         'accounts/' || coalesce(a.account_id, '?') AS subject,
         'postings that were read before have changed' AS detail
  FROM (
    SELECT account_no FROM (
      SELECT account_no, debits_micros, credits_micros, last_entry_no FROM reconciliation_tallies
      WHERE community_id = $1 AND walk = 1
      EXCEPT
      SELECT account_no, debits_micros, credits_micros, last_entry_no FROM reconciliation_tallies
      WHERE community_id = $1 AND walk = 2
    ) AS lost
    UNION
    SELECT account_no FROM (
      SELECT account_no, debits_micros, credits_micros, last_entry_no FROM reconciliation_tallies
      WHERE community_id = $1 AND walk = 2
      EXCEPT
      SELECT account_no, debits_micros, credits_micros, last_entry_no FROM reconciliation_tallies
      WHERE community_id = $1 AND walk = 1
    ) AS added
  ) AS w
  LEFT JOIN accounts AS a ON a.community_id = $1 AND a.account_no = w.account_no
  ORDER BY w.account_no LIMIT 100
)sql"};

/// hold_expired: open although its time was over at $2.
inline constexpr Query kCheckExpiredHolds{"check_expired_holds", R"sql(
  SELECT order_name AS position, 'holds/' || order_name AS subject,
         amount_micros || ' are held since ' || to_char(expires_at AT TIME ZONE 'UTC',
           'YYYY-MM-DD"T"HH24:MI:SS"Z"') || ', when the hold ended' AS detail
  FROM holds
  WHERE community_id = $1 AND state = 'OPEN' AND expires_at <= $2 AND expires_at < 'infinity'
  ORDER BY order_name LIMIT 100
)sql"};

/// hold_orphan: open for nothing: its period is settled, an account is not there, or no transfer
/// made it.
inline constexpr Query kCheckOrphanHolds{"check_orphan_holds", R"sql(
  WITH open_holds AS MATERIALIZED (
    SELECT order_name, period_start_at, debit_account_no, credit_account_no FROM holds
    WHERE community_id = $1 AND state = 'OPEN' AND period_start_at IS NOT NULL
    UNION ALL
    SELECT order_name, period_start_at, debit_account_no, credit_account_no FROM holds
    WHERE community_id = $1 AND state = 'OPEN' AND period_start_at IS NULL
      AND expires_at < 'infinity'
    UNION ALL
    SELECT order_name, period_start_at, debit_account_no, credit_account_no FROM holds
    WHERE community_id = $1 AND state = 'OPEN' AND period_start_at IS NULL
      AND expires_at = 'infinity'
  )
  SELECT h.order_name AS position, 'holds/' || h.order_name AS subject, CASE
           WHEN p.period_start_at IS NOT NULL THEN 'its period is settled'
           WHEN h.period_start_at IS NULL AND k.idempotency_key IS NULL
             THEN 'no transfer made it'
           ELSE 'an account of it does not exist' END AS detail
  FROM open_holds AS h
  LEFT JOIN settlement_periods AS p
    ON p.community_id = $1 AND p.period_start_at = h.period_start_at
  LEFT JOIN transfer_keys AS k
    ON k.community_id = $1 AND k.idempotency_key = h.order_name AND k.kind = 2 AND k.refusal = ''
  LEFT JOIN accounts AS d ON d.community_id = $1 AND d.account_no = h.debit_account_no
  LEFT JOIN accounts AS c ON c.community_id = $1 AND c.account_no = h.credit_account_no
  WHERE p.period_start_at IS NOT NULL OR d.account_no IS NULL
    OR (h.credit_account_no IS NOT NULL AND c.account_no IS NULL)
    OR (h.period_start_at IS NULL AND k.idempotency_key IS NULL)
  ORDER BY h.order_name LIMIT 100
)sql"};

/// The last of the next $3 keys after $2; NULL when there is none.
inline constexpr Query kSelectKeySlice{"select_key_slice", R"sql(
  SELECT max(k.idempotency_key) AS last_key, count(*) AS key_count
  FROM (
    SELECT idempotency_key FROM transfer_keys
    WHERE community_id = $1 AND idempotency_key > $2 ORDER BY idempotency_key LIMIT $3
  ) AS k
)sql"};

/// transfer_key: keys after $2, up to $3. What is refused stays without effect, what was accepted
/// has one.
inline constexpr Query kCheckTransferKeys{"check_transfer_keys", R"sql(
  SELECT k.idempotency_key AS position, 'transfers/' || k.idempotency_key AS subject, CASE
           WHEN e.entry_no IS NOT NULL THEN 'the key posted entry ' || e.entry_no
           WHEN k.refusal <> '' THEN 'was refused, and its hold exists'
           ELSE 'was accepted, and has no effect' END AS detail
  FROM transfer_keys AS k
  LEFT JOIN holds AS h
    ON h.community_id = $1 AND h.order_name = k.idempotency_key AND h.period_start_at IS NULL
  LEFT JOIN journal_entries AS e
    ON e.community_id = $1 AND e.idempotency_key = k.idempotency_key
  WHERE k.community_id = $1 AND k.idempotency_key > $2 AND k.idempotency_key <= $3
    AND (e.entry_no IS NOT NULL OR (k.refusal <> '' AND h.order_name IS NOT NULL)
         OR (k.refusal = '' AND (k.kind IN (1, 3) OR (k.kind = 2 AND h.order_name IS NULL))))
  ORDER BY k.idempotency_key LIMIT 100
)sql"};

/// All statements about the ledger.
inline std::vector<Query> ReconciliationLedgerQueries() {
  return {kCheckEntryGaps, kCheckEntryBalances, kCheckClosingSums, kTallyEntries, kForgetTallies,
          kCheckClearingAccounts, kCheckAccountPages, kCheckAccountBalances, kCheckPendingSums,
          kCheckLedgerBalance, kCheckJournalChanged, kCheckExpiredHolds, kCheckOrphanHolds,
          kSelectKeySlice, kCheckTransferKeys};
}

}  // namespace peerwatt::settlement
