#pragma once

#include <vector>

#include "libs/postgres/pool.h"

namespace peerwatt::settlement {

using postgres::Query;

// ---- Writing: shared by transfers, holds, runs and deposits ----

/// By locking the row, lets one transaction at a time write to a ledger. has_due: whether a hold's
/// time is over at $2.
inline constexpr Query kLockLedger{"lock_ledger", R"sql(
  SELECT currency_code, entry_count, account_count, key_count, folded_entry_no, version, clock_at,
         EXISTS (SELECT FROM holds WHERE community_id = $1 AND state = 'OPEN'
                   AND expires_at <= $2 AND expires_at < 'infinity') AS has_due
  FROM ledgers WHERE community_id = $1
  FOR NO KEY UPDATE
)sql"};

inline constexpr Query kSelectLedgerHead{"select_ledger_head", R"sql(
  SELECT currency_code, entry_count, account_count, key_count, folded_entry_no, version, clock_at
  FROM ledgers WHERE community_id = $1
)sql"};

inline constexpr Query kUpdateLedger{"update_ledger", R"sql(
  UPDATE ledgers
  SET entry_count = $2, account_count = $3, key_count = $4, folded_entry_no = $5, clock_at = $6,
      version = version + 1
  WHERE community_id = $1
)sql"};

/// Closing sums of what is not folded yet, after entry $2, as two lists per entry.
inline constexpr Query kSelectTail{"select_tail", R"sql(
  SELECT entry_no, account_nos, closing_micros FROM journal_entries
  WHERE community_id = $1 AND entry_no > $2 AND entry_no <= $3
  ORDER BY entry_no
)sql"};

inline constexpr Query kSelectAccountStates{"select_account_states", R"sql(
  SELECT account_id, account_no, currency_code, is_closed, debit_limit_micros, credit_limit_micros,
         debits_posted_micros, credits_posted_micros, debits_pending_micros,
         credits_pending_micros
  FROM accounts WHERE community_id = $1 AND account_id = ANY ($2::text[])
)sql"};

/// Limits of -1 are none.
inline constexpr Query kInsertAccounts{"insert_accounts", R"sql(
  INSERT INTO accounts (community_id, account_no, account_id, kind, participant_id, currency_code,
                        debit_limit_micros, credit_limit_micros)
  SELECT $1, a.account_no, a.account_id, a.kind, nullif(a.participant_id, ''), $2,
         nullif(a.debit_limit, -1), nullif(a.credit_limit, -1)
  FROM unnest($3::integer[], $4::text[], $5::integer[], $6::text[], $7::bigint[], $8::bigint[])
    AS a(account_no, account_id, kind, participant_id, debit_limit, credit_limit)
)sql"};

inline constexpr Query kUpdateLimits{"update_limits", R"sql(
  UPDATE accounts AS t
  SET debit_limit_micros = nullif(c.debit_limit, -1),
      credit_limit_micros = nullif(c.credit_limit, -1)
  FROM unnest($2::integer[], $3::bigint[], $4::bigint[])
    AS c(account_no, debit_limit, credit_limit)
  WHERE t.community_id = $1 AND t.account_no = c.account_no
)sql"};

/// In the order of the numbers, as every transaction changes accounts.
inline constexpr Query kUpdatePending{"update_pending", R"sql(
  UPDATE accounts AS t
  SET debits_pending_micros = c.debits_micros, credits_pending_micros = c.credits_micros
  FROM unnest($2::integer[], $3::bigint[], $4::bigint[])
    AS c(account_no, debits_micros, credits_micros)
  WHERE t.community_id = $1 AND t.account_no = c.account_no
)sql"};

/// Brings the rows of accounts up to date with their postings.
inline constexpr Query kFoldAccounts{"fold_accounts", R"sql(
  UPDATE accounts AS t
  SET debits_posted_micros = c.debits_micros, credits_posted_micros = c.credits_micros,
      posted_entry_no = c.entry_no
  FROM unnest($2::integer[], $3::bigint[], $4::bigint[], $5::bigint[])
    AS c(account_no, debits_micros, credits_micros, entry_no)
  WHERE t.community_id = $1 AND t.account_no = c.account_no
)sql"};

/// The entry numbers of each page come as the text of an array. Another process may have folded the
/// same: pages overlap then, and the one that ends first at or after an entry has it.
inline constexpr Query kInsertPages{"insert_pages", R"sql(
  INSERT INTO account_pages (community_id, account_no, last_entry_no, entry_nos)
  SELECT $1, p.account_no, p.last_entry_no, p.entry_nos::bigint[]
  FROM unnest($2::integer[], $3::bigint[], $4::text[]) AS p(account_no, last_entry_no, entry_nos)
  ON CONFLICT (community_id, account_no, last_entry_no) DO NOTHING
)sql"};

/// Entries together with the row of their ledger. The arrays of each entry come as text,
/// and so does its period, empty for none.
inline constexpr Query kInsertEntries{"insert_entries", R"sql(
  WITH inserted AS (
    INSERT INTO journal_entries (community_id, entry_no, kind, idempotency_key, content_hash,
                                 currency_code, account_nos, amounts_micros, closing_micros,
                                 period_start_at, created_at)
    SELECT $1, e.entry_no, e.kind, e.idempotency_key, decode(e.content_hash, 'hex'), $7,
           e.account_nos::integer[], e.amounts_micros::bigint[], e.closing_micros::bigint[],
           nullif(e.period_start_at, '')::timestamptz, $6::timestamptz
    FROM unnest($8::bigint[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[],
                $14::text[], $15::text[])
      AS e(entry_no, kind, idempotency_key, content_hash, account_nos, amounts_micros,
           closing_micros, period_start_at)
  )
  UPDATE ledgers
  SET entry_count = $2, account_count = $3, key_count = $4, folded_entry_no = $5, clock_at = $6,
      version = version + 1
  WHERE community_id = $1
)sql"};

/// The same rows, copied: a statement that cannot be prepared.
inline constexpr Query kCopyEntries{"copy_entries", R"sql(
  COPY journal_entries (community_id, entry_no, kind, idempotency_key, content_hash, currency_code,
                        account_nos, amounts_micros, closing_micros, period_start_at, created_at)
  FROM STDIN (FORMAT binary)
)sql"};

inline constexpr Query kCopyPages{"copy_pages", R"sql(
  COPY account_pages (community_id, account_no, last_entry_no, entry_nos)
  FROM STDIN (FORMAT binary)
)sql"};

// ---- Transfers ----

inline constexpr Query kSelectEntryKeys{"select_entry_keys", R"sql(
  SELECT idempotency_key, content_hash, entry_no FROM journal_entries
  WHERE community_id = $1 AND idempotency_key = ANY ($2::text[])
)sql"};

inline constexpr Query kSelectTransferKeys{"select_transfer_keys", R"sql(
  SELECT idempotency_key, content_hash, refusal FROM transfer_keys
  WHERE community_id = $1 AND idempotency_key = ANY ($2::text[])
)sql"};

inline constexpr Query kInsertTransferKeys{"insert_transfer_keys", R"sql(
  INSERT INTO transfer_keys (community_id, idempotency_key, kind, content_hash, refusal,
                             created_at)
  SELECT $1, k.idempotency_key, k.kind, decode(k.content_hash, 'hex'), k.refusal, $2::timestamptz
  FROM unnest($3::text[], $4::integer[], $5::text[], $6::text[])
    AS k(idempotency_key, kind, content_hash, refusal)
)sql"};

/// The holds that are asked for, and all whose time is over at $3.
inline constexpr Query kSelectLedgerHolds{"select_ledger_holds", R"sql(
  SELECT h.order_name, d.account_id AS debit_id, coalesce(c.account_id, '') AS credit_id,
         h.amount_micros, h.state, h.expires_at
  FROM holds AS h
  JOIN accounts AS d ON d.community_id = h.community_id AND d.account_no = h.debit_account_no
  LEFT JOIN accounts AS c ON c.community_id = h.community_id AND c.account_no = h.credit_account_no
  WHERE h.community_id = $1 AND (h.order_name = ANY ($2::text[])
    OR (h.state = 'OPEN' AND h.expires_at <= $3 AND h.expires_at < 'infinity'))
)sql"};

/// A credit account of 0 is none.
inline constexpr Query kInsertLedgerHolds{"insert_ledger_holds", R"sql(
  INSERT INTO holds (community_id, order_name, debit_account_no, credit_account_no, initial_micros,
                     amount_micros, state, expires_at)
  SELECT $1, h.order_name, h.debit_account_no, nullif(h.credit_account_no, 0), h.initial_micros,
         h.amount_micros, h.state, h.expires_at
  FROM unnest($2::text[], $3::integer[], $4::integer[], $5::bigint[], $6::bigint[], $7::text[],
              $8::timestamptz[])
    AS h(order_name, debit_account_no, credit_account_no, initial_micros, amount_micros, state,
         expires_at)
)sql"};

inline constexpr Query kUpdateLedgerHolds{"update_ledger_holds", R"sql(
  UPDATE holds AS t
  SET amount_micros = h.amount_micros, state = h.state
  FROM unnest($2::text[], $3::bigint[], $4::text[]) AS h(order_name, amount_micros, state)
  WHERE t.community_id = $1 AND t.order_name = h.order_name
)sql"};

inline constexpr Query kSelectLedgersWithDueHolds{"select_ledgers_with_due_holds", R"sql(
  SELECT DISTINCT community_id FROM holds
  WHERE state = 'OPEN' AND expires_at <= $1 AND expires_at < 'infinity'
)sql"};

// ---- Reading ----

/// What is on the pages around entry $3: the first page that ends at or after it, and the last
/// entry of the one before.
inline constexpr Query kSelectPageAround{"select_page_around", R"sql(
  SELECT (SELECT entry_nos FROM account_pages
          WHERE community_id = $1 AND account_no = $2 AND last_entry_no >= $3
          ORDER BY last_entry_no LIMIT 1) AS entry_nos,
         (SELECT last_entry_no FROM account_pages
          WHERE community_id = $1 AND account_no = $2 AND last_entry_no < $3
          ORDER BY last_entry_no DESC LIMIT 1) AS entry_before
)sql"};

/// Pages with entries after $3. All entries up to the last one's end are on them.
inline constexpr Query kListPages{"list_pages", R"sql(
  SELECT entry_nos FROM account_pages
  WHERE community_id = $1 AND account_no = $2 AND last_entry_no > $3
  ORDER BY last_entry_no LIMIT $4
)sql"};

inline constexpr Query kSelectClosing{"select_closing", R"sql(
  SELECT entry_no, account_nos, closing_micros, created_at FROM journal_entries
  WHERE community_id = $1 AND entry_no = $2
)sql"};

inline constexpr Query kSelectEntryCreatedAt{"select_entry_created_at", R"sql(
  SELECT created_at FROM journal_entries WHERE community_id = $1 AND entry_no = $2
)sql"};

/// An entry with the names of its accounts; $1: the community.
#define PW_SELECT_ENTRIES                                                                      \
  "SELECT e.entry_no, e.kind, e.idempotency_key, ARRAY("                                       \
  "SELECT a.account_id FROM unnest(e.account_nos) WITH ORDINALITY AS p(account_no, position) " \
  "JOIN accounts AS a ON a.account_no = p.account_no "                                         \
  "WHERE a.community_id = $1 ORDER BY p.position"                                              \
  ") AS account_ids, e.amounts_micros, e.period_start_at, e.created_at "                       \
  "FROM journal_entries AS e "

inline constexpr Query kListEntriesByNumber{"list_entries_by_number", PW_SELECT_ENTRIES R"sql(
  WHERE e.community_id = $1 AND e.entry_no = ANY ($2::bigint[])
  ORDER BY e.entry_no
)sql"};

inline constexpr Query kListAccountIds{"list_account_ids", R"sql(
  SELECT account_id FROM accounts
  WHERE community_id = $1 AND account_id > $2
  ORDER BY account_id LIMIT $3
)sql"};

/// All statements about the ledger, to be prepared on every connection.
inline std::vector<Query> LedgerQueries() {
  return {kLockLedger, kSelectLedgerHead, kUpdateLedger, kSelectTail, kSelectAccountStates,
          kInsertAccounts, kUpdateLimits, kUpdatePending, kFoldAccounts,
          kInsertPages, kInsertEntries, kSelectEntryKeys, kSelectTransferKeys,
          kInsertTransferKeys, kSelectLedgerHolds, kInsertLedgerHolds, kUpdateLedgerHolds,
          kSelectLedgersWithDueHolds, kSelectPageAround, kListPages, kSelectClosing,
          kSelectEntryCreatedAt, kListEntriesByNumber, kListAccountIds};
}

}  // namespace peerwatt::settlement
