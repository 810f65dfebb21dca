// How long the real drizzle-multitenant takes to provision and migrate N new tenants, at its default concurrency of 10;
// with PREFIX to migrate those that are there, PREFIX0 and so on.
import { args, print, seedMigrator } from './seed.mjs';

const [url, folder, count, prefix] = args('bench-seed.mjs DATABASE_URL FOLDER N [PREFIX]', 3);
const CONCURRENCY = 10;
const wanted = Number(count);
if (!Number.isInteger(wanted) || wanted < 1) {
  console.error(`N must be a whole number above 0, not ${count}`);
  process.exit(2);
}
const run = Date.now().toString(36);
const tenants = Array.from({ length: wanted }, (_, i) => (prefix ?? `bench_${run}_`) + i);
const migrator = seedMigrator(url, folder, 'name', tenants);

async function timed(work) {
  const start = process.hrtime.bigint();
  const result = await work();
  return [result, Number(process.hrtime.bigint() - start) / 1e9];
}

async function provision() {
  for (let at = 0; at < tenants.length; at += CONCURRENCY) {
    const batch = tenants.slice(at, at + CONCURRENCY);
    await Promise.all(batch.map((tenant) => migrator.createTenant(tenant, { migrate: false })));
  }
}

const rounded = (value) => Number(value.toFixed(3));
const [, provisionSeconds] = await timed(prefix === undefined ? provision : () => {});
const [result, migrateSeconds] = await timed(() => migrator.migrateAll({ concurrency: CONCURRENCY }));
const [again, idleSeconds] = await timed(() => migrator.migrateAll({ concurrency: CONCURRENCY }));
const seconds = provisionSeconds + migrateSeconds;
print({
  tenants: wanted,
  concurrency: CONCURRENCY,
  succeeded: result.succeeded,
  failed: result.failed,
  provision_seconds: rounded(provisionSeconds),
  migrate_seconds: rounded(migrateSeconds),
  seconds: rounded(seconds),
  tenants_per_second: rounded(wanted / seconds),
  nothing_to_do_seconds: rounded(idleSeconds),
  first_error: result.details.find((one) => one.error)?.error ?? null,
});
process.exitCode = result.succeeded === wanted && again.succeeded === wanted ? 0 : 1;
