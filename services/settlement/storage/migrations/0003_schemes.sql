-- Periods that are settled by sharing, by a fixed-price pool, or firmly.

-- Without a scheme, periods are settled as delivered. Firm periods settle what was traded, and the
-- difference to what was measured as imbalance.
ALTER TABLE settlement_periods
  ADD COLUMN scheme_id           text    NOT NULL DEFAULT '',
  ADD COLUMN is_firm             boolean NOT NULL DEFAULT false,
  ADD COLUMN imbalance_bought_wh bigint  NOT NULL DEFAULT 0 CHECK (imbalance_bought_wh >= 0),
  ADD COLUMN imbalance_sold_wh   bigint  NOT NULL DEFAULT 0 CHECK (imbalance_sold_wh >= 0),
  DROP CONSTRAINT settlement_periods_check1,
  DROP CONSTRAINT settlement_periods_check2,
  ADD CONSTRAINT settlement_periods_conserve CHECK (
    fed_in_wh + retail_wh + imbalance_bought_wh = drawn_wh + surplus_wh + imbalance_sold_wh),
  ADD CONSTRAINT settlement_periods_deliver CHECK (
    is_firm OR (drawn_wh = delivered_wh + retail_wh AND imbalance_bought_wh = 0
                AND imbalance_sold_wh = 0));

-- Network fees and operator shares of a pool belong to no trade.
ALTER TABLE settlement_lines
  DROP CONSTRAINT settlement_lines_kind_check,
  DROP CONSTRAINT settlement_lines_check,
  ADD CONSTRAINT settlement_lines_kind_check
    CHECK (kind BETWEEN 1 AND 11 OR kind IN (101, 102)),
  ADD CONSTRAINT settlement_lines_trade CHECK (
    CASE WHEN kind IN (1, 2) THEN trade_id <> '' ELSE trade_id = '' OR kind IN (3, 4) END);
