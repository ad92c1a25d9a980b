#pragma once

#include <vector>

#include "libs/postgres/pool.h"

namespace peerwatt::settlement {

/// What the trades of a period are worth; a later run of the period supersedes it.
inline constexpr postgres::Query kUpsertWelfare{"upsert_welfare", R"sql(
  INSERT INTO period_welfare (community_id, period_start_at, optimum_micros, delivered_micros)
  SELECT $1, n.period_start_at, n.optimum_micros, n.delivered_micros
  FROM unnest($2::timestamptz[], $3::bigint[], $4::bigint[])
    AS n(period_start_at, optimum_micros, delivered_micros)
  ON CONFLICT (community_id, period_start_at) DO UPDATE
  SET optimum_micros = excluded.optimum_micros, delivered_micros = excluded.delivered_micros
)sql"};

// Columns over lines `l` of settlement_lines. Kinds are those of core/line.h: 101 and 102 are all
// that was drawn and fed in, at the prices of the main grid. A fee per trade is a cost of trading;
// subscriptions and other fees are due without neighbours too.
#define PW_KPI_SUMS                                                                            \
  "coalesce(sum(l.energy_wh) FILTER (WHERE l.kind = 101), 0)::bigint AS drawn_wh, "            \
  "coalesce(sum(l.energy_wh) FILTER (WHERE l.kind = 102), 0)::bigint AS fed_in_wh, "           \
  "coalesce(sum(l.energy_wh) FILTER (WHERE l.kind = 7), 0)::bigint AS self_consumed_wh, "      \
  "coalesce(sum(l.energy_wh) FILTER (WHERE l.kind IN (1, 10)), 0)::bigint AS bought_wh, "      \
  "coalesce(sum(l.energy_wh) FILTER (WHERE l.kind IN (2, 11)), 0)::bigint AS sold_wh, "        \
  "coalesce(sum(l.amount_micros) FILTER (WHERE l.kind BETWEEN 1 AND 11 "                       \
  "  OR (l.kind = 13 AND l.trade_id <> '')), 0)::bigint AS with_micros, "                      \
  "coalesce(sum(l.amount_micros) FILTER (WHERE l.kind IN (101, 102)), 0)::bigint "             \
  "  AS without_micros, "                                                                      \
  "coalesce(sum(l.energy_wh) FILTER (WHERE l.is_price_missing), 0) <> 0 AS is_price_missing "

// Columns over rows `x`, one per connection and firm period. Firm trades count in full: what a
// connection bought beyond what it drew, or sold beyond what it fed in, did not come from
// neighbours, nor go to them.
#define PW_KPI_EXCESS                                                                          \
  "sum(greatest(x.bought_wh - x.drawn_wh, 0))::bigint AS not_drawn_wh, "                       \
  "sum(greatest(x.sold_wh - x.fed_in_wh, 0))::bigint AS not_fed_in_wh "

#define PW_KPI_MOVED                                                                           \
  "coalesce(sum(l.energy_wh) FILTER (WHERE l.kind = 1), 0) AS bought_wh, "                     \
  "coalesce(sum(l.energy_wh) FILTER (WHERE l.kind = 2), 0) AS sold_wh, "                       \
  "coalesce(sum(l.energy_wh) FILTER (WHERE l.kind = 101), 0) AS drawn_wh, "                    \
  "coalesce(sum(l.energy_wh) FILTER (WHERE l.kind = 102), 0) AS fed_in_wh "

// Parts count from 1 here; $2 is where they start, $3 where the last one ends.
#define PW_KPI_COUNTED                                                                         \
  "counted AS ("                                                                               \
  "  SELECT width_bucket(p.period_start_at, $2::timestamptz[]) AS part, "                      \
  "         count(*)::integer AS period_count, "                                               \
  "         coalesce(sum(w.optimum_micros), 0)::bigint AS optimum_micros, "                    \
  "         coalesce(sum(w.delivered_micros), 0)::bigint AS delivered_micros "                 \
  "  FROM settlement_periods AS p "                                                            \
  "  LEFT JOIN period_welfare AS w "                                                           \
  "    ON w.community_id = $1 AND w.period_start_at = p.period_start_at "                      \
  "  WHERE p.community_id = $1 AND p.period_start_at >= ($2::timestamptz[])[1] "               \
  "    AND p.period_start_at < $3 "                                                            \
  "  GROUP BY 1) "

#define PW_KPI_RESULT                                                                          \
  "SELECT c.part, c.period_count, c.optimum_micros, c.delivered_micros, s.participant_id, "    \
  "       s.drawn_wh, s.fed_in_wh, s.self_consumed_wh, "                                       \
  "       s.bought_wh - coalesce(f.not_drawn_wh, 0) AS bought_wh, "                            \
  "       s.sold_wh - coalesce(f.not_fed_in_wh, 0) AS sold_wh, s.with_micros, "                 \
  "       s.without_micros, s.is_price_missing "                                                \
  "FROM counted AS c "                                                                         \
  "LEFT JOIN sums AS s ON s.part = c.part "                                                    \
  "LEFT JOIN firm AS f ON f.part = s.part AND f.participant_id = s.participant_id "            \
  "ORDER BY c.part, s.participant_id"

/// All households of a community by part.
inline constexpr postgres::Query kSumCommunityKpis{"sum_community_kpis",
  "WITH " PW_KPI_COUNTED ", sums AS ("
  "  SELECT width_bucket(l.period_start_at, $2::timestamptz[]) AS part, l.participant_id, "
  PW_KPI_SUMS R"sql(
    FROM settlement_lines AS l
    WHERE l.community_id = $1 AND l.period_start_at >= ($2::timestamptz[])[1]
      AND l.period_start_at < $3
    GROUP BY 1, 2
  ), firm AS (
    SELECT x.part, x.participant_id,)sql" PW_KPI_EXCESS R"sql(
    FROM (
      SELECT width_bucket(l.period_start_at, $2::timestamptz[]) AS part, l.participant_id,)sql"
  PW_KPI_MOVED R"sql(
      FROM settlement_periods AS p
      JOIN settlement_lines AS l
        ON l.community_id = $1 AND l.period_start_at = p.period_start_at
      WHERE p.community_id = $1 AND p.period_start_at >= ($2::timestamptz[])[1]
        AND p.period_start_at < $3 AND p.is_firm
      GROUP BY l.period_start_at, l.participant_id, l.connection_id
    ) AS x
    GROUP BY 1, 2
  )
  )sql" PW_KPI_RESULT};

/// One household of a community by part. $4: the participant.
inline constexpr postgres::Query kSumHouseholdKpis{"sum_household_kpis",
  "WITH " PW_KPI_COUNTED ", sums AS ("
  "  SELECT width_bucket(l.period_start_at, $2::timestamptz[]) AS part, l.participant_id, "
  PW_KPI_SUMS R"sql(
    FROM settlement_lines AS l
    WHERE l.community_id = $1 AND l.participant_id = $4
      AND l.period_start_at >= ($2::timestamptz[])[1] AND l.period_start_at < $3
    GROUP BY 1, 2
  ), firm AS (
    SELECT x.part, x.participant_id,)sql" PW_KPI_EXCESS R"sql(
    FROM (
      SELECT width_bucket(l.period_start_at, $2::timestamptz[]) AS part, l.participant_id,)sql"
  PW_KPI_MOVED R"sql(
      FROM settlement_periods AS p
      JOIN settlement_lines AS l
        ON l.community_id = $1 AND l.participant_id = $4
          AND l.period_start_at = p.period_start_at
      WHERE p.community_id = $1 AND p.period_start_at >= ($2::timestamptz[])[1]
        AND p.period_start_at < $3 AND p.is_firm
      GROUP BY l.period_start_at, l.participant_id, l.connection_id
    ) AS x
    GROUP BY 1, 2
  )
  )sql" PW_KPI_RESULT};

/// Participants of a community after $4, at most $5, each looked up by the index alone, with the
/// sums of their lines from $2 to $3.
inline constexpr postgres::Query kListHouseholdKpis{"list_household_kpis", R"sql(
  WITH RECURSIVE named AS (
    (SELECT participant_id FROM settlement_lines
     WHERE community_id = $1 AND participant_id > $4
     ORDER BY participant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT l.participant_id FROM settlement_lines AS l
            WHERE l.community_id = $1 AND l.participant_id > n.participant_id
            ORDER BY l.participant_id LIMIT 1)
    FROM named AS n
    WHERE n.participant_id IS NOT NULL
  ), page AS (
    SELECT participant_id FROM named WHERE participant_id IS NOT NULL LIMIT $5
  )
  SELECT g.participant_id, s.drawn_wh, s.fed_in_wh, s.self_consumed_wh,
         s.bought_wh - coalesce(f.not_drawn_wh, 0) AS bought_wh,
         s.sold_wh - coalesce(f.not_fed_in_wh, 0) AS sold_wh, s.with_micros, s.without_micros,
         s.is_price_missing
  FROM page AS g
  CROSS JOIN LATERAL (
    SELECT )sql" PW_KPI_SUMS R"sql(
    FROM settlement_lines AS l
    WHERE l.community_id = $1 AND l.participant_id = g.participant_id
      AND l.period_start_at >= $2 AND l.period_start_at < $3
  ) AS s
  CROSS JOIN LATERAL (
    SELECT )sql" PW_KPI_EXCESS R"sql(
    FROM (
      SELECT )sql" PW_KPI_MOVED R"sql(
      FROM settlement_periods AS p
      JOIN settlement_lines AS l
        ON l.community_id = $1 AND l.participant_id = g.participant_id
          AND l.period_start_at = p.period_start_at
      WHERE p.community_id = $1 AND p.period_start_at >= $2 AND p.period_start_at < $3
        AND p.is_firm
      GROUP BY l.period_start_at, l.connection_id
    ) AS x
  ) AS f
  ORDER BY g.participant_id
)sql"};

#undef PW_KPI_SUMS
#undef PW_KPI_EXCESS
#undef PW_KPI_MOVED
#undef PW_KPI_COUNTED
#undef PW_KPI_RESULT

/// All statements, to be prepared on every connection.
inline std::vector<postgres::Query> KpiQueries() {
  return {kUpsertWelfare, kSumCommunityKpis, kSumHouseholdKpis, kListHouseholdKpis};
}

}  // namespace peerwatt::settlement
