#pragma once

#include <vector>

#include "libs/postgres/pool.h"

namespace peerwatt::market {

// Columns of an order, as PW_ORDER_COLUMNS in queries.h.
#define PW_BOOK_ORDER_COLUMNS                                                                \
  "o.community_id, o.delivery_start_at, o.order_id, o.side, o.metering_point_id, "           \
  "o.grid_connection_id, o.participant_id, o.energy_wh, o.limit_micros, o.filled_energy_wh, " \
  "o.hold_micros, o.state, o.standing_order_id, o.rejection_reason, o.created_at, o.zone, "  \
  "o.energy_source, o.premium_micros, o.preference, o.time_in_force, o.traded_energy_wh, "   \
  "o.trade_cost_micros, o.book_number, o.entered_number, o.owner_id, o.placed_energy_wh, "   \
  "o.placed_limit_micros "
// Columns of an event, in the order that BookEventFrom reads.
#define PW_BOOK_EVENT_COLUMNS                                                                \
  "event_number, kind, reason, side, order_number, order_id, resting_number, "               \
  "resting_order_id, energy_wh, price_micros, trade_number, created_at "

// Who changes a book has it alone.
inline constexpr postgres::Query kLockBooks{"lock_books", R"sql(
  SELECT delivery_start_at, last_event_number, trade_count FROM order_books
  WHERE community_id = $1 AND delivery_start_at = ANY ($2::timestamptz[])
  ORDER BY delivery_start_at FOR NO KEY UPDATE)sql"};

inline constexpr postgres::Query kAddBooks{"add_books", R"sql(
  INSERT INTO order_books (community_id, delivery_start_at)
  SELECT $1::text, delivery_start_at FROM unnest($2::timestamptz[]) AS d (delivery_start_at)
  ORDER BY delivery_start_at
  ON CONFLICT (community_id, delivery_start_at) DO NOTHING)sql"};

inline constexpr postgres::Query kMoveBooks{"move_books", R"sql(
  UPDATE order_books AS b
  SET last_event_number = m.last_event_number, trade_count = b.trade_count + m.trades
  FROM unnest($2::timestamptz[], $3::bigint[], $4::integer[])
    AS m (delivery_start_at, last_event_number, trades)
  WHERE b.community_id = $1 AND b.delivery_start_at = m.delivery_start_at)sql"};

inline constexpr postgres::Query kRestingOrders{"resting_orders",
  "SELECT " PW_BOOK_ORDER_COLUMNS R"sql(FROM orders AS o
  WHERE o.community_id = $1 AND o.delivery_start_at = $2 AND o.state = 'ACTIVE'
    AND o.entered_number > 0
  ORDER BY o.entered_number)sql"};

inline constexpr postgres::Query kOrdersChanged{"orders_changed",
  "SELECT " PW_BOOK_ORDER_COLUMNS R"sql(FROM orders AS o
  WHERE o.community_id = $1 AND o.delivery_start_at = $2 AND o.order_id IN (
    SELECT unnest(ARRAY[e.order_id, e.resting_order_id]) FROM book_events AS e
    WHERE e.community_id = $1 AND e.delivery_start_at = $2 AND e.event_number > $3))sql"};

inline constexpr postgres::Query kOwnersAmong{"owners_among", R"sql(
  SELECT DISTINCT ON (participant_id) participant_id, owner_id FROM beneficial_owners
  WHERE community_id = $1 AND participant_id = ANY ($2::text[])
  ORDER BY participant_id, recorded_at DESC)sql"};

inline constexpr postgres::Query kChangeOrders{"change_orders", R"sql(
  UPDATE orders AS o
  SET state = c.state, energy_wh = c.energy_wh, limit_micros = c.limit_micros,
      filled_energy_wh = c.filled_energy_wh, hold_micros = c.hold_micros,
      rejection_reason = c.rejection_reason, created_at = c.created_at,
      traded_energy_wh = c.traded_energy_wh, trade_cost_micros = c.trade_cost_micros,
      book_number = c.book_number, entered_number = c.entered_number, owner_id = c.owner_id,
      placed_energy_wh = nullif(c.placed_energy_wh, -1),
      placed_limit_micros = CASE WHEN c.placed_energy_wh >= 0 THEN c.placed_limit_micros END
  FROM unnest($2::timestamptz[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
              $7::bigint[], $8::bigint[], $9::text[], $10::timestamptz[], $11::bigint[],
              $12::bigint[], $13::bigint[], $14::bigint[], $15::text[], $16::bigint[],
              $17::bigint[])
    AS c (delivery_start_at, order_id, state, energy_wh, limit_micros, filled_energy_wh,
          hold_micros, rejection_reason, created_at, traded_energy_wh, trade_cost_micros,
          book_number, entered_number, owner_id, placed_energy_wh, placed_limit_micros)
  WHERE o.community_id = $1 AND o.delivery_start_at = c.delivery_start_at
    AND o.order_id = c.order_id)sql"};

inline constexpr postgres::Query kInsertBookEvents{"insert_book_events", R"sql(
  INSERT INTO book_events (community_id, delivery_start_at, event_number, kind, reason, side,
                           order_number, order_id, resting_number, resting_order_id, energy_wh,
                           price_micros, trade_number, created_at)
  SELECT $1::text, delivery_start_at, event_number, kind, reason, side, order_number, order_id,
         resting_number, resting_order_id, energy_wh, price_micros, trade_number, created_at
  FROM unnest($2::timestamptz[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[],
              $8::text[], $9::bigint[], $10::text[], $11::bigint[], $12::bigint[], $13::integer[],
              $14::timestamptz[])
    AS happened (delivery_start_at, event_number, kind, reason, side, order_number, order_id,
                 resting_number, resting_order_id, energy_wh, price_micros, trade_number,
                 created_at))sql"};

inline constexpr postgres::Query kInsertBookTrades{"insert_book_trades", R"sql(
  INSERT INTO trades (community_id, delivery_start_at, trade_number, bid_order_id, offer_order_id,
                      energy_wh, price_micros, buyer_metering_point_id, seller_metering_point_id,
                      buyer_id, seller_id, buyer_price_micros, network_fee_micros, origin,
                      traded_at)
  SELECT $1::text, delivery_start_at, trade_number, bid_order_id, offer_order_id, energy_wh,
         price_micros, buyer_metering_point_id, seller_metering_point_id, buyer_id, seller_id,
         price_micros, network_fee_micros, 'CONTINUOUS', $12::timestamptz
  FROM unnest($2::timestamptz[], $3::integer[], $4::text[], $5::text[], $6::bigint[],
              $7::bigint[], $8::text[], $9::text[], $10::text[], $11::text[], $13::bigint[])
    AS traded (delivery_start_at, trade_number, bid_order_id, offer_order_id, energy_wh,
               price_micros, buyer_metering_point_id, seller_metering_point_id, buyer_id,
               seller_id, network_fee_micros))sql"};

// One row in any case, so that book and levels are of one moment.
inline constexpr postgres::Query kBookDepth{"book_depth", R"sql(
  SELECT a.gate_closure_at, coalesce(b.last_event_number, 0), l.is_bid, l.limit_micros,
         l.energy_wh, l.order_count
  FROM auctions AS a
  LEFT JOIN order_books AS b
    ON b.community_id = a.community_id AND b.delivery_start_at = a.delivery_start_at
  LEFT JOIN LATERAL (
    SELECT is_bid, limit_micros, energy_wh, order_count
    FROM (SELECT o.side = 'BID' AS is_bid, o.limit_micros,
                 sum(o.energy_wh - o.traded_energy_wh)::bigint AS energy_wh,
                 count(*)::integer AS order_count,
                 row_number() OVER (PARTITION BY o.side ORDER BY
                   CASE WHEN o.side = 'BID' THEN -o.limit_micros ELSE o.limit_micros END) AS place
          FROM orders AS o
          WHERE o.community_id = $1 AND o.delivery_start_at = $2 AND o.state = 'ACTIVE'
            AND o.entered_number > 0
          GROUP BY o.side, o.limit_micros) AS levels
    WHERE place <= $3 ORDER BY is_bid, place) AS l ON true
  WHERE a.community_id = $1 AND a.delivery_start_at = $2)sql"};

inline constexpr postgres::Query kBookOrders{"book_orders", R"sql(
  SELECT coalesce(b.last_event_number, 0), o.book_number, o.side = 'BID', o.limit_micros,
         o.energy_wh - o.traded_energy_wh
  FROM auctions AS a
  LEFT JOIN order_books AS b
    ON b.community_id = a.community_id AND b.delivery_start_at = a.delivery_start_at
  LEFT JOIN orders AS o
    ON o.community_id = a.community_id AND o.delivery_start_at = a.delivery_start_at
      AND o.state = 'ACTIVE' AND o.entered_number > 0
  WHERE a.community_id = $1 AND a.delivery_start_at = $2
  ORDER BY o.entered_number)sql"};

// State and events of one moment: when it is not open, nothing follows that is not here or there.
inline constexpr postgres::Query kBookNews{"book_news", R"sql(
  SELECT a.state = 'OPEN', e.*
  FROM auctions AS a
  LEFT JOIN LATERAL (SELECT )sql" PW_BOOK_EVENT_COLUMNS R"sql(FROM book_events
    WHERE community_id = $1 AND delivery_start_at = $2 AND event_number > $3
    ORDER BY event_number LIMIT $4) AS e ON true
  WHERE a.community_id = $1 AND a.delivery_start_at = $2
  ORDER BY e.event_number)sql"};

#undef PW_BOOK_ORDER_COLUMNS
#undef PW_BOOK_EVENT_COLUMNS

/// All statements about order books.
inline std::vector<postgres::Query> TradingQueries() {
  return {kLockBooks, kAddBooks, kMoveBooks, kRestingOrders, kOrdersChanged, kOwnersAmong,
          kChangeOrders, kInsertBookEvents, kInsertBookTrades, kBookDepth, kBookOrders, kBookNews};
}

}  // namespace peerwatt::market
