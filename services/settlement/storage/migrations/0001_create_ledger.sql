-- The ledger: accounts, the journal, holds and deposits. Every table has the community first in its
-- key, so that each can be distributed by it; nothing needs a sequence, a trigger or a foreign key.
-- Keys are compared byte by byte: COLLATE "C".

-- Whether the postings of an entry are well formed and sum to zero. The two of a transfer, and the
-- three or four of a trade, are looked at without unpacking the arrays: this runs for every row of
-- the journal.
CREATE FUNCTION peerwatt_is_balanced(account_nos integer[], amounts_micros bigint[])
  RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$
    SELECT array_ndims(account_nos) = 1 AND array_ndims(amounts_micros) = 1
      AND cardinality(account_nos) = cardinality(amounts_micros) AND cardinality(account_nos) >= 2
      AND array_position(account_nos, NULL) IS NULL AND array_position(amounts_micros, NULL) IS NULL
      AND (SELECT sum(amount) FROM unnest(amounts_micros) AS u(amount)) = 0
  $$;

-- One row per community: its one currency, its grid of periods, and the counters of its journal.
-- Whoever writes to a ledger locks this row first, so entry numbers have no gaps and one order.
-- folded_entry_no: up to here every posting is in its account's row and on one of its pages.
-- version: counts the transactions that wrote; who has seen the newest may trust what it keeps.
CREATE TABLE ledgers (
  community_id       text        COLLATE "C" PRIMARY KEY,
  currency_code      text        NOT NULL CHECK (currency_code ~ '^[A-Z]{3}$'),
  period_seconds     integer     NOT NULL CHECK (period_seconds IN (300, 900, 1800, 3600)),
  entry_count        bigint      NOT NULL DEFAULT 0 CHECK (entry_count >= 0),
  account_count      integer     NOT NULL DEFAULT 0 CHECK (account_count >= 0),
  key_count          bigint      NOT NULL DEFAULT 0 CHECK (key_count >= 0),
  folded_entry_no    bigint      NOT NULL DEFAULT 0 CHECK (folded_entry_no >= 0),
  version            bigint      NOT NULL DEFAULT 0 CHECK (version >= 0),
  clock_at           timestamptz NOT NULL DEFAULT '-infinity',
  settled_through_at timestamptz NOT NULL,
  CHECK (folded_entry_no <= entry_count)
) WITH (fillfactor = 50);

-- Pending counters are those of now, posted counters those after posted_entry_no: later postings
-- have closing sums in the journal. The view account_states has both as of now.
CREATE TABLE accounts (
  community_id          text    COLLATE "C" NOT NULL,
  account_no            integer NOT NULL CHECK (account_no > 0),
  account_id            text    COLLATE "C" NOT NULL,
  kind                  integer NOT NULL CHECK (kind > 0),
  participant_id        text,
  currency_code         text    NOT NULL CHECK (currency_code ~ '^[A-Z]{3}$'),
  is_closed             boolean NOT NULL DEFAULT false,
  debit_limit_micros    bigint  CHECK (debit_limit_micros >= 0),
  credit_limit_micros   bigint  CHECK (credit_limit_micros >= 0),
  debits_posted_micros  bigint  NOT NULL DEFAULT 0 CHECK (debits_posted_micros >= 0),
  credits_posted_micros bigint  NOT NULL DEFAULT 0 CHECK (credits_posted_micros >= 0),
  debits_pending_micros bigint  NOT NULL DEFAULT 0 CHECK (debits_pending_micros >= 0),
  credits_pending_micros bigint NOT NULL DEFAULT 0 CHECK (credits_pending_micros >= 0),
  posted_entry_no       bigint  NOT NULL DEFAULT 0 CHECK (posted_entry_no >= 0),
  PRIMARY KEY (community_id, account_no),
  UNIQUE (community_id, account_id),
  CHECK ((kind = 1) = (participant_id IS NOT NULL))
) WITH (fillfactor = 70);

-- closing_micros: debits and credits posted after the entry, by turns, of each of its accounts.
CREATE TABLE journal_entries (
  community_id    text        COLLATE "C" NOT NULL,
  entry_no        bigint      NOT NULL CHECK (entry_no > 0),
  kind            text        NOT NULL CHECK (kind <> ''),
  idempotency_key text        COLLATE "C" NOT NULL,
  content_hash    bytea       NOT NULL CHECK (octet_length(content_hash) = 32),
  currency_code   text        NOT NULL CHECK (currency_code <> ''),
  account_nos     integer[]   NOT NULL,
  amounts_micros  bigint[]    NOT NULL,
  closing_micros  bigint[]    NOT NULL,
  period_start_at timestamptz,
  created_at      timestamptz NOT NULL,
  PRIMARY KEY (community_id, entry_no),
  UNIQUE (community_id, idempotency_key),
  CONSTRAINT journal_entries_sum_to_zero CHECK (
    CASE WHEN cardinality(amounts_micros) = 2 AND cardinality(account_nos) = 2
      THEN (amounts_micros[1] = -amounts_micros[2] AND account_nos[1] <> account_nos[2]) IS TRUE
      WHEN cardinality(amounts_micros) = 3 AND cardinality(account_nos) = 3
      THEN (amounts_micros[1]::numeric + amounts_micros[2] + amounts_micros[3] = 0
            AND num_nulls(account_nos[1], account_nos[2], account_nos[3]) = 0) IS TRUE
      WHEN cardinality(amounts_micros) = 4 AND cardinality(account_nos) = 4
      THEN (amounts_micros[1]::numeric + amounts_micros[2] + amounts_micros[3] + amounts_micros[4]
              = 0
            AND num_nulls(account_nos[1], account_nos[2], account_nos[3], account_nos[4])
              = 0) IS TRUE
      ELSE peerwatt_is_balanced(account_nos, amounts_micros) IS TRUE
    END),
  CONSTRAINT journal_entries_have_closing_sums
    CHECK (cardinality(closing_micros) = 2 * cardinality(amounts_micros))
);

-- Where the entries of an account are: one row for some of them, in order, once they are folded.
CREATE TABLE account_pages (
  community_id  text     COLLATE "C" NOT NULL,
  account_no    integer  NOT NULL,
  last_entry_no bigint   NOT NULL,
  entry_nos     bigint[] NOT NULL CHECK (cardinality(entry_nos) > 0),
  PRIMARY KEY (community_id, account_no, last_entry_no)
);

-- Keys that posted no entry: of holds and voids, and of whatever was refused, with the reason.
CREATE TABLE transfer_keys (
  community_id    text    COLLATE "C" NOT NULL,
  idempotency_key text    COLLATE "C" NOT NULL,
  kind            integer NOT NULL CHECK (kind BETWEEN 1 AND 4),
  content_hash    bytea   NOT NULL CHECK (octet_length(content_hash) = 32),
  refusal         text    NOT NULL,
  created_at      timestamptz NOT NULL,
  PRIMARY KEY (community_id, idempotency_key)
);

-- Holds of the market name their order and period; others are known by their transfer's key.
CREATE TABLE holds (
  community_id      text        COLLATE "C" NOT NULL,
  order_name        text        COLLATE "C" NOT NULL,
  period_start_at   timestamptz,
  debit_account_no  integer     NOT NULL,
  credit_account_no integer     CHECK (credit_account_no <> debit_account_no),
  initial_micros    bigint      NOT NULL CHECK (initial_micros > 0),
  amount_micros     bigint      NOT NULL CHECK (amount_micros >= 0),
  state             text        NOT NULL
                                CHECK (state IN ('OPEN', 'CAPTURED', 'VOIDED', 'EXPIRED', 'ENDED')),
  expires_at        timestamptz NOT NULL DEFAULT 'infinity',
  PRIMARY KEY (community_id, order_name),
  CHECK (amount_micros <= initial_micros),
  CHECK ((state = 'OPEN') = (amount_micros > 0))
);
CREATE INDEX holds_open_by_period ON holds (community_id, period_start_at)
  WHERE state = 'OPEN' AND period_start_at IS NOT NULL;
CREATE INDEX holds_open_by_expiry ON holds (community_id, expires_at)
  WHERE state = 'OPEN' AND expires_at < 'infinity';

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

-- All accounts as of now: the row's sums, or the closing sums of a later entry.
CREATE VIEW account_states AS
  SELECT a.community_id, a.account_no, a.account_id, a.kind, a.participant_id, a.currency_code,
         coalesce(t.debits_micros, a.debits_posted_micros) AS debits_posted_micros,
         coalesce(t.credits_micros, a.credits_posted_micros) AS credits_posted_micros,
         a.debits_pending_micros, a.credits_pending_micros,
         coalesce(t.credits_micros, a.credits_posted_micros)
           - coalesce(t.debits_micros, a.debits_posted_micros) AS balance_micros,
         a.debits_pending_micros AS held_micros
  FROM accounts AS a
  LEFT JOIN (
    SELECT DISTINCT ON (e.community_id, p.account_no) e.community_id, p.account_no,
           e.closing_micros[2 * p.position::integer - 1] AS debits_micros,
           e.closing_micros[2 * p.position::integer] AS credits_micros
    FROM ledgers AS l
    JOIN journal_entries AS e
      ON e.community_id = l.community_id AND e.entry_no > l.folded_entry_no
    CROSS JOIN LATERAL unnest(e.account_nos) WITH ORDINALITY AS p(account_no, position)
    ORDER BY e.community_id, p.account_no, e.entry_no DESC
  ) AS t ON t.community_id = a.community_id AND t.account_no = a.account_no;

-- The journal is append-only for the service: it may insert and read, nothing else.
GRANT SELECT, INSERT ON journal_entries, account_pages, transfer_keys TO peerwatt_settlement;
GRANT SELECT, INSERT, UPDATE ON ledgers, accounts, holds, deposits TO peerwatt_settlement;
GRANT SELECT ON account_states TO peerwatt_settlement;
