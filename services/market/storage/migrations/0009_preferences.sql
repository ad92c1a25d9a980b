-- The different preferences that orders of an auction have had: how many clearing takes is bounded
-- when orders are placed. Orders that ended keep their place.
CREATE TABLE auction_preferences (
  community_id text COLLATE "C" NOT NULL,
  delivery_start_at timestamptz NOT NULL,
  side text NOT NULL,
  premium_micros bigint NOT NULL,
  preference_sha256 bytea NOT NULL,
  -- Zones and partners that it names.
  name_count bigint NOT NULL,
  PRIMARY KEY (community_id, delivery_start_at, side, premium_micros, preference_sha256),
  CHECK (side IN ('BID', 'OFFER')),
  CHECK (premium_micros BETWEEN 0 AND 1000000000),
  CHECK (octet_length(preference_sha256) = 32),
  CHECK (name_count >= 0)
);

GRANT SELECT, INSERT ON auction_preferences TO peerwatt_market;

-- Who buys where energy is cheap what is made where it is dear relieves the lines: the buyer's price
-- may be below the seller's. The network's fee is still what lies between, and the flat fee.
ALTER TABLE trades
  DROP CONSTRAINT trades_buyer_price,
  ADD CONSTRAINT trades_buyer_price CHECK (buyer_price_micros BETWEEN -1000000000 AND 1000000000);
