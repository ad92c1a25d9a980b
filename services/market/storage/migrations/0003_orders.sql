-- Which replica drives a community: the newest token's holder. Others' writes are refused.
CREATE TABLE leases (
  community_id text COLLATE "C" PRIMARY KEY,
  holder text NOT NULL,
  token bigint NOT NULL,
  expires_at timestamptz NOT NULL,
  CHECK (token >= 0)
);
GRANT SELECT, INSERT, UPDATE ON leases TO peerwatt_market;

-- Limits of a community's orders. The newest version that is valid at the start of a delivery
-- counts for it; nothing is edited.
CREATE TABLE market_limits (
  community_id text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  valid_from_at timestamptz NOT NULL,
  price_min_micros bigint NOT NULL,
  price_max_micros bigint NOT NULL,
  energy_min_wh bigint NOT NULL,
  energy_max_wh bigint NOT NULL,
  open_orders_max integer NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (community_id, version),
  CHECK (version >= 1),
  CHECK (price_min_micros BETWEEN -1000000000 AND price_max_micros),
  CHECK (price_max_micros <= 1000000000),
  CHECK (energy_min_wh BETWEEN 1 AND energy_max_wh),
  CHECK (energy_max_wh <= 1000000000000),
  CHECK (open_orders_max >= 1)
);

-- One row per community. Who places an order shares it; who changes what orders are judged by, or
-- cancels orders of a participant, has it alone: nothing slips through in between.
CREATE TABLE market_controls (
  community_id text COLLATE "C" PRIMARY KEY,
  halted boolean NOT NULL DEFAULT false,
  halt_reason text NOT NULL DEFAULT '',
  limits_version integer NOT NULL DEFAULT 0,
  killed_count integer NOT NULL DEFAULT 0,
  CHECK (limits_version >= 0),
  CHECK (killed_count >= 0),
  CHECK (NOT halted OR halt_reason <> '')
);

-- Participants who may not trade until the switch is lifted.
CREATE TABLE kill_switches (
  community_id text COLLATE "C" NOT NULL,
  participant_id text COLLATE "C" NOT NULL,
  reason text NOT NULL,
  set_by text NOT NULL,
  set_at timestamptz NOT NULL,
  by_operator boolean NOT NULL,
  PRIMARY KEY (community_id, participant_id),
  CHECK (reason <> '')
);

-- Who halted, resumed, switched off and on again, and why. Never changed.
CREATE TABLE control_events (
  community_id text COLLATE "C" NOT NULL,
  event_no bigint NOT NULL,
  action text NOT NULL,
  participant_id text COLLATE "C" NOT NULL DEFAULT '',
  reason text NOT NULL,
  actor text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (community_id, event_no),
  CHECK (event_no >= 1),
  CHECK (action IN ('HALT', 'RESUME', 'KILL', 'LIFT', 'LIMITS'))
);

-- Whether the market was halted at gate closure: then nothing trades.
ALTER TABLE auctions ADD COLUMN halted boolean NOT NULL DEFAULT false;

-- An order becomes active soon after it was kept, and all of an auction end at once: room for each
-- on its page spares the indexes.
ALTER TABLE orders SET (fillfactor = 50, autovacuum_analyze_scale_factor = 0.02);
-- Neither index names the state, so that a new state touches none.
CREATE INDEX orders_offered ON orders (community_id, delivery_start_at, grid_connection_id)
  WHERE side = 'OFFER';
CREATE INDEX orders_by_participant ON orders (community_id, delivery_start_at, participant_id);

GRANT SELECT, INSERT ON market_limits, control_events TO peerwatt_market;
GRANT SELECT, INSERT, UPDATE ON market_controls TO peerwatt_market;
GRANT SELECT, INSERT, DELETE ON kill_switches TO peerwatt_market;
