#pragma once

#include <vector>

#include "libs/postgres/pool.h"

namespace peerwatt::market {

// What names a standing order.
#define PW_STANDING_ORDER_KEY \
  "community_id = $1 AND participant_id = $2 AND standing_order_id = $3 "
// What a version of a standing order says.
#define PW_STANDING_ORDER_TERMS                                                              \
  "metering_point_id, grid_connection_id, bid_price_micros, offer_price_micros, version, "   \
  "version_at, bid_start_price_micros, offer_start_price_micros, bid_share_ppm, "            \
  "offer_share_ppm, bid_reserve_wh, offer_reserve_wh, premium_micros, bid_preference, "      \
  "offer_preference, daily_cost_max_micros, calendar, paused "
// Columns of a standing order, in the order that StandingOrderFrom reads.
#define PW_STANDING_ORDER_COLUMNS                                                            \
  "community_id, participant_id, standing_order_id, state, created_at, "                     \
  PW_STANDING_ORDER_TERMS

inline constexpr postgres::Query kInsertStandingOrder{"insert_standing_order",
  "INSERT INTO standing_orders (" PW_STANDING_ORDER_COLUMNS R"sql()
  VALUES ($1, $2, $3, 'ACTIVE', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
          $18, $19, $20, $21, $22)
  ON CONFLICT DO NOTHING)sql"};

inline constexpr postgres::Query kSelectStandingOrder{"select_standing_order",
  "SELECT " PW_STANDING_ORDER_COLUMNS "FROM standing_orders WHERE " PW_STANDING_ORDER_KEY};

inline constexpr postgres::Query kLockStandingOrder{"lock_standing_order",
  "SELECT " PW_STANDING_ORDER_COLUMNS "FROM standing_orders WHERE " PW_STANDING_ORDER_KEY
  "FOR NO KEY UPDATE"};

inline constexpr postgres::Query kListStandingOrders{"list_standing_orders",
  "SELECT " PW_STANDING_ORDER_COLUMNS R"sql(FROM standing_orders
  WHERE community_id = $1 AND participant_id = $2 AND standing_order_id > $3
  ORDER BY standing_order_id LIMIT $4)sql"};

// Versions that ended since count too: what changes at the instant or later does not.
inline constexpr postgres::Query kActiveStandingOrders{"active_standing_orders",
  "SELECT " PW_STANDING_ORDER_COLUMNS R"sql(FROM standing_orders
  WHERE community_id = $1 AND state = 'ACTIVE' AND version_at < $2
  UNION ALL
  SELECT community_id, participant_id, standing_order_id, 'ACTIVE', created_at, )sql"
  PW_STANDING_ORDER_TERMS R"sql(FROM standing_order_versions
  WHERE community_id = $1 AND ended_at >= $2 AND version_at < $2
  ORDER BY participant_id, standing_order_id)sql"};

inline constexpr postgres::Query kRampedStandingOrders{"ramped_standing_orders",
  "SELECT " PW_STANDING_ORDER_COLUMNS R"sql(FROM standing_orders
  WHERE community_id = $1 AND state = 'ACTIVE'
    AND (bid_start_price_micros IS NOT NULL OR offer_start_price_micros IS NOT NULL)
  ORDER BY participant_id, standing_order_id)sql"};

// Keeps the newest version as one that ended.
inline constexpr postgres::Query kKeepVersion{"keep_standing_order_version",
  "INSERT INTO standing_order_versions (community_id, participant_id, standing_order_id, "
  "created_at, ended_at, " PW_STANDING_ORDER_TERMS ") "
  "SELECT community_id, participant_id, standing_order_id, created_at, $4, "
  PW_STANDING_ORDER_TERMS "FROM standing_orders WHERE " PW_STANDING_ORDER_KEY};

inline constexpr postgres::Query kChangeStandingOrder{"change_standing_order", R"sql(
  UPDATE standing_orders
  SET bid_price_micros = $4, offer_price_micros = $5, version = $6, version_at = $7,
      bid_start_price_micros = $8, offer_start_price_micros = $9, bid_share_ppm = $10,
      offer_share_ppm = $11, bid_reserve_wh = $12, offer_reserve_wh = $13, premium_micros = $14,
      bid_preference = $15, offer_preference = $16, daily_cost_max_micros = $17, calendar = $18,
      paused = $19
  WHERE community_id = $1 AND participant_id = $2 AND standing_order_id = $3)sql"};

inline constexpr postgres::Query kCancelStandingOrder{"cancel_standing_order", R"sql(
  UPDATE standing_orders SET state = 'CANCELLED'
  WHERE community_id = $1 AND participant_id = $2 AND standing_order_id = $3)sql"};

// The versions that ended and the newest, by version.
inline constexpr postgres::Query kListVersions{"list_standing_order_versions",
  "SELECT * FROM (SELECT " PW_STANDING_ORDER_COLUMNS "FROM standing_orders WHERE "
  PW_STANDING_ORDER_KEY
  "UNION ALL SELECT community_id, participant_id, standing_order_id, 'ACTIVE', created_at, "
  PW_STANDING_ORDER_TERMS "FROM standing_order_versions WHERE " PW_STANDING_ORDER_KEY
  // That which was cancelled was kept as it ended; it is listed once.
  "AND NOT EXISTS (SELECT FROM standing_orders AS s "
  "WHERE s.community_id = $1 AND s.participant_id = $2 AND s.standing_order_id = $3 "
  "AND s.version = standing_order_versions.version)) AS v WHERE version > $4 "
  "ORDER BY version LIMIT $5"};

#undef PW_STANDING_ORDER_COLUMNS
#undef PW_STANDING_ORDER_TERMS
#undef PW_STANDING_ORDER_KEY

// What the owners of each connection have, by side: open orders, which are placed by hand once the
// quotes of standing orders are withdrawn, and what others traded.
inline constexpr postgres::Query kCommittedByConnection{"committed_by_connection", R"sql(
  SELECT grid_connection_id, side = 'BID',
         sum(CASE WHEN state IN ('PENDING', 'ACTIVE') THEN energy_wh
                  ELSE filled_energy_wh END)::bigint
  FROM orders
  WHERE community_id = $1 AND delivery_start_at = $2
  GROUP BY grid_connection_id, side)sql"};

inline constexpr postgres::Query kWithdrawQuotes{"withdraw_quotes", R"sql(
  UPDATE orders
  SET state = CASE WHEN filled_energy_wh > 0 THEN 'PARTIALLY_FILLED' ELSE 'CANCELLED' END
  WHERE community_id = $1 AND delivery_start_at = $2 AND standing_order_id <> ''
    AND state IN ('PENDING', 'ACTIVE')
  RETURNING order_id, hold_micros)sql"};

// Whoever comes first quotes the step.
inline constexpr postgres::Query kBeginStep{"begin_quote_step", R"sql(
  UPDATE auctions SET quoted_steps = $3
  WHERE community_id = $1 AND delivery_start_at = $2 AND state = 'OPEN' AND quoted_steps < $3
    AND NOT EXISTS (SELECT FROM market_controls AS c WHERE c.community_id = $1 AND c.halted)
  RETURNING halted)sql"};

// What an order that is decided cost at worst stays; the rest of its reservation is given back.
inline constexpr postgres::Query kSettleReservations{"settle_reservations", R"sql(
  WITH decided AS (
    DELETE FROM autopilot_reservations AS r USING orders AS o
    WHERE r.community_id = $1 AND o.community_id = $1
      AND o.delivery_start_at = r.delivery_start_at AND o.order_id = r.order_id
      AND o.state NOT IN ('PENDING', 'ACTIVE')
    RETURNING r.participant_id, r.standing_order_id, r.day_start_at,
              ceil(r.reserved_micros::numeric * o.filled_energy_wh / o.energy_wh)::bigint AS cost)
  INSERT INTO autopilot_costs AS c (community_id, day_start_at, participant_id, standing_order_id,
                                    cost_micros)
  SELECT $1::text, day_start_at, participant_id, standing_order_id, sum(cost)::bigint
  FROM decided WHERE cost > 0
  GROUP BY day_start_at, participant_id, standing_order_id
  ON CONFLICT (community_id, day_start_at, participant_id, standing_order_id)
  DO UPDATE SET cost_micros = c.cost_micros + excluded.cost_micros)sql"};

inline constexpr postgres::Query kDayCosts{"autopilot_day_costs", R"sql(
  SELECT participant_id, standing_order_id, sum(micros)::bigint
  FROM (SELECT participant_id, standing_order_id, cost_micros AS micros FROM autopilot_costs
        WHERE community_id = $1 AND day_start_at = $2
        UNION ALL
        SELECT participant_id, standing_order_id, reserved_micros FROM autopilot_reservations
        WHERE community_id = $1 AND day_start_at = $2) AS costs
  GROUP BY participant_id, standing_order_id)sql"};

inline constexpr postgres::Query kReserveCosts{"reserve_costs", R"sql(
  INSERT INTO autopilot_reservations (community_id, delivery_start_at, participant_id,
                                      standing_order_id, order_id, day_start_at, reserved_micros)
  SELECT $1::text, $2::timestamptz, participant_id, standing_order_id, order_id, $3::timestamptz,
         reserved_micros
  FROM unnest($4::text[], $5::text[], $6::text[], $7::bigint[])
    AS placed (participant_id, standing_order_id, order_id, reserved_micros))sql"};

inline constexpr postgres::Query kSelectPlannedDay{"select_planned_day", R"sql(
  SELECT planned_at FROM autopilot_planned_days
  WHERE community_id = $1 AND day_start_at = $2)sql"};

inline constexpr postgres::Query kMarkPlanned{"mark_planned", R"sql(
  INSERT INTO autopilot_planned_days (community_id, day_start_at, planned_at) VALUES ($1, $2, $3)
  ON CONFLICT (community_id, day_start_at) DO NOTHING)sql"};

// Numbers of intervals come as the text of arrays. A plan that is kept stays as it is.
inline constexpr postgres::Query kInsertPlans{"insert_plans", R"sql(
  INSERT INTO autopilot_plans (community_id, participant_id, standing_order_id, day_start_at,
                               version, planned_at, interval_seconds, reasons, forecast_wh,
                               energy_wh, limit_micros, cost_micros)
  SELECT $1::text, participant_id, standing_order_id, $2::timestamptz, version, $3::timestamptz,
         $4::integer, reasons::bigint[], forecast_wh::bigint[], energy_wh::bigint[],
         limit_micros::bigint[], cost_micros::bigint[]
  FROM unnest($5::text[], $6::text[], $7::integer[], $8::text[], $9::text[], $10::text[],
              $11::text[], $12::text[])
    AS made (participant_id, standing_order_id, version, reasons, forecast_wh, energy_wh,
             limit_micros, cost_micros)
  ON CONFLICT (community_id, participant_id, standing_order_id, day_start_at) DO NOTHING)sql"};

inline constexpr postgres::Query kSelectPlans{"select_plans", R"sql(
  SELECT day_start_at, version, planned_at, interval_seconds, reasons, forecast_wh, energy_wh,
         limit_micros, cost_micros
  FROM autopilot_plans
  WHERE community_id = $1 AND participant_id = $2 AND standing_order_id = $3
    AND day_start_at >= $4 AND day_start_at < $5
  ORDER BY day_start_at)sql"};

inline constexpr postgres::Query kReportedOrders{"reported_orders", R"sql(
  SELECT a.delivery_start_at, o.order_id, o.side = 'BID', o.energy_wh, o.filled_energy_wh,
         o.limit_micros, o.hold_micros, o.state, o.created_at >= a.gate_closure_at
  FROM auctions AS a
  CROSS JOIN LATERAL (
    SELECT * FROM orders
    WHERE community_id = $1 AND delivery_start_at = a.delivery_start_at AND participant_id = $2
      AND standing_order_id = $3 OFFSET 0) AS o
  WHERE a.community_id = $1 AND a.delivery_start_at >= $4 AND a.delivery_start_at < $5
  ORDER BY a.delivery_start_at, o.created_at, o.order_id)sql"};

// Trades of these orders, which traded something.
inline constexpr postgres::Query kReportedTrades{"reported_trades", R"sql(
  SELECT asked.delivery_start_at, t.bid_order_id = asked.order_id, t.energy_wh, t.price_micros,
         t.network_fee_micros
  FROM unnest($2::timestamptz[], $3::text[]) AS asked (delivery_start_at, order_id)
  CROSS JOIN LATERAL (
    SELECT * FROM trades
    WHERE community_id = $1 AND delivery_start_at = asked.delivery_start_at
      AND asked.order_id IN (bid_order_id, offer_order_id) OFFSET 0) AS t
  ORDER BY asked.delivery_start_at, t.trade_number)sql"};

/// All statements about standing orders.
inline std::vector<postgres::Query> AutopilotQueries() {
  return {kInsertStandingOrder, kSelectStandingOrder, kLockStandingOrder, kListStandingOrders,
          kActiveStandingOrders, kRampedStandingOrders, kKeepVersion, kChangeStandingOrder,
          kCancelStandingOrder, kListVersions, kCommittedByConnection, kWithdrawQuotes, kBeginStep,
          kSettleReservations, kDayCosts, kReserveCosts, kSelectPlannedDay, kMarkPlanned,
          kInsertPlans, kSelectPlans, kReportedOrders, kReportedTrades};
}

}  // namespace peerwatt::market
