-- Migrations that run outside of transactions, waits for locks with a limit of their own, and
-- servers on which nothing can be done for a while.
ALTER TABLE tenantd.migration
  ADD COLUMN no_transaction boolean NOT NULL DEFAULT false; -- each of its statements runs by itself
