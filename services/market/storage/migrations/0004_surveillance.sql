-- One row for each community and UTC day that was surveyed: who adds it first stores the findings.
CREATE TABLE surveys (
  community_id text COLLATE "C" NOT NULL,
  day_start_at timestamptz NOT NULL,
  complete boolean NOT NULL,
  trade_count bigint NOT NULL,
  order_count bigint NOT NULL,
  finding_count integer NOT NULL,
  thresholds text NOT NULL,
  surveyed_at timestamptz NOT NULL,
  PRIMARY KEY (community_id, day_start_at),
  CHECK (trade_count >= 0),
  CHECK (order_count >= 0),
  CHECK (finding_count >= 0)
);

CREATE TABLE surveillance_findings (
  community_id text COLLATE "C" NOT NULL,
  day_start_at timestamptz NOT NULL,
  finding_number integer NOT NULL,
  rule text NOT NULL,
  side text NOT NULL,
  delivery_start_at timestamptz NOT NULL,
  delivery_end_at timestamptz NOT NULL,
  owner_ids text[] NOT NULL,
  participant_ids text[] NOT NULL,
  energy_wh bigint NOT NULL,
  measure bigint NOT NULL,
  reference_names text[] NOT NULL,
  reference_count bigint NOT NULL,
  PRIMARY KEY (community_id, day_start_at, finding_number),
  CHECK (finding_number >= 1),
  CHECK (rule IN ('OWN_TRADE', 'RETURN_TRADE', 'RING', 'LAYERING', 'CONCENTRATION')),
  CHECK (side IN ('', 'BID', 'OFFER')),
  CHECK ((side <> '') = (rule IN ('LAYERING', 'CONCENTRATION'))),
  CHECK (delivery_start_at >= day_start_at AND delivery_end_at > delivery_start_at),
  CHECK (cardinality(owner_ids) BETWEEN 1 AND 16),
  CHECK (cardinality(participant_ids) >= 1),
  CHECK (energy_wh >= 1),
  CHECK (measure >= 0),
  CHECK (reference_count >= cardinality(reference_names))
);

-- Who stands behind a participant. The last record counts; none is changed.
CREATE TABLE beneficial_owners (
  community_id text COLLATE "C" NOT NULL,
  participant_id text COLLATE "C" NOT NULL,
  recorded_at timestamptz NOT NULL,
  owner_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (community_id, participant_id, recorded_at)
);

GRANT SELECT, INSERT ON surveys, surveillance_findings, beneficial_owners TO peerwatt_market;
