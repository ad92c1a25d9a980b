-- Who was responsible for a metering point when. A point that never changed hands has no rows here;
-- else its first row starts at -infinity, and each holds until the next one starts. Without a
-- participant the point belongs to nobody.
CREATE TABLE metering_point_holders (
  metering_point_id  text COLLATE "C" NOT NULL REFERENCES metering_points,
  starts_at          timestamptz NOT NULL,
  participant_id     text COLLATE "C",
  community_id       text COLLATE "C" NOT NULL REFERENCES communities,
  grid_connection_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (metering_point_id, starts_at),
  FOREIGN KEY (participant_id, community_id)
    REFERENCES participants (participant_id, community_id),
  FOREIGN KEY (grid_connection_id, participant_id)
    REFERENCES grid_connections (grid_connection_id, participant_id)
);
CREATE INDEX metering_point_holders_by_community
  ON metering_point_holders (community_id, metering_point_id);

GRANT SELECT, INSERT ON metering_point_holders TO peerwatt_registry;
-- The row of a point names the newest participant.
GRANT UPDATE (participant_id, community_id, grid_connection_id) ON metering_points
  TO peerwatt_registry;
