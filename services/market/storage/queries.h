#pragma once

#include <array>
#include <vector>

#include "libs/postgres/leases.h"
#include "libs/postgres/pool.h"
#include "services/market/storage/autopilot_queries.h"
#include "services/market/storage/clearing_queries.h"
#include "services/market/storage/contract_queries.h"
#include "services/market/storage/control_queries.h"
#include "services/market/storage/surveillance_queries.h"
#include "services/market/storage/trading_queries.h"

namespace peerwatt::market {

// Columns of an auction, in the order that AuctionFrom reads.
#define PW_AUCTION_COLUMNS                                                                   \
  "community_id, delivery_start_at, delivery_end_at, gate_closure_at, state, "               \
  "network_fee_micros, clearing_price_micros, cleared_energy_wh, order_count, "              \
  "welfare_micros, version, holds_reduced, network_id, halted "
// Columns of an order, in the order that OrderFrom reads.
#define PW_ORDER_COLUMNS                                                                     \
  "community_id, delivery_start_at, order_id, side, metering_point_id, grid_connection_id, " \
  "participant_id, energy_wh, limit_micros, filled_energy_wh, hold_micros, state, "          \
  "standing_order_id, rejection_reason, created_at, zone, energy_source, premium_micros, "   \
  "preference, time_in_force, traded_energy_wh, trade_cost_micros, book_number, "            \
  "entered_number, owner_id, placed_energy_wh, placed_limit_micros, "        \
  "contract_id, contract_price "
// Columns of a trade, in the order that TradeFrom reads.
#define PW_TRADE_COLUMNS                                                                     \
  "trade_number, bid_order_id, offer_order_id, energy_wh, price_micros, "                    \
  "buyer_metering_point_id, seller_metering_point_id, buyer_id, seller_id, "                 \
  "delivery_start_at, buyer_price_micros, network_fee_micros, origin "

inline constexpr postgres::Query kOpenAuctions{"open_auctions", R"sql(
  INSERT INTO auctions (community_id, delivery_start_at, delivery_end_at, gate_closure_at,
                        network_fee_micros, network_id)
  SELECT $1::text, delivery_start_at, delivery_end_at, gate_closure_at, network_fee_micros,
         network_id
  FROM unnest($2::timestamptz[], $3::timestamptz[], $4::timestamptz[], $5::bigint[], $6::text[])
    AS opened (delivery_start_at, delivery_end_at, gate_closure_at, network_fee_micros,
               network_id)
  ON CONFLICT (community_id, delivery_start_at) DO NOTHING)sql"};

inline constexpr postgres::Query kLastDeliveryEnd{"last_delivery_end", R"sql(
  SELECT delivery_end_at FROM auctions WHERE community_id = $1
  ORDER BY delivery_start_at DESC LIMIT 1)sql"};

inline constexpr postgres::Query kFirstUnfinished{"first_unfinished", "SELECT " PW_AUCTION_COLUMNS
  R"sql(FROM auctions WHERE community_id = $1 AND NOT holds_reduced
  ORDER BY delivery_start_at LIMIT 1)sql"};

inline constexpr postgres::Query kQuotableAuctions{"quotable_auctions",
  "SELECT " PW_AUCTION_COLUMNS R"sql(, quoted_steps FROM auctions
  WHERE community_id = $1 AND state = 'OPEN' AND NOT holds_reduced AND gate_closure_at > $2
  ORDER BY delivery_start_at)sql"};

inline constexpr postgres::Query kSelectAuction{"select_auction", "SELECT " PW_AUCTION_COLUMNS
  R"sql(FROM auctions WHERE community_id = $1 AND delivery_start_at = $2)sql"};

// Orders may be placed side by side, but none while the auction closes.
inline constexpr postgres::Query kShareAuctions{"share_auctions", "SELECT " PW_AUCTION_COLUMNS
  R"sql(FROM auctions WHERE community_id = $1 AND delivery_start_at = ANY ($2::timestamptz[])
  ORDER BY delivery_start_at FOR SHARE)sql"};

// Offers share a capacity, so they are placed one after another.
inline constexpr postgres::Query kLockAuctions{"lock_auctions", "SELECT " PW_AUCTION_COLUMNS
  R"sql(FROM auctions WHERE community_id = $1 AND delivery_start_at = ANY ($2::timestamptz[])
  ORDER BY delivery_start_at FOR NO KEY UPDATE)sql"};

inline constexpr postgres::Query kListAuctions{"list_auctions", "SELECT " PW_AUCTION_COLUMNS
  R"sql(FROM auctions
  WHERE community_id = $1 AND delivery_start_at >= $2 AND delivery_start_at < $3
  ORDER BY delivery_start_at LIMIT $4)sql"};

inline constexpr postgres::Query kCloseAuction{"close_auction", R"sql(
  UPDATE auctions
  SET state = 'CLOSED', version = version + 1,
      halted = EXISTS (SELECT FROM market_controls AS c WHERE c.community_id = $1 AND c.halted)
  WHERE community_id = $1 AND delivery_start_at = $2 AND state = 'OPEN'
  RETURNING halted, gate_closure_at, quoted_steps)sql"};

inline constexpr postgres::Query kClearAuction{"clear_auction", R"sql(
  UPDATE auctions
  SET state = 'CLEARED', version = version + 1, clearing_price_micros = $3,
      cleared_energy_wh = $4, order_count = $5, welfare_micros = $6, holds_reduced = $7
  WHERE community_id = $1 AND delivery_start_at = $2 AND state = 'CLOSED')sql"};

inline constexpr postgres::Query kMarkHoldsReduced{"mark_holds_reduced", R"sql(
  UPDATE auctions SET holds_reduced = true
  WHERE community_id = $1 AND delivery_start_at = $2 AND state = 'CLEARED')sql"};

inline constexpr postgres::Query kProgress{"progress", R"sql(
  SELECT
    coalesce(
      (SELECT min(delivery_start_at) FROM auctions WHERE community_id = $1 AND NOT holds_reduced),
      (SELECT delivery_end_at FROM auctions WHERE community_id = $1
       ORDER BY delivery_start_at DESC LIMIT 1)),
    (SELECT count(*) FROM auctions
     WHERE community_id = $1 AND NOT holds_reduced AND state = 'OPEN'))sql"};

// One of the same id stays as it is.
inline constexpr postgres::Query kInsertOrders{"insert_orders", R"sql(
  INSERT INTO orders (community_id, delivery_start_at, order_id, side, metering_point_id,
                      grid_connection_id, participant_id, energy_wh, limit_micros, hold_micros,
                      standing_order_id, created_at, zone, energy_source, premium_micros,
                      preference, time_in_force)
  SELECT $1::text, delivery_start_at, order_id, side, metering_point_id, grid_connection_id,
         participant_id, energy_wh, limit_micros, hold_micros, standing_order_id, created_at,
         zone, energy_source, premium_micros, preference, time_in_force
  FROM unnest($2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
              $8::bigint[], $9::bigint[], $10::bigint[], $11::text[], $12::timestamptz[],
              $13::text[], $14::text[], $15::bigint[], $16::text[], $17::text[])
    AS placed (delivery_start_at, order_id, side, metering_point_id, grid_connection_id,
               participant_id, energy_wh, limit_micros, hold_micros, standing_order_id, created_at,
               zone, energy_source, premium_micros, preference, time_in_force)
  ON CONFLICT (community_id, delivery_start_at, order_id) DO NOTHING)sql"};

// Bids of a market that is not halted, limits nothing and blocks nobody, into open auctions ($2,
// ascending); they stay so until this commits. Adds all or none; one of the same id is a unique
// violation. $3: the number of each one's auction in $2. $12: micro-seconds after $11.
inline constexpr postgres::Query kInsertPlainBids{"insert_plain_bids", R"sql(
  WITH plain AS MATERIALIZED (
    SELECT FROM market_controls
    WHERE community_id = $1 AND NOT halted AND limits_version = 0 AND killed_count = 0
    FOR SHARE
  ), open AS MATERIALIZED (
    SELECT FROM auctions
    WHERE community_id = $1 AND delivery_start_at = ANY ($2::timestamptz[]) AND state = 'OPEN'
      AND EXISTS (SELECT FROM plain)
    ORDER BY delivery_start_at FOR SHARE
  )
  INSERT INTO orders (community_id, delivery_start_at, order_id, side, metering_point_id,
                      grid_connection_id, participant_id, energy_wh, limit_micros, hold_micros,
                      created_at, zone)
  SELECT $1::text, ($2::timestamptz[])[auction], order_id, 'BID', metering_point_id,
         grid_connection_id, participant_id, energy_wh, limit_micros, hold_micros,
         $11::timestamptz + created_after * interval '1 microsecond', zone
  FROM unnest($3::integer[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[],
              $9::bigint[], $10::bigint[], $12::bigint[], $13::text[])
    AS placed (auction, order_id, metering_point_id, grid_connection_id, participant_id,
               energy_wh, limit_micros, hold_micros, created_after, zone)
  WHERE (SELECT count(*) FROM open) = cardinality($2::timestamptz[])
  RETURNING ctid)sql"};

// Makes orders active where they were put ($5), if they are still there and pending. Nobody waits
// until this is durable: that an order is active follows from order and hold, which are.
inline constexpr postgres::Query kActivateOrders{"activate_orders", R"sql(
  WITH soon AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', true) AS setting
  )
  UPDATE orders AS o SET state = 'ACTIVE'
  FROM soon CROSS JOIN unnest($3::integer[], $4::text[], $5::tid[]) AS p (auction, order_id, place)
  WHERE o.ctid = p.place AND o.community_id = $1 AND o.order_id = p.order_id
    AND o.delivery_start_at = ($2::timestamptz[])[p.auction] AND o.state = 'PENDING'
    AND soon.setting = 'off')sql"};

inline constexpr postgres::Query kSelectOrder{"select_order", "SELECT " PW_ORDER_COLUMNS
  R"sql(FROM orders
  WHERE community_id = $1 AND delivery_start_at = $2 AND order_id = $3)sql"};

inline constexpr postgres::Query kSelectOrders{"select_orders", R"sql(
  SELECT k.*
  FROM unnest($2::timestamptz[], $3::text[]) AS asked (delivery_start_at, order_id)
  CROSS JOIN LATERAL (SELECT )sql" PW_ORDER_COLUMNS R"sql(FROM orders
    WHERE community_id = $1 AND delivery_start_at = asked.delivery_start_at
      AND order_id = asked.order_id OFFSET 0) AS k)sql"};

inline constexpr postgres::Query kOrdersOf{"orders_of", "SELECT " PW_ORDER_COLUMNS
  R"sql(FROM orders WHERE community_id = $1 AND delivery_start_at = $2
  ORDER BY created_at, order_id)sql"};

// All orders of an auction that has closed but those that its standing orders placed then, which
// are the only ones of theirs that wait for their hold.
inline constexpr postgres::Query kOtherOrdersOf{"other_orders_of", "SELECT " PW_ORDER_COLUMNS
  R"sql(FROM orders
  WHERE community_id = $1 AND delivery_start_at = $2
    AND (standing_order_id = '' OR state <> 'PENDING')
  ORDER BY created_at, order_id)sql"};

inline constexpr postgres::Query kOrderCount{"order_count", R"sql(
  SELECT count(*) FROM orders WHERE community_id = $1 AND delivery_start_at = $2)sql"};

inline constexpr postgres::Query kListOrders{"list_orders", "SELECT " PW_ORDER_COLUMNS
  R"sql(FROM orders
  WHERE community_id = $1 AND delivery_start_at = $2 AND order_id > $3
    AND ($4 = '' OR participant_id = $4)
  ORDER BY order_id LIMIT $5)sql"};

// What open offers of these connections hold in these auctions, and ended ones have sold.
inline constexpr postgres::Query kOfferedBy{"offered_by", R"sql(
  SELECT asked.delivery_start_at, asked.grid_connection_id, o.energy_wh
  FROM unnest($2::timestamptz[], $3::text[]) AS asked (delivery_start_at, grid_connection_id)
  CROSS JOIN LATERAL (
    SELECT coalesce(sum(CASE WHEN state IN ('PENDING', 'ACTIVE') THEN energy_wh
                             ELSE traded_energy_wh END), 0)::bigint AS energy_wh
    FROM orders
    WHERE community_id = $1 AND delivery_start_at = asked.delivery_start_at
      AND grid_connection_id = asked.grid_connection_id
      AND side = 'OFFER' AND (state IN ('PENDING', 'ACTIVE') OR traded_energy_wh > 0)
    OFFSET 0) AS o)sql"};

// Open orders of these participants in these auctions.
inline constexpr postgres::Query kOpenOrdersOf{"open_orders_of", R"sql(
  SELECT asked.delivery_start_at, asked.participant_id, o.order_count
  FROM unnest($2::timestamptz[], $3::text[]) AS asked (delivery_start_at, participant_id)
  CROSS JOIN LATERAL (
    SELECT count(*)::integer AS order_count FROM orders
    WHERE community_id = $1 AND delivery_start_at = asked.delivery_start_at
      AND participant_id = asked.participant_id
      AND state IN ('PENDING', 'ACTIVE') OFFSET 0) AS o)sql"};

// Which of these preferences orders of the auctions have already.
inline constexpr postgres::Query kKnownPreferences{"known_preferences", R"sql(
  SELECT (asked.number - 1)::bigint
  FROM unnest($2::timestamptz[], $3::text[], $4::bigint[], $5::text[]) WITH ORDINALITY
    AS asked (delivery_start_at, side, premium_micros, preference, number)
  JOIN auction_preferences AS p
    ON p.community_id = $1 AND p.delivery_start_at = asked.delivery_start_at
    AND p.side = asked.side AND p.premium_micros = asked.premium_micros
    AND p.preference_sha256 = sha256(convert_to(asked.preference, 'UTF8')))sql"};

inline constexpr postgres::Query kPreferenceLoads{"preference_loads", R"sql(
  SELECT delivery_start_at, count(*) FILTER (WHERE side = 'OFFER'),
         count(*) FILTER (WHERE side = 'BID'),
         count(*) FILTER (WHERE side = 'BID' AND name_count > 0), sum(name_count)::bigint
  FROM auction_preferences
  WHERE community_id = $1 AND delivery_start_at = ANY ($2::timestamptz[])
  GROUP BY delivery_start_at)sql"};

inline constexpr postgres::Query kAddPreferences{"add_preferences", R"sql(
  INSERT INTO auction_preferences (community_id, delivery_start_at, side, premium_micros,
                                   preference_sha256, name_count)
  SELECT $1::text, delivery_start_at, side, premium_micros,
         sha256(convert_to(preference, 'UTF8')), name_count
  FROM unnest($2::timestamptz[], $3::text[], $4::bigint[], $5::text[], $6::bigint[])
    AS added (delivery_start_at, side, premium_micros, preference, name_count)
  ON CONFLICT DO NOTHING)sql"};

// Nothing but the pending ones changes; the others are to be read. `OFFSET 0` here and below: each
// order is looked up by its key, however small the table was when it was last analysed.
inline constexpr postgres::Query kResolveOrders{"resolve_orders", R"sql(
  UPDATE orders AS o SET state = f.state, rejection_reason = f.reason
  FROM (
    SELECT k.row_id, r.state, r.reason
    FROM unnest($2::timestamptz[], $3::text[], $4::text[], $5::text[])
      AS r (delivery_start_at, order_id, state, reason)
    CROSS JOIN LATERAL (
      SELECT ctid AS row_id FROM orders
      WHERE community_id = $1 AND delivery_start_at = r.delivery_start_at
        AND order_id = r.order_id AND state = 'PENDING' OFFSET 0) AS k) AS f
  WHERE o.ctid = f.row_id AND o.community_id = $1 AND o.state = 'PENDING')sql"};

// That an order is active follows from order and hold, which are both durable.
inline constexpr postgres::Query kCommitSoon{"commit_soon",
  "SELECT set_config('synchronous_commit', 'off', true)"};

inline constexpr postgres::Query kPendingBefore{"pending_before", "SELECT " PW_ORDER_COLUMNS
  R"sql(FROM orders
  WHERE community_id = $1 AND state = 'PENDING' AND created_at < $2 AND delivery_start_at IN (
    SELECT delivery_start_at FROM auctions
    WHERE community_id = $1 AND state = 'OPEN' AND NOT holds_reduced)
  ORDER BY delivery_start_at, order_id LIMIT $3)sql"};

inline constexpr postgres::Query kCancelOrder{"cancel_order", R"sql(
  UPDATE orders SET state = 'CANCELLED'
  WHERE community_id = $1 AND delivery_start_at = $2 AND order_id = $3
    AND state IN ('PENDING', 'ACTIVE'))sql"};

inline constexpr postgres::Query kFinishOrders{"finish_orders", R"sql(
  UPDATE orders AS o
  SET state = f.state, filled_energy_wh = f.filled_energy_wh,
      rejection_reason = f.rejection_reason
  FROM unnest($3::text[], $4::text[], $5::bigint[], $6::text[])
    AS f (order_id, state, filled_energy_wh, rejection_reason)
  WHERE o.community_id = $1 AND o.delivery_start_at = $2 AND o.order_id = f.order_id
    AND o.state IN ('PENDING', 'ACTIVE'))sql"};

// Trades of the closing auction are numbered after those that came before it.
inline constexpr postgres::Query kLastTradeNumber{"last_trade_number", R"sql(
  SELECT coalesce(max(trade_number), 0) FROM trades
  WHERE community_id = $1 AND delivery_start_at = $2)sql"};

// Columns of what comes in bulk, in the order of the streams that write them.
inline constexpr std::array<const char*, 16> kOrderStream = {
    "community_id",       "delivery_start_at",  "order_id",       "side",
    "metering_point_id",  "grid_connection_id", "participant_id", "energy_wh",
    "limit_micros",       "hold_micros",        "created_at",     "standing_order_id",
    "zone",               "energy_source",      "premium_micros", "preference"};
inline constexpr std::array<const char*, 14> kTradeStream = {
    "community_id",  "delivery_start_at",       "trade_number",
    "bid_order_id",  "offer_order_id",          "energy_wh",
    "price_micros",  "buyer_metering_point_id", "seller_metering_point_id",
    "buyer_id",      "seller_id",               "buyer_price_micros",
    "network_fee_micros", "origin"};

inline constexpr postgres::Query kListTrades{"list_trades", "SELECT " PW_TRADE_COLUMNS
  R"sql(FROM trades
  WHERE community_id = $1 AND delivery_start_at = $2 AND trade_number > $3
    AND ($4 = '' OR buyer_id = $4 OR seller_id = $4)
  ORDER BY trade_number LIMIT $5)sql"};

/// gain_micros: what a kWh is worth to both parties. An order that was amended after it traded, or
/// offers a premium, may have a limit beyond its price: then it counts as 0.
inline constexpr postgres::Query kTradesInSpan{"trades_in_span", R"sql(
  SELECT t.trade_number, t.bid_order_id, t.offer_order_id, t.energy_wh, t.price_micros,
         t.buyer_metering_point_id, t.seller_metering_point_id, t.buyer_id, t.seller_id,
         t.delivery_start_at, t.buyer_price_micros, t.network_fee_micros, t.origin,
         greatest(b.limit_micros - t.buyer_price_micros, 0)
           + greatest(t.price_micros - o.limit_micros, 0) AS gain_micros
  FROM trades AS t
  JOIN orders AS b ON b.community_id = $1 AND b.delivery_start_at = t.delivery_start_at
    AND b.order_id = t.bid_order_id
  JOIN orders AS o ON o.community_id = $1 AND o.delivery_start_at = t.delivery_start_at
    AND o.order_id = t.offer_order_id
  WHERE t.community_id = $1 AND t.delivery_start_at >= $2 AND t.delivery_start_at < $3
  ORDER BY t.delivery_start_at, t.trade_number)sql"};

inline constexpr postgres::Query kFinalInSpan{"final_in_span", R"sql(
  SELECT delivery_start_at, delivery_end_at, holds_reduced, welfare_micros FROM auctions
  WHERE community_id = $1 AND delivery_start_at >= $2 AND delivery_start_at < $3
  ORDER BY delivery_start_at)sql"};

#undef PW_AUCTION_COLUMNS
#undef PW_ORDER_COLUMNS
#undef PW_TRADE_COLUMNS

/// All statements, to be prepared on every connection.
inline std::vector<postgres::Query> Queries() {
  std::vector<postgres::Query> queries = {
      kOpenAuctions, kLastDeliveryEnd, kFirstUnfinished, kQuotableAuctions, kSelectAuction,
      kShareAuctions, kLockAuctions, kListAuctions, kCloseAuction, kClearAuction,
      kMarkHoldsReduced, kProgress,
      kInsertOrders, kInsertPlainBids, kActivateOrders, kSelectOrder, kSelectOrders, kOfferedBy,
      kOpenOrdersOf, kCommitSoon, kKnownPreferences, kPreferenceLoads, kAddPreferences,
      kOrdersOf, kOtherOrdersOf, kOrderCount, kListOrders, kResolveOrders, kPendingBefore,
      kCancelOrder, kFinishOrders, kLastTradeNumber, kListTrades, kTradesInSpan, kFinalInSpan,
      kInsertNetwork, kSelectNetwork, kInsertClearing, kSelectClearing, kKeepOwners, kOwnersOf};
  for (const auto& more : {postgres::Leases::Queries(), ContractQueries(), ControlQueries(),
                           SurveillanceQueries(), TradingQueries(), AutopilotQueries()}) {
    queries.insert(queries.end(), more.begin(), more.end());
  }
  return queries;
}

}  // namespace peerwatt::market
