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

GRANT SELECT, INSERT, UPDATE ON signed_chains TO peerwatt_metering;
GRANT SELECT, INSERT, UPDATE (refusal_reason) ON signed_batches TO peerwatt_metering;
