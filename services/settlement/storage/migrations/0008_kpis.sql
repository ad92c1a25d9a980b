-- What the trades of a settled period are worth to their parties, and what of it was delivered.
-- Periods in which nothing was to gain, and firm ones, have no row.
CREATE TABLE period_welfare (
  community_id     text        NOT NULL,
  period_start_at  timestamptz NOT NULL,
  optimum_micros   bigint      NOT NULL CHECK (optimum_micros > 0),
  delivered_micros bigint      NOT NULL CHECK (delivered_micros >= 0),
  PRIMARY KEY (community_id, period_start_at),
  CHECK (delivered_micros <= optimum_micros)
);

-- A later run of the period computes it again.
GRANT SELECT, INSERT, UPDATE ON period_welfare TO peerwatt_settlement;
