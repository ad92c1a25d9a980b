CREATE TABLE auctions (
  community_id text COLLATE "C" NOT NULL,
  delivery_start_at timestamptz NOT NULL,
  delivery_end_at timestamptz NOT NULL,
  gate_closure_at timestamptz NOT NULL,
  state text NOT NULL DEFAULT 'OPEN',
  network_fee_micros bigint NOT NULL,
  clearing_price_micros bigint,
  cleared_energy_wh bigint NOT NULL DEFAULT 0,
  order_count integer NOT NULL DEFAULT 0,
  welfare_micros bigint NOT NULL DEFAULT 0,
  version bigint NOT NULL DEFAULT 1,
  holds_reduced boolean NOT NULL DEFAULT false,
  PRIMARY KEY (community_id, delivery_start_at),
  CHECK (delivery_end_at > delivery_start_at),
  CHECK (gate_closure_at <= delivery_start_at),
  CHECK (state IN ('OPEN', 'CLOSED', 'CLEARED')),
  CHECK (cleared_energy_wh >= 0),
  CHECK ((clearing_price_micros IS NOT NULL) = (cleared_energy_wh > 0)),
  CHECK (clearing_price_micros BETWEEN -1000000000 AND 1000000000),
  CHECK (order_count >= 0),
  CHECK (welfare_micros >= 0),
  CHECK (version >= 1),
  CHECK (state = 'CLEARED' OR NOT holds_reduced)
);
CREATE INDEX auctions_unfinished ON auctions (community_id, delivery_start_at)
  WHERE NOT holds_reduced;

CREATE TABLE orders (
  community_id text COLLATE "C" NOT NULL,
  delivery_start_at timestamptz NOT NULL,
  order_id text COLLATE "C" NOT NULL,
  side text NOT NULL,
  metering_point_id text COLLATE "C" NOT NULL,
  grid_connection_id text COLLATE "C" NOT NULL,
  participant_id text COLLATE "C" NOT NULL,
  energy_wh bigint NOT NULL,
  limit_micros bigint NOT NULL,
  filled_energy_wh bigint NOT NULL DEFAULT 0,
  hold_micros bigint NOT NULL,
  state text NOT NULL DEFAULT 'PENDING',
  standing_order_id text COLLATE "C" NOT NULL DEFAULT '',
  rejection_reason text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL,
  PRIMARY KEY (community_id, delivery_start_at, order_id),
  CHECK (side IN ('BID', 'OFFER')),
  CHECK (energy_wh BETWEEN 1 AND 1000000000000),
  CHECK (limit_micros BETWEEN -1000000000 AND 1000000000),
  CHECK (filled_energy_wh BETWEEN 0 AND energy_wh),
  CHECK (hold_micros >= 0),
  CHECK (state IN ('PENDING', 'ACTIVE', 'CANCELLED', 'FILLED', 'PARTIALLY_FILLED', 'EXPIRED',
                   'REJECTED')),
  CHECK ((state = 'FILLED') = (filled_energy_wh = energy_wh)),
  CHECK ((state = 'PARTIALLY_FILLED') = (filled_energy_wh > 0 AND filled_energy_wh < energy_wh)),
  CHECK ((state = 'REJECTED') = (rejection_reason <> ''))
);

CREATE TABLE trades (
  community_id text COLLATE "C" NOT NULL,
  delivery_start_at timestamptz NOT NULL,
  trade_number integer NOT NULL,
  bid_order_id text COLLATE "C" NOT NULL,
  offer_order_id text COLLATE "C" NOT NULL,
  energy_wh bigint NOT NULL,
  price_micros bigint NOT NULL,
  buyer_metering_point_id text COLLATE "C" NOT NULL,
  seller_metering_point_id text COLLATE "C" NOT NULL,
  buyer_id text COLLATE "C" NOT NULL,
  seller_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (community_id, delivery_start_at, trade_number),
  CHECK (trade_number >= 1),
  CHECK (energy_wh >= 1),
  CHECK (price_micros BETWEEN -1000000000 AND 1000000000),
  CHECK (buyer_id <> seller_id)
);

CREATE TABLE standing_orders (
  community_id text COLLATE "C" NOT NULL,
  participant_id text COLLATE "C" NOT NULL,
  standing_order_id text COLLATE "C" NOT NULL,
  metering_point_id text COLLATE "C" NOT NULL,
  grid_connection_id text COLLATE "C" NOT NULL,
  bid_price_micros bigint,
  offer_price_micros bigint,
  state text NOT NULL DEFAULT 'ACTIVE',
  created_at timestamptz NOT NULL,
  PRIMARY KEY (community_id, participant_id, standing_order_id),
  CHECK (bid_price_micros BETWEEN -1000000000 AND 1000000000),
  CHECK (offer_price_micros BETWEEN -1000000000 AND 1000000000),
  CHECK (bid_price_micros IS NOT NULL OR offer_price_micros IS NOT NULL),
  CHECK (state IN ('ACTIVE', 'CANCELLED'))
);
-- A grid connection has at most one autopilot.
CREATE UNIQUE INDEX standing_orders_active ON standing_orders (community_id, grid_connection_id)
  WHERE state = 'ACTIVE';

GRANT SELECT, INSERT, UPDATE ON auctions, orders, standing_orders TO peerwatt_market;
-- Trades are never changed.
GRANT SELECT, INSERT ON trades TO peerwatt_market;
