-- What a run pays for each tenant.

-- task_running holds the same few rows.
DROP INDEX tenantd.task_claimed;

-- Contents are never deleted. The check cost a look-up for every tenant that a run moved, and all
-- workers a shared lock on the one row that they moved their tenants to.
ALTER TABLE tenantd.tenant DROP CONSTRAINT tenant_applied_set_fkey;
