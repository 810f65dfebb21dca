// New tenants of a catalog with a long history: tenantd, which makes what it comes to, beside the bare loop, which
// replays it.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { provisionBatch } from './migrations.mjs';
import { median } from './parts.mjs';

const TENANTS = 200;
const CONNECTIONS = [2, 4, 8];
const version = (i) => `${String(i + 1).padStart(4, '0')}_step`;

const table = (n) => `CREATE TABLE table_${n} (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  parent_id bigint${n > 0 ? ` REFERENCES table_${n - 1}` : ''},
  name text NOT NULL,
  old_note text,
  amount numeric(12, 2) NOT NULL DEFAULT 0
);
CREATE INDEX table_${n}_name ON table_${n} (name);
`;

// What happens to a table over the years.
const changes = [
  (n) => `ALTER TABLE table_${n} ADD COLUMN state text NOT NULL DEFAULT 'new', DROP COLUMN old_note;
CREATE INDEX table_${n}_state ON table_${n} (state);\n`,
  (n) => `ALTER TABLE table_${n} RENAME COLUMN amount TO total;
ALTER TABLE table_${n} ADD CONSTRAINT table_${n}_total CHECK (total >= 0);\n`,
  (n) => `DROP INDEX table_${n}_name;
CREATE INDEX table_${n}_named ON table_${n} (lower(name));
CREATE TABLE draft_${n} (id bigint PRIMARY KEY, body text);\n`,
  (n) => `DROP TABLE draft_${n};
ALTER TABLE table_${n} ALTER COLUMN state DROP DEFAULT, ADD COLUMN created_at timestamptz NOT NULL DEFAULT now();\n`,
];

// A hundred migrations that come to thirty tables: for some of them all of that has happened.
export const history = [
  ...Array.from({ length: 30 }, (_, n) => table(n)),
  ...Array.from({ length: 70 }, (_, i) => changes[i % 4](i >> 2)),
].map((sql, i) => ({ version: version(i), sql }));

function bareRate(bench, url, connections) {
  const file = join(bench.work, 'history.sql');
  writeFileSync(file, provisionBatch(history));
  return TENANTS / Number(execFileSync(bench.bare, [url, file, TENANTS, connections], { encoding: 'utf8' }));
}

const ids = Array.from({ length: TENANTS }, (_, i) => `t${i}`);

const tenantdRate = (bench) =>
  bench.daemon(async (d) => {
    for (const { version, sql } of history) await d.register(version, sql);
    const start = process.hrtime.bigint();
    await d.provision(ids);
    const rate = TENANTS / (Number(process.hrtime.bigint() - start) / 1e9);
    const { state, reason } = await d.call('GET', '/v1/catalogs/tenant/baseline');
    if (state !== 'ready') throw new Error(`the baseline is ${state}: ${reason}`);
    return rate;
  });

export async function baseline(bench) {
  const got = { bare: [], tenantd: [] };
  for (let round = 0; round < bench.rounds; round++) {
    const bare = [];
    for (const n of CONNECTIONS) bare.push(await bench.database((url) => bareRate(bench, url, n)));
    got.bare.push(Math.max(...bare));
    got.tenantd.push(await tenantdRate(bench));
    bench.note(`history round ${round + 1}: bare ${got.bare.at(-1).toFixed(1)}, tenantd ${got.tenantd.at(-1).toFixed(1)} tenants/s`);
  }
  const what = `${TENANTS} new tenants after a hundred migrations, which come to thirty tables`;
  const show = (name, who) =>
    bench.row(`${who}: ${what}`, `${median(got[name]).toFixed(1)} tenants/s (${got[name].map((v) => v.toFixed(1)).join(', ')})`);
  show('bare', `bare libpq loop that replays, its best of ${CONNECTIONS.join(', ')} connections`);
  show('tenantd', 'tenantd, the first three replayed too');
  const ratios = got.tenantd.map((v, i) => v / got.bare[i]);
  bench.row('tenantd / bare loop', `${median(ratios).toFixed(2)} (${ratios.map((v) => v.toFixed(2)).join(', ')})`, 'at least 2', median(ratios) >= 2);
}
