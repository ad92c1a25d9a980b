-- Metering points as metering knows them: a number that keeps keys short, and the row that a writer
-- locks before it decides on revisions. What a point is, the registry knows.
CREATE TABLE metering_points (
  metering_point_id text COLLATE "C" PRIMARY KEY CHECK (metering_point_id <> ''),
  point_no bigint GENERATED ALWAYS AS IDENTITY UNIQUE
);

-- Every revision of every reading; rows are only ever added. The key begins with time, so that new
-- readings arrive at its end and one interval of many points lies together; it holds `point_no`,
-- by which the table can be distributed.
CREATE TABLE readings (
  interval_start_at timestamptz NOT NULL,
  point_no bigint NOT NULL,
  import_wh bigint NOT NULL CHECK (import_wh BETWEEN 0 AND 1000000000000),
  export_wh bigint NOT NULL CHECK (export_wh BETWEEN 0 AND 1000000000000),
  created_at timestamptz NOT NULL,
  revision integer NOT NULL CHECK (revision >= 1),
  quality smallint NOT NULL CHECK (quality BETWEEN 1 AND 3),
  PRIMARY KEY (interval_start_at, point_no, revision)
);

-- What changed, one row for each stored series, in the order in which others may read it:
-- position = transaction id * 2^20 + number within the transaction. Positions below the oldest
-- transaction still under way are final: nothing can appear among them any more. A sequence has no
-- such instant, because transactions commit in another order than they draw numbers.
CREATE TABLE changes (
  position bigint NOT NULL CHECK (position > 0),
  metering_point_id text COLLATE "C" NOT NULL,
  community_id text NOT NULL,
  start_at timestamptz NOT NULL,
  end_at timestamptz NOT NULL CHECK (end_at > start_at),
  PRIMARY KEY (position, metering_point_id)
);

-- How far each device has come: all its batches up to here are settled.
CREATE TABLE device_positions (
  device_id text COLLATE "C" PRIMARY KEY,
  acknowledged_sequence bigint NOT NULL CHECK (acknowledged_sequence >= 1)
);

GRANT SELECT, INSERT ON readings, changes TO peerwatt_metering;
-- UPDATE on the points is what locking their rows takes.
GRANT SELECT, INSERT, UPDATE ON metering_points, device_positions TO peerwatt_metering;
