// A scan for drift over a fleet of ten tables a tenant, beside drizzle-multitenant's over a few of the same.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { ten, writeFolder } from './migrations.mjs';
import { median } from './parts.mjs';

const SEED_TENANTS = 40; // it takes seconds for each
const SEED_LIMIT_MS = 900000;

const scan = async (d) => {
  const start = process.hrtime.bigint();
  const job = await d.job('/v1/drift-scans', { selector: { all: true } });
  return { job, seconds: Number(process.hrtime.bigint() - start) / 1e9 };
};

async function expectDrift(d, wanted, what) {
  const { ok, drifted } = await d.call('GET', '/v1/drift?page_size=1');
  if (ok !== wanted.ok || drifted !== wanted.drifted)
    throw new Error(`${what}: ${ok} ok and ${drifted} drifted instead of ${wanted.ok} and ${wanted.drifted}`);
}

function seedSeconds(bench, url) {
  const script = join(bench.root, 'tests/contract/compat/bench-drift.mjs');
  const folder = writeFolder(join(bench.work, 'ten'), ten);
  const out = execFileSync('node', [script, url, folder, SEED_TENANTS, 't'], { encoding: 'utf8', timeout: SEED_LIMIT_MS });
  return JSON.parse(out);
}

export const drift = (bench) =>
  bench.daemon(async (d, url) => {
    for (const { version, sql } of ten) await d.register(version, sql);
    await d.provision(Array.from({ length: bench.fleet }, (_, i) => `t${i}`));
    d.forgetPeak();
    const rounds = [];
    for (let i = 0; i < bench.rounds; i++) {
      rounds.push((await scan(d)).seconds);
      await expectDrift(d, { ok: bench.fleet, drifted: 0 }, 'tenants that are all alike');
    }
    const { peak } = d.memory();
    const ours = median(rounds);
    bench.row(`drift of ${bench.fleet} tenants, ten tables each`,
      `${ours.toFixed(1)} s (${rounds.map((s) => s.toFixed(1)).join(', ')})`, 'under 10 s', ours < 10);
    bench.row('resident memory, most during that', `${peak.toFixed(1)} MiB`, 'under 100 MiB', peak < 100);
    execFileSync('psql', ['-X', '-q', '-d', url, '-c', 'ALTER TABLE tenant_t7.table_3 ADD by_hand int']);
    await scan(d);
    await expectDrift(d, { ok: bench.fleet - 1, drifted: 1 }, 'one with a column of its own');
    const seed = seedSeconds(bench, url);
    const ratio = (seed.seconds / seed.tenants) / (ours / bench.fleet);
    bench.row(`drizzle-multitenant 1.3.5: drift of ${seed.tenants} of them`,
      `${seed.seconds.toFixed(1)} s, ${seed.drifted} called drifted`);
    bench.row('drizzle-multitenant / tenantd, time a tenant', ratio.toFixed(0), 'at least 100', ratio >= 100);
  });
