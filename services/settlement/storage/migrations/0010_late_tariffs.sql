-- A version of the tariff may reach back to a final period, too. Of a late change, one is not 0: the
-- cursor of the readings, or how many versions of the tariff there were.
ALTER TABLE late_changes
  ADD COLUMN tariff_version_count bigint NOT NULL DEFAULT 0 CHECK (tariff_version_count >= 0),
  DROP CONSTRAINT late_changes_changed_cursor_check,
  ADD CONSTRAINT late_changes_changed_cursor_check CHECK (changed_cursor >= 0),
  ADD CONSTRAINT late_changes_cause CHECK ((changed_cursor = 0) <> (tariff_version_count = 0));
