#pragma once

#include <vector>

#include "libs/postgres/pool.h"
#include "services/settlement/storage/reconciliation_ledger_queries.h"
#include "services/settlement/storage/reconciliation_period_queries.h"

namespace peerwatt::settlement {

using postgres::Query;

// ---- Positions and records ----

inline constexpr Query kEnsureReconciliation{"ensure_reconciliation", R"sql(
  INSERT INTO reconciliation_states (community_id)
  SELECT community_id FROM ledgers WHERE community_id = $1
  ON CONFLICT (community_id) DO NOTHING
)sql"};

/// No row when somebody else checks the community now.
inline constexpr Query kLockReconciliation{"lock_reconciliation", R"sql(
  SELECT s.checked_entry_no, s.paged_entry_no, s.full_entry_no, s.full_account_no, s.full_key,
         s.full_keys_done, s.full_period_at, s.full_periods_done, s.full_pass_count,
         s.full_pass_at, s.record_count, s.run_count, s.run_at
  FROM reconciliation_states AS s WHERE s.community_id = $1
  FOR NO KEY UPDATE SKIP LOCKED
)sql"};

inline constexpr Query kSelectReconciledLedger{"select_reconciled_ledger", R"sql(
  SELECT entry_count, account_count, folded_entry_no FROM ledgers WHERE community_id = $1
)sql"};

inline constexpr Query kUpdateReconciliation{"update_reconciliation", R"sql(
  UPDATE reconciliation_states
  SET checked_entry_no = $2, paged_entry_no = $3, full_entry_no = $4, full_account_no = $5,
      full_key = $6, full_keys_done = $7, full_period_at = $8, full_periods_done = $9,
      full_pass_count = $10, full_pass_at = $11, record_count = $12, run_count = $13, run_at = $14
  WHERE community_id = $1
)sql"};

/// Where a community's checks are.
inline constexpr Query kSelectReconciliation{"select_reconciliation", R"sql(
  SELECT s.checked_entry_no, s.full_entry_no, s.full_pass_count, s.full_pass_at, s.run_count,
         s.run_at, l.entry_count, (
           SELECT count(*) FROM reconciliation_records AS f
           WHERE f.community_id = $1 AND f.resolves_no IS NULL AND NOT EXISTS (
             SELECT FROM reconciliation_records AS r
             WHERE r.community_id = $1 AND r.resolves_no = f.record_no)
         ) AS open_count
  FROM ledgers AS l
  LEFT JOIN reconciliation_states AS s ON s.community_id = l.community_id
  WHERE l.community_id = $1
)sql"};

/// Communities with entries that were never read.
inline constexpr Query kSelectUnreconciled{"select_unreconciled", R"sql(
  SELECT l.community_id FROM ledgers AS l
  LEFT JOIN reconciliation_states AS s ON s.community_id = l.community_id
  WHERE l.entry_count > coalesce(s.checked_entry_no, 0)
  ORDER BY l.community_id
)sql"};

inline constexpr Query kSelectOpenFindings{"select_open_findings", R"sql(
  SELECT f.record_no, f.check_name, f.position, f.subject, f.detail
  FROM reconciliation_records AS f
  WHERE f.community_id = $1 AND f.resolves_no IS NULL AND NOT EXISTS (
    SELECT FROM reconciliation_records AS r
    WHERE r.community_id = $1 AND r.resolves_no = f.record_no)
)sql"};

/// A record that resolves none has number 0 there.
inline constexpr Query kInsertRecords{"insert_records", R"sql(
  INSERT INTO reconciliation_records (community_id, record_no, check_name, position, subject,
                                      detail, recorded_at, resolves_no)
  SELECT $1, n.record_no, n.check_name, n.position, n.subject, n.detail, $2::timestamptz,
         nullif(n.resolves_no, 0)
  FROM unnest($3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[])
    AS n(record_no, check_name, position, subject, detail, resolves_no)
)sql"};

/// $4: open ones only.
inline constexpr Query kListFindings{"list_findings", R"sql(
  SELECT f.record_no, f.check_name, f.subject, f.detail, f.recorded_at,
         r.recorded_at AS resolved_at
  FROM reconciliation_records AS f
  LEFT JOIN reconciliation_records AS r
    ON r.community_id = $1 AND r.resolves_no = f.record_no
  WHERE f.community_id = $1 AND f.resolves_no IS NULL AND f.record_no > $2
    AND (r.record_no IS NULL OR NOT $4::boolean)
  ORDER BY f.record_no LIMIT $3
)sql"};

/// Open findings of all communities by check.
inline constexpr Query kCountFindings{"count_findings", R"sql(
  SELECT f.check_name, count(*) AS open_count
  FROM reconciliation_records AS f
  WHERE f.resolves_no IS NULL AND NOT EXISTS (
    SELECT FROM reconciliation_records AS r
    WHERE r.community_id = f.community_id AND r.resolves_no = f.record_no)
  GROUP BY f.check_name
)sql"};

inline constexpr Query kSelectOldestReconciliation{"select_oldest_reconciliation", R"sql(
  SELECT min(run_at) AS run_at FROM reconciliation_states
)sql"};

// ---- The books as files ----

inline constexpr Query kExportEntries{"export_entries", R"sql(
  SELECT entry_no, kind, idempotency_key, account_nos, amounts_micros, period_start_at, created_at
  FROM journal_entries
  WHERE community_id = $1 AND entry_no > $2
  ORDER BY entry_no LIMIT $3
)sql"};

inline constexpr Query kSelectAccountNames{"select_account_names", R"sql(
  SELECT account_no, account_id FROM accounts
  WHERE community_id = $1 AND account_no = ANY ($2::bigint[])
)sql"};

/// As of the newest entry.
inline constexpr Query kExportAccounts{"export_accounts", R"sql(
  SELECT a.account_no, a.account_id, l.entry_count AS entry_no, a.debits_posted_micros,
         a.credits_posted_micros, a.debits_pending_micros, a.credits_pending_micros
  FROM account_states AS a
  JOIN ledgers AS l ON l.community_id = $1
  WHERE a.community_id = $1 AND a.account_no > $2
  ORDER BY a.account_no LIMIT $3
)sql"};

}  // namespace peerwatt::settlement
