// Runs the parts that are asked for and prints the table. Called by run.sh.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Daemon } from './daemon.mjs';
import * as parts from './parts.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({
  options: {
    work: { type: 'string' },
    command: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    tenants: { type: 'string', default: '500' },
    fleet: { type: 'string', default: '2000' },
    registered: { type: 'string', default: '10000' },
    schemas: { type: 'string', default: '20000' },
    only: { type: 'string', default: 'turns,fleet,memory,growth,warm,baseline,drift,clone' },
    write: { type: 'boolean', default: false },
  },
});
const server = readFileSync(join(values.work, 'url'), 'utf8').trim();
const psql = (sql) => execFileSync('psql', ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', server, '-c', sql], { encoding: 'utf8' }).trim();
const git = (...words) => execFileSync('git', ['-C', here, ...words], { encoding: 'utf8' }).trim();

let databases = 0;
const rows = [];
const bench = {
  root: resolve(here, '../..'),
  work: values.work,
  rounds: Number(values.rounds),
  tenants: Number(values.tenants),
  fleet: Number(values.fleet),
  registered: Number(values.registered),
  schemas: Number(values.schemas),
  note: (text) => console.error(text),

  row(what, measured, target = '', met = true) {
    rows.push({ what, measured, target, met });
    console.error(`${met ? '  ' : '! '}${what}: ${measured}${target && ` (${target})`}`);
  },

  // Everybody starts on an empty database: catalogs that have grown slow everything down. And nobody
  // pays for the files of the one before, whose removal goes to the disk with the next fsync.
  async database(work) {
    const name = `bench_${++databases}`;
    psql(`CREATE DATABASE ${name}`);
    psql('CHECKPOINT');
    execFileSync('sync', ['-f', bench.work]);
    try {
      return await work(server.replace('/postgres?', `/${name}?`));
    } finally {
      psql(`DROP DATABASE ${name} WITH (FORCE)`);
    }
  },

  daemon: (work, settings) =>
    bench.database(async (url) => {
      const daemon = await Daemon.start(join(bench.root, 'build/release/tenantd'), url, join(bench.work, 'tenantd.log'), settings);
      try {
        return await work(daemon, url);
      } finally {
        await daemon.stop();
      }
    }),

  // Resident memory once it has not moved for a second.
  async settled(daemon) {
    let before = daemon.memory().now;
    for (let same = 0, rounds = 0; same < 4 && rounds < 60; rounds++) {
      await new Promise((resolve) => setTimeout(resolve, 250));
      const now = daemon.memory().now;
      same = Math.abs(now - before) < 0.1 ? same + 1 : 0;
      before = now;
    }
    return before;
  },
};
bench.bare = join(bench.root, 'build/release/bench_bare');

function table() {
  const lines = rows.map(({ what, measured, target, met }) =>
    `| ${what} | ${measured} | ${target}${target && target !== 'no target' ? (met ? ' ✓' : ' ✗') : ''} |`);
  const settings = psql("SELECT string_agg(name || '=' || current_setting(name), ', ' ORDER BY name) FROM pg_settings " +
    "WHERE name IN ('fsync','full_page_writes','synchronous_commit','shared_buffers','max_wal_size','checkpoint_timeout')");
  return [
    '| what | measured | target |', '|---|---|---|', ...lines, '',
    `Commit ${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain') ? ' with changes' : ''}, ` +
      `${new Date().toISOString().slice(0, 10)}; ${cpus().length} cores (${cpus()[0].model.trim()}), ` +
      `${(totalmem() / 2 ** 30).toFixed(0)} GiB; PostgreSQL ${psql('SHOW server_version')} on the same machine, ${settings}; ` +
      `everything, wrk and the drivers too, shares the cores. Medians of ${bench.rounds} rounds, the rounds in parentheses; a ratio is the median of the rounds' ratios.`, '',
    `Printed by \`${values.command.trim()}\`.`,
  ].join('\n');
}

for (const part of values.only.split(',')) {
  if (!parts[part]) throw new Error(`there is no part ${part}`);
  await parts[part](bench);
}
const text = table();
console.log(text);
if (values.write) {
  const file = join(here, 'README.md');
  const before = readFileSync(file, 'utf8');
  const marked = /(<!-- table -->)[^]*(<!-- end -->)/;
  if (!marked.test(before)) throw new Error('README.md has no place for the table');
  writeFileSync(file, before.replace(marked, (_, start, end) => `${start}\n${text}\n${end}`));
}
process.exitCode = rows.every((row) => row.met) ? 0 : 1;
