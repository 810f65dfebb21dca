// journal.mjs FOLDER: drizzle-orm reads the folder, and the journal names every file once, in order, with rising times.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readMigrationFiles } from 'drizzle-orm/migrator';

const folder = process.argv[2];
const { version, dialect, entries } = JSON.parse(readFileSync(join(folder, 'meta/_journal.json'), 'utf8'));
const files = readdirSync(folder).filter((name) => name.endsWith('.sql')).sort();

assert.deepEqual([version, dialect], ['7', 'postgresql']);
assert.deepEqual(entries.map((entry) => `${entry.tag}.sql`), files);
entries.forEach((entry, i) => {
  assert.deepEqual(Object.keys(entry), ['idx', 'version', 'when', 'tag', 'breakpoints']);
  assert.equal(entry.idx, i);
  assert.ok(i === 0 || entry.when > entries[i - 1].when, `${entry.tag}: when does not rise`);
  assert.ok(entry.when < Date.now(), `${entry.tag}: when is in the future`);
});
const read = readMigrationFiles({ migrationsFolder: folder });
assert.equal(read.length, files.length);
for (const { sql } of read) for (const statement of sql) assert.ok(statement.trim(), 'an empty statement');
