-- Agreements of two participants. What was offered, answered, cancelled and executed is only added
-- to; state and over_at follow from it and tell which contracts a gate closure must look at.
CREATE TABLE contracts (
  community_id text COLLATE "C" NOT NULL,
  contract_id text COLLATE "C" NOT NULL,
  buyer_id text COLLATE "C" NOT NULL,
  seller_id text COLLATE "C" NOT NULL,
  proposer_id text COLLATE "C" NOT NULL,
  -- The proposer's; the other party names its own when it accepts.
  metering_point_id text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL,
  state text NOT NULL DEFAULT 'OFFERED',
  over_at timestamptz NOT NULL,
  PRIMARY KEY (community_id, contract_id),
  CHECK (length(contract_id) <= 58),
  CHECK (buyer_id <> seller_id),
  CHECK (proposer_id IN (buyer_id, seller_id)),
  CHECK (state IN ('OFFERED', 'ACCEPTED', 'DECLINED', 'WITHDRAWN'))
);
CREATE INDEX contracts_of_buyer ON contracts (community_id, buyer_id, contract_id);
CREATE INDEX contracts_of_seller ON contracts (community_id, seller_id, contract_id);
CREATE INDEX contracts_accepted ON contracts (community_id, over_at) WHERE state = 'ACCEPTED';

-- Terms as one party proposed them. Windows of the profile are rows of the arrays: a window's
-- energy is 0 when it is a share, its dates are apart by commas.
CREATE TABLE contract_versions (
  community_id text COLLATE "C" NOT NULL,
  contract_id text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  proposer_id text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL,
  valid_from_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL,
  time_zone text NOT NULL,
  holidays text[] NOT NULL,
  window_weekdays bigint[] NOT NULL,
  window_holidays bigint[] NOT NULL,
  window_dates text[] NOT NULL,
  window_starts_minute bigint[] NOT NULL,
  window_ends_minute bigint[] NOT NULL,
  window_energies_wh bigint[] NOT NULL,
  window_shares_ppm bigint[] NOT NULL,
  price_kind text NOT NULL,
  fixed_price_micros bigint NOT NULL,
  factor_ppm bigint NOT NULL,
  offset_micros bigint NOT NULL,
  floor_micros bigint,
  cap_micros bigint,
  fallback_micros bigint,
  cancellation_right text NOT NULL,
  notice_days integer NOT NULL,
  cancellation_effect text NOT NULL,
  PRIMARY KEY (community_id, contract_id, version),
  CHECK (version >= 1),
  CHECK (ends_at > valid_from_at),
  CHECK (cardinality(window_weekdays) BETWEEN 1 AND 32),
  CHECK (cardinality(window_holidays) = cardinality(window_weekdays)),
  CHECK (cardinality(window_dates) = cardinality(window_weekdays)),
  CHECK (cardinality(window_starts_minute) = cardinality(window_weekdays)),
  CHECK (cardinality(window_ends_minute) = cardinality(window_weekdays)),
  CHECK (cardinality(window_energies_wh) = cardinality(window_weekdays)),
  CHECK (cardinality(window_shares_ppm) = cardinality(window_weekdays)),
  CHECK (cardinality(holidays) <= 400),
  CHECK (0 <= ALL (window_weekdays) AND 127 >= ALL (window_weekdays)),
  CHECK (0 <= ALL (window_starts_minute) AND 1440 >= ALL (window_ends_minute)),
  CHECK (0 <= ALL (window_energies_wh) AND 1000000000000 >= ALL (window_energies_wh)),
  CHECK (0 <= ALL (window_shares_ppm) AND 1000000 >= ALL (window_shares_ppm)),
  CHECK (price_kind IN ('FIXED', 'INDEX_BUYER', 'INDEX_SELLER')),
  CHECK (fixed_price_micros BETWEEN -1000000000 AND 1000000000),
  CHECK (factor_ppm BETWEEN 0 AND 10000000),
  CHECK (offset_micros BETWEEN -1000000000 AND 1000000000),
  CHECK (floor_micros BETWEEN -1000000000 AND 1000000000),
  CHECK (cap_micros BETWEEN -1000000000 AND 1000000000),
  CHECK (floor_micros <= cap_micros),
  CHECK (fallback_micros BETWEEN -1000000000 AND 1000000000),
  CHECK (cancellation_right IN ('NOBODY', 'BUYER', 'SELLER', 'EITHER')),
  CHECK (notice_days BETWEEN 0 AND 3650),
  CHECK (cancellation_effect IN ('AFTER_NOTICE', 'END_OF_DAY', 'END_OF_MONTH'))
);

-- The answer to a version: the key lets there be one.
CREATE TABLE contract_decisions (
  community_id text COLLATE "C" NOT NULL,
  contract_id text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  decision text NOT NULL,
  participant_id text COLLATE "C" NOT NULL,
  metering_point_id text COLLATE "C" NOT NULL,
  decided_at timestamptz NOT NULL,
  PRIMARY KEY (community_id, contract_id, version),
  CHECK (decision IN ('ACCEPTED', 'DECLINED', 'WITHDRAWN')),
  CHECK ((metering_point_id <> '') = (version = 1 AND decision = 'ACCEPTED'))
);

CREATE TABLE contract_cancellations (
  community_id text COLLATE "C" NOT NULL,
  contract_id text COLLATE "C" NOT NULL,
  participant_id text COLLATE "C" NOT NULL,
  reason text NOT NULL,
  noticed_at timestamptz NOT NULL,
  effective_at timestamptz NOT NULL,
  PRIMARY KEY (community_id, contract_id)
);

-- That a contract was due in an auction: the key lets it be executed once.
CREATE TABLE contract_executions (
  community_id text COLLATE "C" NOT NULL,
  contract_id text COLLATE "C" NOT NULL,
  delivery_start_at timestamptz NOT NULL,
  version integer NOT NULL,
  energy_wh bigint NOT NULL,
  skip_reason text NOT NULL,
  PRIMARY KEY (community_id, contract_id, delivery_start_at),
  CHECK (energy_wh BETWEEN 0 AND 1000000000000),
  CHECK (energy_wh > 0 OR skip_reason <> '')
);

-- The contract that placed an order, and how its price is found.
ALTER TABLE orders
  ADD COLUMN contract_id text COLLATE "C" NOT NULL DEFAULT '',
  ADD COLUMN contract_price text NOT NULL DEFAULT '',
  ADD CONSTRAINT orders_of_contracts CHECK ((contract_id = '') = (contract_price = ''));

ALTER TABLE trades
  ADD COLUMN origin text NOT NULL DEFAULT 'AUCTION',
  ADD CONSTRAINT trades_origin CHECK (origin IN ('AUCTION', 'CONTRACT'));
CREATE INDEX trades_of_contracts ON trades (community_id, delivery_start_at, bid_order_id)
  WHERE origin = 'CONTRACT';

GRANT SELECT, INSERT ON contracts, contract_versions, contract_decisions, contract_cancellations,
  contract_executions TO peerwatt_market;
-- What follows from the rest.
GRANT UPDATE (state, over_at) ON contracts TO peerwatt_market;
