-- What the network of a community lost in a settled period, by the meters at its boundary. A row
-- says what the newest run made of it; the journal has what each run posted. No row: the community
-- has no boundary points. Absent while a reading is missing; the amount also while the price is.
CREATE TABLE period_grid_losses (
  community_id         text        COLLATE "C" NOT NULL,
  period_start_at      timestamptz NOT NULL,
  boundary_count       integer     NOT NULL CHECK (boundary_count >= 0),
  missing_count        integer     NOT NULL CHECK (missing_count BETWEEN 0 AND boundary_count),
  import_wh            bigint      CHECK (import_wh >= 0),
  export_wh            bigint      CHECK (export_wh >= 0),
  loss_wh              bigint,
  price_micros_per_kwh bigint,
  amount_micros        bigint,
  PRIMARY KEY (community_id, period_start_at),
  CHECK (num_nulls(import_wh, export_wh, loss_wh)
         = CASE WHEN boundary_count > missing_count AND missing_count = 0 THEN 0 ELSE 3 END),
  CHECK (loss_wh IS NOT NULL OR price_micros_per_kwh IS NULL),
  CHECK ((price_micros_per_kwh IS NULL) = (amount_micros IS NULL))
);

GRANT SELECT, INSERT, UPDATE ON period_grid_losses TO peerwatt_settlement;
