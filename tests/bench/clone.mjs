// A clone without rows, beside PostgreSQL's own time for the same DDL: what pg_dump writes of the source, in one
// message on an open connection.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { history } from './history.mjs';
import { median } from './parts.mjs';

const CLONES = 20;

function ddlOf(url, schema) {
  const dump = execFileSync('pg_dump', ['--schema-only', '--no-owner', '-n', schema, url], { encoding: 'utf8', maxBuffer: 1 << 26 });
  return dump.split('\n').filter((line) => line && !line.startsWith('--') && !line.startsWith('\\')).join('\n')
    .replaceAll(schema, 'bare_@');
}

function bareMs(bench, url, ddl) {
  const file = join(bench.work, 'clone.sql');
  writeFileSync(file, `BEGIN;\n${ddl}\nCOMMIT;\n`);
  return (Number(execFileSync(bench.bare, [url, file, CLONES, 1], { encoding: 'utf8' })) / CLONES) * 1000;
}

async function cloneMs(d, round) {
  const start = process.hrtime.bigint();
  for (let i = 0; i < CLONES; i++) await d.job('/v1/tenants/source/clone', { id: `c${round}-${i}`, include_data: 'none' });
  return Number(process.hrtime.bigint() - start) / 1e6 / CLONES;
}

export const clone = (bench) =>
  bench.daemon(async (d, url) => {
    for (const { version, sql } of history.slice(0, 30)) await d.register(version, sql);
    await d.provision(['source']);
    const got = { bare: [], clone: [] };
    for (let round = 0; round < bench.rounds; round++) {
      await bench.database((own) => got.bare.push(bareMs(bench, own, ddlOf(url, 'tenant_source'))));
      got.clone.push(await cloneMs(d, round));
      bench.note(`clones round ${round + 1}: bare ${got.bare.at(-1).toFixed(1)} ms, tenantd ${got.clone.at(-1).toFixed(1)} ms`);
    }
    const show = (name, who) =>
      bench.row(`${who}`, `${median(got[name]).toFixed(1)} ms (${got[name].map((v) => v.toFixed(1)).join(', ')})`);
    show('bare', 'the DDL of a schema of thirty tables, in one message');
    show('clone', 'a clone of it without rows, request to end');
    const ratios = got.clone.map((v, i) => v / got.bare[i]);
    bench.row('clone / DDL', `${median(ratios).toFixed(2)} (${ratios.map((v) => v.toFixed(2)).join(', ')})`, 'at most 1.3', median(ratios) <= 1.3);
  });
