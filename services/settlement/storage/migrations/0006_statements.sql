-- Statements: who issues them and to whom, the numbers, the documents; and what each run knew, so
-- that a line can be explained. What is issued is never changed: the service may only add.

-- Versions of who issues a community's documents, in force from a day on. kind_taxes_…: kinds of
-- lines that are taxed in their own way, as columns of equal length.
CREATE TABLE issuers (
  community_id           text        NOT NULL,
  starts_on              date        NOT NULL,
  issuer_id              text        NOT NULL,
  party                  text[]      NOT NULL CHECK (cardinality(party) = 7),
  account                text[]      NOT NULL CHECK (cardinality(account) = 3),
  invoice_series         text        NOT NULL CHECK (invoice_series ~ '^[A-Z][A-Z0-9]{0,9}$'),
  self_billing_series    text        NOT NULL CHECK (self_billing_series ~ '^[A-Z][A-Z0-9]{0,9}$'),
  payment_days           integer     NOT NULL CHECK (payment_days BETWEEN 0 AND 365),
  tax_kinds              integer[]   NOT NULL,
  tax_categories         text[]      NOT NULL,
  tax_rates_ppm          bigint[]    NOT NULL,
  tax_exemption_reasons  text[]      NOT NULL,
  created_at             timestamptz NOT NULL,
  PRIMARY KEY (community_id, starts_on),
  UNIQUE (community_id, issuer_id),
  -- The first two are the class of all others and that of lines that are not taxable.
  CHECK (cardinality(tax_kinds) >= 2 AND cardinality(tax_categories) = cardinality(tax_kinds)
    AND cardinality(tax_rates_ppm) = cardinality(tax_kinds)
    AND cardinality(tax_exemption_reasons) = cardinality(tax_kinds))
);

-- Versions of who a participant is on documents; the highest counts. supply_tax: category and
-- reason, empty for none.
CREATE TABLE billing_details (
  community_id        text        NOT NULL,
  participant_id      text        NOT NULL,
  version             integer     NOT NULL CHECK (version >= 1),
  party               text[]      NOT NULL CHECK (cardinality(party) = 7),
  account             text[]      NOT NULL CHECK (cardinality(account) = 3),
  supply_tax          text[]      NOT NULL CHECK (cardinality(supply_tax) IN (0, 2)),
  supply_tax_rate_ppm bigint      NOT NULL CHECK (supply_tax_rate_ppm BETWEEN 0 AND 1000000),
  updated_at          timestamptz NOT NULL,
  PRIMARY KEY (community_id, participant_id, version)
);

-- The last number that was given out. Whoever issues locks the row: numbers have no gaps.
CREATE TABLE statement_numbers (
  community_id text    NOT NULL,
  series       text    NOT NULL,
  year         integer NOT NULL CHECK (year BETWEEN 1970 AND 9999),
  last_no      bigint  NOT NULL CHECK (last_no >= 1),
  PRIMARY KEY (community_id, series, year)
);

-- One call that issued statements of a month. run_counts: how many runs each period had then, from
-- periods_from_at on: what the documents add up.
CREATE TABLE statement_issues (
  community_id    text        NOT NULL,
  request_id      text        NOT NULL,
  content_hash    bytea       NOT NULL CHECK (octet_length(content_hash) = 32),
  periods_from_at timestamptz NOT NULL,
  run_counts      integer[]   NOT NULL,
  created_at      timestamptz NOT NULL,
  PRIMARY KEY (community_id, request_id)
);

-- Documents. kind: 1 invoice, 2 self-billed. sequence_no: counts the documents of a participant,
-- month and kind; what comes after the first corrects it. days_wh: four sums per day of the month.
CREATE TABLE statements (
  community_id    text        NOT NULL,
  statement_id    text        COLLATE "C" NOT NULL,
  participant_id  text        NOT NULL,
  kind            integer     NOT NULL CHECK (kind IN (1, 2)),
  month           date        NOT NULL CHECK (extract(day FROM month) = 1),
  sequence_no     integer     NOT NULL CHECK (sequence_no >= 1),
  series          text        NOT NULL,
  year            integer     NOT NULL,
  serial_no       bigint      NOT NULL CHECK (serial_no >= 1),
  number          text        NOT NULL CHECK (lower(number) = statement_id),
  request_id      text        NOT NULL,
  issued_on       date        NOT NULL,
  due_on          date        NOT NULL CHECK (due_on >= issued_on),
  currency_code   text        NOT NULL,
  seller          text[]      NOT NULL CHECK (cardinality(seller) = 8),
  buyer           text[]      NOT NULL CHECK (cardinality(buyer) = 8),
  pay_to          text[]      NOT NULL CHECK (cardinality(pay_to) = 3),
  corrects        text        NOT NULL,
  corrected_issued_on date,
  net_micros      bigint      NOT NULL,
  tax_micros      bigint      NOT NULL,
  gross_micros    bigint      NOT NULL CHECK (gross_micros = net_micros + tax_micros),
  rounding_micros bigint      NOT NULL,
  days_wh         bigint[]    NOT NULL CHECK (cardinality(days_wh) BETWEEN 112 AND 124),
  content_hash    bytea       NOT NULL CHECK (octet_length(content_hash) = 32),
  entry_no        bigint,
  created_at      timestamptz NOT NULL,
  PRIMARY KEY (community_id, statement_id),
  UNIQUE (community_id, series, year, serial_no),
  UNIQUE (community_id, participant_id, month, kind, sequence_no),
  CHECK ((sequence_no = 1) = (corrects = '')),
  CHECK ((corrects = '') = (corrected_issued_on IS NULL))
);
CREATE INDEX statements_by_participant
  ON statements (community_id, participant_id, created_at, statement_id);
CREATE INDEX statements_by_request ON statements (community_id, request_id);

-- day_keys: which sums of settlement lines are in a line, as twice the day of the month from 0, and
-- one for what is taxable.
CREATE TABLE statement_lines (
  community_id         text      NOT NULL,
  statement_id         text      COLLATE "C" NOT NULL,
  line_no              integer   NOT NULL CHECK (line_no >= 1),
  charge_key           text      NOT NULL CHECK (charge_key <> ''),
  kind                 integer   NOT NULL,
  description          text      NOT NULL,
  energy_wh            bigint    NOT NULL,
  exact_micros         bigint    NOT NULL,
  net_micros           bigint    NOT NULL,
  tax_category         text      NOT NULL,
  tax_rate_ppm         bigint    NOT NULL CHECK (tax_rate_ppm BETWEEN 0 AND 1000000),
  tax_exemption_reason text      NOT NULL,
  day_keys             integer[] NOT NULL,
  PRIMARY KEY (community_id, statement_id, line_no)
);

CREATE TABLE statement_taxes (
  community_id         text   NOT NULL,
  statement_id         text   COLLATE "C" NOT NULL,
  tax_no               integer NOT NULL CHECK (tax_no >= 1),
  tax_category         text   NOT NULL,
  tax_rate_ppm         bigint NOT NULL CHECK (tax_rate_ppm BETWEEN 0 AND 1000000),
  tax_exemption_reason text   NOT NULL,
  taxable_micros       bigint NOT NULL,
  amount_micros        bigint NOT NULL,
  PRIMARY KEY (community_id, statement_id, tax_no)
);

-- What a run that posted lines knew. Of readings, only those that are not simply the first revision
-- are named: revision 0 is none, and day_before_revisions what stood in for it.
CREATE TABLE run_evidence (
  community_id         text        NOT NULL,
  period_start_at      timestamptz NOT NULL,
  run                  integer     NOT NULL CHECK (run >= 1),
  readings_cursor      bigint      NOT NULL CHECK (readings_cursor >= 0),
  metering_point_ids   text[]      NOT NULL,
  revisions            integer[]   NOT NULL CHECK (cardinality(revisions)
                                                   = cardinality(metering_point_ids)),
  day_before_revisions integer[]   NOT NULL CHECK (cardinality(day_before_revisions)
                                                   = cardinality(metering_point_ids)),
  tariff_name          text        NOT NULL,
  scheme_id            text        NOT NULL,
  created_at           timestamptz NOT NULL,
  PRIMARY KEY (community_id, period_start_at, run)
);

GRANT SELECT, INSERT ON issuers, billing_details, statement_issues, statements, statement_lines,
  statement_taxes, run_evidence TO peerwatt_settlement;
GRANT SELECT, INSERT, UPDATE ON statement_numbers TO peerwatt_settlement;
