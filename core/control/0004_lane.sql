-- Migrations that run outside of transactions, waits for locks with a limit of their own, and
-- servers on which nothing can be done for a while.
ALTER TABLE tenantd.migration
  ADD COLUMN no_transaction boolean NOT NULL DEFAULT false; -- each of its statements runs by itself

ALTER TABLE tenantd.task
  ADD COLUMN lock_waits int NOT NULL DEFAULT 0; -- snoozes for a lock that others have

-- While a server has trouble that concerns every tenant on it (disk full, read-only, out of locks)
-- nothing is claimed for it but one task at a time from probe_at on: when that ends well, or fails
-- for a reason of its own, the trouble is over.
ALTER TABLE tenantd.server
  ADD COLUMN trouble jsonb, -- code, sqlstate, message, since
  ADD COLUMN probe_at timestamptz,
  ADD COLUMN probes int NOT NULL DEFAULT 0,
  ADD CHECK ((trouble IS NULL) = (probe_at IS NULL));
