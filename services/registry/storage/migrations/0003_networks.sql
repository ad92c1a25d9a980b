-- Versions of the networks of communities. Lines are arrays of one length, so that a version is one
-- row; a capacity of -1 means no limit.
CREATE TABLE networks (
  community_id text COLLATE "C" NOT NULL REFERENCES communities,
  network_id text COLLATE "C" NOT NULL CHECK (network_id ~ '^[a-z][a-z0-9-]{0,61}[a-z0-9]$'),
  starts_at timestamptz NOT NULL,
  zones text[] NOT NULL CHECK (cardinality(zones) BETWEEN 1 AND 1000),
  line_from_zones text[] NOT NULL CHECK (line_from_zones <@ zones),
  line_to_zones text[] NOT NULL CHECK (line_to_zones <@ zones),
  line_fees_micros_per_kwh bigint[] NOT NULL CHECK (0 <= ALL (line_fees_micros_per_kwh)),
  line_capacities_w bigint[] NOT NULL CHECK (-1 <= ALL (line_capacities_w)),
  line_reverse_capacities_w bigint[] NOT NULL CHECK (-1 <= ALL (line_reverse_capacities_w)),
  tie_rule text NOT NULL CHECK (tie_rule IN ('TIME', 'PRO_RATA')),
  self_trade_mode text NOT NULL
    CHECK (self_trade_mode IN ('KEEP_GREATER_WELFARE', 'WITHDRAW_BIDS', 'WITHDRAW_OFFERS')),
  created_at timestamptz NOT NULL,
  PRIMARY KEY (community_id, network_id),
  UNIQUE (community_id, starts_at),
  CHECK (cardinality(line_from_zones) <= 4000),
  CHECK (cardinality(line_to_zones) = cardinality(line_from_zones)),
  CHECK (cardinality(line_fees_micros_per_kwh) = cardinality(line_from_zones)),
  CHECK (cardinality(line_capacities_w) = cardinality(line_from_zones)),
  CHECK (cardinality(line_reverse_capacities_w) = cardinality(line_from_zones))
);

-- Where a point lies: empty for the first zone of the community's network. What it is made from.
ALTER TABLE metering_points
  ADD COLUMN zone text COLLATE "C" NOT NULL DEFAULT ''
    CHECK (zone ~ '^([a-z][a-z0-9-]{0,61}[a-z0-9])?$'),
  ADD COLUMN energy_source text NOT NULL DEFAULT 'UNKNOWN'
    CHECK (energy_source IN ('UNKNOWN', 'SOLAR', 'WIND', 'HYDRO', 'BIOMASS', 'COGENERATION',
                             'STORAGE'));

GRANT SELECT, INSERT ON networks TO peerwatt_registry;
-- Nothing else of a point changes.
GRANT UPDATE (zone) ON metering_points TO peerwatt_registry;
-- To lock a community while its zones change.
GRANT UPDATE (display_name) ON communities TO peerwatt_registry;
