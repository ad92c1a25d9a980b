#pragma once

#include <vector>

#include "libs/postgres/pool.h"

namespace peerwatt::settlement {

using postgres::Query;

// ---- Settings and details ----

inline constexpr Query kSelectPaymentSettings{"select_payment_settings", R"sql(
  SELECT revision, holder_name, iban, bic, creditor_id, fund_limit_micros FROM payment_settings
  WHERE community_id = $1 ORDER BY revision DESC LIMIT 1
)sql"};

inline constexpr Query kInsertPaymentSettings{"insert_payment_settings", R"sql(
  INSERT INTO payment_settings (community_id, revision, holder_name, iban, bic, creditor_id,
                                fund_limit_micros, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
)sql"};

inline constexpr Query kSelectPayoutDetails{"select_payout_details", R"sql(
  SELECT participant_id, revision, holder_name, iban, bic, mandate_id,
         mandate_signed_on::text AS mandate_signed_on
  FROM payout_details
  WHERE community_id = $1 AND participant_id = $2 ORDER BY revision DESC LIMIT 1
)sql"};

inline constexpr Query kSelectAllPayoutDetails{"select_all_payout_details", R"sql(
  SELECT DISTINCT ON (participant_id) participant_id, revision, holder_name, iban, bic, mandate_id,
         mandate_signed_on::text AS mandate_signed_on
  FROM payout_details
  WHERE community_id = $1 ORDER BY participant_id, revision DESC
)sql"};

/// An empty date is none.
inline constexpr Query kInsertPayoutDetails{"insert_payout_details", R"sql(
  INSERT INTO payout_details (community_id, participant_id, revision, holder_name, iban, bic,
                              mandate_id, mandate_signed_on, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, nullif($8, '')::date, $9)
)sql"};

// ---- Payments ----

inline constexpr Query kInsertPayments{"insert_payments", R"sql(
  INSERT INTO payments (community_id, kind, participant_id, payment_id, amount_micros, state,
                        method, end_to_end_id, content_hash, scheme_id, details_revision,
                        created_at, updated_at)
  SELECT $1, $2, p.participant_id, p.payment_id, p.amount_micros, p.state, p.method,
         p.end_to_end_id, decode(p.content_hash, 'hex'), $3, p.details_revision, $4, $4
  FROM unnest($5::text[], $6::text[], $7::bigint[], $8::integer[], $9::integer[], $10::text[],
              $11::text[], $12::integer[])
    AS p(participant_id, payment_id, amount_micros, state, method, end_to_end_id, content_hash,
         details_revision)
)sql"};

inline constexpr Query kSelectPayment{"select_payment", R"sql(
  SELECT p.community_id, p.kind, p.participant_id, p.payment_id, p.amount_micros, p.state,
         p.method, p.end_to_end_id, p.content_hash, p.scheme_id, p.file_id, p.failure,
         p.created_at, l.currency_code
  FROM payments AS p JOIN ledgers AS l ON l.community_id = p.community_id
  WHERE p.community_id = $1 AND p.kind = $2 AND p.participant_id = $3 AND p.payment_id = $4
)sql"};

inline constexpr Query kListPayments{"list_payments", R"sql(
  SELECT p.community_id, p.kind, p.participant_id, p.payment_id, p.amount_micros, p.state,
         p.method, p.end_to_end_id, p.content_hash, p.scheme_id, p.file_id, p.failure,
         p.created_at, l.currency_code
  FROM payments AS p JOIN ledgers AS l ON l.community_id = p.community_id
  WHERE p.community_id = $1 AND p.kind = $2 AND p.participant_id = $3 AND p.payment_id > $4
  ORDER BY p.payment_id LIMIT $5
)sql"};

inline constexpr Query kListUnfinishedPayments{"list_unfinished_payments", R"sql(
  SELECT p.community_id, p.kind, p.participant_id, p.payment_id, p.amount_micros, p.state,
         p.method, p.end_to_end_id, p.content_hash, p.scheme_id, p.file_id, p.failure,
         p.created_at, l.currency_code
  FROM payments AS p JOIN ledgers AS l ON l.community_id = p.community_id
  WHERE p.state = 2 AND p.file_id = ''
  ORDER BY p.created_at, p.community_id, p.kind, p.participant_id, p.payment_id
)sql"};

inline constexpr Query kListWaitingPayments{"list_waiting_payments", R"sql(
  SELECT p.community_id, p.kind, p.participant_id, p.payment_id, p.amount_micros, p.state,
         p.method, p.end_to_end_id, p.content_hash, p.scheme_id, p.file_id, p.failure,
         p.created_at, l.currency_code
  FROM payments AS p JOIN ledgers AS l ON l.community_id = p.community_id
  WHERE p.community_id = $1 AND p.kind = $2 AND p.state = 1
  ORDER BY p.created_at, p.participant_id, p.payment_id
)sql"};

inline constexpr Query kListPaymentsAtBank{"list_payments_at_bank", R"sql(
  SELECT p.community_id, p.kind, p.participant_id, p.payment_id, p.amount_micros, p.state,
         p.method, p.end_to_end_id, p.content_hash, p.scheme_id, p.file_id, p.failure,
         p.created_at, l.currency_code
  FROM payments AS p JOIN ledgers AS l ON l.community_id = p.community_id
  WHERE p.community_id = $1 AND p.end_to_end_id = ANY ($2::text[]) AND p.file_id <> ''
)sql"};

inline constexpr Query kUpdatePaymentStates{"update_payment_states", R"sql(
  UPDATE payments AS t
  SET state = p.state, failure = p.failure, updated_at = $2
  FROM unnest($3::integer[], $4::text[], $5::text[], $6::integer[], $7::text[])
    AS p(kind, participant_id, payment_id, state, failure)
  WHERE t.community_id = $1 AND t.kind = p.kind AND t.participant_id = p.participant_id
    AND t.payment_id = p.payment_id
)sql"};

inline constexpr Query kSelectFundAdvance{"select_fund_advance", R"sql(
  SELECT coalesce(sum(amount_micros), 0)::bigint AS advanced_micros FROM fund_moves
  WHERE community_id = $1 AND participant_id = $2
)sql"};

// ---- Wallets ----

/// Open holds of the market are found by the index of those, payouts under way by their table.
inline constexpr Query kListWalletHolds{"list_wallet_holds", R"sql(
  SELECT name, amount_micros, period_start_at FROM (
    SELECT h.order_name AS name, h.amount_micros, h.period_start_at
    FROM holds AS h
    JOIN accounts AS a ON a.community_id = h.community_id AND a.account_no = h.debit_account_no
    WHERE h.community_id = $1 AND h.state = 'OPEN' AND h.period_start_at IS NOT NULL
      AND a.account_id = $2
    UNION ALL
    SELECT 'participants/' || participant_id || '/payouts/' || payment_id, amount_micros, NULL
    FROM payments
    WHERE community_id = $1 AND kind = 1 AND participant_id = $3 AND state IN (1, 2)
  ) AS held
  WHERE name COLLATE "C" > $4
  ORDER BY name COLLATE "C" LIMIT $5
)sql"};

inline constexpr Query kListLinesOfEntries{"list_lines_of_entries", R"sql(
  SELECT period_start_at, run, line_no, participant_id, connection_id, kind, trade_id, energy_wh,
         price_micros_per_kwh, amount_micros, substituted, entry_no
  FROM settlement_lines
  WHERE community_id = $1 AND participant_id = $2 AND period_start_at = ANY ($3::timestamptz[])
    AND entry_no = ANY ($4::bigint[]) AND kind < 100
  ORDER BY entry_no, period_start_at, run, line_no
)sql"};

// ---- Files ----

inline constexpr Query kInsertPaymentFile{"insert_payment_file", R"sql(
  INSERT INTO payment_files (community_id, file_id, kind, due_on, message_id, payment_count,
                             total_micros, content, created_at)
  VALUES ($1, $2, $3, $4::date, $5, $6, $7, $8, $9)
)sql"};

inline constexpr Query kSelectPaymentFile{"select_payment_file", R"sql(
  SELECT file_id, kind, due_on::text AS due_on, message_id, payment_count, total_micros, content,
         created_at
  FROM payment_files WHERE community_id = $1 AND file_id = $2
)sql"};

inline constexpr Query kListPaymentFiles{"list_payment_files", R"sql(
  SELECT file_id, kind, due_on::text AS due_on, message_id, payment_count, total_micros,
         NULL::bytea AS content, created_at
  FROM payment_files WHERE community_id = $1 AND file_id > $2
  ORDER BY file_id LIMIT $3
)sql"};

inline constexpr Query kHandOverPayments{"hand_over_payments", R"sql(
  UPDATE payments AS t
  SET state = 2, file_id = $2, mandate_id = p.mandate_id, updated_at = $3
  FROM unnest($5::text[], $6::text[], $7::text[]) AS p(participant_id, payment_id, mandate_id)
  WHERE t.community_id = $1 AND t.kind = $4 AND t.participant_id = p.participant_id
    AND t.payment_id = p.payment_id AND t.state = 1
)sql"};

inline constexpr Query kSelectUsedMandates{"select_used_mandates", R"sql(
  SELECT DISTINCT participant_id, mandate_id FROM payments
  WHERE community_id = $1 AND kind = 2 AND file_id <> ''
    AND participant_id = ANY ($2::text[])
)sql"};

// ---- Statements ----

inline constexpr Query kSelectBankStatement{"select_bank_statement", R"sql(
  SELECT statement_id, bank_id, opening_micros, closing_micros, entry_count, duplicate_count,
         finding_count, created_at
  FROM bank_statements WHERE community_id = $1 AND statement_id = $2
)sql"};

inline constexpr Query kListBankStatements{"list_bank_statements", R"sql(
  SELECT statement_id, bank_id, opening_micros, closing_micros, entry_count, duplicate_count,
         finding_count, created_at
  FROM bank_statements WHERE community_id = $1 AND statement_id > $2
  ORDER BY statement_id LIMIT $3
)sql"};

inline constexpr Query kInsertBankStatement{"insert_bank_statement", R"sql(
  INSERT INTO bank_statements (community_id, statement_id, bank_id, opening_micros,
                               closing_micros, entry_count, duplicate_count, finding_count,
                               created_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
)sql"};

inline constexpr Query kSelectKnownBankEntries{"select_known_bank_entries", R"sql(
  SELECT entry_id FROM bank_entries WHERE community_id = $1 AND entry_id = ANY ($2::text[])
)sql"};

inline constexpr Query kInsertBankEntries{"insert_bank_entries", R"sql(
  INSERT INTO bank_entries (community_id, statement_id, entry_id, kind, is_finding, amount_micros,
                            booked_on, end_to_end_id, counterparty_name, counterparty_iban,
                            remittance, dispute, participant_id)
  SELECT $1, $2, e.entry_id, e.kind, e.is_finding = 1, e.amount_micros, e.booked_on::date,
         e.end_to_end_id, e.counterparty_name, e.counterparty_iban, e.remittance, e.dispute,
         e.participant_id
  FROM unnest($3::text[], $4::integer[], $5::integer[], $6::bigint[], $7::text[], $8::text[],
              $9::text[], $10::text[], $11::text[], $12::text[], $13::text[])
    AS e(entry_id, kind, is_finding, amount_micros, booked_on, end_to_end_id, counterparty_name,
         counterparty_iban, remittance, dispute, participant_id)
)sql"};

inline constexpr Query kListBankFindings{"list_bank_findings", R"sql(
  SELECT entry_id, statement_id, kind, amount_micros, booked_on::text AS booked_on,
         end_to_end_id, counterparty_name, counterparty_iban, remittance, dispute
  FROM bank_entries WHERE community_id = $1 AND is_finding AND entry_id > $2
  ORDER BY entry_id LIMIT $3
)sql"};

// ---- Rounds ----

/// Counts what was written that rounds depend on: transactions on the ledger, and revisions.
inline constexpr Query kSelectRoundVersion{"select_round_version", R"sql(
  SELECT l.version
         + (SELECT count(*) FROM payout_details WHERE community_id = $1)
         + (SELECT count(*) FROM payment_settings WHERE community_id = $1) AS version
  FROM ledgers AS l WHERE l.community_id = $1
)sql"};

inline constexpr Query kSelectWaterfallDue{"select_waterfall_due", R"sql(
  SELECT l.settled_through_at FROM ledgers AS l
  WHERE l.community_id = $1 AND NOT EXISTS (
    SELECT FROM waterfall_runs AS w
    WHERE w.community_id = $1 AND w.settled_through_at >= l.settled_through_at)
)sql"};

inline constexpr Query kInsertWaterfallRun{"insert_waterfall_run", R"sql(
  INSERT INTO waterfall_runs (community_id, settled_through_at, created_at) VALUES ($1, $2, $3)
)sql"};

inline constexpr Query kSelectFundAdvances{"select_fund_advances", R"sql(
  SELECT participant_id, sum(amount_micros)::bigint AS advanced_micros FROM fund_moves
  WHERE community_id = $1 GROUP BY participant_id
)sql"};

inline constexpr Query kInsertFundMoves{"insert_fund_moves", R"sql(
  INSERT INTO fund_moves (community_id, settled_through_at, participant_id, amount_micros,
                          entry_no)
  SELECT $1, $2, m.participant_id, m.amount_micros, m.entry_no
  FROM unnest($3::text[], $4::bigint[], $5::bigint[])
    AS m(participant_id, amount_micros, entry_no)
)sql"};

inline constexpr Query kListParticipantAccounts{"list_participant_accounts", R"sql(
  SELECT account_id FROM accounts WHERE community_id = $1 AND kind = 1 ORDER BY account_id
)sql"};

/// $2, $3: start and end of the scheme's validity. Kinds: taken from and given to a pool.
inline constexpr Query kSumPoolEnergy{"sum_pool_energy", R"sql(
  SELECT participant_id,
         coalesce(sum(energy_wh) FILTER (WHERE kind = 10), 0)::bigint AS used_wh,
         coalesce(sum(energy_wh) FILTER (WHERE kind = 11), 0)::bigint AS contributed_wh
  FROM settlement_lines
  WHERE community_id = $1 AND period_start_at >= $2 AND period_start_at < $3 AND kind IN (10, 11)
  GROUP BY participant_id
)sql"};

/// blocked: revision of the details with which a collection failed or went back last.
inline constexpr Query kSumCollections{"sum_collections", R"sql(
  SELECT participant_id, count(*)::integer AS count,
         coalesce(sum(amount_micros) FILTER (WHERE state = 3), 0)::bigint AS paid_micros,
         coalesce(sum(amount_micros) FILTER (WHERE state IN (1, 2)), 0)::bigint AS open_micros,
         coalesce(max(details_revision) FILTER (WHERE state IN (4, 5)), -1) AS blocked
  FROM payments
  WHERE community_id = $1 AND scheme_id = $2 AND kind = 2
  GROUP BY participant_id
)sql"};

inline constexpr Query kSumDistributions{"sum_distributions", R"sql(
  SELECT count(*)::integer AS count, coalesce(sum(kept_micros), 0)::bigint AS kept_micros,
         coalesce(sum(distributed_micros), 0)::bigint AS distributed_micros
  FROM pool_distributions WHERE community_id = $1 AND scheme_id = $2
)sql"};

inline constexpr Query kSumDistributedParts{"sum_distributed_parts", R"sql(
  SELECT p.participant_id, sum(p.part_micros)::bigint AS received_micros
  FROM pool_distributions AS d,
       unnest(d.participant_ids, d.parts_micros) AS p(participant_id, part_micros)
  WHERE d.community_id = $1 AND d.scheme_id = $2
  GROUP BY p.participant_id
)sql"};

inline constexpr Query kInsertDistribution{"insert_distribution", R"sql(
  INSERT INTO pool_distributions (community_id, scheme_id, distribution_no, kept_micros,
                                  distributed_micros, participant_ids, parts_micros, created_at)
  VALUES ($1, $2, $3, $4, $5, $6::text[], $7::bigint[], $8)
)sql"};

/// All statements about payments, to be prepared on every connection.
inline std::vector<Query> PaymentQueries() {
  return {kSelectPaymentSettings, kInsertPaymentSettings, kSelectPayoutDetails,
          kSelectAllPayoutDetails, kInsertPayoutDetails, kInsertPayments, kSelectPayment,
          kListPayments, kListUnfinishedPayments, kListWaitingPayments, kListPaymentsAtBank,
          kUpdatePaymentStates, kSelectFundAdvance, kListWalletHolds, kListLinesOfEntries,
          kInsertPaymentFile, kSelectPaymentFile, kListPaymentFiles, kHandOverPayments,
          kSelectUsedMandates, kSelectBankStatement, kListBankStatements, kInsertBankStatement,
          kSelectKnownBankEntries, kInsertBankEntries, kListBankFindings, kSelectRoundVersion,
          kSelectWaterfallDue, kInsertWaterfallRun, kSelectFundAdvances, kInsertFundMoves,
          kListParticipantAccounts, kSumPoolEnergy, kSumCollections, kSumDistributions,
          kSumDistributedParts, kInsertDistribution};
}

}  // namespace peerwatt::settlement
