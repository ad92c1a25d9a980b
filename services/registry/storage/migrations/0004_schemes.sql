-- Versions of how communities trade or share, and how that is settled and paid. Shares are arrays of
-- one length, so that a version is one row; a coefficient of -1 and a rank of 0 mean none. What the
-- mechanism does not use is NULL.
CREATE TABLE schemes (
  community_id text COLLATE "C" NOT NULL REFERENCES communities,
  scheme_id text COLLATE "C" NOT NULL CHECK (scheme_id ~ '^[a-z][a-z0-9-]{0,61}[a-z0-9]$'),
  starts_at timestamptz NOT NULL,
  mechanism text NOT NULL CHECK (mechanism IN ('TRADING', 'SHARING', 'FIXED_PRICE_POOL')),
  policy text CHECK (policy IN ('AS_DELIVERED', 'FIRM')),
  imbalance_purchase_micros_per_kwh bigint,
  imbalance_sale_micros_per_kwh bigint,
  sharing_key text CHECK (sharing_key IN ('STATIC', 'PROPORTIONAL', 'EQUAL', 'CASCADING',
                                          'RELATIVE', 'OPTIMAL')),
  share_points text[] NOT NULL CHECK (cardinality(share_points) <= 10000),
  share_coefficients_ppm bigint[] NOT NULL CHECK (-1 <= ALL (share_coefficients_ppm)),
  share_ranks bigint[] NOT NULL CHECK (0 <= ALL (share_ranks)),
  internal_price_micros_per_kwh bigint,
  pool_price_micros_per_kwh bigint,
  operator_share_ppm bigint CHECK (operator_share_ppm BETWEEN 0 AND 1000000),
  billing_unit_wh bigint CHECK (billing_unit_wh BETWEEN 1 AND 1000000000),
  collection_quantum_micros bigint CHECK (collection_quantum_micros > 0),
  payout_quantum_micros bigint CHECK (payout_quantum_micros > 0),
  created_at timestamptz NOT NULL,
  PRIMARY KEY (community_id, scheme_id),
  UNIQUE (community_id, starts_at),
  CHECK (cardinality(share_coefficients_ppm) = cardinality(share_points)),
  CHECK (cardinality(share_ranks) = cardinality(share_points)),
  CHECK ((mechanism = 'TRADING') = (policy IS NOT NULL)),
  CHECK ((mechanism = 'TRADING') = (sharing_key IS NULL)),
  CHECK ((mechanism = 'SHARING') = (internal_price_micros_per_kwh IS NOT NULL)),
  CHECK ((mechanism = 'FIXED_PRICE_POOL') = (pool_price_micros_per_kwh IS NOT NULL)),
  CHECK (policy IS NOT DISTINCT FROM 'FIRM'
         OR (imbalance_purchase_micros_per_kwh IS NULL AND imbalance_sale_micros_per_kwh IS NULL)),
  CHECK (mechanism = 'FIXED_PRICE_POOL' OR billing_unit_wh IS NULL),
  CHECK (billing_unit_wh IS NOT NULL
         OR (collection_quantum_micros IS NULL AND payout_quantum_micros IS NULL))
);

GRANT SELECT, INSERT ON schemes TO peerwatt_registry;
