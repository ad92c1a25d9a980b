-- What is wrong, or looks wrong, with readings. One row for each point, rule and start of a span; a
-- finding that was resolved is opened again by the same. `at_ingest` tells those about what a device
-- sent, which no examination of stored readings resolves; they name the device and the reason.
CREATE TABLE findings (
  metering_point_id text COLLATE "C" NOT NULL CHECK (metering_point_id <> ''),
  rule smallint NOT NULL CHECK (rule BETWEEN 1 AND 14),
  at_ingest boolean NOT NULL,
  start_at timestamptz NOT NULL,
  end_at timestamptz NOT NULL CHECK (end_at > start_at),
  message text NOT NULL,
  device_id text NOT NULL,
  reason text NOT NULL,
  created_at timestamptz NOT NULL,
  resolved_at timestamptz,
  PRIMARY KEY (metering_point_id, start_at, rule, at_ingest)
);
-- Lists over all points, newest first.
CREATE INDEX findings_by_start ON findings (start_at, metering_point_id, rule, at_ingest);

-- Every revision of every register value; rows are only ever added.
CREATE TABLE register_values (
  metering_point_id text COLLATE "C" NOT NULL CHECK (metering_point_id <> ''),
  register smallint NOT NULL CHECK (register IN (1, 2)),
  at timestamptz NOT NULL,
  meter text COLLATE "C" NOT NULL CHECK (meter <> ''),
  revision integer NOT NULL CHECK (revision >= 1),
  energy_wh bigint NOT NULL CHECK (energy_wh BETWEEN 0 AND 1000000000000000),
  rollover_wh bigint NOT NULL CHECK (rollover_wh BETWEEN 0 AND 1000000000000000),
  created_at timestamptz NOT NULL,
  PRIMARY KEY (metering_point_id, register, at, meter, revision),
  CHECK (rollover_wh = 0 OR energy_wh < rollover_wh)
);

-- How far the validator has followed the changes, in one row. `version` grows with each of its
-- commits: of several validators one wins, and the others' work is void.
CREATE TABLE validator_position (
  name text PRIMARY KEY CHECK (name = 'validator'),
  cursor bigint NOT NULL CHECK (cursor >= 0),
  version bigint NOT NULL CHECK (version >= 0)
);
INSERT INTO validator_position (name, cursor, version) VALUES ('validator', 0, 0);

-- What the validator knows of each metering point: since when it is declared, up to when it has
-- readings, the first local day that was not examined yet and when that is to be done.
CREATE TABLE validated_points (
  metering_point_id text COLLATE "C" PRIMARY KEY CHECK (metering_point_id <> ''),
  begins_at timestamptz NOT NULL,
  latest_at timestamptz NOT NULL CHECK (latest_at > begins_at),
  next_day_at timestamptz NOT NULL,
  due_at timestamptz NOT NULL
);
CREATE INDEX validated_points_by_due ON validated_points (due_at);

-- Spans to be examined again although no reading in them changed.
CREATE TABLE wanted_examinations (
  metering_point_id text COLLATE "C" NOT NULL,
  wish_no bigint GENERATED ALWAYS AS IDENTITY,
  start_at timestamptz NOT NULL,
  end_at timestamptz NOT NULL CHECK (end_at >= start_at),
  PRIMARY KEY (metering_point_id, wish_no)
);

GRANT SELECT, INSERT ON register_values TO peerwatt_metering;
GRANT SELECT, INSERT, UPDATE ON findings, validated_points TO peerwatt_metering;
GRANT SELECT, UPDATE ON validator_position TO peerwatt_metering;
GRANT SELECT, INSERT, DELETE ON wanted_examinations TO peerwatt_metering;
