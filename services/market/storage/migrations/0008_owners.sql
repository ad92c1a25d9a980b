-- Who stood behind a participant with orders when the gate of an auction closed, where that was
-- somebody else. Never changed: an auction is cleared by it, now and when it is cleared again.
CREATE TABLE auction_owners (
  community_id text COLLATE "C" NOT NULL,
  delivery_start_at timestamptz NOT NULL,
  participant_id text COLLATE "C" NOT NULL,
  owner_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (community_id, delivery_start_at, participant_id),
  CHECK (owner_id <> '' AND owner_id <> participant_id)
);

GRANT SELECT, INSERT ON auction_owners TO peerwatt_market;
