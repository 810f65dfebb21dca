-- How many tasks a server is given at a time, found while they run.

ALTER TABLE tenantd.server ADD pace int NOT NULL DEFAULT 4 CHECK (pace >= 1);
-- What the replica's tasks came to since it began: at, in ms by its own clock, and for each server
-- tasks, busy_us, lock_waits.
ALTER TABLE tenantd.worker ADD tally jsonb;
