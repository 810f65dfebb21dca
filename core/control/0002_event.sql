-- What happened, told in the transaction in which it happened. A number that a sequence gave says
-- when an event was written, not when it was committed, so a reader that continues after a number
-- would miss who committed late: seq is stamped after the commit, by one relay at a time.

CREATE TABLE tenantd.event (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  seq        bigint,                    -- NULL: committed, or not, since the relay last looked
  type       text NOT NULL CHECK (type ~ '^[a-z0-9_]+([.][a-z0-9_]+)+$'),
  job_id     uuid,                      -- events outlive jobs: no reference
  subject    text COLLATE "C",          -- the tenant it is about
  data       jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000);
CREATE UNIQUE INDEX event_seq ON tenantd.event (seq) WHERE seq IS NOT NULL;
CREATE INDEX event_pending ON tenantd.event (id) WHERE seq IS NULL;
CREATE INDEX event_job ON tenantd.event (job_id, seq) WHERE job_id IS NOT NULL;
CREATE INDEX event_subject ON tenantd.event (subject, seq) WHERE subject IS NOT NULL;

-- One row: the last number that was given, and the last of those that are gone.
CREATE TABLE tenantd.event_head (
  one    boolean PRIMARY KEY DEFAULT true CHECK (one),
  last   bigint NOT NULL DEFAULT 0,
  pruned bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);
INSERT INTO tenantd.event_head DEFAULT VALUES;

-- The tables themselves tell what states their rows are in: no statement can forget to.
CREATE FUNCTION tenantd.job_tells() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO tenantd.event (type, job_id, subject, data)
  VALUES (CASE WHEN OLD.state = 'paused' AND NEW.state IN ('queued', 'running') THEN 'job.resumed'
               ELSE 'job.' || NEW.state END, NEW.id, NEW.subject,
          jsonb_strip_nulls(jsonb_build_object(
            'kind', NEW.kind, 'state', NEW.state, 'previous_state', OLD.state,
            'pause_reason', to_jsonb(NEW) -> 'pause_reason', -- columns that come later
            'end_reason', to_jsonb(NEW) -> 'end_reason', 'progress', NEW.progress)));
  RETURN NULL;
END $$;
CREATE TRIGGER job_tells_new AFTER INSERT ON tenantd.job
  FOR EACH ROW EXECUTE FUNCTION tenantd.job_tells();
CREATE TRIGGER job_tells_state AFTER UPDATE ON tenantd.job
  FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state)
  EXECUTE FUNCTION tenantd.job_tells();

CREATE FUNCTION tenantd.tenant_tells() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO tenantd.event (type, subject, data)
  VALUES (TG_ARGV[0], coalesce(NEW.id, OLD.id),
          jsonb_strip_nulls(jsonb_build_object('server', coalesce(NEW.server, OLD.server),
                                               'state', NEW.state, 'previous_state', OLD.state)));
  RETURN NULL;
END $$;
CREATE TRIGGER tenant_tells_new AFTER INSERT ON tenantd.tenant
  FOR EACH ROW EXECUTE FUNCTION tenantd.tenant_tells('tenant.created');
CREATE TRIGGER tenant_tells_state AFTER UPDATE ON tenantd.tenant
  FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state)
  EXECUTE FUNCTION tenantd.tenant_tells('tenant.state_changed');
CREATE TRIGGER tenant_tells_end AFTER DELETE ON tenantd.tenant
  FOR EACH ROW EXECUTE FUNCTION tenantd.tenant_tells('tenant.deleted');

-- A short-lived credential for a client that cannot send a header.
CREATE TABLE tenantd.event_ticket (
  secret_sha256 bytea PRIMARY KEY,
  principal     text NOT NULL,
  scopes        text[] NOT NULL,
  expires_at    timestamptz NOT NULL
);
