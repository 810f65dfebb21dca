// dockerfile.mjs ROOT: every source of a COPY exists and passes .dockerignore; the user is a number; no secret is built in.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [root] = process.argv.slice(2);
const lines = readFileSync(join(root, 'Dockerfile'), 'utf8').replace(/\\\n/g, ' ').split('\n');
const kept = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n').filter((line) => line.startsWith('!')).map((line) => line.slice(1));

for (const line of lines.filter((one) => one.startsWith('COPY ') && !one.includes('--from='))) {
  for (const source of line.split(/\s+/).slice(1, -1)) {
    assert.ok(existsSync(join(root, source)), `${source} is not there`);
    assert.ok(kept.some((path) => source === path || source.startsWith(`${path}/`)), `${source} is ignored`);
  }
}
const users = lines.filter((line) => line.startsWith('USER '));
assert.equal(users.length, 1);
assert.match(users[0], /^USER \d{4,}:\d{4,}$/);
for (const line of lines.filter((one) => /^(ENV|ARG) /.test(one))) assert.doesNotMatch(line, /TOKEN|PASSWORD|DATABASE_URL/);
for (const line of lines.filter((one) => one.includes('apt-get install'))) {
  assert.match(line, /--no-install-recommends/);
  assert.match(line, /rm -rf \/var\/lib\/apt\/lists/);
}
