#pragma once

#include "libs/postgres/pool.h"

namespace peerwatt::market {

inline constexpr postgres::Query kInsertNetwork{"insert_network", R"sql(
  INSERT INTO networks (community_id, network_id, starts_at, zones, tie_rule, self_trade_mode,
                        line_from, line_to, line_fees_micros, line_capacities_wh,
                        line_reverse_capacities_wh)
  VALUES ($1, $2, $3::timestamptz, $4::text[], $5, $6, $7::bigint[], $8::bigint[], $9::bigint[],
          $10::bigint[], $11::bigint[])
  ON CONFLICT (community_id, network_id) DO NOTHING)sql"};

inline constexpr postgres::Query kSelectNetwork{"select_network", R"sql(
  SELECT network_id, starts_at, zones, tie_rule, self_trade_mode, line_from, line_to,
         line_fees_micros, line_capacities_wh, line_reverse_capacities_wh
  FROM networks WHERE community_id = $1 AND network_id = $2)sql"};

inline constexpr postgres::Query kInsertClearing{"insert_clearing", R"sql(
  INSERT INTO clearings (community_id, delivery_start_at, zone_prices_micros,
                         zone_prices_low_micros, zone_prices_high_micros, zone_bought_wh,
                         zone_sold_wh, line_flows_wh, line_congestion_micros, good_zones,
                         good_sources, good_prices_micros, good_energies_wh, requiring_wh,
                         requiring_traded_wh, premium_traded_wh, premium_met_wh, withdrawn_wh,
                         verdict, sha256)
  VALUES ($1, $2::timestamptz, $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
          $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::text[], $12::bigint[],
          $13::bigint[], $14, $15, $16, $17, $18, $19, $20))sql"};

inline constexpr postgres::Query kSelectClearing{"select_clearing", R"sql(
  SELECT zone_prices_micros, zone_prices_low_micros, zone_prices_high_micros, zone_bought_wh,
         zone_sold_wh, line_flows_wh, line_congestion_micros, good_zones, good_sources,
         good_prices_micros, good_energies_wh, requiring_wh, requiring_traded_wh,
         premium_traded_wh, premium_met_wh, withdrawn_wh, verdict, sha256
  FROM clearings WHERE community_id = $1 AND delivery_start_at = $2)sql"};

// The last records up to gate closure, of participants with orders, that name somebody else.
inline constexpr postgres::Query kKeepOwners{"keep_owners", R"sql(
  INSERT INTO auction_owners (community_id, delivery_start_at, participant_id, owner_id)
  SELECT $1::text, $2::timestamptz, last.participant_id, last.owner_id
  FROM (SELECT DISTINCT ON (participant_id) participant_id, owner_id
        FROM beneficial_owners
        WHERE community_id = $1 AND recorded_at <= (
          SELECT gate_closure_at FROM auctions
          WHERE community_id = $1 AND delivery_start_at = $2)
        ORDER BY participant_id, recorded_at DESC) AS last
  WHERE last.owner_id <> last.participant_id AND EXISTS (
    SELECT FROM orders AS o
    WHERE o.community_id = $1 AND o.delivery_start_at = $2
      AND o.participant_id = last.participant_id AND o.state IN ('PENDING', 'ACTIVE')))sql"};

inline constexpr postgres::Query kOwnersOf{"owners_of", R"sql(
  SELECT participant_id, owner_id FROM auction_owners
  WHERE community_id = $1 AND delivery_start_at = $2)sql"};

}  // namespace peerwatt::market
