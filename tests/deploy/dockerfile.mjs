// dockerfile.mjs ROOT: every source of a COPY exists and passes .dockerignore, what CMake reads is copied; the user is a number; no secret is built in.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
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
// Every top-level folder that the build of the daemon mentions has to be in the image's build stage.
const cmake = execFileSync('git', ['-C', root, 'ls-files', '*CMakeLists.txt', '*.cmake'], { encoding: 'utf8' })
  .split('\n').filter((path) => path && !path.startsWith('tests/'));
for (const path of cmake) {
  const text = readFileSync(join(root, path), 'utf8');
  for (const [, folder] of text.matchAll(/\$\{(?:PROJECT|CMAKE)_SOURCE_DIR\}\/([a-z]+)/g))
    assert.ok(lines.some((line) => line.startsWith(`COPY ${folder} `)), `${path} reads ${folder}/, which is not copied`);
}
const users = lines.filter((line) => line.startsWith('USER '));
assert.equal(users.length, 1);
assert.match(users[0], /^USER \d{4,}:\d{4,}$/);
for (const line of lines.filter((one) => /^(ENV|ARG) /.test(one))) assert.doesNotMatch(line, /TOKEN|PASSWORD|DATABASE_URL/);
for (const line of lines.filter((one) => one.includes('apt-get install'))) {
  assert.match(line, /--no-install-recommends/);
  assert.match(line, /rm -rf \/var\/lib\/apt\/lists/);
}
