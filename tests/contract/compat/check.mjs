// The scripts of this folder against a real PostgreSQL: what the tests that take turns with them rely on.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { args } from './seed.mjs';

const [url, folder, next] = args('check.mjs DATABASE_URL FOLDER NEXT', 3);
const files = readdirSync(folder).filter((name) => name.endsWith('.sql')).sort();
const tags = files.map((name) => name.slice(0, -4));
const hashes = files.map((name) => createHash('sha256').update(readFileSync(join(folder, name))).digest('hex'));
const journal = JSON.parse(readFileSync(join(folder, 'meta/_journal.json'), 'utf8')).entries;
const here = (script) => new URL(script, import.meta.url).pathname;
const run = (script, ...rest) => JSON.parse(execFileSync(process.execPath, [here(script), ...rest], { encoding: 'utf8' }));
const fails = (script, ...rest) => spawnSync(process.execPath, [here(script), ...rest], { encoding: 'utf8' });

const v1 = mkdtempSync(join(tmpdir(), 'tenantd-v1-'));
const v1Names = run('to-v1-folder.mjs', folder, v1).names;
const withNext = mkdtempSync(join(tmpdir(), 'tenantd-next-'));
for (const from of [folder, next]) cpSync(from, withNext, { recursive: true });

const checks = {
  'the journal names every file, in order, with rising times': () => {
    assert.deepEqual(journal.map((entry) => entry.tag), tags);
    assert.deepEqual(journal.map((entry) => entry.idx), tags.map((_, i) => i));
    for (let i = 1; i < journal.length; i++) assert.ok(journal[i].when > journal[i - 1].when);
  },
  ...Object.fromEntries(['name', 'hash', 'drizzle-kit'].map((format) => [
    `seed: migrates in format ${format}, and finds the format again by itself`,
    () => {
      const made = run('seed-migrate.mjs', url, folder, format, `${format}-a`, `${format}-b`);
      assert.equal(made.succeeded, 2);
      for (const tenant of made.tenants) assert.deepEqual(tenant.applied, tags);
      const { tenants } = run('seed-status.mjs', url, folder, 'auto', `${format}-a`, `${format}-b`, `${format}-none`);
      assert.deepEqual(tenants.map((one) => one.format), [format, format, null]);
      assert.deepEqual(tenants.map((one) => one.applied_count), [tags.length, tags.length, 0]);
      assert.deepEqual(tenants.map((one) => one.pending), [[], [], tags]);
      assert.deepEqual(tenants.map((one) => one.in_sync), [true, true, false]);
    },
  ])),
  'seed: a second run applies nothing': () => {
    const again = run('seed-migrate.mjs', url, folder, 'auto', 'name-a', 'hash-a');
    assert.deepEqual(again.tenants.map((one) => one.applied), [[], []]);
  },
  'drizzle-orm 0.45: hash of the bytes and time of the journal; the seed continues it': () => {
    const { tracked } = run('drizzle-kit-migrate.mjs', url, 'tenant_orm', folder);
    assert.deepEqual(tracked.map(({ hash, created_at }) => ({ hash, created_at })),
      hashes.map((hash, i) => ({ hash, created_at: journal[i].when })));
    assert.deepEqual(Object.keys(tracked[0]).sort(), ['created_at', 'hash', 'id']);
    const [status] = run('seed-status.mjs', url, folder, 'auto', 'orm').tenants;
    assert.deepEqual([status.status, status.format, status.in_sync], ['ok', 'drizzle-kit', true]);
  },
  'drizzle-orm 1.0: name of the folder, time to the second, time of application': () => {
    const { tracked } = run('drizzle-kit-v1-migrate.mjs', url, 'tenant_v1', v1);
    assert.deepEqual(tracked.map((row) => row.name), v1Names);
    assert.deepEqual(tracked.map((row) => row.hash), hashes);
    assert.deepEqual(tracked.map((row) => row.created_at), journal.map(({ when }) => when - (when % 1000)));
    assert.deepEqual(Object.keys(tracked[0]).sort(), ['applied_at', 'created_at', 'hash', 'id', 'name']);
    assert.ok(tracked.every((row) => row.applied_at !== null));
  },
  'drizzle-orm 1.0: upgrades the 0.45 table in place and applies nothing twice': () => {
    const { tracked } = run('drizzle-kit-v1-migrate.mjs', url, 'tenant_orm', v1);
    assert.deepEqual(tracked.map((row) => row.name), v1Names);
    assert.deepEqual(tracked.map((row) => row.created_at), journal.map(({ when }) => when));
    assert.ok(tracked.every((row) => row.applied_at === null));
  },
  'seed: takes a v1 table for format name, so it must not follow drizzle-orm 1.0': () => {
    const [status] = run('seed-status.mjs', url, folder, 'auto', 'v1').tenants;
    assert.deepEqual([status.format, status.pending.length, status.orphans.length], ['name', tags.length, tags.length]);
  },
  'drizzle-orm 0.45: skips a newer file after the seed, which records the time of application': () => {
    run('seed-migrate.mjs', url, folder, 'drizzle-kit', 'mixed');
    const { tracked } = run('drizzle-kit-migrate.mjs', url, 'tenant_mixed', withNext);
    assert.deepEqual(tracked.map((row) => row.hash), hashes);
  },
  'drizzle-orm 1.0: refuses to upgrade a table with a row that matches no folder, and leaves it alone': () => {
    const before = run('drizzle-kit-migrate.mjs', url, 'tenant_unmatched', withNext).tracked;
    assert.equal(fails('drizzle-kit-v1-migrate.mjs', url, 'tenant_unmatched', v1).status, 1);
    assert.deepEqual(run('drizzle-kit-migrate.mjs', url, 'tenant_unmatched', withNext).tracked, before);
  },
  'bench: reports what it did': () => {
    const bench = run('bench-seed.mjs', url, folder, '3');
    assert.equal(bench.succeeded, 3);
    assert.ok(bench.seconds > 0 && bench.tenants_per_second > 0);
  },
  'wrong use: exit status 2, and 1 when the work fails': () => {
    assert.equal(fails('seed-migrate.mjs').status, 2);
    assert.equal(fails('seed-migrate.mjs', url, folder, 'prisma', 'a').status, 2);
    assert.equal(fails('bench-seed.mjs', url, folder, '-1').status, 2);
    assert.equal(fails('drizzle-kit-migrate.mjs', url, 'tenant_none', v1).status, 1);
    assert.equal(fails('seed-status.mjs', `${url}-not-there`, folder, 'auto', 'a').status, 1);
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    check();
    console.log(`ok - ${name}`);
  } catch (error) {
    failed++;
    console.log(`not ok - ${name}\n${error.message}`);
  }
}
for (const made of [v1, withNext]) rmSync(made, { recursive: true });
console.log(`${Object.keys(checks).length - failed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
