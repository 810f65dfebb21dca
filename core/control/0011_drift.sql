-- Drift: what tenants' schemas look like beside what they should. One row a tenant, from the last
-- scan that looked at it; models and differences are kept once, whoever shares them.

-- Of a tenant that scans hold others against, as it looked when they were started.
CREATE TABLE tenantd.drift_model (
  fingerprint text PRIMARY KEY,
  model       jsonb NOT NULL,
  used_at     timestamptz NOT NULL DEFAULT now()
);

-- What tells a fingerprint from the one that should be there.
CREATE TABLE tenantd.drift_diff (
  reference   text NOT NULL,
  fingerprint text NOT NULL,
  differences jsonb NOT NULL,           -- the first of them
  errors      int NOT NULL,
  warnings    int NOT NULL,
  seen_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (reference, fingerprint)
);

CREATE TABLE tenantd.drift (
  tenant_id   text COLLATE "C" PRIMARY KEY REFERENCES tenantd.tenant ON DELETE CASCADE,
  state       text NOT NULL CHECK (state IN ('ok', 'drifted', 'unknown', 'error')),
  reference   text,                     -- what should be there
  fingerprint text,                     -- what is there
  errors      int NOT NULL DEFAULT 0,
  warnings    int NOT NULL DEFAULT 0,
  basis       jsonb NOT NULL,           -- what it was held against, and by which rules
  problem     jsonb,                    -- why it is not known, or could not be read
  applied_set bigint,                   -- what was recorded as applied then
  job_id      uuid,                     -- jobs go sooner: no reference
  checked_at  timestamptz NOT NULL,
  CHECK (state NOT IN ('ok', 'drifted') OR (reference IS NOT NULL AND fingerprint IS NOT NULL))
);
CREATE INDEX drift_pair ON tenantd.drift (fingerprint, reference);

-- What somebody has looked at and left as it is: for one tenant, or for all that look the same.
CREATE TABLE tenantd.drift_acceptance (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id   text COLLATE "C" REFERENCES tenantd.tenant ON DELETE CASCADE, -- NULL: all of them
  reference   text NOT NULL,
  fingerprint text NOT NULL,
  reason      text NOT NULL,
  accepted_by text NOT NULL,
  accepted_at timestamptz NOT NULL DEFAULT date_trunc('milliseconds', now())
);
CREATE UNIQUE INDEX drift_acceptance_once
  ON tenantd.drift_acceptance (fingerprint, reference, coalesce(tenant_id, ''));
CREATE INDEX drift_acceptance_tenant ON tenantd.drift_acceptance (tenant_id)
  WHERE tenant_id IS NOT NULL;

-- The rows of tenants that scans are about. Whether a drift is accepted is not stored with it, so a
-- scan and an acceptance can cross without either being lost.
CREATE VIEW tenantd.drift_now AS
SELECT d.tenant_id, CASE WHEN d.state = 'drifted' AND a.id IS NOT NULL THEN 'accepted'
                         ELSE d.state END AS state,
       d.reference, d.fingerprint, d.errors, d.warnings, d.basis, d.problem,
       d.problem ->> 'code' AS code, d.applied_set IS DISTINCT FROM t.applied_set AS migrated,
       d.job_id, d.checked_at, a.id AS acceptance
FROM tenantd.drift d
JOIN tenantd.tenant t ON t.id = d.tenant_id AND t.state IN ('active', 'suspended')
LEFT JOIN LATERAL (
  SELECT x.id FROM tenantd.drift_acceptance x
  WHERE d.state = 'drifted' AND x.fingerprint = d.fingerprint AND x.reference = d.reference
    AND (x.tenant_id = d.tenant_id OR x.tenant_id IS NULL)
  ORDER BY x.tenant_id NULLS LAST LIMIT 1) a ON true;

-- A drift is told when it is first seen, and again when it becomes another.
CREATE FUNCTION tenantd.drift_tells() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO tenantd.event (type, job_id, subject, data)
  VALUES ('drift.detected', NEW.job_id, NEW.tenant_id,
          jsonb_build_object('fingerprint', NEW.fingerprint, 'reference', NEW.reference,
                             'errors', NEW.errors, 'warnings', NEW.warnings));
  RETURN NULL;
END $$;
CREATE TRIGGER drift_tells_new AFTER INSERT ON tenantd.drift
  FOR EACH ROW WHEN (NEW.state = 'drifted') EXECUTE FUNCTION tenantd.drift_tells();
CREATE TRIGGER drift_tells_change AFTER UPDATE ON tenantd.drift
  FOR EACH ROW WHEN (NEW.state = 'drifted' AND (OLD.state, OLD.fingerprint, OLD.reference)
                     IS DISTINCT FROM (NEW.state, NEW.fingerprint, NEW.reference))
  EXECUTE FUNCTION tenantd.drift_tells();
