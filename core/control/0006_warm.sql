-- Schemas that are kept ready for tenants to come. A ready one becomes a tenant's by a new name, in
-- the transaction of the request; its row goes with it.

CREATE TABLE tenantd.warm_schema (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  server      text NOT NULL REFERENCES tenantd.server,
  schema_name text COLLATE "C" NOT NULL GENERATED ALWAYS AS ('tenantd_warm_' || id::text) STORED,
  state       text NOT NULL DEFAULT 'filling'
              CHECK (state IN ('filling', 'ready', 'unfit', 'failed', 'dropping')),
  revision    bigint NOT NULL DEFAULT 0, -- of the catalog at whose head it is; 0: look at it again
  applied_set bigint REFERENCES tenantd.applied_set,
  problem     text,                      -- why it is unfit or failed
  updated_at  timestamptz NOT NULL DEFAULT now(),
  CHECK (state <> 'ready' OR applied_set IS NOT NULL)
);
CREATE INDEX warm_schema_ready ON tenantd.warm_schema (server, id) WHERE state = 'ready';

-- What requests found, in parts, so that those who commit at the same time do not wait for each
-- other.
CREATE TABLE tenantd.warm_count (
  server  text NOT NULL REFERENCES tenantd.server,
  part    int NOT NULL,
  claimed bigint NOT NULL DEFAULT 0,
  missed  bigint NOT NULL DEFAULT 0,
  claimed_at timestamptz,               -- the last one
  PRIMARY KEY (server, part)
) WITH (fillfactor = 50);
