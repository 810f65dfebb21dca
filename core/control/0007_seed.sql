-- Seeds: SQL that puts first rows into tenants' schemas or the shared one. Unlike a migration a seed
-- may change. What was applied where is recorded in the schema itself.

CREATE TABLE tenantd.seed (
  name            text COLLATE "C" PRIMARY KEY,
  scope           text NOT NULL CHECK (scope IN ('tenant', 'shared')),
  mode            text NOT NULL CHECK (mode IN ('once', 'always')),
  sha256          text NOT NULL,
  sql             bytea NOT NULL,
  statement_count int NOT NULL,
  variables       jsonb NOT NULL,       -- the names it uses
  updated_by      text NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now()
);
