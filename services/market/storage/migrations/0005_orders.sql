-- Which replica drives a community: the newest token's holder. Others' writes are refused.
CREATE TABLE leases (
  community_id text COLLATE "C" PRIMARY KEY,
  holder text NOT NULL,
  token bigint NOT NULL,
  expires_at timestamptz NOT NULL,
  CHECK (token >= 0)
);
GRANT SELECT, INSERT, UPDATE ON leases TO peerwatt_market;
