#pragma once

#include <vector>

#include "libs/postgres/pool.h"

namespace peerwatt::market {

// A day is final when all auctions up to its end have opened and none of them is unfinished.
inline constexpr postgres::Query kNextSurvey{"next_survey", R"sql(
  SELECT next.day_start_at,
         next.day_start_at + interval '24 hours' <= coalesce(
           (SELECT min(delivery_start_at) FROM auctions
            WHERE community_id = $1 AND NOT holds_reduced),
           (SELECT delivery_end_at FROM auctions WHERE community_id = $1
            ORDER BY delivery_start_at DESC LIMIT 1))
  FROM (SELECT coalesce(
          (SELECT max(day_start_at) + interval '24 hours' FROM surveys WHERE community_id = $1),
          (SELECT date_trunc('day', min(delivery_start_at), 'UTC') FROM auctions
           WHERE community_id = $1)) AS day_start_at) AS next
  WHERE EXISTS (SELECT FROM auctions WHERE community_id = $1))sql"};

inline constexpr postgres::Query kSurveyedTrades{"surveyed_trades", R"sql(
  SELECT t.delivery_start_at, a.delivery_end_at, t.trade_number, t.buyer_id, t.seller_id,
         t.energy_wh
  FROM trades AS t
  JOIN auctions AS a
    ON a.community_id = t.community_id AND a.delivery_start_at = t.delivery_start_at
  WHERE t.community_id = $1 AND t.delivery_start_at >= $2 AND t.delivery_start_at < $3)sql"};

// A refused order never was in the book. Of a withdrawn one that has traded, the rest counts; of an
// immediate one, which ends by itself, what has traded.
inline constexpr postgres::Query kSurveyedOrders{"surveyed_orders", R"sql(
  SELECT o.delivery_start_at, a.delivery_end_at, o.order_id, o.side = 'BID', o.participant_id,
         CASE WHEN o.state <> 'CANCELLED' THEN o.energy_wh
              WHEN o.time_in_force IN ('AUCTION', 'GTC') THEN o.energy_wh - o.filled_energy_wh
              ELSE o.filled_energy_wh END,
         o.state = 'CANCELLED' AND o.time_in_force IN ('AUCTION', 'GTC')
  FROM orders AS o
  JOIN auctions AS a
    ON a.community_id = o.community_id AND a.delivery_start_at = o.delivery_start_at
  WHERE o.community_id = $1 AND o.delivery_start_at >= $2 AND o.delivery_start_at < $3
    AND o.state <> 'REJECTED'
    AND (o.state <> 'CANCELLED' OR o.time_in_force IN ('AUCTION', 'GTC')
         OR o.filled_energy_wh > 0))sql"};

inline constexpr postgres::Query kListOwners{"list_owners", R"sql(
  SELECT DISTINCT ON (participant_id) participant_id, owner_id, recorded_at
  FROM beneficial_owners WHERE community_id = $1 AND participant_id > $2
  ORDER BY participant_id, recorded_at DESC LIMIT $3)sql"};

inline constexpr postgres::Query kLastOwner{"last_owner", R"sql(
  SELECT participant_id, owner_id, recorded_at
  FROM beneficial_owners WHERE community_id = $1 AND participant_id = $2
  ORDER BY recorded_at DESC LIMIT 1)sql"};

// Comes after the last record, whatever the clock says; adds nothing when another record does.
inline constexpr postgres::Query kRecordOwner{"record_owner", R"sql(
  INSERT INTO beneficial_owners (community_id, participant_id, recorded_at, owner_id)
  SELECT $1::text, $2::text,
         greatest($3::timestamptz, max(recorded_at) + interval '1 microsecond'), $4::text
  FROM beneficial_owners WHERE community_id = $1::text AND participant_id = $2::text
  ON CONFLICT (community_id, participant_id, recorded_at) DO NOTHING
  RETURNING participant_id, owner_id, recorded_at)sql"};

// Of replicas that survey a day at once, the first to commit stores it.
inline constexpr postgres::Query kInsertSurvey{"insert_survey", R"sql(
  INSERT INTO surveys (community_id, day_start_at, complete, trade_count, order_count,
                       finding_count, thresholds, surveyed_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
  ON CONFLICT (community_id, day_start_at) DO NOTHING)sql"};

// Lists come as text, their items apart by commas, which no id or name has.
inline constexpr postgres::Query kInsertFindings{"insert_findings", R"sql(
  INSERT INTO surveillance_findings
    (community_id, day_start_at, finding_number, rule, side, delivery_start_at, delivery_end_at,
     owner_ids, participant_ids, energy_wh, measure, reference_names, reference_count)
  SELECT $1::text, $2::timestamptz, finding_number, rule, side, delivery_start_at,
         delivery_end_at, string_to_array(owner_ids, ','), string_to_array(participant_ids, ','),
         energy_wh, measure, string_to_array(reference_names, ','), reference_count
  FROM unnest($3::integer[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[],
              $8::text[], $9::text[], $10::bigint[], $11::bigint[], $12::text[], $13::bigint[])
    AS found (finding_number, rule, side, delivery_start_at, delivery_end_at, owner_ids,
              participant_ids, energy_wh, measure, reference_names, reference_count))sql"};

// $2 and $3: the span; $5 and $6: day and number after which the list goes on.
inline constexpr postgres::Query kListFindings{"list_findings", R"sql(
  SELECT day_start_at, finding_number, rule, side, delivery_start_at, delivery_end_at, owner_ids,
         participant_ids, energy_wh, measure, reference_names, reference_count
  FROM surveillance_findings
  WHERE community_id = $1 AND (day_start_at, finding_number) > ($5::timestamptz, $6)
    AND day_start_at > $2::timestamptz - interval '24 hours' AND day_start_at < $3
    AND delivery_start_at >= $2 AND delivery_start_at < $3 AND ($4 = '' OR rule = $4)
  ORDER BY day_start_at, finding_number LIMIT $7)sql"};

inline constexpr postgres::Query kSurveyedThrough{"surveyed_through", R"sql(
  SELECT max(day_start_at) + interval '24 hours' FROM surveys WHERE community_id = $1)sql"};

inline constexpr postgres::Query kIncompleteSurveys{"incomplete_surveys", R"sql(
  SELECT day_start_at FROM surveys
  WHERE community_id = $1 AND day_start_at > $2::timestamptz - interval '24 hours'
    AND day_start_at < $3 AND NOT complete
  ORDER BY day_start_at LIMIT $4)sql"};

// $2 and $3: delivery and order after which the export goes on; $4: end of the span.
inline constexpr postgres::Query kExportOrders{"export_orders", R"sql(
  SELECT o.delivery_start_at, a.delivery_end_at, o.order_id, o.side = 'BID', o.metering_point_id,
         o.participant_id, o.energy_wh, o.limit_micros, o.filled_energy_wh, o.state,
         o.standing_order_id, o.rejection_reason, o.created_at
  FROM orders AS o
  JOIN auctions AS a
    ON a.community_id = o.community_id AND a.delivery_start_at = o.delivery_start_at
  WHERE o.community_id = $1 AND (o.delivery_start_at, o.order_id) > ($2::timestamptz, $3::text)
    AND o.delivery_start_at < $4
  ORDER BY o.delivery_start_at, o.order_id LIMIT $5)sql"};

inline constexpr postgres::Query kExportTrades{"export_trades", R"sql(
  SELECT t.delivery_start_at, a.delivery_end_at, coalesce(t.traded_at, a.gate_closure_at),
         t.trade_number,
         t.bid_order_id, t.offer_order_id, t.energy_wh, t.price_micros, t.buyer_metering_point_id,
         t.seller_metering_point_id, t.buyer_id, t.seller_id
  FROM trades AS t
  JOIN auctions AS a
    ON a.community_id = t.community_id AND a.delivery_start_at = t.delivery_start_at
  WHERE t.community_id = $1 AND (t.delivery_start_at, t.trade_number) > ($2::timestamptz, $3)
    AND t.delivery_start_at < $4
  ORDER BY t.delivery_start_at, t.trade_number LIMIT $5)sql"};

/// The statements of surveillance, a part of those that are prepared on every connection.
inline std::vector<postgres::Query> SurveillanceQueries() {
  return {kNextSurvey,        kSurveyedTrades, kSurveyedOrders, kListOwners,   kLastOwner,
          kRecordOwner,       kInsertSurvey,   kInsertFindings, kListFindings, kSurveyedThrough,
          kIncompleteSurveys, kExportOrders,   kExportTrades};
}

}  // namespace peerwatt::market
