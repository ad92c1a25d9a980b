-- When periods are settled again, and what each run did.

-- Versions of a community's calendar; the newest holds. Without one the default holds: changes are
-- posted as they arrive, for three years. first_run_delay_s: NULL when a period's first run waits
-- for its readings.
CREATE TABLE run_calendars (
  community_id           text        COLLATE "C" NOT NULL,
  version                integer     NOT NULL CHECK (version >= 1),
  first_run_delay_s      bigint      CHECK (first_run_delay_s BETWEEN 0 AND 2592000),
  corrects_at_once       boolean     NOT NULL,
  run_time_s             integer     NOT NULL
                                     CHECK (run_time_s BETWEEN 0 AND 86399 AND run_time_s % 60 = 0),
  has_daily_runs         boolean     NOT NULL,
  monthly_run_day        integer     NOT NULL CHECK (monthly_run_day BETWEEN 0 AND 28),
  correction_window_days integer     NOT NULL CHECK (correction_window_days BETWEEN 1 AND 3653),
  created_at             timestamptz NOT NULL,
  PRIMARY KEY (community_id, version)
);

-- Up to where the calendar's runs came: each had all periods that start before. Periods that start
-- before final_through_at are final.
CREATE TABLE run_reaches (
  community_id       text        COLLATE "C" PRIMARY KEY,
  daily_through_at   timestamptz NOT NULL,
  monthly_through_at timestamptz NOT NULL,
  final_through_at   timestamptz NOT NULL
);

-- Runs over some periods. as_of_at: the clock when a run began. Kinds: 1 first, 2 correction,
-- 3 daily, 4 monthly, 5 final, 6 requested.
CREATE TABLE settlement_runs (
  community_id     text        COLLATE "C" NOT NULL,
  run_id           text        COLLATE "C" NOT NULL,
  kind             integer     NOT NULL CHECK (kind BETWEEN 1 AND 6),
  calendar_version integer     NOT NULL CHECK (calendar_version >= 0),
  as_of_at         timestamptz NOT NULL,
  span_start_at    timestamptz NOT NULL,
  span_end_at      timestamptz NOT NULL,
  PRIMARY KEY (community_id, run_id),
  CHECK (span_end_at > span_start_at)
);

-- What a run made of each period that it computed. run: the period's number of this run, 0 when
-- nothing was posted. moved_micros: what the entries credit. absurd_count: readings that cannot be
-- and were substituted. elapsed_micros: real time since the run began.
CREATE TABLE run_periods (
  community_id    text        COLLATE "C" NOT NULL,
  run_id          text        COLLATE "C" NOT NULL,
  period_start_at timestamptz NOT NULL,
  run             integer     NOT NULL CHECK (run >= 0),
  line_count      integer     NOT NULL CHECK (line_count >= 0),
  entry_count     integer     NOT NULL CHECK (entry_count >= 0),
  moved_micros    bigint      NOT NULL CHECK (moved_micros >= 0),
  readings_cursor bigint      NOT NULL CHECK (readings_cursor >= 0),
  absurd_count    integer     NOT NULL CHECK (absurd_count >= 0),
  elapsed_micros  bigint      NOT NULL CHECK (elapsed_micros >= 0),
  PRIMARY KEY (community_id, run_id, period_start_at),
  CHECK (run > 0 OR (line_count = 0 AND entry_count = 0 AND moved_micros = 0))
);
CREATE INDEX run_periods_by_period ON run_periods (community_id, period_start_at, run_id);

-- Changes that came after their period was final.
CREATE TABLE late_changes (
  community_id    text        COLLATE "C" NOT NULL,
  listed_at       timestamptz NOT NULL,
  period_start_at timestamptz NOT NULL,
  changed_cursor  bigint      NOT NULL CHECK (changed_cursor > 0),
  PRIMARY KEY (community_id, listed_at, period_start_at, changed_cursor)
);

-- Whose readings changed; NULL when that is not known, or they are many.
ALTER TABLE dirty_periods ADD COLUMN changed_points text[] COLLATE "C";

GRANT SELECT, INSERT ON run_calendars, settlement_runs, run_periods, late_changes
  TO peerwatt_settlement;
GRANT SELECT, INSERT, UPDATE ON run_reaches TO peerwatt_settlement;
