-- First rows of a new tenant. Variables, written as in psql: :'tenant_id' and :'schema' are values,
-- :"schema" is a name. May be run again: what is there already stays as the tenant has changed it.
INSERT INTO teams (name) VALUES ('Support') ON CONFLICT (name) DO NOTHING;

INSERT INTO agents (email, name, role, settings)
VALUES (lower('owner@' || :'tenant_id' || '.example'), 'Owner of ' || :'tenant_id', 'owner',
	jsonb_build_object('schema', :'schema', 'signature', 'Sent by ' || :'tenant_id'))
ON CONFLICT (lower(email)) DO NOTHING;

INSERT INTO team_members (team_id, agent_id, is_lead)
SELECT t.id, a.id, true
FROM teams t, agents a
WHERE t.name = 'Support' AND a.role = 'owner'
ON CONFLICT (team_id, agent_id) DO NOTHING;

INSERT INTO sla_policies (name, priority, first_response_minutes, resolution_minutes) VALUES
	('Urgent', 'urgent', 30, 240),
	('High', 'high', 120, 1440),
	('Normal', 'normal', 480, 4320),
	('Low', 'low', 1440, 10080)
ON CONFLICT DO NOTHING;

INSERT INTO tags (name, color) VALUES ('billing', '#2f6f4f'), ('bug', '#b3261e'), ('question', '#1f5fbf')
ON CONFLICT (name) DO NOTHING;

INSERT INTO :"schema".subscriptions (plan_id, seats)
SELECT 'free', 3
WHERE NOT EXISTS (SELECT FROM :"schema".subscriptions WHERE ended_at IS NULL);
