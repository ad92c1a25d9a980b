#pragma once

#include <vector>

#include "libs/postgres/pool.h"
#include "services/settlement/storage/grid_loss_queries.h"
#include "services/settlement/storage/hold_queries.h"
#include "services/settlement/storage/kpi_queries.h"
#include "services/settlement/storage/ledger_queries.h"
#include "services/settlement/storage/payment_queries.h"
#include "services/settlement/storage/plain_queries.h"
#include "services/settlement/storage/reconciliation_queries.h"
#include "services/settlement/storage/run_queries.h"
#include "services/settlement/storage/statement_queries.h"
#include "services/settlement/storage/tariff_queries.h"

namespace peerwatt::settlement {

using postgres::Query;

// ---- Runs ----

inline constexpr Query kInsertLedger{"insert_ledger", R"sql(
  INSERT INTO ledgers (community_id, currency_code, period_seconds, settled_through_at)
  VALUES ($1, $2, $3, $4)
  ON CONFLICT (community_id) DO NOTHING
)sql"};

/// Instants as micro-seconds since 1970.
inline constexpr Query kSelectProgress{"select_progress", R"sql(
  SELECT l.settled_through_at,
    ARRAY(
      SELECT (extract(epoch FROM p.period_start_at) * 1000000)::bigint FROM settlement_periods AS p
      WHERE p.community_id = $1 AND p.period_start_at >= l.settled_through_at
      ORDER BY p.period_start_at
    ) AS settled_beyond,
    ARRAY(
      SELECT (extract(epoch FROM d.period_start_at) * 1000000)::bigint
      FROM (
        SELECT d.period_start_at FROM dirty_periods AS d
        JOIN settlement_periods AS p USING (community_id, period_start_at)
        WHERE d.community_id = $1 AND p.community_id = $1 AND d.changed_cursor > p.readings_cursor
        UNION SELECT period_start_at FROM repriced_periods WHERE community_id = $1
      ) AS d
      ORDER BY d.period_start_at
    ) AS dirty
  FROM ledgers AS l WHERE l.community_id = $1
)sql"};

inline constexpr Query kSelectRunCount{"select_run_count", R"sql(
  SELECT p.run_count, g.boundary_count, g.amount_micros AS loss_micros
  FROM settlement_periods AS p LEFT JOIN period_grid_losses AS g
    ON g.community_id = p.community_id AND g.period_start_at = p.period_start_at
  WHERE p.community_id = $1 AND p.period_start_at = $2
)sql"};

inline constexpr Query kSelectSettledPeriods{"select_settled_periods", R"sql(
  SELECT period_start_at FROM settlement_periods
  WHERE community_id = $1 AND period_start_at = ANY ($2::timestamptz[])
)sql"};

inline constexpr Query kSelectPosted{"select_posted", R"sql(
  SELECT participant_id, connection_id, kind, trade_id, is_taxable, is_price_missing,
         sum(energy_wh)::bigint AS energy_wh, sum(amount_micros)::bigint AS amount_micros
  FROM settlement_lines
  WHERE community_id = $1 AND period_start_at = $2
  GROUP BY participant_id, connection_id, kind, trade_id, is_taxable, is_price_missing
)sql"};

inline constexpr Query kInsertPeriod{"insert_period", R"sql(
  INSERT INTO settlement_periods (community_id, period_start_at, period_end_at, run_count, drawn_wh,
                                  fed_in_wh, self_consumed_wh, delivered_wh, retail_wh, surplus_wh,
                                  substituted_count, readings_cursor, scheme_id, is_firm,
                                  imbalance_bought_wh, imbalance_sold_wh, price_missing_count,
                                  tariff_version_count)
  VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
  ON CONFLICT (community_id, period_start_at) DO NOTHING
)sql"};

/// $3: runs before this one; $4: runs after it.
inline constexpr Query kUpdatePeriod{"update_period", R"sql(
  UPDATE settlement_periods
  SET run_count = $4, drawn_wh = $5, fed_in_wh = $6, self_consumed_wh = $7, delivered_wh = $8,
      retail_wh = $9, surplus_wh = $10, substituted_count = $11, readings_cursor = $12,
      scheme_id = $13, is_firm = $14, imbalance_bought_wh = $15, imbalance_sold_wh = $16,
      price_missing_count = $17, tariff_version_count = $18
  WHERE community_id = $1 AND period_start_at = $2 AND run_count = $3 AND readings_cursor <= $12
    AND tariff_version_count <= $18
)sql"};

inline constexpr Query kInsertLines{"insert_lines", R"sql(
  INSERT INTO settlement_lines (community_id, period_start_at, run, line_no, participant_id,
                                connection_id, kind, trade_id, energy_wh, price_micros_per_kwh,
                                amount_micros, substituted, entry_no, rule_id, is_taxable,
                                is_price_missing)
  SELECT $1, $2::timestamptz, $3::integer, n.line_no, n.participant_id, n.connection_id, n.kind,
         n.trade_id, n.energy_wh, n.price_micros_per_kwh, n.amount_micros, n.substituted = 1,
         nullif(n.entry_no, 0), n.rule_id, n.is_taxable = 1, n.is_price_missing = 1
  FROM unnest($4::integer[], $5::text[], $6::text[], $7::integer[], $8::text[], $9::bigint[],
              $10::bigint[], $11::bigint[], $12::integer[], $13::bigint[], $14::text[],
              $15::integer[], $16::integer[])
    AS n(line_no, participant_id, connection_id, kind, trade_id, energy_wh, price_micros_per_kwh,
         amount_micros, substituted, entry_no, rule_id, is_taxable, is_price_missing)
)sql"};

/// Moves the mark over the periods that follow it without a gap.
inline constexpr Query kAdvanceSettledThrough{"advance_settled_through", R"sql(
  UPDATE ledgers AS l
  SET settled_through_at = l.settled_through_at + make_interval(secs => l.period_seconds) * (
    SELECT count(*) FROM (
      SELECT p.period_start_at, row_number() OVER (ORDER BY p.period_start_at) - 1 AS position
      FROM settlement_periods AS p
      WHERE p.community_id = $1 AND p.period_start_at >= l.settled_through_at
    ) AS later
    WHERE later.period_start_at
      = l.settled_through_at + make_interval(secs => l.period_seconds) * later.position
  )
  WHERE l.community_id = $1 AND l.settled_through_at <= $2
)sql"};

/// $3: the cursor that the run has seen.
inline constexpr Query kDeleteSeenChanges{"delete_seen_changes", R"sql(
  DELETE FROM dirty_periods
  WHERE community_id = $1 AND period_start_at = $2 AND changed_cursor <= $3
)sql"};

inline constexpr Query kSelectWatchCursor{"select_watch_cursor", R"sql(
  SELECT position FROM watch_cursors WHERE source = $1
)sql"};

inline constexpr Query kUpsertWatchCursor{"upsert_watch_cursor", R"sql(
  INSERT INTO watch_cursors (source, position) VALUES ($1, $2)
  ON CONFLICT (source) DO UPDATE SET position = greatest(watch_cursors.position, excluded.position)
)sql"};

/// A reading settles its own interval and may stand in for that of the next day. Periods that are
/// not settled yet are marked too: a run that is under way may not have seen the change. What lies
/// before the first period is never settled and leaves no mark.
inline constexpr Query kMarkChanged{"mark_changed", R"sql(
  INSERT INTO dirty_periods (community_id, period_start_at, changed_cursor, changed_points)
  SELECT touched.community_id, touched.period_start_at, max(touched.changed_cursor),
         CASE WHEN count(DISTINCT touched.point) <= 8 THEN array_agg(DISTINCT touched.point) END
  FROM (
    SELECT c.community_id, t.start_at + day.shift AS period_start_at, c.changed_cursor, c.point,
           day.shift > interval '0' AS stands_in, l.settled_through_at
    FROM (
      SELECT community_id, start_at, end_at, point, max(changed_cursor) AS changed_cursor
      FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::bigint[], $5::text[])
        AS sent(community_id, start_at, end_at, changed_cursor, point)
      GROUP BY community_id, start_at, end_at, point
    ) AS c
    JOIN ledgers AS l ON l.community_id = c.community_id
    CROSS JOIN LATERAL generate_series(c.start_at,
                                       c.end_at - make_interval(secs => l.period_seconds),
                                       make_interval(secs => l.period_seconds)) AS t(start_at)
    CROSS JOIN (VALUES (interval '0'), (interval '24 hours')) AS day(shift)
  ) AS touched
  LEFT JOIN settlement_periods AS p
    ON p.community_id = touched.community_id AND p.period_start_at = touched.period_start_at
  WHERE (p.community_id IS NULL AND touched.period_start_at >= touched.settled_through_at)
    OR (p.readings_cursor < touched.changed_cursor
        AND (NOT touched.stands_in OR p.substituted_count > 0))
  GROUP BY touched.community_id, touched.period_start_at
  ORDER BY touched.community_id, touched.period_start_at
  ON CONFLICT (community_id, period_start_at)
  DO UPDATE SET changed_cursor = greatest(dirty_periods.changed_cursor, excluded.changed_cursor),
    changed_points = CASE
      WHEN cardinality(dirty_periods.changed_points || excluded.changed_points) <= 64
      THEN dirty_periods.changed_points || excluded.changed_points
    END
)sql"};

// ---- Holds of the market ----

/// `OFFSET 0`: each hold is looked up by its key, however small the table was when it was last
/// analysed.
inline constexpr Query kSelectHolds{"select_holds", R"sql(
  SELECT h.order_name, h.period_start_at, h.initial_micros, a.account_id
  FROM unnest($2::text[]) AS asked (order_name)
  CROSS JOIN LATERAL (
    SELECT order_name, period_start_at, debit_account_no, initial_micros FROM holds
    WHERE community_id = $1 AND order_name = asked.order_name OFFSET 0
  ) AS h
  JOIN accounts AS a ON a.community_id = $1 AND a.account_no = h.debit_account_no
)sql"};

inline constexpr Query kInsertHolds{"insert_holds", R"sql(
  INSERT INTO holds (community_id, order_name, period_start_at, debit_account_no, initial_micros,
                     amount_micros, state)
  SELECT $1, h.order_name, h.period_start_at, h.debit_account_no, h.amount_micros,
         h.amount_micros, 'OPEN'
  FROM unnest($2::timestamptz[], $3::text[], $4::integer[], $5::bigint[])
    AS h(period_start_at, order_name, debit_account_no, amount_micros)
)sql"};

/// Returns what each hold that became lower gave back.
inline constexpr Query kReduceHolds{"reduce_holds", R"sql(
  WITH wanted AS (
    SELECT r.order_name, min(r.amount_micros) AS amount_micros
    FROM unnest($3::text[], $4::bigint[]) AS r(order_name, amount_micros)
    GROUP BY r.order_name
  ), lowered AS (
    SELECT h.order_name, h.amount_micros - w.amount_micros AS freed_micros, w.amount_micros
    FROM holds AS h JOIN wanted AS w ON w.order_name = h.order_name
    WHERE h.community_id = $1 AND h.period_start_at = $2 AND h.state = 'OPEN'
      AND w.amount_micros < h.amount_micros
  )
  UPDATE holds AS h
  SET amount_micros = l.amount_micros,
      state = CASE WHEN l.amount_micros = 0 THEN 'ENDED' ELSE 'OPEN' END
  FROM lowered AS l
  JOIN accounts AS a ON a.community_id = $1
  WHERE h.community_id = $1 AND h.order_name = l.order_name AND a.account_no = h.debit_account_no
  RETURNING a.account_id, l.freed_micros
)sql"};

inline constexpr Query kSelectOpenHoldsOfPeriod{"select_open_holds_of_period", R"sql(
  SELECT a.account_id, sum(h.amount_micros)::bigint AS amount_micros
  FROM holds AS h
  JOIN accounts AS a ON a.community_id = h.community_id AND a.account_no = h.debit_account_no
  WHERE h.community_id = $1 AND h.period_start_at = $2 AND h.state = 'OPEN'
  GROUP BY a.account_id
)sql"};

inline constexpr Query kEndHoldsOfPeriod{"end_holds_of_period", R"sql(
  UPDATE holds SET amount_micros = 0, state = 'ENDED'
  WHERE community_id = $1 AND period_start_at = $2 AND state = 'OPEN'
)sql"};

// ---- Deposits ----

inline constexpr Query kInsertDeposit{"insert_deposit", R"sql(
  INSERT INTO deposits (community_id, participant_id, deposit_id, amount_micros, state, created_at)
  VALUES ($1, $2, $3, $4, 1, $5)
  ON CONFLICT (community_id, participant_id, deposit_id) DO NOTHING
)sql"};

inline constexpr Query kSelectDeposit{"select_deposit", R"sql(
  SELECT d.community_id, d.participant_id, d.deposit_id, d.amount_micros, d.state, d.created_at,
         l.currency_code
  FROM deposits AS d JOIN ledgers AS l ON l.community_id = d.community_id
  WHERE d.community_id = $1 AND d.participant_id = $2 AND d.deposit_id = $3
)sql"};

inline constexpr Query kFinishDeposit{"finish_deposit", R"sql(
  UPDATE deposits SET state = $4
  WHERE community_id = $1 AND participant_id = $2 AND deposit_id = $3 AND state = 1
)sql"};

inline constexpr Query kSelectPendingDeposits{"select_pending_deposits", R"sql(
  SELECT d.community_id, d.participant_id, d.deposit_id, d.amount_micros, d.state, d.created_at,
         l.currency_code
  FROM deposits AS d JOIN ledgers AS l ON l.community_id = d.community_id
  WHERE d.state = 1
  ORDER BY d.created_at, d.community_id, d.participant_id, d.deposit_id
)sql"};

// ---- Books ----

inline constexpr Query kSelectHead{"select_head", R"sql(
  SELECT l.currency_code, l.settled_through_at, (
    SELECT count(*) FROM (
      SELECT d.period_start_at FROM dirty_periods AS d
      JOIN settlement_periods AS p USING (community_id, period_start_at)
      WHERE d.community_id = $1 AND p.community_id = $1 AND d.changed_cursor > p.readings_cursor
      UNION SELECT period_start_at FROM repriced_periods WHERE community_id = $1
    ) AS d
  )::integer AS dirty_count
  FROM ledgers AS l WHERE l.community_id = $1
)sql"};

inline constexpr Query kListAccounts{"list_accounts", R"sql(
  SELECT account_id, balance_micros, held_micros FROM account_states
  WHERE community_id = $1 AND account_id > $2
  ORDER BY account_id LIMIT $3
)sql"};

inline constexpr Query kListEntries{"list_entries", PW_SELECT_ENTRIES R"sql(
  WHERE e.community_id = $1 AND e.entry_no > $2
  ORDER BY e.entry_no LIMIT $3
)sql"};

/// One statement, so that all sums are of one instant.
inline constexpr Query kSelectTrialBalance{"select_trial_balance", R"sql(
  WITH posted AS (
    SELECT u.account_no, sum(u.amount_micros) AS amount_micros
    FROM journal_entries AS e,
         unnest(e.account_nos, e.amounts_micros) AS u(account_no, amount_micros)
    WHERE e.community_id = $1
    GROUP BY u.account_no
  ), compared AS (
    SELECT coalesce(a.balance_micros, 0) AS balance_micros,
           coalesce(p.amount_micros, 0) AS amount_micros,
           a.account_no IS NULL
             OR a.balance_micros <> coalesce(p.amount_micros, 0) AS mismatched
    FROM (SELECT account_no, balance_micros FROM account_states WHERE community_id = $1) AS a
    FULL JOIN posted AS p ON p.account_no = a.account_no
  )
  SELECT coalesce(sum(amount_micros), 0)::bigint AS postings_micros,
         coalesce(sum(balance_micros), 0)::bigint AS balances_micros,
         count(*) FILTER (WHERE mismatched) AS mismatched_count,
         (SELECT count(*) FROM journal_entries WHERE community_id = $1) AS entry_count,
         (SELECT coalesce(sum(amount_micros), 0)::bigint FROM holds
          WHERE community_id = $1 AND state = 'OPEN') AS held_micros
  FROM compared
)sql"};

/// What every ledger's balances differ from zero by, added up: 0.
inline constexpr Query kSumOfAllBalances{"sum_of_all_balances", R"sql(
  SELECT coalesce(sum(abs(ledger.balance_micros)), 0)::bigint AS imbalance_micros
  FROM (
    SELECT sum(balance_micros) AS balance_micros FROM account_states GROUP BY community_id
  ) AS ledger
)sql"};

inline constexpr Query kSelectPeriod{"select_period", R"sql(
  SELECT p.period_start_at, p.period_end_at, p.run_count, p.drawn_wh, p.fed_in_wh,
         p.self_consumed_wh, p.delivered_wh, p.retail_wh, p.surplus_wh, p.substituted_count,
         p.scheme_id, p.imbalance_bought_wh, p.imbalance_sold_wh, p.price_missing_count,
)sql" PW_GRID_LOSS_COLUMNS "FROM settlement_periods AS p " PW_JOIN_GRID_LOSSES R"sql(
  WHERE p.community_id = $1 AND p.period_start_at = $2
)sql"};

inline constexpr Query kListPeriods{"list_periods", R"sql(
  SELECT p.period_start_at, p.period_end_at, p.run_count, p.drawn_wh, p.fed_in_wh,
         p.self_consumed_wh, p.delivered_wh, p.retail_wh, p.surplus_wh, p.substituted_count,
         p.scheme_id, p.imbalance_bought_wh, p.imbalance_sold_wh, p.price_missing_count,
)sql" PW_GRID_LOSS_COLUMNS "FROM settlement_periods AS p " PW_JOIN_GRID_LOSSES R"sql(
  WHERE p.community_id = $1 AND p.period_start_at >= $2 AND p.period_start_at < $3
    AND p.period_start_at > $4
  ORDER BY p.period_start_at LIMIT $5
)sql"};

inline constexpr Query kListLines{"list_lines", R"sql(
  SELECT period_start_at, run, line_no, participant_id, connection_id, kind, trade_id, energy_wh,
         price_micros_per_kwh, amount_micros, substituted, entry_no, rule_id, is_taxable,
         is_price_missing
  FROM settlement_lines
  WHERE community_id = $1 AND participant_id = $2 AND period_start_at >= $3
    AND period_start_at < $4 AND (period_start_at, run, line_no) > ($5, $6, $7) AND kind < 100
  ORDER BY period_start_at, run, line_no LIMIT $8
)sql"};

inline constexpr Query kSumLines{"sum_lines", R"sql(
  SELECT kind, sum(energy_wh)::bigint AS energy_wh, sum(amount_micros)::bigint AS amount_micros,
         coalesce(sum(energy_wh) FILTER (WHERE is_price_missing), 0)::bigint AS price_missing_wh
  FROM settlement_lines
  WHERE community_id = $1 AND participant_id = $2 AND period_start_at >= $3
    AND period_start_at < $4
  GROUP BY kind
  ORDER BY kind
)sql"};

/// All statements of reconciliation; they stand in headers of their own.
std::vector<Query> ReconciliationQueries();

/// All statements, to be prepared on every connection.
inline std::vector<Query> AllQueries() {
  std::vector<Query> queries = {
      kInsertLedger, kSelectProgress, kSelectRunCount, kSelectSettledPeriods, kSelectPosted,
      kInsertPeriod, kUpdatePeriod, kInsertLines, kAdvanceSettledThrough, kDeleteSeenChanges,
      kSelectWatchCursor, kUpsertWatchCursor, kMarkChanged, kSelectHolds, kInsertHolds, kHoldAll,
      kPostPlain, kReduceHolds, kSelectOpenHoldsOfPeriod, kEndHoldsOfPeriod, kInsertDeposit,
      kSelectDeposit, kFinishDeposit, kSelectPendingDeposits, kSelectHead, kListAccounts,
      kListEntries, kSelectTrialBalance, kSumOfAllBalances, kSelectPeriod, kListPeriods, kListLines,
      kSumLines};
  for (const std::vector<Query>& part :
       {LedgerQueries(), ReconciliationQueries(), KpiQueries(), RunQueries(), PaymentQueries(),
         StatementQueries(), GridLossQueries(), TariffQueries()}) {
    queries.insert(queries.end(), part.begin(), part.end());
  }
  return queries;
}

}  // namespace peerwatt::settlement
