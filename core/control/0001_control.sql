-- The control schema: which tenants there are, what shall become of them, who works on it.
-- Times come from the database. States are text with a CHECK, so that adding one is an ALTER of a
-- constraint. Ids of tenants and versions collate "C": they are compared as bytes everywhere.

CREATE TABLE tenantd.server (
  id           text PRIMARY KEY,
  url          text,                    -- NULL: the server that holds this schema
  state        text NOT NULL DEFAULT 'online' CHECK (state IN ('online', 'paused')),
  max_parallel int CHECK (max_parallel BETWEEN 1 AND 1000), -- NULL: the configured default
  created_at   timestamptz NOT NULL DEFAULT now()
);
INSERT INTO tenantd.server (id) VALUES ('default');

-- What tracking tables say, each distinct content once: thousands of tenants share a handful.
CREATE TABLE tenantd.applied_set (
  id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  format    text NOT NULL,
  has_table boolean NOT NULL,
  digest    text NOT NULL,
  content   jsonb NOT NULL,
  UNIQUE (format, has_table, digest)
);

CREATE TABLE tenantd.tenant (
  id           text COLLATE "C" PRIMARY KEY,
  server       text NOT NULL REFERENCES tenantd.server,
  strategy     text NOT NULL DEFAULT 'schema' CHECK (strategy IN ('schema')),
  schema_name  text COLLATE "C" NOT NULL,
  state        text NOT NULL CHECK (state IN ('provisioning', 'active', 'suspended', 'archived',
                                              'deleting', 'error')),
  display_name text,
  labels       jsonb NOT NULL DEFAULT '{}',
  last_error   jsonb,
  applied_set  bigint REFERENCES tenantd.applied_set, -- NULL: not read yet
  epoch        bigint NOT NULL DEFAULT 1,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  checked_at   timestamptz,             -- when applied_set was last seen to be true
  suspended_at timestamptz,
  archived_at  timestamptz,
  purge_at     timestamptz,
  UNIQUE (server, schema_name)
);
CREATE INDEX tenant_state ON tenantd.tenant (state, id);
CREATE INDEX tenant_set ON tenantd.tenant (applied_set, id);
CREATE INDEX tenant_labels ON tenantd.tenant USING gin (labels jsonb_path_ops);

CREATE TABLE tenantd.catalog (
  name     text PRIMARY KEY,
  revision bigint NOT NULL DEFAULT 1    -- grows with every change: replicas reload
);
INSERT INTO tenantd.catalog (name) VALUES ('tenant'), ('shared');

CREATE TABLE tenantd.migration (
  catalog         text NOT NULL REFERENCES tenantd.catalog,
  version         text COLLATE "C" NOT NULL,
  number          bigint NOT NULL,
  sha256          text NOT NULL,
  sql             bytea NOT NULL,       -- exact bytes: trackers record their hash
  when_ms         bigint NOT NULL DEFAULT 0,
  statement_count int NOT NULL,
  registered_by   text NOT NULL,
  registered_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (catalog, version)
);

CREATE TABLE tenantd.worker (
  id           uuid PRIMARY KEY,
  host         text NOT NULL,
  build        text NOT NULL,
  kinds        text[] NOT NULL,
  slots        int NOT NULL,
  started_at   timestamptz NOT NULL DEFAULT now(),
  heartbeat_at timestamptz NOT NULL DEFAULT now(),
  draining     boolean NOT NULL DEFAULT false
) WITH (fillfactor = 50);

CREATE TABLE tenantd.lease (
  name       text PRIMARY KEY,
  holder     uuid NOT NULL,
  term       timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
);

-- A job is an operation and its policy; its tasks are the units of execution.
CREATE TABLE tenantd.job (
  id            uuid PRIMARY KEY,
  kind          text NOT NULL,
  state         text NOT NULL DEFAULT 'queued'
                CHECK (state IN ('queued', 'running', 'cancelling', 'succeeded', 'partial',
                                 'failed', 'cancelled')),
  priority      smallint NOT NULL DEFAULT 2,
  subject       text,                   -- the tenant a job of one tenant is about
  args          jsonb NOT NULL DEFAULT '{}',
  result        jsonb,
  progress      jsonb NOT NULL DEFAULT '{}',
  on_failure    text NOT NULL DEFAULT 'continue' CHECK (on_failure IN ('continue', 'stop')),
  max_parallel  int NOT NULL CHECK (max_parallel >= 1),
  open_wave     int NOT NULL DEFAULT 0, -- tasks of later waves are not claimed yet
  wave_count    int NOT NULL DEFAULT 1,
  strict_waves  int NOT NULL DEFAULT 0, -- so many first waves must succeed whole
  noop          bigint NOT NULL DEFAULT 0, -- targets with nothing to do, which have no task
  retry_of      uuid,
  created_by    text NOT NULL,
  request_id    text,
  row_version   bigint NOT NULL DEFAULT 1,
  cancel_requested_at timestamptz,
  -- whole milliseconds: listings continue after the time that clients were shown
  created_at    timestamptz NOT NULL DEFAULT date_trunc('milliseconds', now()),
  started_at    timestamptz,
  finished_at   timestamptz,
  CHECK ((finished_at IS NOT NULL) = (state IN ('succeeded', 'partial', 'failed', 'cancelled')))
) WITH (fillfactor = 70);
CREATE INDEX job_live ON tenantd.job (priority, created_at) WHERE finished_at IS NULL;
CREATE INDEX job_list ON tenantd.job (created_at DESC, id DESC);
CREATE INDEX job_subject ON tenantd.job (subject, created_at DESC) WHERE subject IS NOT NULL;
CREATE INDEX job_finished ON tenantd.job (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE tenantd.task (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  job_id       uuid NOT NULL REFERENCES tenantd.job ON DELETE CASCADE,
  item         int NOT NULL DEFAULT 0,  -- place in the request that made the job
  tenant_id    text COLLATE "C",
  server       text NOT NULL,
  wave         int NOT NULL DEFAULT 0,
  state        text NOT NULL DEFAULT 'queued'
               CHECK (state IN ('queued', 'running', 'succeeded', 'skipped', 'failed', 'cancelled')),
  exclusive    boolean NOT NULL DEFAULT true,
  args         jsonb,
  run_after    timestamptz NOT NULL DEFAULT now(),
  attempt      smallint NOT NULL DEFAULT 0,
  rescues      smallint NOT NULL DEFAULT 0,
  snoozes      int NOT NULL DEFAULT 0,
  claimed_by   uuid,
  slot         int,
  claimed_at   timestamptz,
  finished_at  timestamptz,
  outcome      jsonb,
  CHECK ((state = 'running') = (claimed_by IS NOT NULL)),
  UNIQUE (job_id, tenant_id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 2000);
CREATE INDEX task_ready ON tenantd.task (job_id, server, wave, run_after, id) WHERE state = 'queued';
CREATE INDEX task_running ON tenantd.task (server, job_id, claimed_by, slot) WHERE state = 'running';
CREATE INDEX task_claimed ON tenantd.task (claimed_by) WHERE state = 'running';
CREATE INDEX task_summary ON tenantd.task (job_id, state, id);
CREATE INDEX task_tenant ON tenantd.task (tenant_id) WHERE state IN ('queued', 'running');
CREATE UNIQUE INDEX task_tenant_exclusive ON tenantd.task (tenant_id)
  WHERE state = 'running' AND exclusive;

-- One row a POST with an Idempotency-Key, written in the transaction of what the request did.
CREATE TABLE tenantd.idempotency (
  principal   text NOT NULL,
  key         text NOT NULL,
  fingerprint text NOT NULL,
  status      int,
  body        text,
  location    text,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (principal, key)
);
CREATE INDEX idempotency_age ON tenantd.idempotency (created_at);

CREATE TABLE tenantd.token (
  id            text COLLATE "C" PRIMARY KEY,
  name          text NOT NULL,
  secret_sha256 bytea NOT NULL,
  scopes        text[] NOT NULL,
  created_by    text NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  expires_at    timestamptz,
  revoked_at    timestamptz,
  last_used_at  timestamptz
);

-- Secrets that every replica must share, such as the key that signs page tokens.
CREATE TABLE tenantd.secret (
  name       text PRIMARY KEY,
  value      bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
