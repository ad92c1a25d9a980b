#pragma once

#include <vector>

#include "libs/postgres/pool.h"

namespace peerwatt::market {

inline constexpr postgres::Query kAddControls{"add_controls", R"sql(
  INSERT INTO market_controls (community_id) VALUES ($1)
  ON CONFLICT (community_id) DO NOTHING)sql"};

// While orders are placed, the controls stay as they are.
inline constexpr postgres::Query kShareControls{"share_controls", R"sql(
  SELECT halted, halt_reason, limits_version, killed_count FROM market_controls
  WHERE community_id = $1 FOR SHARE)sql"};

inline constexpr postgres::Query kLockControls{"lock_controls", R"sql(
  SELECT halted, halt_reason, limits_version, killed_count FROM market_controls
  WHERE community_id = $1 FOR NO KEY UPDATE)sql"};

inline constexpr postgres::Query kSelectControls{"select_controls", R"sql(
  SELECT halted, halt_reason, limits_version, killed_count FROM market_controls
  WHERE community_id = $1)sql"};

inline constexpr postgres::Query kSetHalt{"set_halt", R"sql(
  UPDATE market_controls SET halted = $2, halt_reason = $3 WHERE community_id = $1)sql"};

inline constexpr postgres::Query kSelectLimits{"select_limits", R"sql(
  SELECT version, valid_from_at, price_min_micros, price_max_micros, energy_min_wh, energy_max_wh,
         open_orders_max, created_by, created_at, continuous_trading
  FROM market_limits WHERE community_id = $1 ORDER BY version)sql"};

inline constexpr postgres::Query kInsertLimits{"insert_limits", R"sql(
  INSERT INTO market_limits (community_id, version, valid_from_at, price_min_micros,
                             price_max_micros, energy_min_wh, energy_max_wh, open_orders_max,
                             created_by, created_at, continuous_trading)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11))sql"};

inline constexpr postgres::Query kSetLimitsVersion{"set_limits_version", R"sql(
  UPDATE market_controls SET limits_version = $2 WHERE community_id = $1)sql"};

inline constexpr postgres::Query kCountKilled{"count_killed", R"sql(
  UPDATE market_controls SET killed_count = (
    SELECT count(*) FROM kill_switches WHERE community_id = $1)
  WHERE community_id = $1)sql"};

inline constexpr postgres::Query kKilledAmong{"killed_among", R"sql(
  SELECT participant_id FROM kill_switches
  WHERE community_id = $1 AND participant_id = ANY ($2::text[]))sql"};

inline constexpr postgres::Query kListKilled{"list_killed", R"sql(
  SELECT participant_id, reason, set_by, set_at, by_operator FROM kill_switches
  WHERE community_id = $1 ORDER BY participant_id)sql"};

inline constexpr postgres::Query kSelectKilled{"select_killed", R"sql(
  SELECT participant_id, reason, set_by, set_at, by_operator FROM kill_switches
  WHERE community_id = $1 AND participant_id = $2)sql"};

inline constexpr postgres::Query kInsertKill{"insert_kill", R"sql(
  INSERT INTO kill_switches (community_id, participant_id, reason, set_by, set_at, by_operator)
  VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (community_id, participant_id) DO NOTHING)sql"};

inline constexpr postgres::Query kDeleteKill{"delete_kill", R"sql(
  DELETE FROM kill_switches WHERE community_id = $1 AND participant_id = $2)sql"};

// Orders of frozen books stand.
inline constexpr postgres::Query kCancelOrdersOf{"cancel_orders_of", R"sql(
  UPDATE orders AS o SET state = 'CANCELLED', filled_energy_wh = o.traded_energy_wh
  FROM auctions AS a
  WHERE a.community_id = $1 AND a.state = 'OPEN' AND NOT a.holds_reduced
    AND o.community_id = $1 AND o.delivery_start_at = a.delivery_start_at
    AND o.participant_id = $2 AND o.state IN ('PENDING', 'ACTIVE')
  RETURNING o.delivery_start_at, o.order_id, o.hold_micros, o.trade_cost_micros, o.book_number,
            o.side = 'BID', o.energy_wh - o.traded_energy_wh)sql"};

inline constexpr postgres::Query kInsertControlEvent{"insert_control_event", R"sql(
  INSERT INTO control_events (community_id, event_no, action, participant_id, reason, actor,
                              created_at)
  SELECT $1, coalesce(max(event_no), 0) + 1, $2, $3, $4, $5, $6
  FROM control_events WHERE community_id = $1)sql"};

inline constexpr postgres::Query kListControlEvents{"list_control_events", R"sql(
  SELECT event_no, action, participant_id, reason, actor, created_at FROM control_events
  WHERE community_id = $1 AND event_no > $2 ORDER BY event_no LIMIT $3)sql"};

/// All statements about controls.
inline std::vector<postgres::Query> ControlQueries() {
  return {kAddControls, kShareControls, kLockControls, kSelectControls, kSetHalt, kSelectLimits,
          kInsertLimits, kKilledAmong, kListKilled, kSelectKilled, kInsertKill, kSetLimitsVersion,
          kDeleteKill, kCountKilled, kCancelOrdersOf, kInsertControlEvent, kListControlEvents};
}

}  // namespace peerwatt::market
