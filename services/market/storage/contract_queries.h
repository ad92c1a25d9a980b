#pragma once

#include <vector>

#include "libs/postgres/pool.h"

namespace peerwatt::market {

// A row for each version of a contract, in the order that ReadContracts reads.
#define PW_CONTRACT_COLUMNS                                                                     \
  "c.community_id, c.contract_id, c.buyer_id, c.seller_id, c.proposer_id, c.metering_point_id, " \
  "c.created_at, x.participant_id, x.reason, x.noticed_at, x.effective_at, v.version, "         \
  "v.proposer_id, v.created_at, v.valid_from_at, v.ends_at, v.time_zone, v.holidays, "          \
  "v.window_weekdays, v.window_holidays, v.window_dates, v.window_starts_minute, "              \
  "v.window_ends_minute, v.window_energies_wh, v.window_shares_ppm, v.price_kind, "             \
  "v.fixed_price_micros, v.factor_ppm, v.offset_micros, v.floor_micros, v.cap_micros, "         \
  "v.fallback_micros, v.cancellation_right, v.notice_days, v.cancellation_effect, d.decision, " \
  "d.metering_point_id, d.decided_at "
#define PW_CONTRACT_VERSIONS                                                           \
  "JOIN contract_versions AS v "                                                       \
  "ON v.community_id = c.community_id AND v.contract_id = c.contract_id "              \
  "LEFT JOIN contract_decisions AS d "                                                 \
  "ON d.community_id = v.community_id AND d.contract_id = v.contract_id "              \
  "AND d.version = v.version "                                                         \
  "LEFT JOIN contract_cancellations AS x "                                             \
  "ON x.community_id = c.community_id AND x.contract_id = c.contract_id "

inline constexpr postgres::Query kInsertContract{"insert_contract", R"sql(
  INSERT INTO contracts (community_id, contract_id, buyer_id, seller_id, proposer_id,
                         metering_point_id, created_at, over_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
  ON CONFLICT (community_id, contract_id) DO NOTHING)sql"};

inline constexpr postgres::Query kInsertContractVersion{"insert_contract_version", R"sql(
  INSERT INTO contract_versions
    (community_id, contract_id, version, proposer_id, created_at, valid_from_at, ends_at, time_zone,
     holidays, window_weekdays, window_holidays, window_dates, window_starts_minute,
     window_ends_minute, window_energies_wh, window_shares_ppm, price_kind, fixed_price_micros,
     factor_ppm, offset_micros, floor_micros, cap_micros, fallback_micros, cancellation_right,
     notice_days, cancellation_effect)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::text[], $10::bigint[], $11::bigint[], $12::text[],
          $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17, $18, $19, $20, $21, $22,
          $23, $24, $25, $26))sql"};

inline constexpr postgres::Query kInsertContractDecision{"insert_contract_decision", R"sql(
  INSERT INTO contract_decisions (community_id, contract_id, version, decision, participant_id,
                                  metering_point_id, decided_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7))sql"};

inline constexpr postgres::Query kInsertContractCancellation{"insert_contract_cancellation", R"sql(
  INSERT INTO contract_cancellations (community_id, contract_id, participant_id, reason, noticed_at,
                                      effective_at)
  VALUES ($1, $2, $3, $4, $5, $6))sql"};

inline constexpr postgres::Query kSetContractState{"set_contract_state", R"sql(
  UPDATE contracts SET state = $3, over_at = $4
  WHERE community_id = $1 AND contract_id = $2)sql"};

// One party at a time, and none while an auction of the community closes.
inline constexpr postgres::Query kLockContract{"lock_contract", R"sql(
  SELECT contract_id FROM contracts WHERE community_id = $1 AND contract_id = $2
  FOR NO KEY UPDATE)sql"};

inline constexpr postgres::Query kShareActiveContracts{"share_active_contracts", R"sql(
  SELECT contract_id FROM contracts
  WHERE community_id = $1 AND state = 'ACCEPTED' AND over_at > $2
  ORDER BY contract_id FOR SHARE)sql"};

inline constexpr postgres::Query kSelectContract{"select_contract", "SELECT " PW_CONTRACT_COLUMNS
  "FROM contracts AS c " PW_CONTRACT_VERSIONS R"sql(
  WHERE c.community_id = $1 AND c.contract_id = $2
  ORDER BY c.contract_id, v.version)sql"};

inline constexpr postgres::Query kActiveContracts{"active_contracts", "SELECT " PW_CONTRACT_COLUMNS
  "FROM contracts AS c " PW_CONTRACT_VERSIONS R"sql(
  WHERE c.community_id = $1 AND c.state = 'ACCEPTED' AND c.over_at > $2
  ORDER BY c.contract_id, v.version)sql"};

inline constexpr postgres::Query kListContracts{"list_contracts", "SELECT " PW_CONTRACT_COLUMNS
  R"sql(FROM (
    SELECT * FROM contracts
    WHERE community_id = $1 AND contract_id > $3 AND ($2 = '' OR buyer_id = $2 OR seller_id = $2)
    ORDER BY contract_id LIMIT $4) AS c )sql" PW_CONTRACT_VERSIONS R"sql(
  ORDER BY c.contract_id, v.version)sql"};

// Contracts of a proposer that others must look at.
inline constexpr postgres::Query kCountContracts{"count_contracts", R"sql(
  SELECT count(*)::integer FROM contracts
  WHERE community_id = $1 AND (buyer_id = $2 OR seller_id = $2) AND proposer_id = $2
    AND state IN ('OFFERED', 'ACCEPTED') AND over_at > $3)sql"};

// The last record of each before an instant.
inline constexpr postgres::Query kOwnersAt{"owners_at", R"sql(
  SELECT DISTINCT ON (participant_id) participant_id, owner_id FROM beneficial_owners
  WHERE community_id = $1 AND participant_id = ANY ($2::text[]) AND recorded_at < $3
  ORDER BY participant_id, recorded_at DESC)sql"};

inline constexpr postgres::Query kLastFrozen{"last_frozen", R"sql(
  SELECT max(delivery_start_at) FROM auctions WHERE community_id = $1 AND state <> 'OPEN')sql"};

inline constexpr postgres::Query kInsertContractOrders{"insert_contract_orders", R"sql(
  INSERT INTO orders (community_id, delivery_start_at, order_id, side, metering_point_id,
                      grid_connection_id, participant_id, energy_wh, limit_micros, hold_micros,
                      created_at, zone, energy_source, contract_id, contract_price)
  SELECT $1::text, $2::timestamptz, order_id, side, metering_point_id, grid_connection_id,
         participant_id, energy_wh, limit_micros, hold_micros, created_at, zone, energy_source,
         contract_id, contract_price
  FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[],
              $9::bigint[], $10::bigint[], $11::timestamptz[], $12::text[], $13::text[],
              $14::text[], $15::text[])
    AS placed (order_id, side, metering_point_id, grid_connection_id, participant_id, energy_wh,
               limit_micros, hold_micros, created_at, zone, energy_source, contract_id,
               contract_price))sql"};

inline constexpr postgres::Query kInsertExecutions{"insert_executions", R"sql(
  INSERT INTO contract_executions (community_id, contract_id, delivery_start_at, version, energy_wh,
                                   skip_reason)
  SELECT $1::text, contract_id, $2::timestamptz, version, energy_wh, skip_reason
  FROM unnest($3::text[], $4::integer[], $5::bigint[], $6::text[])
    AS due (contract_id, version, energy_wh, skip_reason))sql"};

// What became of an execution follows from its orders and its trade.
inline constexpr postgres::Query kListExecutions{"list_executions", R"sql(
  SELECT e.delivery_start_at, e.version, e.energy_wh, e.skip_reason, b.state, b.rejection_reason,
         o.rejection_reason, t.trade_number, t.price_micros
  FROM contract_executions AS e
  LEFT JOIN orders AS b
    ON b.community_id = e.community_id AND b.delivery_start_at = e.delivery_start_at
    AND b.order_id = 'ct-' || e.contract_id || '-b'
  LEFT JOIN orders AS o
    ON o.community_id = e.community_id AND o.delivery_start_at = e.delivery_start_at
    AND o.order_id = 'ct-' || e.contract_id || '-o'
  LEFT JOIN trades AS t
    ON t.community_id = e.community_id AND t.delivery_start_at = e.delivery_start_at
    AND t.bid_order_id = b.order_id AND t.origin = 'CONTRACT'
  WHERE e.community_id = $1 AND e.contract_id = $2 AND e.delivery_start_at > $3
  ORDER BY e.delivery_start_at LIMIT $4)sql"};

#undef PW_CONTRACT_COLUMNS
#undef PW_CONTRACT_VERSIONS

/// All statements about contracts.
inline std::vector<postgres::Query> ContractQueries() {
  return {kInsertContract,     kInsertContractVersion,  kInsertContractDecision,
          kInsertContractCancellation, kSetContractState, kLockContract,
          kShareActiveContracts, kSelectContract,       kActiveContracts,
          kListContracts,      kCountContracts,         kOwnersAt,
          kLastFrozen,         kInsertContractOrders,   kInsertExecutions,
          kListExecutions};
}

}  // namespace peerwatt::market
