// What the real drizzle-multitenant says of each tenant: which migrations it counts as applied, which as pending.
import { args, print, seedMigrator } from './seed.mjs';

const [url, folder, format, ...tenants] = args('seed-status.mjs DATABASE_URL FOLDER FORMAT TENANT...', 4);
const migrator = seedMigrator(url, folder, format, tenants);
const status = await migrator.getStatus();
const sync = await migrator.getSyncStatus();
const syncOf = new Map(sync.details.map((one) => [one.tenantId, one]));
print({
  tenants: status.map((one) => ({
    tenant_id: one.tenantId,
    schema: one.schemaName,
    status: one.status,
    format: one.format,
    applied_count: one.appliedCount,
    pending: one.pendingMigrations,
    orphans: syncOf.get(one.tenantId).orphans,
    in_sync: syncOf.get(one.tenantId).inSync,
    error: one.error ?? null,
  })),
});
process.exitCode = status.some((one) => one.status === 'error') ? 1 : 0;
