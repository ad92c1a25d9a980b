-- Settlement periods, their lines, and what newer readings touched.

-- A row says that the period is settled, and what its newest run made of it.
CREATE TABLE settlement_periods (
  community_id      text        NOT NULL,
  period_start_at   timestamptz NOT NULL,
  period_end_at     timestamptz NOT NULL CHECK (period_end_at > period_start_at),
  run_count         integer     NOT NULL CHECK (run_count >= 1),
  drawn_wh          bigint      NOT NULL CHECK (drawn_wh >= 0),
  fed_in_wh         bigint      NOT NULL CHECK (fed_in_wh >= 0),
  self_consumed_wh  bigint      NOT NULL CHECK (self_consumed_wh >= 0),
  delivered_wh      bigint      NOT NULL CHECK (delivered_wh >= 0),
  retail_wh         bigint      NOT NULL CHECK (retail_wh >= 0),
  surplus_wh        bigint      NOT NULL CHECK (surplus_wh >= 0),
  substituted_count integer     NOT NULL CHECK (substituted_count >= 0),
  readings_cursor   bigint      NOT NULL CHECK (readings_cursor >= 0),
  PRIMARY KEY (community_id, period_start_at),
  CHECK (drawn_wh = delivered_wh + retail_wh),
  CHECK (fed_in_wh = delivered_wh + surplus_wh)
);

-- Kinds above 100 are reference lines: they move no money and stand on no bill. The index of a
-- participant's lines has no run and number: so those of a period share one key.
CREATE TABLE settlement_lines (
  community_id         text        COLLATE "C" NOT NULL,
  period_start_at      timestamptz NOT NULL,
  run                  integer     NOT NULL CHECK (run >= 1),
  line_no              integer     NOT NULL CHECK (line_no >= 1),
  participant_id       text        COLLATE "C" NOT NULL,
  connection_id        text        COLLATE "C" NOT NULL,
  kind                 integer     NOT NULL CHECK (kind BETWEEN 1 AND 7 OR kind IN (101, 102)),
  trade_id             text        COLLATE "C" NOT NULL,
  energy_wh            bigint      NOT NULL,
  price_micros_per_kwh bigint      NOT NULL,
  amount_micros        bigint      NOT NULL,
  substituted          boolean     NOT NULL,
  entry_no             bigint,
  PRIMARY KEY (community_id, period_start_at, run, line_no),
  CHECK ((trade_id <> '') = (kind BETWEEN 1 AND 4))
);
CREATE INDEX settlement_lines_by_participant
  ON settlement_lines (community_id, participant_id, period_start_at);

-- Periods, settled or not, in which readings changed at a cursor. A settled period whose run has
-- not seen that cursor is dirty; a row that a run has seen is of no use and is removed.
CREATE TABLE dirty_periods (
  community_id    text        NOT NULL,
  period_start_at timestamptz NOT NULL,
  changed_cursor  bigint      NOT NULL CHECK (changed_cursor > 0),
  PRIMARY KEY (community_id, period_start_at)
);

-- How far the changes of a source were followed.
CREATE TABLE watch_cursors (
  source   text   PRIMARY KEY,
  position bigint NOT NULL CHECK (position >= 0)
);

GRANT SELECT, INSERT ON settlement_lines TO peerwatt_settlement;
GRANT SELECT, INSERT, UPDATE ON settlement_periods, watch_cursors TO peerwatt_settlement;
GRANT SELECT, INSERT, UPDATE, DELETE ON dirty_periods TO peerwatt_settlement;
