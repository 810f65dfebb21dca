-- What every tenant refers to. May be run again at any time: it brings prices and names up to date and removes nothing.
INSERT INTO plans (id, name, description, price_cents, "interval", seats_included) VALUES
	('free', 'Free', 'One mailbox, three agents', 0, 'month', 3),
	('team', 'Team', 'Service levels and reporting', 4900, 'month', 10),
	('business', 'Business', 'Everything, billed yearly', 99900, 'year', 50)
ON CONFLICT (id) DO UPDATE SET
	name = excluded.name, description = excluded.description, price_cents = excluded.price_cents,
	"interval" = excluded."interval", seats_included = excluded.seats_included;

INSERT INTO countries (code, name, currency, vat_rate) VALUES
	('AT', 'Austria', 'EUR', 20.00),
	('BR', 'Brazil', 'BRL', 0.00),
	('CH', 'Switzerland', 'CHF', 8.10),
	('CI', 'Côte d''Ivoire', 'XOF', 18.00),
	('DE', 'Germany', 'EUR', 19.00),
	('GB', 'United Kingdom', 'GBP', 20.00),
	('JP', 'Japan', 'JPY', 10.00),
	('US', 'United States', 'USD', 0.00)
ON CONFLICT (code) DO UPDATE SET name = excluded.name, currency = excluded.currency, vat_rate = excluded.vat_rate;

INSERT INTO feature_flags (key, description, enabled_by_default) VALUES
	('chat', 'Live chat widget', false),
	('sla', 'Service levels', false),
	('public_api', 'REST access for the tenant''s own tools', true)
ON CONFLICT (key) DO UPDATE SET description = excluded.description;

INSERT INTO plan_features (plan_id, feature_key, quota) VALUES
	('free', 'public_api', 1000),
	('team', 'public_api', 50000),
	('team', 'sla', NULL),
	('business', 'public_api', NULL),
	('business', 'sla', NULL),
	('business', 'chat', NULL)
ON CONFLICT (plan_id, feature_key) DO UPDATE SET quota = excluded.quota;
