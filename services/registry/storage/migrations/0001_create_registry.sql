-- Ids are compared byte by byte everywhere, so that pages and joins have one order.

CREATE TABLE users (
  user_id text COLLATE "C" PRIMARY KEY CHECK (user_id ~ '^[a-z][a-z0-9-]{0,61}[a-z0-9]$'),
  email text COLLATE "C" NOT NULL UNIQUE CHECK (email = lower(email) AND length(email) <= 254),
  display_name text NOT NULL CHECK (length(display_name) <= 63),
  roles text[] NOT NULL CHECK (
    cardinality(roles) > 0
    AND roles <@ ARRAY['CONSUMER', 'PROSUMER', 'OPERATOR', 'REGULATOR', 'ADMIN']),
  password_phc text NOT NULL CHECK (password_phc <> ''),
  created_at timestamptz NOT NULL
);

-- All refresh tokens that descend from one sign-in.
CREATE TABLE refresh_families (
  family_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id text COLLATE "C" NOT NULL REFERENCES users,
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz
);
CREATE INDEX refresh_families_by_user ON refresh_families (user_id, expires_at);

CREATE TABLE refresh_tokens (
  token_sha256 text COLLATE "C" PRIMARY KEY CHECK (token_sha256 ~ '^[0-9a-f]{64}$'),
  family_id uuid NOT NULL REFERENCES refresh_families ON DELETE CASCADE,
  issued_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL CHECK (expires_at > issued_at),
  -- Set when the token was used.
  successor_sha256 text COLLATE "C"
);
CREATE INDEX refresh_tokens_by_family ON refresh_tokens (family_id);

CREATE TABLE communities (
  community_id text COLLATE "C" PRIMARY KEY
    CHECK (community_id ~ '^[a-z][a-z0-9-]{0,61}[a-z0-9]$'),
  display_name text NOT NULL CHECK (length(display_name) BETWEEN 1 AND 63),
  time_zone text NOT NULL CHECK (time_zone <> ''),
  currency_code text NOT NULL CHECK (currency_code ~ '^[A-Z]{3}$'),
  interval_s bigint NOT NULL CHECK (interval_s IN (300, 900, 1800, 3600)),
  trading_starts_at timestamptz NOT NULL,
  opening_lead_s bigint NOT NULL CHECK (opening_lead_s % interval_s = 0),
  gate_closure_lead_s bigint NOT NULL
    CHECK (gate_closure_lead_s >= 0 AND gate_closure_lead_s % interval_s = 0),
  settlement_grace_s bigint NOT NULL CHECK (settlement_grace_s >= 0),
  network_fee_micros_per_kwh bigint NOT NULL CHECK (network_fee_micros_per_kwh >= 0),
  operator_share_ppm bigint NOT NULL CHECK (operator_share_ppm BETWEEN 0 AND 1000000),
  price_min_micros_per_kwh bigint NOT NULL,
  price_max_micros_per_kwh bigint NOT NULL,
  created_at timestamptz NOT NULL,
  CHECK (opening_lead_s > gate_closure_lead_s),
  CHECK (price_min_micros_per_kwh <= price_max_micros_per_kwh)
);

CREATE TABLE tariffs (
  community_id text COLLATE "C" NOT NULL REFERENCES communities,
  tariff_id text COLLATE "C" NOT NULL CHECK (tariff_id ~ '^[a-z][a-z0-9-]{0,61}[a-z0-9]$'),
  feed_in_price_micros_per_kwh bigint NOT NULL,
  retail_price_micros_per_kwh bigint NOT NULL,
  starts_at timestamptz NOT NULL,
  PRIMARY KEY (community_id, tariff_id),
  UNIQUE (community_id, starts_at)
);

CREATE TABLE participants (
  participant_id text COLLATE "C" PRIMARY KEY
    CHECK (participant_id ~ '^[a-z][a-z0-9-]{0,61}[a-z0-9]$'),
  display_name text NOT NULL CHECK (length(display_name) BETWEEN 1 AND 63),
  community_id text COLLATE "C" NOT NULL REFERENCES communities,
  user_id text COLLATE "C" NOT NULL UNIQUE REFERENCES users,
  kyc_state text NOT NULL CHECK (
    kyc_state IN ('PENDING', 'SUBMITTED', 'IN_REVIEW', 'APPROVED', 'REJECTED', 'EXPIRED')),
  kyc_reason text NOT NULL CHECK (length(kyc_reason) <= 500),
  kyc_document_kind text NOT NULL,
  kyc_document_sha256 text NOT NULL CHECK (kyc_document_sha256 ~ '^([0-9a-f]{64})?$'),
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  CHECK (kyc_state = 'PENDING' OR kyc_document_sha256 <> ''),
  CHECK ((kyc_state = 'REJECTED') = (kyc_reason <> '')),
  -- For the metering points, which repeat the community of their participant.
  UNIQUE (participant_id, community_id)
);
CREATE INDEX participants_by_community ON participants (community_id, participant_id);

-- One participant per connection: what is netted behind it is one party's own.
CREATE TABLE grid_connections (
  grid_connection_id text COLLATE "C" PRIMARY KEY
    CHECK (grid_connection_id ~ '^[a-z][a-z0-9-]{0,61}[a-z0-9]$'),
  participant_id text COLLATE "C" NOT NULL REFERENCES participants,
  UNIQUE (grid_connection_id, participant_id)
);

CREATE TABLE metering_points (
  metering_point_id text COLLATE "C" PRIMARY KEY
    CHECK (metering_point_id ~ '^[a-z][a-z0-9-]{0,61}[a-z0-9]$'),
  participant_id text COLLATE "C" NOT NULL,
  community_id text COLLATE "C" NOT NULL,
  grid_connection_id text COLLATE "C" NOT NULL,
  import_capacity_w bigint NOT NULL CHECK (import_capacity_w BETWEEN 0 AND 1000000000),
  export_capacity_w bigint NOT NULL CHECK (export_capacity_w BETWEEN 0 AND 1000000000),
  created_at timestamptz NOT NULL,
  CHECK (import_capacity_w + export_capacity_w > 0),
  FOREIGN KEY (participant_id, community_id)
    REFERENCES participants (participant_id, community_id),
  FOREIGN KEY (grid_connection_id, participant_id)
    REFERENCES grid_connections (grid_connection_id, participant_id)
);
CREATE INDEX metering_points_by_participant ON metering_points (participant_id, metering_point_id);
CREATE INDEX metering_points_by_community ON metering_points (community_id, metering_point_id);

CREATE TABLE devices (
  device_id text COLLATE "C" PRIMARY KEY CHECK (device_id ~ '^[a-z][a-z0-9-]{0,61}[a-z0-9]$'),
  state text NOT NULL CHECK (state IN ('ENROLLING', 'ACTIVE', 'REVOKED')),
  enrolment_token_sha256 text NOT NULL CHECK (enrolment_token_sha256 ~ '^[0-9a-f]{64}$'),
  enrolment_token_expires_at timestamptz NOT NULL,
  -- Fingerprint of the signing request that used the token; empty until then.
  enrolment_csr_sha256 text NOT NULL CHECK (enrolment_csr_sha256 ~ '^([0-9a-f]{64})?$'),
  -- Serial number of the newest certificate; empty until there is one.
  certificate_serial text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL,
  CHECK (state <> 'ACTIVE' OR certificate_serial <> '')
);

CREATE TABLE device_metering_points (
  device_id text COLLATE "C" NOT NULL REFERENCES devices,
  metering_point_id text COLLATE "C" NOT NULL REFERENCES metering_points,
  PRIMARY KEY (device_id, metering_point_id)
);

CREATE TABLE device_certificates (
  certificate_serial text COLLATE "C" PRIMARY KEY
    CHECK (certificate_serial ~ '^[1-9a-f][0-9a-f]*$'),
  device_id text COLLATE "C" NOT NULL REFERENCES devices,
  csr_sha256 text NOT NULL CHECK (csr_sha256 ~ '^[0-9a-f]{64}$'),
  certificate_pem text NOT NULL,
  issued_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL CHECK (expires_at > issued_at)
);
CREATE INDEX device_certificates_by_device ON device_certificates (device_id, issued_at);

-- Who changed what a court may ask about. Written in the transaction of the change; never changed.
CREATE TABLE audit_events (
  audit_event_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  actor text NOT NULL CHECK (actor <> ''),
  action text NOT NULL CHECK (action <> ''),
  subject text NOT NULL CHECK (subject <> ''),
  detail text NOT NULL,
  occurred_at timestamptz NOT NULL
);
CREATE INDEX audit_events_by_subject ON audit_events (subject, occurred_at);

GRANT SELECT, INSERT ON
  users, communities, tariffs, grid_connections, metering_points, device_metering_points,
  device_certificates, audit_events
TO peerwatt_registry;
GRANT SELECT, INSERT, UPDATE ON participants, devices, refresh_tokens TO peerwatt_registry;
GRANT SELECT, INSERT, UPDATE, DELETE ON refresh_families TO peerwatt_registry;
