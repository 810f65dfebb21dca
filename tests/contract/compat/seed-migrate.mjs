// Creates the tenants' schemas where they are missing and migrates them with the real drizzle-multitenant.
import { args, print, seedMigrator } from './seed.mjs';

const [url, folder, format, ...tenants] = args('seed-migrate.mjs DATABASE_URL FOLDER FORMAT TENANT...', 4);
const migrator = seedMigrator(url, folder, format, tenants);
for (const tenant of tenants) await migrator.createTenant(tenant, { migrate: false });

const result = await migrator.migrateAll({ concurrency: 10 });
print({
  total: result.total,
  succeeded: result.succeeded,
  failed: result.failed,
  tenants: result.details.map((one) => ({
    tenant_id: one.tenantId,
    schema: one.schemaName,
    success: one.success,
    format: one.format ?? null,
    applied: one.appliedMigrations,
    error: one.error ?? null,
  })),
});
process.exitCode = result.succeeded === tenants.length ? 0 : 1;
