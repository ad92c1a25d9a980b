-- Reconciliation: what the books are checked against, how far, and what was found.

-- Holds of transfers without an end are looked for among the open ones.
CREATE INDEX holds_open_without_end ON holds (community_id, debit_account_no)
  WHERE state = 'OPEN' AND period_start_at IS NULL AND expires_at = 'infinity';

-- One row per community: how far the checks came. Whoever checks a community locks it.
-- checked_entry_no: up to here every entry was read once; paged_entry_no: and found on the pages of
-- its accounts. The other positions are those of the pass over everything, which never ends: when
-- all parts are through, the next begins.
CREATE TABLE reconciliation_states (
  community_id     text        COLLATE "C" PRIMARY KEY,
  checked_entry_no bigint      NOT NULL DEFAULT 0 CHECK (checked_entry_no >= 0),
  paged_entry_no   bigint      NOT NULL DEFAULT 0 CHECK (paged_entry_no >= 0),
  full_entry_no    bigint      NOT NULL DEFAULT 0 CHECK (full_entry_no >= 0),
  full_account_no  integer     NOT NULL DEFAULT 0 CHECK (full_account_no >= 0),
  full_key         text        COLLATE "C" NOT NULL DEFAULT '',
  full_keys_done   boolean     NOT NULL DEFAULT false,
  full_period_at   timestamptz NOT NULL DEFAULT '-infinity',
  full_periods_done boolean    NOT NULL DEFAULT false,
  full_pass_count  bigint      NOT NULL DEFAULT 0 CHECK (full_pass_count >= 0),
  full_pass_at     timestamptz,
  record_count     bigint      NOT NULL DEFAULT 0 CHECK (record_count >= 0),
  run_count        bigint      NOT NULL DEFAULT 0 CHECK (run_count >= 0),
  run_at           timestamptz NOT NULL DEFAULT '-infinity'
);

-- Sums of the postings that were read, by account: walk 1 reads each entry once, walk 2 belongs to
-- the pass over everything.
CREATE TABLE reconciliation_tallies (
  community_id   text    COLLATE "C" NOT NULL,
  walk           integer NOT NULL CHECK (walk IN (1, 2)),
  account_no     integer NOT NULL,
  debits_micros  bigint  NOT NULL,
  credits_micros bigint  NOT NULL,
  last_entry_no  bigint  NOT NULL,
  PRIMARY KEY (community_id, walk, account_no)
) WITH (fillfactor = 70);

-- What was found, and what was not found any more: a record is never changed, the one that
-- resolves it comes after it. position: where the check looks, in the order of its bytes.
CREATE TABLE reconciliation_records (
  community_id text        COLLATE "C" NOT NULL,
  record_no    bigint      NOT NULL CHECK (record_no > 0),
  check_name   text        NOT NULL CHECK (check_name <> ''),
  position     text        COLLATE "C" NOT NULL,
  subject      text        NOT NULL CHECK (subject <> ''),
  detail       text        NOT NULL,
  recorded_at  timestamptz NOT NULL,
  resolves_no  bigint      CHECK (resolves_no > 0 AND resolves_no < record_no),
  PRIMARY KEY (community_id, record_no)
);
CREATE UNIQUE INDEX reconciliation_records_resolve_once
  ON reconciliation_records (community_id, resolves_no) WHERE resolves_no IS NOT NULL;

GRANT SELECT, INSERT ON reconciliation_records TO peerwatt_settlement;
GRANT SELECT, INSERT, UPDATE ON reconciliation_states TO peerwatt_settlement;
GRANT SELECT, INSERT, UPDATE, DELETE ON reconciliation_tallies TO peerwatt_settlement;
