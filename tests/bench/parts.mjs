// What is measured. Each part gets the bench and adds rows to its table.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addColumn, migrateBatch, provisionBatch, ten, writeFolder } from './migrations.mjs';

const ids = (n) => Array.from({ length: n }, (_, i) => `t${i}`);

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

async function seconds(work) {
  const start = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - start) / 1e9;
}

function expect(got, wanted, what) {
  if (got !== wanted) throw new Error(`${what}: ${got} instead of ${wanted}`);
}

async function repeat(times, work) {
  const values = [];
  for (let i = 0; i < times; i++) values.push(await work(i));
  return values;
}

// Round by round: what else the machine does changes slower than the turns.
const ratios = (ours, theirs) => ours.map((value, i) => value / theirs[i]);
const ratio = (values) => `${median(values).toFixed(2)} (${values.map((v) => v.toFixed(2)).join(', ')})`;

// On a busy machine the two ways to compare can differ: a target is met when both say so.
function compare(bench, what, ours, theirs, least) {
  const [paired, medians] = [median(ratios(ours, theirs)), median(ours) / median(theirs)];
  bench.row(what, `${ratio(ratios(ours, theirs))}; of the medians ${medians.toFixed(2)}`, `at least ${least}`,
    Math.min(paired, medians) >= least);
}

const rate = (value) => value.toFixed(value < 100 ? 1 : 0);
const rates = (values) => values.map(rate).join(', ');

function bareRate(bench, url, text, count, connections) {
  const file = join(bench.work, 'batch.sql');
  writeFileSync(file, text);
  return count / Number(execFileSync(bench.bare, [url, file, count, connections], { encoding: 'utf8' }));
}

function seedRate(bench, url, folder, count, ...prefix) {
  const script = join(bench.root, 'tests/contract/compat/bench-seed.mjs');
  const out = execFileSync('node', [script, url, folder, count, ...prefix], { encoding: 'utf8' });
  return JSON.parse(out).tenants_per_second;
}

const CONNECTIONS = [1, 2, 4, 8];

const bareTurn = (connections) => (bench) =>
  bench.database((url) => bareRate(bench, url, provisionBatch(ten), bench.tenants, connections));

const provisionTurn = {
  ...Object.fromEntries(CONNECTIONS.map((n) => [`bare ${n}`, bareTurn(n)])),
  tenantd: (bench) =>
    bench.daemon(async (d) => {
      for (const { version, sql } of ten) await d.register(version, sql);
      return bench.tenants / (await seconds(() => d.provision(ids(bench.tenants))));
    }, { TENANTD_MIGRATIONS_BASELINE: 'false' }), // it replays, as the others do
  seed: (bench, folder) => bench.database((url) => seedRate(bench, url, folder, bench.tenants)),
};

// Provisioning and migrating, the contenders taking turns. The bare loop counts with as many
// connections as suited it best over all rounds.
export async function turns(bench) {
  const folder = writeFolder(join(bench.work, 'ten'), ten);
  const got = Object.fromEntries(Object.keys(provisionTurn).map((name) => [name, []]));
  for (let round = 0; round < bench.rounds; round++)
    for (const [name, turn] of Object.entries(provisionTurn)) {
      got[name].push(await turn(bench, folder));
      bench.note(`round ${round + 1}: ${name} ${rate(got[name].at(-1))} tenants/s`);
    }
  const what = `${bench.tenants} tenants, ten migrations each`;
  const show = (name, who) => bench.row(`${who}: ${what}`, `${rate(median(got[name]))} tenants/s (${rates(got[name])})`);
  for (const n of CONNECTIONS) show(`bare ${n}`, `bare libpq loop, connections: ${n}`);
  show('tenantd', 'tenantd');
  show('seed', SEED);
  const best = CONNECTIONS.map((n) => got[`bare ${n}`]).reduce((a, b) => (median(b) > median(a) ? b : a));
  compare(bench, 'tenantd / the best of the bare loops', got.tenantd, best, 0.92);
  compare(bench, 'tenantd / drizzle-multitenant', got.tenantd, got.seed, 1.7);
}

const SEED = 'drizzle-multitenant 1.3.5, concurrency 10';

// One ADD COLUMN for all, the contenders taking turns, each on a fleet of its own.
const columnTurns = (bench, d, url, seedUrl) => ({
  bare: (round) => Math.max(...CONNECTIONS.map((n) =>
    bareRate(bench, url, migrateBatch(addColumn(2000 + 10 * round + n)), bench.fleet, n))),
  tenantd: async (round) => {
    const { version, sql } = addColumn(2000 + round);
    await d.register(version, sql);
    return bench.fleet / (await seconds(async () => {
      const { progress } = await d.job('/v1/migration-runs', { selector: { all: true } });
      expect(progress.succeeded, bench.fleet, 'tenants migrated');
    }));
  },
  seed: (round) => {
    const folder = writeFolder(join(bench.work, 'columns'), [ten[0], addColumn(2000 + round)]);
    return seedRate(bench, seedUrl, folder, bench.fleet, 'b');
  },
});

async function columns(bench, d, url, seedUrl) {
  for (const each of [url, seedUrl]) bareRate(bench, each, provisionBatch(ten.slice(0, 1)), bench.fleet, 4);
  const turns = columnTurns(bench, d, url, seedUrl);
  const got = Object.fromEntries(Object.keys(turns).map((name) => [name, []]));
  for (let round = 0; round < bench.rounds; round++)
    for (const [name, turn] of Object.entries(turns)) {
      got[name].push(await turn(round));
      bench.note(`ADD COLUMN round ${round + 1}: ${name} ${rate(got[name].at(-1))} tenants/s`);
    }
  const show = (name, what) => bench.row(what, `${rate(median(got[name]))} tenants/s (${rates(got[name])})`);
  show('bare', `bare libpq loop, its best of ${CONNECTIONS.join(', ')} connections: ADD COLUMN over ${bench.fleet} tenants`);
  show('tenantd', 'tenantd: the same');
  show('seed', `${SEED}: the same`);
  compare(bench, 'tenantd / bare loop', got.tenantd, got.bare, 0.6);
  compare(bench, 'tenantd / drizzle-multitenant', got.tenantd, got.seed, 20);
}

const spread = (times) =>
  `${(median(times) * 1000).toFixed(0)} ms, at most ${(Math.max(...times) * 1000).toFixed(0)} ms`;

async function idleRuns(bench, d) {
  const times = await repeat(5 * bench.rounds, () =>
    seconds(async () => {
      const { progress } = await d.job('/v1/migration-runs', { selector: { all: true } });
      expect(progress.skipped, bench.registered, 'tenants skipped');
    }));
  bench.row(`run over ${bench.registered} tenants with nothing to do, request to end`, spread(times),
    'under 300 ms', Math.max(...times) < 0.3);
}

async function status(bench, d) {
  const times = await repeat(10 * bench.rounds, () =>
    seconds(async () => expect((await d.call('GET', '/v1/migration-status')).ok, bench.registered, 'tenants ok')));
  bench.row(`fleet status of ${bench.registered} tenants`, spread(times), 'under 150 ms', Math.max(...times) < 0.15);
}

// Another tenant with every request; wrk counts what is not 2xx.
const wrkScript = (bench, token) => `
wrk.headers["Authorization"] = "Bearer ${token}"
local i = 0
request = function()
  i = (i + 7919) % ${bench.fleet}
  return wrk.format("GET", "/v1/tenants/t" .. i)
end
done = function(summary, latency, requests)
  local e = summary.errors
  print(string.format("RESULT %d %d %d %d", summary.requests, summary.duration,
    latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
`;

async function reads(bench, d) {
  const script = join(bench.work, 'reads.lua');
  writeFileSync(script, wrkScript(bench, d.token));
  const wrk = (time) =>
    execFileSync('wrk', ['-t1', '-c64', `-d${time}s`, '-s', script, d.base], { encoding: 'utf8' });
  wrk(2); // warm
  const runs = await repeat(bench.rounds, () => {
    const [requests, us, p99, errors] = /RESULT (\d+) (\d+) (\d+) (\d+)/.exec(wrk(10)).slice(1).map(Number);
    bench.note(`reads: ${(requests / us * 1e6).toFixed(0)}/s, p99 ${(p99 / 1000).toFixed(1)} ms, ${errors} errors`);
    return { rate: (requests / us) * 1e6, p99: p99 / 1000, errors };
  });
  const [perSecond, p99] = [median(runs.map((r) => r.rate)), median(runs.map((r) => r.p99))];
  const errors = runs.reduce((sum, r) => sum + r.errors, 0);
  bench.row('GET /v1/tenants/{id}, 64 connections', `${perSecond.toFixed(0)} requests/s`, 'at least 3,000', perSecond >= 3000);
  bench.row('its 99th percentile', `${p99.toFixed(1)} ms`, 'under 20 ms', p99 < 20);
  bench.row('its errors', String(errors), 'none', errors === 0);
}

export const fleet = (bench) =>
  bench.daemon(async (d) => {
    await d.register(ten[0].version, ten[0].sql);
    await d.provision(ids(bench.fleet));
    await bench.database((url) => bench.database((seedUrl) => columns(bench, d, url, seedUrl)));
    await reads(bench, d);
  });

async function runOverAll(bench, d) {
  await d.register('0001_note', 'CREATE TABLE note (id bigint PRIMARY KEY, body text NOT NULL);\n');
  d.forgetPeak();
  const took = await seconds(() => d.job('/v1/migration-runs', { selector: { all: true } }));
  const peak = d.memory().peak;
  bench.row(`resident memory, most during a run over ${bench.registered} tenants (${took.toFixed(0)} s)`,
    `${peak.toFixed(1)} MiB`, 'under 150 MiB', peak < 150);
}

// Nobody may get slower because others are there: tenants of one table, provisioned among few and
// among many schemas, then migrated.
const PROBE = 500;

async function probe(bench, d, name, column) {
  const some = ids(PROBE).map((id) => `${name}-${id}`);
  const made = PROBE / (await seconds(() => d.provision(some)));
  await d.register(column.version, column.sql);
  const run = () => d.job('/v1/migration-runs', { selector: { ids: some } });
  const migrated = PROBE / (await seconds(async () => expect((await run()).progress.succeeded, PROBE, 'tenants migrated')));
  return { made, migrated };
}

export const growth = (bench) =>
  bench.daemon(async (d) => {
    await d.register(ten[0].version, ten[0].sql);
    await d.provision(ids(100).map((id) => `first-${id}`));
    d.forgetPeak();
    const few = await probe(bench, d, 'few', addColumn(2000));
    await d.provision(ids(bench.schemas - PROBE - 100));
    const many = await probe(bench, d, 'many', addColumn(2001));
    const row = (what, name) => bench.row(`${what}, ${bench.schemas} schemas there / 100 there`,
      `${(many[name] / few[name]).toFixed(2)} (${rate(many[name])} / ${rate(few[name])} tenants/s)`, 'at least 0.85',
      many[name] / few[name] >= 0.85);
    row(`${PROBE} tenants of one table provisioned`, 'made');
    row(`ADD COLUMN over ${PROBE} tenants`, 'migrated');
    const { peak } = d.memory();
    bench.row(`resident memory, most while the fleet grew to ${bench.schemas}`, `${peak.toFixed(1)} MiB`, 'under 150 MiB', peak < 150);
  });

export const memory = (bench) =>
  bench.daemon(async (d) => {
    await d.provision(ids(bench.registered));
    const idle = await bench.settled(d);
    bench.row(`resident memory with ${bench.registered} tenants registered, idle`, `${idle.toFixed(1)} MiB`, 'under 40 MiB', idle < 40);
    await runOverAll(bench, d);
    await idleRuns(bench, d);
    await status(bench, d);
    const after = await bench.settled(d);
    bench.row('resident memory after the run, idle again', `${after.toFixed(1)} MiB`, 'under 40 MiB', after < 40);
  });

export { warm } from './warm.mjs';
export { baseline } from './history.mjs';
export { drift } from './drift.mjs';
export { clone } from './clone.mjs';
