-- Staged rollouts: waves with gates and bake times, failure budgets, pauses, windows, deadlines.

ALTER TABLE tenantd.job DROP CONSTRAINT job_state_check;
ALTER TABLE tenantd.job ADD CONSTRAINT job_state_check
  CHECK (state IN ('queued', 'running', 'paused', 'cancelling', 'succeeded', 'partial', 'failed',
                   'cancelled'));

ALTER TABLE tenantd.job
  ADD pause_reason   text CHECK (pause_reason IN ('requested', 'budget')),
  ADD waiting        text CHECK (waiting IN ('gate', 'bake', 'window')), -- for what nothing starts
  ADD end_reason     text CHECK (end_reason IN ('cancelled', 'failure', 'budget', 'deadline')),
  -- one object a wave: name, tasks, max_failures, max_ratio, bake_seconds, gate
  ADD waves          jsonb CHECK (jsonb_array_length(waves) = wave_count),
  ADD wave_opened_at timestamptz,
  ADD wave_ended_at  timestamptz,         -- when the last task of the open waves ended
  ADD promoted_wave  int NOT NULL DEFAULT 0, -- gates up to this wave are open
  ADD max_failures   int CHECK (max_failures >= 0),
  ADD max_ratio      double precision CHECK (max_ratio BETWEEN 0 AND 1),
  ADD on_budget      text NOT NULL DEFAULT 'pause'
                     CHECK (on_budget IN ('pause', 'continue', 'cancel')),
  ADD extra_failures int NOT NULL DEFAULT 0 CHECK (extra_failures >= 0), -- allowed at resumes
  ADD windows        jsonb,               -- when tasks may start; NULL: at any time
  ADD claim_from     timestamptz,         -- the window that is open, or the next one
  ADD claim_until    timestamptz,
  ADD deadline_at    timestamptz,
  ADD look_at        timestamptz,         -- when time alone changes what there is to decide
  ADD CONSTRAINT job_pause_check CHECK ((state = 'paused') = (pause_reason IS NOT NULL));

-- The job tells by itself what becomes of its waves, as it does of its state.
CREATE FUNCTION tenantd.job_tells_waves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO tenantd.event (type, job_id, subject, data)
  SELECT 'run.promoted', NEW.id, NEW.subject, jsonb_build_object('wave', NEW.promoted_wave)
  WHERE NEW.promoted_wave > OLD.promoted_wave;
  INSERT INTO tenantd.event (type, job_id, subject, data)
  SELECT 'run.wave_opened', NEW.id, NEW.subject,
         jsonb_build_object('wave', place - 1, 'name', w -> 'name', 'tasks', w -> 'tasks')
  FROM jsonb_array_elements(NEW.waves) WITH ORDINALITY AS w (w, place)
  WHERE place - 1 > OLD.open_wave AND place - 1 <= NEW.open_wave
    AND (w ->> 'tasks')::int > 0
  ORDER BY place;
  RETURN NULL;
END $$;
CREATE TRIGGER job_tells_waves AFTER UPDATE ON tenantd.job
  FOR EACH ROW WHEN (NEW.waves IS NOT NULL AND (OLD.open_wave, OLD.promoted_wave)
                     IS DISTINCT FROM (NEW.open_wave, NEW.promoted_wave))
  EXECUTE FUNCTION tenantd.job_tells_waves();
