// How long the real drizzle-multitenant takes to look for drift among tenants that are there, PREFIX0 and so on, at its
// default concurrency of 10, and how many of them it calls drifted.
import { args, print, seedMigrator } from './seed.mjs';

const [url, folder, count, prefix] = args('bench-drift.mjs DATABASE_URL FOLDER N PREFIX', 4);
const tenants = Array.from({ length: Number(count) }, (_, i) => prefix + i);
const migrator = seedMigrator(url, folder, 'name', tenants);

const start = process.hrtime.bigint();
const result = await migrator.getSchemaDrift({ concurrency: 10 });
const seconds = Number(process.hrtime.bigint() - start) / 1e9;
print({ tenants: result.total, drifted: result.withDrift, no_drift: result.noDrift, errors: result.error, seconds });
