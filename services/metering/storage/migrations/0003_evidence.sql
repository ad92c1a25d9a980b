-- How far the chain of each device's signed batches goes; the row that writers of a chain lock.
CREATE TABLE signed_chains (
  device_id text COLLATE "C" PRIMARY KEY CHECK (device_id <> ''),
  last_counter bigint NOT NULL CHECK (last_counter >= 0)
);

-- What devices signed, so that anyone can check it again. Rows are only added; of a batch whose
-- readings were refused at first, the reason may become another one.
CREATE TABLE signed_batches (
  device_id text COLLATE "C" NOT NULL,
  counter bigint NOT NULL CHECK (counter >= 1),
  digest bytea NOT NULL,
  previous_digest bytea NOT NULL CHECK (length(previous_digest) = 32),
  signature bytea NOT NULL CHECK (length(signature) > 0),
  -- The key that made the signature, SubjectPublicKeyInfo, DER.
  public_key bytea NOT NULL CHECK (length(public_key) > 0),
  -- Why the readings were not stored; empty when they were.
  refusal_reason text NOT NULL,
  counter_gap boolean NOT NULL,
  chain_broken boolean NOT NULL,
  created_at timestamptz NOT NULL,
  encoding bytea NOT NULL,
  PRIMARY KEY (device_id, counter),
  CHECK (digest = sha256(encoding))
);
CREATE INDEX signed_batch_events ON signed_batches (device_id, counter)
  WHERE counter_gap OR chain_broken;
-- Numbers as short as they can be: there is little to compress.
ALTER TABLE signed_batches ALTER COLUMN encoding SET STORAGE EXTERNAL;

-- Which metering point a meter or gateway that signs OCMF records belongs to, and its key.
CREATE TABLE ocmf_meters (
  serial_number text COLLATE "C" PRIMARY KEY CHECK (length(serial_number) BETWEEN 1 AND 63),
  metering_point_id text COLLATE "C" NOT NULL,
  ocmf_meter_id text COLLATE "C" NOT NULL
    CHECK (ocmf_meter_id ~ '^[a-z][a-z0-9-]{0,61}[a-z0-9]$'),
  -- SubjectPublicKeyInfo, DER; empty when it is not known.
  public_key bytea NOT NULL,
  created_at timestamptz NOT NULL,
  UNIQUE (metering_point_id, ocmf_meter_id)
);

-- OCMF records, byte for byte; rows are only added.
CREATE TABLE ocmf_records (
  metering_point_id text COLLATE "C" NOT NULL,
  digest bytea NOT NULL,
  created_at timestamptz NOT NULL,
  -- Its signature was checked with the key of its meter.
  verified boolean NOT NULL,
  content text NOT NULL CHECK (length(content) <= 65536),
  PRIMARY KEY (metering_point_id, digest),
  CHECK (digest = sha256(convert_to(content, 'UTF8')))
);
CREATE INDEX ocmf_records_in_order ON ocmf_records (metering_point_id, created_at, digest);

GRANT SELECT, INSERT ON ocmf_meters, ocmf_records TO peerwatt_metering;
GRANT SELECT, INSERT, UPDATE ON signed_chains TO peerwatt_metering;
GRANT SELECT, INSERT, UPDATE (refusal_reason) ON signed_batches TO peerwatt_metering;
