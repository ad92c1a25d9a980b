-- A community turns continuous trading on with its limits.
ALTER TABLE market_limits ADD COLUMN continuous_trading boolean NOT NULL DEFAULT false;

-- What continuous trading adds to an order. An order that trades before the closing auction carries
-- what it has traded, what that needs of its hold, its number in the book, the event with which it
-- took its place, and who stood behind its participant then; and how it was placed, if amended.
ALTER TABLE orders
  ADD COLUMN time_in_force text NOT NULL DEFAULT 'AUCTION',
  ADD COLUMN traded_energy_wh bigint NOT NULL DEFAULT 0,
  ADD COLUMN trade_cost_micros bigint NOT NULL DEFAULT 0,
  ADD COLUMN book_number bigint NOT NULL DEFAULT 0,
  ADD COLUMN entered_number bigint NOT NULL DEFAULT 0,
  ADD COLUMN owner_id text COLLATE "C" NOT NULL DEFAULT '',
  ADD COLUMN placed_energy_wh bigint,
  ADD COLUMN placed_limit_micros bigint,
  -- A cancelled order may have traded before.
  DROP CONSTRAINT orders_check2,
  ADD CONSTRAINT orders_partly_filled
    CHECK (state <> 'PARTIALLY_FILLED' OR (filled_energy_wh > 0 AND filled_energy_wh < energy_wh)),
  ADD CONSTRAINT orders_filled
    CHECK (filled_energy_wh = 0 OR state IN ('FILLED', 'PARTIALLY_FILLED', 'CANCELLED')),
  ADD CONSTRAINT orders_cancelled
    CHECK (state <> 'CANCELLED' OR filled_energy_wh = traded_energy_wh),
  ADD CONSTRAINT orders_time_in_force
    CHECK (time_in_force IN ('AUCTION', 'GTC', 'IOC', 'FOK', 'MARKET_IOC', 'MARKET_FOK')),
  ADD CONSTRAINT orders_traded CHECK (traded_energy_wh BETWEEN 0 AND energy_wh),
  ADD CONSTRAINT orders_trade_cost CHECK (trade_cost_micros >= 0),
  ADD CONSTRAINT orders_place CHECK (
    CASE WHEN time_in_force = 'AUCTION'
      THEN traded_energy_wh = 0 AND book_number = 0 AND entered_number = 0 AND owner_id = ''
      ELSE entered_number >= book_number AND (book_number > 0) = (owner_id <> '')
           AND (state <> 'ACTIVE' OR (book_number > 0 AND traded_energy_wh < energy_wh)) END),
  ADD CONSTRAINT orders_placed
    CHECK ((placed_energy_wh IS NULL) = (placed_limit_micros IS NULL));

ALTER TABLE trades
  ADD COLUMN IF NOT EXISTS origin text NOT NULL DEFAULT 'AUCTION',
  -- Absent: at gate closure.
  ADD COLUMN traded_at timestamptz,
  DROP CONSTRAINT IF EXISTS trades_origin,
  ADD CONSTRAINT trades_origin CHECK (origin IN ('AUCTION', 'CONTINUOUS', 'CONTRACT')),
  ADD CONSTRAINT trades_traded_at CHECK (origin <> 'CONTINUOUS' OR traded_at IS NOT NULL);

-- One row per auction with continuous orders. Who changes the book has the row alone.
CREATE TABLE order_books (
  community_id text COLLATE "C" NOT NULL,
  delivery_start_at timestamptz NOT NULL,
  last_event_number bigint NOT NULL DEFAULT 0,
  trade_count integer NOT NULL DEFAULT 0,
  PRIMARY KEY (community_id, delivery_start_at),
  CHECK (last_event_number >= 0),
  CHECK (trade_count >= 0)
);

-- Every change of a book, numbered from 1 without a gap. Never changed.
CREATE TABLE book_events (
  community_id text COLLATE "C" NOT NULL,
  delivery_start_at timestamptz NOT NULL,
  event_number bigint NOT NULL,
  kind text NOT NULL,
  reason text NOT NULL,
  side text NOT NULL,
  order_number bigint NOT NULL,
  order_id text COLLATE "C" NOT NULL,
  resting_number bigint NOT NULL,
  resting_order_id text COLLATE "C" NOT NULL,
  energy_wh bigint NOT NULL,
  price_micros bigint NOT NULL,
  trade_number integer NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (community_id, delivery_start_at, event_number),
  CHECK (event_number >= 1),
  CHECK (kind IN ('ACCEPTED', 'TRADED', 'REDUCED', 'CANCELLED')),
  CHECK ((kind = 'CANCELLED') = (reason <> '')),
  CHECK (side IN ('BID', 'OFFER')),
  CHECK (order_number BETWEEN 1 AND event_number),
  CHECK ((kind = 'TRADED') = (resting_number > 0)),
  CHECK ((kind = 'TRADED') = (trade_number > 0)),
  CHECK (energy_wh >= 1)
);

GRANT SELECT, INSERT, UPDATE ON order_books TO peerwatt_market;
GRANT SELECT, INSERT ON book_events TO peerwatt_market;
