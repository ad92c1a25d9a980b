-- What a standing order says besides its prices at gate closure. The newest version is here.
ALTER TABLE standing_orders
  ADD COLUMN version integer NOT NULL DEFAULT 1,
  ADD COLUMN version_at timestamptz NOT NULL DEFAULT to_timestamp(0),
  ADD COLUMN bid_start_price_micros bigint,
  ADD COLUMN offer_start_price_micros bigint,
  ADD COLUMN bid_share_ppm bigint NOT NULL DEFAULT 1000000,
  ADD COLUMN offer_share_ppm bigint NOT NULL DEFAULT 1000000,
  ADD COLUMN bid_reserve_wh bigint NOT NULL DEFAULT 0,
  ADD COLUMN offer_reserve_wh bigint NOT NULL DEFAULT 0,
  ADD COLUMN premium_micros bigint NOT NULL DEFAULT 0,
  ADD COLUMN bid_preference text NOT NULL DEFAULT '',
  ADD COLUMN offer_preference text NOT NULL DEFAULT '',
  ADD COLUMN daily_cost_max_micros bigint,
  ADD COLUMN calendar text NOT NULL DEFAULT '',
  ADD COLUMN paused boolean NOT NULL DEFAULT false,
  ADD CHECK (version >= 1),
  ADD CHECK (bid_start_price_micros <= bid_price_micros),
  ADD CHECK (offer_start_price_micros >= offer_price_micros),
  ADD CHECK (bid_start_price_micros IS NULL OR bid_price_micros IS NOT NULL),
  ADD CHECK (offer_start_price_micros IS NULL OR offer_price_micros IS NOT NULL),
  ADD CHECK (bid_start_price_micros >= -1000000000),
  ADD CHECK (offer_start_price_micros <= 1000000000),
  ADD CHECK (bid_share_ppm BETWEEN 0 AND 1000000),
  ADD CHECK (offer_share_ppm BETWEEN 0 AND 1000000),
  ADD CHECK (bid_reserve_wh BETWEEN 0 AND 1000000000000),
  ADD CHECK (offer_reserve_wh BETWEEN 0 AND 1000000000000),
  ADD CHECK (premium_micros BETWEEN 0 AND 1000000000),
  ADD CHECK (daily_cost_max_micros >= 0);

CREATE INDEX standing_orders_ramped ON standing_orders (community_id)
  WHERE state = 'ACTIVE'
    AND (bid_start_price_micros IS NOT NULL OR offer_start_price_micros IS NOT NULL);

-- Versions that ended: a version counts for auctions whose gate closes after version_at and not
-- after ended_at. Never changed.
CREATE TABLE standing_order_versions (
  community_id text COLLATE "C" NOT NULL,
  participant_id text COLLATE "C" NOT NULL,
  standing_order_id text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  version_at timestamptz NOT NULL,
  ended_at timestamptz NOT NULL,
  metering_point_id text COLLATE "C" NOT NULL,
  grid_connection_id text COLLATE "C" NOT NULL,
  bid_price_micros bigint,
  offer_price_micros bigint,
  bid_start_price_micros bigint,
  offer_start_price_micros bigint,
  bid_share_ppm bigint NOT NULL,
  offer_share_ppm bigint NOT NULL,
  bid_reserve_wh bigint NOT NULL,
  offer_reserve_wh bigint NOT NULL,
  premium_micros bigint NOT NULL,
  bid_preference text NOT NULL,
  offer_preference text NOT NULL,
  daily_cost_max_micros bigint,
  calendar text NOT NULL,
  paused boolean NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (community_id, participant_id, standing_order_id, version),
  CHECK (ended_at >= version_at)
);
CREATE INDEX standing_order_versions_ended ON standing_order_versions (community_id, ended_at);

-- How many steps of ramps an auction has seen.
ALTER TABLE auctions
  ADD COLUMN quoted_steps integer NOT NULL DEFAULT 0,
  ADD CHECK (quoted_steps >= 0);

-- What open orders of standing orders that bound the cost of a day may still cost ...
CREATE TABLE autopilot_reservations (
  community_id text COLLATE "C" NOT NULL,
  delivery_start_at timestamptz NOT NULL,
  participant_id text COLLATE "C" NOT NULL,
  standing_order_id text COLLATE "C" NOT NULL,
  order_id text COLLATE "C" NOT NULL,
  day_start_at timestamptz NOT NULL,
  reserved_micros bigint NOT NULL,
  PRIMARY KEY (community_id, delivery_start_at, participant_id, standing_order_id),
  CHECK (day_start_at <= delivery_start_at),
  CHECK (reserved_micros > 0)
);
-- ... and what decided ones cost at worst.
CREATE TABLE autopilot_costs (
  community_id text COLLATE "C" NOT NULL,
  day_start_at timestamptz NOT NULL,
  participant_id text COLLATE "C" NOT NULL,
  standing_order_id text COLLATE "C" NOT NULL,
  cost_micros bigint NOT NULL,
  PRIMARY KEY (community_id, day_start_at, participant_id, standing_order_id),
  CHECK (cost_micros > 0)
);

-- Local days for which all plans are made.
CREATE TABLE autopilot_planned_days (
  community_id text COLLATE "C" NOT NULL,
  day_start_at timestamptz NOT NULL,
  planned_at timestamptz NOT NULL,
  PRIMARY KEY (community_id, day_start_at)
);

-- What a standing order will do in each interval of a local day. Never changed.
CREATE TABLE autopilot_plans (
  community_id text COLLATE "C" NOT NULL,
  participant_id text COLLATE "C" NOT NULL,
  standing_order_id text COLLATE "C" NOT NULL,
  day_start_at timestamptz NOT NULL,
  version integer NOT NULL,
  planned_at timestamptz NOT NULL,
  interval_seconds integer NOT NULL,
  reasons bigint[] NOT NULL,
  forecast_wh bigint[] NOT NULL,
  energy_wh bigint[] NOT NULL,
  limit_micros bigint[] NOT NULL,
  cost_micros bigint[] NOT NULL,
  PRIMARY KEY (community_id, participant_id, standing_order_id, day_start_at),
  CHECK (version >= 1),
  CHECK (interval_seconds > 0),
  CHECK (cardinality(forecast_wh) = cardinality(reasons)
         AND cardinality(energy_wh) = cardinality(reasons)
         AND cardinality(limit_micros) = cardinality(reasons)
         AND cardinality(cost_micros) = cardinality(reasons))
);

GRANT SELECT, INSERT ON standing_order_versions, autopilot_planned_days, autopilot_plans
  TO peerwatt_market;
GRANT SELECT, INSERT, UPDATE ON autopilot_costs TO peerwatt_market;
GRANT SELECT, INSERT, DELETE ON autopilot_reservations TO peerwatt_market;
