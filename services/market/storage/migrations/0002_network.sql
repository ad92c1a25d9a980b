-- Versions of the networks of communities, as the registry had them when an auction was opened by
-- them: what cleared an auction can be cleared again. Lines join positions in `zones`; a capacity
-- of -1 means no limit.
CREATE TABLE networks (
  community_id text COLLATE "C" NOT NULL,
  network_id text COLLATE "C" NOT NULL,
  starts_at timestamptz NOT NULL,
  zones text[] NOT NULL,
  tie_rule text NOT NULL,
  self_trade_mode text NOT NULL,
  line_from bigint[] NOT NULL,
  line_to bigint[] NOT NULL,
  line_fees_micros bigint[] NOT NULL,
  line_capacities_wh bigint[] NOT NULL,
  line_reverse_capacities_wh bigint[] NOT NULL,
  PRIMARY KEY (community_id, network_id),
  CHECK (cardinality(zones) >= 1),
  CHECK (tie_rule IN ('TIME', 'PRO_RATA')),
  CHECK (self_trade_mode IN ('KEEP_GREATER_WELFARE', 'WITHDRAW_BIDS', 'WITHDRAW_OFFERS')),
  CHECK (0 <= ALL (line_from) AND cardinality(zones) > ALL (line_from)),
  CHECK (0 <= ALL (line_to) AND cardinality(zones) > ALL (line_to)),
  CHECK (0 <= ALL (line_fees_micros) AND 1000000000 >= ALL (line_fees_micros)),
  CHECK (-1 <= ALL (line_capacities_wh) AND -1 <= ALL (line_reverse_capacities_wh)),
  CHECK (cardinality(line_to) = cardinality(line_from)),
  CHECK (cardinality(line_fees_micros) = cardinality(line_from)),
  CHECK (cardinality(line_capacities_wh) = cardinality(line_from)),
  CHECK (cardinality(line_reverse_capacities_wh) = cardinality(line_from))
);

-- Over several zones what is traded need not have one price.
ALTER TABLE auctions
  ADD COLUMN network_id text COLLATE "C" NOT NULL DEFAULT '',
  DROP CONSTRAINT auctions_check2,
  ADD CONSTRAINT auctions_price_of_energy
    CHECK (clearing_price_micros IS NULL OR cleared_energy_wh > 0);

ALTER TABLE orders
  ADD COLUMN zone text COLLATE "C" NOT NULL DEFAULT '',
  ADD COLUMN energy_source text NOT NULL DEFAULT 'UNKNOWN',
  ADD COLUMN premium_micros bigint NOT NULL DEFAULT 0,
  ADD COLUMN preference text COLLATE "C" NOT NULL DEFAULT '',
  ADD CONSTRAINT orders_energy_source
    CHECK (energy_source IN ('UNKNOWN', 'SOLAR', 'WIND', 'HYDRO', 'BIOMASS', 'COGENERATION',
                             'STORAGE')),
  ADD CONSTRAINT orders_premium
    CHECK (premium_micros = 0 OR (premium_micros BETWEEN 1 AND 1000000000 AND side = 'BID'
                                  AND limit_micros + premium_micros <= 1000000000
                                  AND preference LIKE '%; premium%'));

-- Until now every buyer paid the price of the seller and the fee of the auction.
ALTER TABLE trades
  ADD COLUMN buyer_price_micros bigint,
  ADD COLUMN network_fee_micros bigint;
UPDATE trades AS t
SET buyer_price_micros = t.price_micros, network_fee_micros = a.network_fee_micros
FROM auctions AS a
WHERE a.community_id = t.community_id AND a.delivery_start_at = t.delivery_start_at;
ALTER TABLE trades
  ALTER COLUMN buyer_price_micros SET NOT NULL,
  ALTER COLUMN network_fee_micros SET NOT NULL,
  ADD CONSTRAINT trades_buyer_price
    CHECK (buyer_price_micros >= price_micros AND buyer_price_micros <= 1000000000),
  ADD CONSTRAINT trades_network_fee CHECK (network_fee_micros >= buyer_price_micros - price_micros);

-- How each auction was cleared: by zone, by line, and by good (where orders had preferences: then
-- zones have no prices).
CREATE TABLE clearings (
  community_id text COLLATE "C" NOT NULL,
  delivery_start_at timestamptz NOT NULL,
  zone_prices_micros bigint[] NOT NULL,
  zone_prices_low_micros bigint[] NOT NULL,
  zone_prices_high_micros bigint[] NOT NULL,
  zone_bought_wh bigint[] NOT NULL,
  zone_sold_wh bigint[] NOT NULL,
  line_flows_wh bigint[] NOT NULL,
  line_congestion_micros bigint[] NOT NULL,
  good_zones bigint[] NOT NULL,
  good_sources text[] NOT NULL,
  good_prices_micros bigint[] NOT NULL,
  good_energies_wh bigint[] NOT NULL,
  requiring_wh bigint NOT NULL,
  requiring_traded_wh bigint NOT NULL,
  premium_traded_wh bigint NOT NULL,
  premium_met_wh bigint NOT NULL,
  withdrawn_wh bigint NOT NULL,
  verdict text NOT NULL,
  sha256 text NOT NULL,
  PRIMARY KEY (community_id, delivery_start_at),
  CHECK (cardinality(zone_prices_micros) IN (0, cardinality(zone_bought_wh))),
  CHECK (cardinality(zone_prices_low_micros) = cardinality(zone_prices_micros)),
  CHECK (cardinality(zone_prices_high_micros) = cardinality(zone_prices_micros)),
  CHECK (cardinality(zone_sold_wh) = cardinality(zone_bought_wh)),
  CHECK (cardinality(line_congestion_micros) = cardinality(line_flows_wh)),
  CHECK (0 <= ALL (line_congestion_micros)),
  CHECK (requiring_traded_wh BETWEEN 0 AND requiring_wh),
  CHECK (premium_met_wh BETWEEN 0 AND premium_traded_wh),
  CHECK (withdrawn_wh >= 0),
  CHECK (verdict = 'NONE'),
  CHECK (sha256 ~ '^[0-9a-f]{64}$')
);

-- None of this is ever changed.
GRANT SELECT, INSERT ON networks, clearings TO peerwatt_market;
