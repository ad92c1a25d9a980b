-- Metering points as metering knows them: a number that keeps keys short. What a point is, the
-- registry knows.
CREATE TABLE metering_points (
  metering_point_id text COLLATE "C" PRIMARY KEY CHECK (metering_point_id <> ''),
  point_no bigint GENERATED ALWAYS AS IDENTITY UNIQUE
);

-- Points are dealt out to shards: shard_no = point_no modulo the number of rows here, which never
-- changes. All that is known of a point lies in its shard, by which the tables can be distributed.
-- A writer locks the rows of its shards: it alone then decides what is new and numbers its blocks.
CREATE TABLE shards (
  shard_no smallint PRIMARY KEY,
  last_block_no bigint NOT NULL CHECK (last_block_no >= 0)
);

-- How far the blocks of a shard have been written into its days. Apart from `shards`, so that
-- compacting and storing do not wait for each other.
CREATE TABLE compactions (
  shard_no smallint PRIMARY KEY,
  compacted_block_no bigint NOT NULL CHECK (compacted_block_no >= 0)
);

-- The log of each shard: the readings and the positions of devices that one transaction wrote into
-- it, packed (core/block.h). Durable before an acknowledgement; goes when its values stand in
-- `days` and `device_positions`.
CREATE TABLE blocks (
  block_no bigint NOT NULL CHECK (block_no > 0),
  created_at timestamptz NOT NULL,
  shard_no smallint NOT NULL,
  payload bytea NOT NULL,
  positions bytea NOT NULL,
  PRIMARY KEY (shard_no, block_no)
);
-- Packed bytes do not get smaller by another compression.
ALTER TABLE blocks ALTER COLUMN payload SET STORAGE EXTERNAL;
ALTER TABLE blocks ALTER COLUMN positions SET STORAGE EXTERNAL;

-- All values of one metering point on one UTC day with every revision of each (core/day_codec.h).
-- The energies are a byte with the width (1, 2 or 4), then one number of so many bytes for each
-- interval, least significant first, all ones where there is none.
CREATE TABLE days (
  point_no bigint NOT NULL,
  last_block_no bigint NOT NULL,
  day integer NOT NULL,
  resolution_s integer NOT NULL CHECK (resolution_s BETWEEN 300 AND 3600
                                       AND 86400 % resolution_s = 0),
  shard_no smallint NOT NULL,
  import_wh bytea NOT NULL
    CHECK (octet_length(import_wh) = 1 + get_byte(import_wh, 0) * (86400 / resolution_s)),
  export_wh bytea
    CHECK (octet_length(export_wh) = 1 + get_byte(export_wh, 0) * (86400 / resolution_s)),
  detail bytea NOT NULL,
  PRIMARY KEY (shard_no, day, point_no, resolution_s)
);
ALTER TABLE days ALTER COLUMN import_wh SET STORAGE PLAIN;
ALTER TABLE days ALTER COLUMN export_wh SET STORAGE PLAIN;

-- What changed, in the order in which others may read it (core/block.h). Each span has a position:
-- transaction id * 2^20 + number within the transaction; a row has that of its last span.
-- Positions below the oldest transaction still under way are final: nothing can appear among them
-- any more. A sequence has no such instant, because transactions commit in another order than they
-- draw numbers.
CREATE TABLE changes (
  position bigint NOT NULL CHECK (position > 0),
  span_count integer NOT NULL CHECK (span_count > 0),
  shard_no smallint NOT NULL,
  spans bytea NOT NULL,
  PRIMARY KEY (position, shard_no)
);

-- How far each device has come as of the last compaction of its shard, which its id gives: all its
-- batches up to here are settled, and up to what its shard's blocks say.
CREATE TABLE device_positions (
  shard_no smallint NOT NULL,
  device_id text COLLATE "C" NOT NULL,
  acknowledged_sequence bigint NOT NULL CHECK (acknowledged_sequence >= 1),
  PRIMARY KEY (shard_no, device_id)
);

INSERT INTO shards SELECT shard_no, 0 FROM generate_series(0, 15) AS shard_no;
INSERT INTO compactions SELECT shard_no, 0 FROM generate_series(0, 15) AS shard_no;

GRANT SELECT, INSERT ON metering_points, changes TO peerwatt_metering;
GRANT SELECT, UPDATE ON shards, compactions TO peerwatt_metering;
GRANT SELECT, INSERT, DELETE ON blocks TO peerwatt_metering;
GRANT SELECT, INSERT, UPDATE ON days, device_positions TO peerwatt_metering;
