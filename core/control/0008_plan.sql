-- The way back of migrations, and plans: what a run would do, frozen for a while.

-- Part of the file where down_sql is NULL and down_sha256 is not.
ALTER TABLE tenantd.migration
  ADD COLUMN down_sql        bytea,
  ADD COLUMN down_sha256     text,
  ADD COLUMN down_statements int,
  ADD COLUMN down_by         text,
  ADD COLUMN down_at         timestamptz,
  ADD CHECK ((down_sha256 IS NULL) = (down_statements IS NULL)),
  ADD CHECK (down_sql IS NULL OR down_sha256 IS NOT NULL);

CREATE TABLE tenantd.plan (
  id          uuid PRIMARY KEY,
  catalog     text NOT NULL REFERENCES tenantd.catalog,
  direction   text NOT NULL CHECK (direction IN ('up', 'down')),
  target      text,                     -- NULL: an empty catalog, or back to where each tenant was
  request     jsonb NOT NULL,           -- what was asked for, its target resolved
  cohorts     jsonb NOT NULL DEFAULT '[]', -- as they are shown, and held against the present
  plan_hash   text NOT NULL DEFAULT '',
  tenants     bigint NOT NULL DEFAULT 0,
  noop        bigint NOT NULL DEFAULT 0, -- tenants of the selector with nothing to do
  run_id      uuid,                     -- the run that used it up
  rollback_of uuid,                     -- the run whose changes it takes back
  created_by  text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT date_trunc('milliseconds', now()),
  expires_at  timestamptz NOT NULL
);
CREATE INDEX plan_list ON tenantd.plan (created_at DESC, id DESC);
CREATE INDEX plan_expiry ON tenantd.plan (expires_at);

-- Tenants as the plan saw them; without a reference, since tenants go and plans say so then.
CREATE TABLE tenantd.plan_target (
  plan_id     uuid NOT NULL REFERENCES tenantd.plan ON DELETE CASCADE,
  tenant_id   text COLLATE "C" NOT NULL,
  server      text NOT NULL,
  schema_name text COLLATE "C" NOT NULL,
  applied_set bigint,
  back_to     bigint,                   -- the applied set to return to; NULL: the plan's target
  PRIMARY KEY (plan_id, tenant_id)
);
