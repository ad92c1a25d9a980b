-- Payments: where they go, files for the bank, its statements, the mutual fund, rounds of pools.
-- What is only added to may be inserted and read alone; payments have a life cycle.

CREATE FUNCTION peerwatt_sum_of(amounts_micros bigint[])
  RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT coalesce(sum(amount), 0) FROM unnest(amounts_micros) AS u(amount) $$;

-- The newest revision counts.
CREATE TABLE payment_settings (
  community_id      text        COLLATE "C" NOT NULL,
  revision          integer     NOT NULL CHECK (revision >= 1),
  holder_name       text        NOT NULL,
  iban              text        NOT NULL CHECK (iban = '' OR iban ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$'),
  bic               text        NOT NULL,
  creditor_id       text        NOT NULL,
  fund_limit_micros bigint      NOT NULL CHECK (fund_limit_micros >= 0),
  created_at        timestamptz NOT NULL,
  PRIMARY KEY (community_id, revision)
);

CREATE TABLE payout_details (
  community_id      text        COLLATE "C" NOT NULL,
  participant_id    text        COLLATE "C" NOT NULL,
  revision          integer     NOT NULL CHECK (revision >= 1),
  holder_name       text        NOT NULL CHECK (holder_name <> ''),
  iban              text        NOT NULL CHECK (iban ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$'),
  bic               text        NOT NULL,
  mandate_id        text        NOT NULL,
  mandate_signed_on date        CHECK ((mandate_signed_on IS NULL) = (mandate_id = '')),
  created_at        timestamptz NOT NULL,
  PRIMARY KEY (community_id, participant_id, revision)
);

-- Payouts (kind 1) and collections (kind 2). Amounts are above zero either way.
CREATE TABLE payments (
  community_id     text        COLLATE "C" NOT NULL,
  kind             integer     NOT NULL CHECK (kind IN (1, 2)),
  participant_id   text        COLLATE "C" NOT NULL,
  payment_id       text        COLLATE "C" NOT NULL,
  amount_micros    bigint      NOT NULL CHECK (amount_micros > 0),
  state            integer     NOT NULL CHECK (state BETWEEN 1 AND 6),
  method           integer     NOT NULL CHECK (method IN (1, 2)),
  end_to_end_id    text        COLLATE "C" NOT NULL CHECK (length(end_to_end_id) BETWEEN 1 AND 35),
  content_hash     bytea       NOT NULL CHECK (octet_length(content_hash) = 32),
  scheme_id        text        COLLATE "C" NOT NULL,
  details_revision integer     NOT NULL CHECK (details_revision >= 0),
  file_id          text        COLLATE "C" NOT NULL DEFAULT '',
  mandate_id       text        NOT NULL DEFAULT '',
  failure          text        NOT NULL DEFAULT '',
  created_at       timestamptz NOT NULL,
  updated_at       timestamptz NOT NULL,
  PRIMARY KEY (community_id, kind, participant_id, payment_id),
  UNIQUE (community_id, end_to_end_id),
  CHECK (method = 2 OR (kind = 2 AND state = 3)),
  CHECK (NOT (state = 1 AND file_id <> '')),
  CHECK (kind = 1 OR scheme_id <> '')
);
CREATE INDEX payments_waiting ON payments (community_id, kind) WHERE state = 1;
CREATE INDEX payments_with_a_provider ON payments (created_at) WHERE state = 2 AND file_id = '';
CREATE INDEX payments_of_schemes ON payments (community_id, scheme_id, participant_id)
  WHERE scheme_id <> '';

CREATE TABLE payment_files (
  community_id  text        COLLATE "C" NOT NULL,
  file_id       text        COLLATE "C" NOT NULL,
  kind          integer     NOT NULL CHECK (kind IN (1, 2)),
  due_on        date        NOT NULL,
  message_id    text        NOT NULL CHECK (length(message_id) BETWEEN 1 AND 35),
  payment_count integer     NOT NULL CHECK (payment_count > 0),
  total_micros  bigint      NOT NULL CHECK (total_micros > 0),
  content       bytea       NOT NULL,
  created_at    timestamptz NOT NULL,
  PRIMARY KEY (community_id, file_id),
  UNIQUE (community_id, message_id)
);

CREATE TABLE bank_statements (
  community_id    text        COLLATE "C" NOT NULL,
  statement_id    text        COLLATE "C" NOT NULL,
  bank_id         text        NOT NULL,
  opening_micros  bigint      NOT NULL,
  closing_micros  bigint      NOT NULL,
  entry_count     integer     NOT NULL CHECK (entry_count >= 0),
  duplicate_count integer     NOT NULL CHECK (duplicate_count BETWEEN 0 AND entry_count),
  finding_count   integer     NOT NULL CHECK (finding_count BETWEEN 0 AND entry_count),
  created_at      timestamptz NOT NULL,
  PRIMARY KEY (community_id, statement_id)
);

-- What each entry turned out to be; entry_id is a hash of what names it for ever. An entry that
-- moved no money is a finding.
CREATE TABLE bank_entries (
  community_id      text    COLLATE "C" NOT NULL,
  entry_id          text    COLLATE "C" NOT NULL CHECK (length(entry_id) = 64),
  statement_id      text    COLLATE "C" NOT NULL,
  kind              integer NOT NULL CHECK (kind BETWEEN 1 AND 6),
  is_finding        boolean NOT NULL,
  amount_micros     bigint  NOT NULL,
  booked_on         date    NOT NULL,
  end_to_end_id     text    NOT NULL,
  counterparty_name text    NOT NULL,
  counterparty_iban text    NOT NULL,
  remittance        text    NOT NULL,
  dispute           text    NOT NULL,
  participant_id    text    NOT NULL,
  PRIMARY KEY (community_id, entry_id)
);
CREATE INDEX bank_entries_findings ON bank_entries (community_id, entry_id) WHERE is_finding;

-- The waterfall was run for all periods that start before an instant.
CREATE TABLE waterfall_runs (
  community_id       text        COLLATE "C" NOT NULL,
  settled_through_at timestamptz NOT NULL,
  created_at         timestamptz NOT NULL,
  PRIMARY KEY (community_id, settled_through_at)
);

-- What the mutual fund lent (above zero) and got back, once for each participant and run.
CREATE TABLE fund_moves (
  community_id       text        COLLATE "C" NOT NULL,
  participant_id     text        COLLATE "C" NOT NULL,
  settled_through_at timestamptz NOT NULL,
  amount_micros      bigint      NOT NULL CHECK (amount_micros <> 0),
  entry_no           bigint      NOT NULL,
  PRIMARY KEY (community_id, participant_id, settled_through_at)
);

-- What was handed on to the producers of a pool, and kept. Additions to what was before.
CREATE TABLE pool_distributions (
  community_id       text        COLLATE "C" NOT NULL,
  scheme_id          text        COLLATE "C" NOT NULL,
  distribution_no    integer     NOT NULL CHECK (distribution_no >= 1),
  kept_micros        bigint      NOT NULL,
  distributed_micros bigint      NOT NULL CHECK (distributed_micros >= 0),
  participant_ids    text[]      NOT NULL,
  parts_micros       bigint[]    NOT NULL CHECK (0 < ALL (parts_micros)),
  created_at         timestamptz NOT NULL,
  PRIMARY KEY (community_id, scheme_id, distribution_no),
  CHECK (cardinality(participant_ids) = cardinality(parts_micros)),
  CHECK (peerwatt_sum_of(parts_micros) = distributed_micros)
);

GRANT SELECT, INSERT ON payment_settings, payout_details, payment_files, bank_statements,
  bank_entries, waterfall_runs, fund_moves, pool_distributions TO peerwatt_settlement;
GRANT SELECT, INSERT, UPDATE ON payments TO peerwatt_settlement;
