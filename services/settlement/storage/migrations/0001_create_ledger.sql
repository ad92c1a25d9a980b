-- The ledger: accounts, the journal, holds and deposits. Every table has the community first in its
-- key, so that each can be distributed by it.

-- Sum of an array, exact; NULL elements are refused where it is used.
CREATE FUNCTION peerwatt_sum(amounts bigint[]) RETURNS numeric
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  AS $$ SELECT coalesce(sum(amount), 0) FROM unnest(amounts) AS u(amount) $$;

-- SHA-256 over what an entry says. Instants as micro-seconds since 1970.
CREATE FUNCTION peerwatt_entry_hash(kind text, idempotency_key text, account_ids text[],
                                    amounts_micros bigint[], period_start_at timestamptz)
  RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$
    SELECT sha256(convert_to(
      kind || E'\n' || idempotency_key || E'\n'
      || coalesce(((extract(epoch FROM period_start_at) * 1000000)::bigint)::text, '-') || E'\n'
      || array_to_string(account_ids, ',') || E'\n' || array_to_string(amounts_micros, ','),
      'UTF8'))
  $$;

-- One row per community: its one currency, its grid of periods, and the counter of its journal.
-- Whoever posts locks this row first, so entry numbers have no gaps and one order.
CREATE TABLE ledgers (
  community_id       text        PRIMARY KEY,
  currency_code      text        NOT NULL CHECK (currency_code ~ '^[A-Z]{3}$'),
  period_seconds     integer     NOT NULL CHECK (period_seconds IN (300, 900, 1800, 3600)),
  entry_count        bigint      NOT NULL DEFAULT 0 CHECK (entry_count >= 0),
  settled_through_at timestamptz NOT NULL
);

CREATE TABLE accounts (
  community_id   text   NOT NULL,
  account_id     text   NOT NULL,
  kind           integer NOT NULL CHECK (kind BETWEEN 1 AND 6),
  participant_id text,
  balance_micros bigint NOT NULL DEFAULT 0,
  held_micros    bigint NOT NULL DEFAULT 0 CHECK (held_micros >= 0),
  PRIMARY KEY (community_id, account_id),
  CHECK ((kind = 1) = (participant_id IS NOT NULL))
)
-- A balance changes often, its key never: room on the page spares the index.
WITH (fillfactor = 50);

CREATE TABLE journal_entries (
  community_id    text        NOT NULL,
  entry_no        bigint      NOT NULL CHECK (entry_no > 0),
  kind            text        NOT NULL CHECK (kind IN ('trade', 'pool', 'imbalance', 'retail', 'feed-in',
                                                    'deposit')),
  idempotency_key text        NOT NULL,
  account_ids     text[]      NOT NULL,
  amounts_micros  bigint[]    NOT NULL,
  period_start_at timestamptz,
  created_at      timestamptz NOT NULL,
  content_hash    bytea       NOT NULL GENERATED ALWAYS AS (
    peerwatt_entry_hash(kind, idempotency_key, account_ids, amounts_micros, period_start_at)
  ) STORED,
  PRIMARY KEY (community_id, entry_no),
  UNIQUE (community_id, idempotency_key),
  CONSTRAINT journal_entries_have_two_postings CHECK (
    array_ndims(account_ids) = 1 AND array_ndims(amounts_micros) = 1
    AND cardinality(account_ids) = cardinality(amounts_micros) AND cardinality(account_ids) >= 2
    AND array_position(account_ids, NULL) IS NULL AND array_position(amounts_micros, NULL) IS NULL
  ),
  CONSTRAINT journal_entries_sum_to_zero CHECK (peerwatt_sum(amounts_micros) = 0)
);

CREATE TABLE holds (
  community_id    text        NOT NULL,
  order_name      text        NOT NULL,
  period_start_at timestamptz NOT NULL,
  participant_id  text        NOT NULL,
  initial_micros  bigint      NOT NULL CHECK (initial_micros > 0),
  amount_micros   bigint      NOT NULL CHECK (amount_micros >= 0),
  state           text        NOT NULL CHECK (state IN ('OPEN', 'ENDED')),
  PRIMARY KEY (community_id, order_name),
  CHECK (amount_micros <= initial_micros),
  CHECK ((state = 'OPEN') = (amount_micros > 0))
);
CREATE INDEX holds_open_by_period ON holds (community_id, period_start_at) WHERE state = 'OPEN';

CREATE TABLE deposits (
  community_id   text        NOT NULL,
  participant_id text        NOT NULL,
  deposit_id     text        NOT NULL,
  amount_micros  bigint      NOT NULL CHECK (amount_micros > 0),
  state          integer     NOT NULL CHECK (state BETWEEN 1 AND 3),
  created_at     timestamptz NOT NULL,
  PRIMARY KEY (community_id, participant_id, deposit_id)
);
CREATE INDEX deposits_pending ON deposits (community_id) WHERE state = 1;

-- The journal is append-only for the service: it may insert and read, nothing else.
GRANT SELECT, INSERT ON journal_entries TO peerwatt_settlement;
GRANT SELECT, INSERT, UPDATE ON ledgers, accounts, holds, deposits TO peerwatt_settlement;
