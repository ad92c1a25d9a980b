#pragma once

#include <vector>

#include "libs/postgres/pool.h"

namespace peerwatt::settlement {

using postgres::Query;

// Checks of settled periods, as those of the ledger: (position, subject, detail) of what is wrong.

/// Instants as micro-seconds since 1970: periods of entries $2 exclusive to $3 inclusive.
inline constexpr Query kSelectPeriodsOfEntries{"select_periods_of_entries", R"sql(
  SELECT ARRAY(
    SELECT DISTINCT (extract(epoch FROM period_start_at) * 1000000)::bigint FROM journal_entries
    WHERE community_id = $1 AND entry_no > $2 AND entry_no <= $3 AND period_start_at IS NOT NULL
  ) AS periods
)sql"};

/// Settled periods after $2, with about $3 lines together, as micro-seconds since 1970.
inline constexpr Query kSelectPeriodSlice{"select_period_slice", R"sql(
  SELECT ARRAY(
    SELECT (extract(epoch FROM p.period_start_at) * 1000000)::bigint FROM settlement_periods AS p
    WHERE p.community_id = $1 AND p.period_start_at > $2
      AND p.period_start_at <= coalesce((
        SELECT period_start_at FROM settlement_lines
        WHERE community_id = $1 AND period_start_at > $2
        ORDER BY period_start_at, run, line_no OFFSET $3 LIMIT 1), 'infinity')
    ORDER BY p.period_start_at LIMIT 3000
  ) AS periods
)sql"};

/// line_posting, entries $2 exclusive to $3 inclusive: the entries of periods post what their lines
/// say, to the accounts of their kinds.
inline constexpr Query kCheckLinePostings{"check_line_postings", R"sql(
  WITH entries AS MATERIALIZED (
    SELECT entry_no, period_start_at, account_nos, amounts_micros FROM journal_entries
    WHERE community_id = $1 AND entry_no > $2 AND entry_no <= $3 AND period_start_at IS NOT NULL
  ), lines AS MATERIALIZED (
    SELECT l.entry_no, l.participant_id, l.kind, l.amount_micros FROM settlement_lines AS l
    WHERE l.community_id = $1 AND l.entry_no > $2 AND l.entry_no <= $3
      AND l.period_start_at IN (SELECT period_start_at FROM entries)
  ), owed AS (
    SELECT s.entry_no, s.account_id, sum(s.amount_micros) AS amount_micros
    FROM (
      SELECT entry_no, 'participant-' || participant_id AS account_id, amount_micros FROM lines
      UNION ALL
      SELECT entry_no, CASE kind WHEN 3 THEN 'network-operator' WHEN 4 THEN 'operator-share'
               WHEN 12 THEN 'subscriptions' WHEN 13 THEN 'piece-fees' ELSE 'main-grid' END,
             -amount_micros
      FROM lines WHERE kind IN (3, 4, 5, 6, 8, 9, 12, 13)
    ) AS s
    GROUP BY s.entry_no, s.account_id HAVING sum(s.amount_micros) <> 0
  ), posted AS (
    SELECT e.entry_no, coalesce(a.account_id, '?') AS account_id, u.amount_micros
    FROM entries AS e
    CROSS JOIN LATERAL unnest(e.account_nos, e.amounts_micros) AS u(account_no, amount_micros)
    LEFT JOIN accounts AS a ON a.community_id = $1 AND a.account_no = u.account_no
  )
  SELECT lpad(entry_no::text, 20, '0') AS position, 'journalEntries/' || entry_no AS subject,
         'posts ' || coalesce(p.amount_micros, 0) || ' to ' || account_id || ', its lines say '
           || coalesce(o.amount_micros, 0) AS detail
  FROM owed AS o FULL JOIN posted AS p USING (entry_no, account_id)
  WHERE o.amount_micros IS DISTINCT FROM p.amount_micros
  ORDER BY entry_no, account_id LIMIT 100
)sql"};

/// line_amount, periods $2: over all runs, what a line with a price comes to is its energy at that
/// price, rounded half to even once; the newest run's price holds. Lines that move money have an
/// entry.
inline constexpr Query kCheckLineAmounts{"check_line_amounts", R"sql(
  SELECT to_char(s.period_start_at AT TIME ZONE 'UTC', 'YYYYMMDD"t"HH24MISS"z"') AS position,
         'participants/' || s.participant_id || '/lines/' || s.kind || '/' || s.connection_id
           AS subject,
         CASE WHEN s.unposted > 0 THEN 'moves money, and no entry posts it'
              ELSE 'comes to ' || s.amount || ' for ' || s.energy || ' Wh at ' || s.price END
           AS detail
  FROM (
    SELECT period_start_at, participant_id, connection_id, kind, trade_id,
           sum(energy_wh) AS energy, sum(amount_micros) AS amount,
           (array_agg(price_micros_per_kwh ORDER BY run DESC))[1] AS price,
           count(*) FILTER (WHERE amount_micros <> 0 AND entry_no IS NULL AND kind < 100)
             AS unposted
    FROM settlement_lines
    WHERE community_id = $1 AND period_start_at = ANY ($2::timestamptz[])
    GROUP BY period_start_at, participant_id, connection_id, kind, trade_id, is_taxable,
             is_price_missing
  ) AS s
  CROSS JOIN LATERAL (SELECT mod(mod(s.energy * s.price, 1000) + 1000, 1000) AS part) AS r
  CROSS JOIN LATERAL (SELECT div(s.energy * s.price - r.part, 1000) AS whole) AS q
  WHERE s.unposted > 0
    OR (s.kind IN (3, 5, 6, 8, 9, 10, 101, 102)
        AND s.amount <> CASE WHEN s.kind IN (6, 9, 102) THEN 1 ELSE -1 END
          * (q.whole + CASE WHEN r.part > 500 OR (r.part = 500 AND mod(q.whole, 2) <> 0)
                       THEN 1 ELSE 0 END))
    OR (s.kind = 7 AND s.amount <> 0)
  ORDER BY 1, 2 LIMIT 100
)sql"};

/// trade_transfer, periods $2: each run of a trade has exactly one entry, whose key names the trade
/// and the run, and no other entry names them; buyer and seller have the same energy, and over all
/// runs the same amount: the energy at the trade's price, rounded half to even once.
inline constexpr Query kCheckTradeTransfers{"check_trade_transfers", R"sql(
  WITH periods AS MATERIALIZED (
    SELECT p.period_start_at,
           to_char(p.period_start_at AT TIME ZONE 'UTC', 'YYYYMMDD"t"HH24MISS"z"') AS segment
    FROM unnest($2::timestamptz[]) AS p(period_start_at)
  ), lines AS MATERIALIZED (
    SELECT p.segment, l.trade_id, l.run, l.kind, l.energy_wh, l.price_micros_per_kwh,
           l.amount_micros, l.entry_no
    FROM periods AS p
    JOIN settlement_lines AS l
      ON l.community_id = $1 AND l.period_start_at = p.period_start_at AND l.trade_id <> ''
        AND l.kind BETWEEN 1 AND 4
  ), runs AS (
    SELECT segment, trade_id, run, 'trade:' || segment || ':' || trade_id || ':' || run AS key,
           min(entry_no) AS entry_no, max(entry_no) AS entry_no_max
    FROM lines WHERE entry_no IS NOT NULL
    GROUP BY segment, trade_id, run
  ), entries AS (
    SELECT p.segment, j.entry_no, j.idempotency_key AS key
    FROM periods AS p
    JOIN journal_entries AS j
      ON j.community_id = $1 AND j.idempotency_key >= 'trade:' || p.segment || ':'
        AND j.idempotency_key < 'trade:' || p.segment || ';'
  ), sums AS (
    SELECT segment, trade_id,
           sum(energy_wh) FILTER (WHERE kind = 1) AS bought_wh,
           sum(energy_wh) FILTER (WHERE kind = 2) AS sold_wh,
           sum(amount_micros) FILTER (WHERE kind = 1) AS paid,
           sum(amount_micros) FILTER (WHERE kind = 2) AS received,
           (array_agg(price_micros_per_kwh ORDER BY run DESC) FILTER (WHERE kind = 2))[1] AS price
    FROM lines GROUP BY segment, trade_id
  )
  SELECT coalesce(r.segment, e.segment) AS position,
         'auctions/' || coalesce(r.segment, e.segment) || '/trades/'
           || coalesce(r.trade_id, split_part(e.key, ':', 3)) AS subject,
         CASE WHEN e.key IS NULL THEN 'run ' || r.run || ' has no transfer of its own'
              WHEN r.key IS NULL THEN 'entry ' || e.entry_no || ' is one transfer too many'
              ELSE 'run ' || r.run || ' names entries ' || r.entry_no || ' and ' || r.entry_no_max
                || ', its transfer is entry ' || e.entry_no END AS detail
  FROM runs AS r FULL JOIN entries AS e ON e.key = r.key COLLATE "C"
  WHERE e.key IS NULL OR r.key IS NULL OR r.entry_no <> e.entry_no OR r.entry_no_max <> e.entry_no
  UNION ALL
  SELECT s.segment, 'auctions/' || s.segment || '/trades/' || s.trade_id,
         'pays ' || s.paid || ' and ' || s.received || ' for ' || s.bought_wh || ' and '
           || s.sold_wh || ' Wh at ' || s.price
  FROM sums AS s
  CROSS JOIN LATERAL (SELECT mod(mod(s.sold_wh * s.price, 1000) + 1000, 1000) AS part) AS r
  CROSS JOIN LATERAL (SELECT div(s.sold_wh * s.price - r.part, 1000) AS whole) AS q
  WHERE s.bought_wh IS DISTINCT FROM s.sold_wh OR s.received IS DISTINCT FROM -s.paid
    OR s.received <> q.whole + CASE WHEN r.part > 500 OR (r.part = 500 AND mod(q.whole, 2) <> 0)
                               THEN 1 ELSE 0 END
  ORDER BY 1, 2 LIMIT 100
)sql"};

/// period_energy, periods $2: what a period says is what its lines say, and what comes in goes out.
inline constexpr Query kCheckPeriodEnergies{"check_period_energies", R"sql(
  SELECT to_char(s.period_start_at AT TIME ZONE 'UTC', 'YYYYMMDD"t"HH24MISS"z"') AS position,
         'settlementPeriods/'
           || to_char(s.period_start_at AT TIME ZONE 'UTC', 'YYYYMMDD"t"HH24MISS"z"') AS subject,
         'says ' || s.drawn_wh || ' drawn, ' || s.fed_in_wh || ' fed in, ' || s.delivered_wh
           || ' delivered, ' || s.retail_wh || ' retail and ' || s.surplus_wh
           || ' surplus, its lines ' || s.drawn || ', ' || s.fed_in || ', ' || s.delivered || ', '
           || s.retail || ' and ' || s.surplus AS detail
  FROM (
    SELECT p.*, coalesce(l.drawn, 0) AS drawn, coalesce(l.fed_in, 0) AS fed_in,
           coalesce(l.self_consumed, 0) AS self_consumed, coalesce(l.delivered, 0) AS delivered,
           coalesce(l.given, 0) AS given, coalesce(l.retail, 0) AS retail,
           coalesce(l.surplus, 0) AS surplus, coalesce(l.bought, 0) AS bought,
           coalesce(l.sold, 0) AS sold, coalesce(l.runs, 0) AS runs
    FROM settlement_periods AS p
    LEFT JOIN (
      SELECT period_start_at, sum(energy_wh) FILTER (WHERE kind = 101) AS drawn,
             sum(energy_wh) FILTER (WHERE kind = 102) AS fed_in,
             sum(energy_wh) FILTER (WHERE kind = 7) AS self_consumed,
             sum(energy_wh) FILTER (WHERE kind IN (1, 10)) AS delivered,
             sum(energy_wh) FILTER (WHERE kind IN (2, 11)) AS given,
             sum(energy_wh) FILTER (WHERE kind = 5) AS retail,
             sum(energy_wh) FILTER (WHERE kind = 6) AS surplus,
             sum(energy_wh) FILTER (WHERE kind = 8) AS bought,
             sum(energy_wh) FILTER (WHERE kind = 9) AS sold, max(run) AS runs
      FROM settlement_lines
      WHERE community_id = $1 AND period_start_at = ANY ($2::timestamptz[])
      GROUP BY period_start_at
    ) AS l USING (period_start_at)
    WHERE p.community_id = $1 AND p.period_start_at = ANY ($2::timestamptz[])
  ) AS s
  WHERE (s.drawn_wh, s.fed_in_wh, s.self_consumed_wh, s.delivered_wh, s.retail_wh, s.surplus_wh,
         s.imbalance_bought_wh, s.imbalance_sold_wh, s.delivered_wh)
      IS DISTINCT FROM (s.drawn, s.fed_in, s.self_consumed, s.delivered, s.retail, s.surplus,
                        s.bought, s.sold, s.given)
    OR s.fed_in_wh + s.retail_wh + s.imbalance_bought_wh
      <> s.drawn_wh + s.surplus_wh + s.imbalance_sold_wh
    OR s.runs > s.run_count
  ORDER BY 1 LIMIT 100
)sql"};

/// All statements about periods.
inline std::vector<Query> ReconciliationPeriodQueries() {
  return {kSelectPeriodsOfEntries, kSelectPeriodSlice, kCheckLinePostings, kCheckLineAmounts,
          kCheckTradeTransfers, kCheckPeriodEnergies};
}

}  // namespace peerwatt::settlement
