#pragma once

#include <vector>

#include "libs/postgres/pool.h"

namespace peerwatt::settlement {

using postgres::Query;

// ---- Issuers and billing details ----

inline constexpr Query kInsertIssuer{"insert_issuer", R"sql(
  INSERT INTO issuers (community_id, starts_on, issuer_id, party, account, invoice_series,
                       self_billing_series, payment_days, tax_kinds, tax_categories, tax_rates_ppm,
                       tax_exemption_reasons, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
  ON CONFLICT DO NOTHING
)sql"};

inline constexpr Query kListIssuers{"list_issuers", R"sql(
  SELECT starts_on, issuer_id, party, account, invoice_series, self_billing_series, payment_days,
         tax_kinds::bigint[] AS tax_kinds, tax_categories, tax_rates_ppm, tax_exemption_reasons,
         created_at
  FROM issuers WHERE community_id = $1
  ORDER BY starts_on
)sql"};

/// Of two that change at once, the later one learns that the version is taken.
inline constexpr Query kInsertBillingDetails{"insert_billing_details", R"sql(
  INSERT INTO billing_details (community_id, participant_id, version, party, account, supply_tax,
                               supply_tax_rate_ppm, updated_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
)sql"};

/// The newest details of each participant.
inline constexpr Query kSelectBillingDetails{"select_billing_details", R"sql(
  SELECT DISTINCT ON (participant_id) participant_id, version, party, account, supply_tax,
         supply_tax_rate_ppm, updated_at
  FROM billing_details
  WHERE community_id = $1 AND participant_id = ANY ($2::text[])
  ORDER BY participant_id, version DESC
)sql"};

// ---- What statements are made of ----

inline constexpr Query kSelectSettledThrough{"select_settled_through", R"sql(
  SELECT currency_code, settled_through_at FROM ledgers WHERE community_id = $1
)sql"};

/// How many runs each period of a span has, in order.
inline constexpr Query kSelectRunCounts{"select_run_counts", R"sql(
  SELECT min(period_start_at) AS periods_from_at,
         array_agg(run_count ORDER BY period_start_at) AS run_counts
  FROM settlement_periods
  WHERE community_id = $1 AND period_start_at >= $2 AND period_start_at < $3
)sql"};

/// Participants with lines of the kinds $4 in a span.
inline constexpr Query kSelectBilledParticipants{"select_billed_participants", R"sql(
  SELECT DISTINCT participant_id FROM settlement_lines
  WHERE community_id = $1 AND period_start_at >= $2 AND period_start_at < $3
    AND kind = ANY ($4::integer[])
  ORDER BY participant_id
)sql"};

/// Sums of a month's lines by kind and day; $3: where its days begin, $4: where it ends. A line
/// that got its price is taken back with the flag, so the flagged ones sum to what is missing.
inline constexpr Query kSumStatementDays{"sum_statement_days", R"sql(
  SELECT participant_id, kind, is_taxable,
         width_bucket(period_start_at, $3::timestamptz[]) - 1 AS day,
         sum(energy_wh)::bigint AS energy_wh, sum(amount_micros)::bigint AS amount_micros,
         coalesce(sum(energy_wh) FILTER (WHERE is_price_missing), 0)::bigint AS price_missing_wh
  FROM settlement_lines
  WHERE community_id = $1 AND participant_id = ANY ($2::text[])
    AND period_start_at >= ($3::timestamptz[])[1] AND period_start_at < $4
    AND kind BETWEEN 1 AND 100 AND kind <> 7
  GROUP BY participant_id, kind, is_taxable, day
  ORDER BY participant_id, kind, is_taxable, day
)sql"};

/// What earlier documents of a month said, by charge and class.
inline constexpr Query kSumBilledLines{"sum_billed_lines", R"sql(
  SELECT s.participant_id, l.charge_key, l.tax_category, l.tax_rate_ppm, l.tax_exemption_reason,
         sum(l.energy_wh)::bigint AS energy_wh, sum(l.exact_micros)::bigint AS exact_micros,
         sum(l.net_micros)::bigint AS net_micros
  FROM statements AS s
  JOIN statement_lines AS l
    ON l.community_id = s.community_id AND l.statement_id = s.statement_id
  WHERE s.community_id = $1 AND s.participant_id = ANY ($2::text[]) AND s.month = $3
    AND s.kind = $4
  GROUP BY s.participant_id, l.charge_key, l.tax_category, l.tax_rate_ppm, l.tax_exemption_reason
)sql"};

inline constexpr Query kSumBilledTaxes{"sum_billed_taxes", R"sql(
  SELECT s.participant_id, t.tax_category, t.tax_rate_ppm, t.tax_exemption_reason,
         sum(t.amount_micros)::bigint AS amount_micros
  FROM statements AS s
  JOIN statement_taxes AS t
    ON t.community_id = s.community_id AND t.statement_id = s.statement_id
  WHERE s.community_id = $1 AND s.participant_id = ANY ($2::text[]) AND s.month = $3
    AND s.kind = $4
  GROUP BY s.participant_id, t.tax_category, t.tax_rate_ppm, t.tax_exemption_reason
)sql"};

/// The first document of a month, and how many there are.
inline constexpr Query kSelectFirstStatements{"select_first_statements", R"sql(
  SELECT DISTINCT ON (s.participant_id) s.participant_id, s.number, s.issued_on,
         (SELECT max(n.sequence_no) FROM statements AS n
          WHERE n.community_id = $1 AND n.participant_id = s.participant_id AND n.month = $3
            AND n.kind = $4) AS last_sequence_no
  FROM statements AS s
  WHERE s.community_id = $1 AND s.participant_id = ANY ($2::text[]) AND s.month = $3
    AND s.kind = $4
  ORDER BY s.participant_id, s.sequence_no
)sql"};

// ---- Issuing ----

inline constexpr Query kSelectStatementIssue{"select_statement_issue", R"sql(
  SELECT content_hash FROM statement_issues WHERE community_id = $1 AND request_id = $2
)sql"};

inline constexpr Query kInsertStatementIssue{"insert_statement_issue", R"sql(
  INSERT INTO statement_issues (community_id, request_id, content_hash, periods_from_at, run_counts,
                                created_at)
  VALUES ($1, $2, $3, $4, $5, $6)
)sql"};

/// Takes $4 numbers and returns the last. The row stays locked until the transaction ends.
inline constexpr Query kTakeStatementNumbers{"take_statement_numbers", R"sql(
  INSERT INTO statement_numbers (community_id, series, year, last_no)
  VALUES ($1, $2, $3, $4::bigint)
  ON CONFLICT (community_id, series, year)
  DO UPDATE SET last_no = statement_numbers.last_no + $4::bigint
  RETURNING last_no
)sql"};

inline constexpr Query kInsertStatement{"insert_statement", R"sql(
  INSERT INTO statements (community_id, statement_id, participant_id, kind, month, sequence_no,
                          series, year, serial_no, number, request_id, issued_on, due_on,
                          currency_code, seller, buyer, pay_to, corrects, corrected_issued_on,
                          net_micros, tax_micros, gross_micros, rounding_micros, days_wh,
                          content_hash, entry_no, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
          $21, $22, $23, $24, $25, $26, $27)
)sql"};

/// The day keys of each line come as the text of an array.
inline constexpr Query kInsertStatementLines{"insert_statement_lines", R"sql(
  INSERT INTO statement_lines (community_id, statement_id, line_no, charge_key, kind, description,
                               energy_wh, exact_micros, net_micros, tax_category, tax_rate_ppm,
                               tax_exemption_reason, day_keys)
  SELECT $1, l.statement_id, l.line_no, l.charge_key, l.kind, l.description, l.energy_wh,
         l.exact_micros, l.net_micros, l.tax_category, l.tax_rate_ppm, l.tax_exemption_reason,
         l.day_keys::integer[]
  FROM unnest($2::text[], $3::integer[], $4::text[], $5::integer[], $6::text[], $7::bigint[],
              $8::bigint[], $9::bigint[], $10::text[], $11::bigint[], $12::text[], $13::text[])
    AS l(statement_id, line_no, charge_key, kind, description, energy_wh, exact_micros, net_micros,
         tax_category, tax_rate_ppm, tax_exemption_reason, day_keys)
)sql"};

inline constexpr Query kInsertStatementTaxes{"insert_statement_taxes", R"sql(
  INSERT INTO statement_taxes (community_id, statement_id, tax_no, tax_category, tax_rate_ppm,
                               tax_exemption_reason, taxable_micros, amount_micros)
  SELECT $1, t.statement_id, t.tax_no, t.tax_category, t.tax_rate_ppm, t.tax_exemption_reason,
         t.taxable_micros, t.amount_micros
  FROM unnest($2::text[], $3::integer[], $4::text[], $5::bigint[], $6::text[], $7::bigint[],
              $8::bigint[])
    AS t(statement_id, tax_no, tax_category, tax_rate_ppm, tax_exemption_reason, taxable_micros,
         amount_micros)
)sql"};

// ---- Reading ----

#define PW_STATEMENT_COLUMNS                                                                \
  "SELECT statement_id, participant_id, kind, month, number, issued_on, due_on, "           \
  "currency_code, seller, buyer, pay_to, corrects, corrected_issued_on, net_micros, "       \
  "tax_micros, gross_micros, rounding_micros, days_wh, content_hash, entry_no, created_at " \
  "FROM statements "

inline constexpr Query kSelectStatement{"select_statement", PW_STATEMENT_COLUMNS R"sql(
  WHERE community_id = $1 AND statement_id = $2 AND participant_id = $3
)sql"};

inline constexpr Query kListStatements{"list_statements", PW_STATEMENT_COLUMNS R"sql(
  WHERE community_id = $1 AND participant_id = $2
    AND (created_at, statement_id) > (
      SELECT coalesce(max(created_at), '-infinity'), $3::text FROM statements
      WHERE community_id = $1 AND participant_id = $2 AND statement_id = $3)
  ORDER BY created_at, statement_id LIMIT $4
)sql"};

inline constexpr Query kListStatementsOfRequest{"list_statements_of_request",
                                                PW_STATEMENT_COLUMNS R"sql(
  WHERE community_id = $1 AND request_id = $2
  ORDER BY serial_no
)sql"};

#undef PW_STATEMENT_COLUMNS

inline constexpr Query kListStatementLines{"list_statement_lines", R"sql(
  SELECT statement_id, charge_key, description, energy_wh, exact_micros, net_micros, tax_category,
         tax_rate_ppm, tax_exemption_reason
  FROM statement_lines
  WHERE community_id = $1 AND statement_id = ANY ($2::text[])
  ORDER BY statement_id, line_no
)sql"};

inline constexpr Query kListStatementTaxes{"list_statement_taxes", R"sql(
  SELECT statement_id, tax_category, tax_rate_ppm, tax_exemption_reason, taxable_micros,
         amount_micros
  FROM statement_taxes
  WHERE community_id = $1 AND statement_id = ANY ($2::text[])
  ORDER BY statement_id, tax_no
)sql"};

/// A line with the month and kind of its statement.
inline constexpr Query kSelectStatementLine{"select_statement_line", R"sql(
  SELECT s.month FROM statements AS s
  JOIN statement_lines AS l
    ON l.community_id = s.community_id AND l.statement_id = s.statement_id
  WHERE s.community_id = $1 AND s.statement_id = $2 AND s.participant_id = $3 AND l.line_no = $4
)sql"};

/// The settlement lines that a statement's line adds up: those of its kind and days whose runs were
/// there when it was issued, and not yet when the document before it was. $5: where the days of its
/// month begin, $6: where it ends.
inline constexpr Query kListLinesOfStatement{"list_lines_of_statement", R"sql(
  SELECT l.period_start_at, l.run, l.line_no, l.participant_id, l.connection_id, l.kind, l.trade_id,
         l.energy_wh, l.price_micros_per_kwh, l.amount_micros, l.substituted, l.entry_no, l.rule_id,
         l.is_taxable, l.is_price_missing
  FROM statements AS s
  JOIN statement_lines AS c
    ON c.community_id = s.community_id AND c.statement_id = s.statement_id
  JOIN statement_issues AS i ON i.community_id = s.community_id AND i.request_id = s.request_id
  LEFT JOIN statements AS ps
    ON ps.community_id = s.community_id AND ps.participant_id = s.participant_id
      AND ps.month = s.month AND ps.kind = s.kind AND ps.sequence_no = s.sequence_no - 1
  LEFT JOIN statement_issues AS p
    ON p.community_id = ps.community_id AND p.request_id = ps.request_id
  JOIN ledgers AS g ON g.community_id = s.community_id
  JOIN settlement_lines AS l
    ON l.community_id = s.community_id AND l.participant_id = s.participant_id
  WHERE s.community_id = $1 AND s.statement_id = $2 AND s.participant_id = $3 AND c.line_no = $4
    AND l.period_start_at >= ($5::timestamptz[])[1] AND l.period_start_at < $6
    AND l.kind = c.kind
    AND 2 * (width_bucket(l.period_start_at, $5::timestamptz[]) - 1) + l.is_taxable::integer
      = ANY (c.day_keys)
    AND l.run <= coalesce(i.run_counts[1 + extract(epoch FROM l.period_start_at
      - i.periods_from_at)::integer / g.period_seconds], 0)
    AND l.run > coalesce(p.run_counts[1 + extract(epoch FROM l.period_start_at
      - p.periods_from_at)::integer / g.period_seconds], 0)
    AND (l.period_start_at, l.run, l.line_no) > ($7, $8, $9)
  ORDER BY l.period_start_at, l.run, l.line_no LIMIT $10
)sql"};

/// The first statement that knew the run of a line, with its line for the line's kind and day, and
/// what the charge came to before and with it.
inline constexpr Query kSelectPartOfLine{"select_part_of_line", R"sql(
  WITH known AS (
    SELECT s.statement_id, s.sequence_no FROM statements AS s
    JOIN statement_issues AS i ON i.community_id = s.community_id AND i.request_id = s.request_id
    JOIN ledgers AS g ON g.community_id = s.community_id
    WHERE s.community_id = $1 AND s.participant_id = $2 AND s.month = $3 AND s.kind = $4
      AND i.run_counts[1 + extract(epoch FROM $5::timestamptz - i.periods_from_at)::integer
        / g.period_seconds] >= $6
    ORDER BY s.sequence_no LIMIT 1
  )
  SELECT k.statement_id, c.line_no, c.net_micros, before.exact_micros + c.exact_micros
           AS exact_total_micros, before.net_micros AS billed_before_micros
  FROM known AS k
  JOIN statement_lines AS c ON c.community_id = $1 AND c.statement_id = k.statement_id
  CROSS JOIN LATERAL (
    SELECT coalesce(sum(b.exact_micros), 0)::bigint AS exact_micros,
           coalesce(sum(b.net_micros), 0)::bigint AS net_micros
    FROM statements AS e
    JOIN statement_lines AS b
      ON b.community_id = e.community_id AND b.statement_id = e.statement_id
    WHERE e.community_id = $1 AND e.participant_id = $2 AND e.month = $3 AND e.kind = $4
      AND e.sequence_no < k.sequence_no AND b.charge_key = c.charge_key
      AND b.tax_category = c.tax_category AND b.tax_rate_ppm = c.tax_rate_ppm
      AND b.tax_exemption_reason = c.tax_exemption_reason
  ) AS before
  WHERE c.kind = $7 AND $8::integer = ANY (c.day_keys)
)sql"};

// ---- Explaining ----

/// Lines of participant $3 in one period.
inline constexpr Query kListLinesOfPeriod{"list_lines_of_period", R"sql(
  SELECT period_start_at, run, line_no, participant_id, connection_id, kind, trade_id, energy_wh,
         price_micros_per_kwh, amount_micros, substituted, entry_no, rule_id, is_taxable,
         is_price_missing
  FROM settlement_lines
  WHERE community_id = $1 AND period_start_at = $2 AND participant_id = $3 AND kind < 100
  ORDER BY run, line_no
)sql"};

/// $5 to $7: an array per run, as text.
inline constexpr Query kInsertRunEvidence{"insert_run_evidence", R"sql(
  INSERT INTO run_evidence (community_id, period_start_at, run, readings_cursor, metering_point_ids,
                            revisions, day_before_revisions, tariff_name, scheme_id, created_at)
  SELECT $1, n.period_start_at, n.run, $4, n.metering_point_ids::text[], n.revisions::integer[],
         n.day_before_revisions::integer[], n.tariff_name, n.scheme_id, $10
  FROM unnest($2::timestamptz[], $3::integer[], $5::text[], $6::text[], $7::text[], $8::text[],
              $9::text[])
    AS n(period_start_at, run, metering_point_ids, revisions, day_before_revisions, tariff_name,
         scheme_id)
)sql"};

inline constexpr Query kSelectRunEvidence{"select_run_evidence", R"sql(
  SELECT readings_cursor, metering_point_ids, revisions::bigint[] AS revisions,
         day_before_revisions::bigint[] AS day_before_revisions, tariff_name, scheme_id, created_at
  FROM run_evidence
  WHERE community_id = $1 AND period_start_at = $2 AND run = $3
)sql"};

/// All statements about statements, to be prepared on every connection.
inline std::vector<Query> StatementQueries() {
  return {kInsertIssuer, kListIssuers, kInsertBillingDetails, kSelectBillingDetails,
          kSelectSettledThrough, kSelectRunCounts, kSelectBilledParticipants, kSumStatementDays,
          kSumBilledLines, kSumBilledTaxes, kSelectFirstStatements, kSelectStatementIssue,
          kInsertStatementIssue, kTakeStatementNumbers, kInsertStatement, kInsertStatementLines,
          kInsertStatementTaxes, kSelectStatement, kListStatements, kListStatementsOfRequest,
          kListStatementLines, kListStatementTaxes, kSelectStatementLine, kListLinesOfStatement,
          kSelectPartOfLine, kListLinesOfPeriod, kInsertRunEvidence, kSelectRunEvidence};
}

}  // namespace peerwatt::settlement
