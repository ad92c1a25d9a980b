-- Whether devices of a community must sign their batches of readings.
ALTER TABLE communities ADD COLUMN signed_readings_required boolean NOT NULL DEFAULT false;
