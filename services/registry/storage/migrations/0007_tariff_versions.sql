-- Tariffs become versions: prices by time of use, subscriptions, fees per piece. A flat tariff has its
-- two prices in its row and no rules; any other version has rules and no prices.
ALTER TABLE tariffs
  ADD COLUMN version_no bigint CHECK (version_no >= 1),
  ADD COLUMN created_at timestamptz,
  ALTER COLUMN feed_in_price_micros_per_kwh DROP NOT NULL,
  ALTER COLUMN retail_price_micros_per_kwh DROP NOT NULL,
  ADD CHECK ((feed_in_price_micros_per_kwh IS NULL) = (retail_price_micros_per_kwh IS NULL));

-- In which order older tariffs were created is not known: by start.
UPDATE tariffs AS t SET version_no = n.position
FROM (SELECT community_id, tariff_id,
             row_number() OVER (PARTITION BY community_id ORDER BY starts_at) AS position
      FROM tariffs) AS n
WHERE n.community_id = t.community_id AND n.tariff_id = t.tariff_id;
ALTER TABLE tariffs ALTER COLUMN version_no SET NOT NULL, ADD UNIQUE (community_id, version_no);

-- One price, subscription or fee of a version. rule_id: of a price with windows; empty: the default
-- price and all others. basis: of subscriptions and fees, with the number of the protocol. Windows are arrays of one length: a bit per weekday from Monday
-- on, minutes of the day, and days of the year as 100 × month + day, 0 for the whole year.
CREATE TABLE tariff_rules (
  community_id text COLLATE "C" NOT NULL,
  tariff_id text COLLATE "C" NOT NULL,
  rule_no integer NOT NULL CHECK (rule_no >= 1),
  kind text NOT NULL CHECK (kind IN ('RETAIL', 'FEED_IN', 'SUBSCRIPTION', 'PIECE_FEE')),
  rule_id text COLLATE "C" NOT NULL,
  basis integer NOT NULL CHECK (basis BETWEEN 0 AND 4),
  amount_micros bigint NOT NULL CHECK (amount_micros BETWEEN -1000000000000 AND 1000000000000),
  is_taxable boolean NOT NULL,
  window_weekdays bigint[] NOT NULL
    CHECK (1 <= ALL (window_weekdays) AND 127 >= ALL (window_weekdays)),
  window_start_minutes bigint[] NOT NULL CHECK (0 <= ALL (window_start_minutes)),
  window_end_minutes bigint[] NOT NULL CHECK (1440 >= ALL (window_end_minutes)),
  window_season_starts bigint[] NOT NULL CHECK (0 <= ALL (window_season_starts)),
  window_season_ends bigint[] NOT NULL CHECK (1231 >= ALL (window_season_ends)),
  PRIMARY KEY (community_id, tariff_id, rule_no),
  UNIQUE (community_id, tariff_id, kind, basis, rule_id),
  FOREIGN KEY (community_id, tariff_id) REFERENCES tariffs (community_id, tariff_id),
  CHECK ((kind IN ('RETAIL', 'FEED_IN')) = (basis = 0)),
  CHECK ((rule_id <> '') = (cardinality(window_weekdays) > 0)),
  CHECK (kind IN ('RETAIL', 'FEED_IN') OR rule_id = ''),
  CHECK (cardinality(window_start_minutes) = cardinality(window_weekdays)),
  CHECK (cardinality(window_end_minutes) = cardinality(window_weekdays)),
  CHECK (cardinality(window_season_starts) = cardinality(window_weekdays)),
  CHECK (cardinality(window_season_ends) = cardinality(window_weekdays))
);

GRANT SELECT, INSERT ON tariff_rules TO peerwatt_registry;
