-- Metering points where the network of a community meets the main grid: they tell what it loses.
-- Nothing that is made of energy stands behind one.
ALTER TABLE metering_points
  ADD COLUMN is_boundary boolean NOT NULL DEFAULT false,
  ADD CONSTRAINT metering_points_boundary CHECK (NOT is_boundary OR energy_source = 'UNKNOWN');
