-- What a kilowatt hour of a community's main grid emits, and who says so: both or none.
ALTER TABLE communities
  ADD COLUMN co2_g_per_kwh integer CHECK (co2_g_per_kwh BETWEEN 0 AND 2000),
  ADD COLUMN co2_source text CHECK (char_length(co2_source) BETWEEN 1 AND 200),
  ADD CONSTRAINT communities_co2 CHECK ((co2_g_per_kwh IS NULL) = (co2_source IS NULL));
