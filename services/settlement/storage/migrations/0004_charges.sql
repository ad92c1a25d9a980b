-- Charges besides energy, what priced a line, and lines whose price is missing.

-- Kinds 12 and 13 are subscriptions and fees per piece. rule_id: the version of the tariff or scheme
-- that priced the line, with the price's own id; empty where trade or community did. A line without
-- a price has energy and moves no money; one that gets its price later is taken back and posted
-- anew, so sums over the lines with a flag are always what holds now.
ALTER TABLE settlement_lines
  ADD COLUMN rule_id          text    NOT NULL DEFAULT '',
  ADD COLUMN is_taxable       boolean NOT NULL DEFAULT true,
  ADD COLUMN is_price_missing boolean NOT NULL DEFAULT false,
  DROP CONSTRAINT settlement_lines_kind_check,
  DROP CONSTRAINT settlement_lines_trade,
  ADD CONSTRAINT settlement_lines_kind_check
    CHECK (kind BETWEEN 1 AND 13 OR kind IN (101, 102)),
  ADD CONSTRAINT settlement_lines_trade CHECK (
    CASE WHEN kind IN (1, 2) THEN trade_id <> '' ELSE trade_id = '' OR kind IN (3, 4, 13) END),
  ADD CONSTRAINT settlement_lines_price_missing CHECK (
    NOT is_price_missing OR (amount_micros = 0 AND energy_wh <> 0));

-- Lines of the newest computation of a period whose price is missing, references left out.
ALTER TABLE settlement_periods
  ADD COLUMN price_missing_count integer NOT NULL DEFAULT 0 CHECK (price_missing_count >= 0);
CREATE INDEX settlement_periods_without_price
  ON settlement_periods (community_id, period_start_at) WHERE price_missing_count > 0;

-- How many versions of the community's tariff a period's newest run knew, and up to which version
-- settled periods were marked. A run that knows fewer is not committed.
ALTER TABLE settlement_periods
  ADD COLUMN tariff_version_count bigint NOT NULL DEFAULT 0 CHECK (tariff_version_count >= 0);
CREATE TABLE tariff_cursors (
  community_id  text   PRIMARY KEY,
  version_count bigint NOT NULL CHECK (version_count >= 0)
);

-- Settled periods that a later version of the tariff reaches back to, until a run knows it.
CREATE TABLE repriced_periods (
  community_id    text        NOT NULL,
  period_start_at timestamptz NOT NULL,
  version_count   bigint      NOT NULL CHECK (version_count > 0),
  PRIMARY KEY (community_id, period_start_at)
);

GRANT SELECT, INSERT, UPDATE ON tariff_cursors TO peerwatt_settlement;
GRANT SELECT, INSERT, UPDATE, DELETE ON repriced_periods TO peerwatt_settlement;
