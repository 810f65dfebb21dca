// The checks find what they are there for: every kind of violation is planted once.
//
//   node selftest.mjs [openapi.yaml]
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Contract } from './contract.mjs';
import { Checker } from './exchange.mjs';
import { TOKEN, problem, startMock, success } from './mock.mjs';

const here = (name) => new URL(name, import.meta.url).pathname;
const file = process.argv[2] ?? here('../../../openapi/openapi.yaml');
const contract = await Contract.load(file);
const operation = (id) => contract.operations.find((o) => o.operationId === id);
let passed = 0;
let failed = 0;

function expect(name, ok, why = '') {
  if (ok) {
    passed++;
  } else {
    failed++;
    console.log(`${name}: ${why}`);
  }
}

// A right exchange of an operation; with() changes copies of it.
function good(id, more = {}) {
  const op = operation(id);
  const [type, media] = Object.entries(op.requestBody?.content ?? {})[0] ?? [];
  const body = Object.values(media?.examples ?? {})[0]?.value;
  const required = op.parameters.filter((p) => p.in === 'query' && p.required);
  return {
    method: op.method,
    path: op.path.replace(/\{\w+\}/g, '0198d1f0-3b7a-7c11-9a55-0d3c1f2e4b6a'),
    query: required.map((p) => `${p.name}=${p.schema.enum[0]}`).join('&'),
    request_headers: { Authorization: `Bearer ${TOKEN}`, ...(type && { 'Content-Type': type }) },
    request_body: typeof body === 'string' ? body : body && JSON.stringify(body),
    ...success(contract, op),
    ...more,
  };
}

const edit = (text, change) => {
  const value = JSON.parse(text);
  change(value);
  return JSON.stringify(value);
};
const without = (headers, name) => ({ ...headers, [name]: undefined });
const drop = (x, name) => ({ ...x, headers: JSON.parse(JSON.stringify(without(x.headers, name))) });
const body = (x, change) => ({ ...x, body: edit(x.body, change) });
const asked = (x, more) => ({ ...x, ...more });

const tenant = good('getTenant');
const create = good('createTenant', { status: 202, ...pick(operation('createTenant'), 202) });
const missing = { ...tenant, ...problem(404, 'TENANT_NOT_FOUND') };

function pick(op, status) {
  return success(contract, { responses: { [status]: op.responses[status] } });
}

// name, exchange, kind and text of the violation that must be found
const planted = [
  ['unknown path answered', { ...tenant, path: '/v1/nothing' }, 'route', /no such path/],
  [
    'unknown path without a problem',
    { ...tenant, path: '/nothing', status: 404 },
    'content-type',
    /problem/,
  ],
  ['unknown method answered', { ...tenant, method: 'PUT' }, 'route', /does not take PUT/],
  [
    '405 without Allow',
    { ...tenant, method: 'PUT', ...problem(405, 'METHOD_NOT_ALLOWED') },
    'header',
    /Allow/,
  ],
  ['undocumented status', { ...tenant, status: 418 }, 'status', /418 is not documented/],
  [
    'undocumented error',
    { ...tenant, ...problem(409, 'TENANT_BUSY') },
    'status',
    /409 TENANT_BUSY/,
  ],
  ['200 where 202 stands', { ...good('cancelJob'), status: 200 }, 'status', /200/],
  [
    'another content type',
    { ...tenant, headers: { ...tenant.headers, 'content-type': 'text/html' } },
    'content-type',
    /text\/html/,
  ],
  ['no content type', drop(tenant, 'content-type'), 'content-type', /none/],
  [
    'error as plain JSON',
    { ...missing, headers: { ...missing.headers, 'content-type': 'application/json' } },
    'content-type',
    /application\/json is not documented for 404/,
  ],
  ['no X-Request-Id', drop(tenant, 'x-request-id'), 'header', /X-Request-Id is missing/],
  ['no ETag', drop(tenant, 'etag'), 'header', /ETag is missing/],
  ['unquoted ETag', { ...tenant, headers: { ...tenant.headers, etag: 't17' } }, 'header', /ETag/],
  [
    'ETag of another version',
    { ...tenant, headers: { ...tenant.headers, etag: '"t18"' } },
    'header',
    /t18/,
  ],
  ['202 without Location', drop(create, 'location'), 'header', /Location is missing/],
  [
    'Location elsewhere',
    { ...create, headers: { ...create.headers, location: '/v1/tenants/a' } },
    'header',
    /Location/,
  ],
  [
    '401 without WWW-Authenticate',
    { ...tenant, ...problem(401, 'UNAUTHENTICATED') },
    'header',
    /WWW/,
  ],
  [
    'member missing',
    body(tenant, (t) => {
      delete t.schema;
    }),
    'body',
    /schema/,
  ],
  [
    'member too many',
    body(tenant, (t) => {
      t.secret = 1;
    }),
    'body',
    /secret/,
  ],
  [
    'member of another type',
    body(tenant, (t) => {
      t.labels = [];
    }),
    'body',
    /\/labels/,
  ],
  [
    'unknown state',
    body(tenant, (t) => {
      t.state = 'asleep';
    }),
    'body',
    /\/state/,
  ],
  [
    'time without milliseconds',
    body(tenant, (t) => {
      t.created_at = '2026-01-05T10:00:00Z';
    }),
    'body',
    /created_at/,
  ],
  [
    'time that is none',
    body(tenant, (t) => {
      t.created_at = '2026-13-05T10:00:00.000Z';
    }),
    'body',
    /created_at/,
  ],
  [
    'negative count',
    body(tenant, (t) => {
      t.migration.pending = -1;
    }),
    'body',
    /pending/,
  ],
  [
    'failed task without a code',
    body(good('listJobTasks'), (p) => Object.assign(p.tasks[0], { state: 'failed', outcome: {} })),
    'body',
    /outcome/,
  ],
  ['body that is not JSON', { ...tenant, body: '{"id":' }, 'body', /not JSON/],
  ['no body', { ...tenant, body: '' }, 'body', /without a body/],
  ['204 with a body', { ...good('evictTenantPool'), body: '{}' }, 'body', /204 with a body/],
  ['304 with a body', { ...tenant, status: 304 }, 'body', /304 with a body/],
  ['HEAD with a body', { ...tenant, method: 'HEAD' }, 'body', /HEAD/],
  [
    'code of another operation',
    { ...tenant, ...problem(404, 'JOB_NOT_FOUND') },
    'code',
    /JOB_NOT_FOUND/,
  ],
  ['code that does not exist', { ...tenant, ...problem(404, 'OOPS') }, 'code', /OOPS/],
  [
    'problem of another status',
    body(missing, (p) => {
      p.status = 400;
    }),
    'body',
    /says 400/,
  ],
  [
    'problem without retryable',
    body(missing, (p) => {
      delete p.retryable;
    }),
    'body',
    /retryable/,
  ],
  [
    'problem of another request',
    body(missing, (p) => {
      p.request_id = 'other';
    }),
    'header',
    /request_id/,
  ],
  [
    'retryable without Retry-After',
    body({ ...tenant, ...problem(503, 'DRAINING') }, (p) => {
      p.retryable = true;
    }),
    'header',
    /Retry-After/,
  ],
  [
    'pointer that is none',
    body({ ...create, ...problem(422, 'VALIDATION_FAILED') }, (p) => {
      p.errors = [{ pointer: 'id', detail: 'x' }];
    }),
    'body',
    /pointer/,
  ],
  ['unknown parameter accepted', asked(tenant, { query: 'stat=1' }), 'request', /stat/],
  [
    'required parameter not needed',
    asked(good('exportTenantSchema'), { query: '' }),
    'request',
    /format/,
  ],
  [
    'unknown member accepted',
    asked(create, { request_body: '{"id":"a","x":1}' }),
    'request',
    /"x"/,
  ],
  ['bad id accepted', asked(create, { request_body: '{"id":"A b"}' }), 'request', /\/id/],
  ['broken JSON accepted', asked(create, { request_body: '{' }), 'request', /not JSON/],
  ['missing body accepted', asked(create, { request_body: '' }), 'request', /without a body/],
  [
    'other content type accepted',
    asked(create, { request_headers: { ...create.request_headers, 'Content-Type': 'text/plain' } }),
    'request',
    /text\/plain/,
  ],
  [
    'empty selector accepted',
    asked(good('createWarmup'), { request_body: '{"selector":{}}' }),
    'request',
    /selector/,
  ],
  [
    'all and ids accepted',
    asked(good('createWarmup'), { request_body: '{"selector":{"all":true,"ids":["a"]}}' }),
    'request',
    /selector/,
  ],
  ['no token needed', asked(tenant, { request_headers: {} }), 'security', /Authorization/],
  ['dry run that did something', asked(create, { query: 'dry_run=true' }), 'body', /dry_run/],
];

const fine = [
  missing,
  create,
  { ...tenant, path: '/v1/nothing', ...problem(404, 'NOT_FOUND') },
  { ...tenant, method: 'PUT', ...problem(405, 'METHOD_NOT_ALLOWED', { allow: 'GET' }) },
  { ...tenant, method: 'OPTIONS', status: 204, headers: { allow: 'GET' }, body: '' },
  { ...tenant, method: 'HEAD', body: '' },
  { ...good('evictTenantPool'), body: null, request_body: null, query: [] },
  { ...tenant, status: 304, headers: { 'x-request-id': 'a' }, body: '' },
  { ...tenant, ...problem(414, 'URI_TOO_LONG') },
  { ...tenant, headers: { ...tenant.headers, 'content-type': 'Application/JSON; charset=utf-8' } },
  { ...good('getLivez'), request_headers: {} },
  good('createTenant', {
    query: 'dry_run=true',
    ...success(contract, operation('createTenant'), { dryRun: true }),
  }),
  { ...good('createWarmup'), ...problem(422, 'EMPTY_SELECTOR'), request_body: '{"selector":{}}' },
];

const text = (violations) => violations.map((v) => `${v.kind}: ${v.text}`).join('; ');

for (const op of contract.operations) {
  const found = new Checker(contract, { seesTokens: true }).check(good(op.operationId));
  expect(`right: ${op.operationId}`, found.length === 0, text(found));
}
for (const x of fine) {
  const found = new Checker(contract, { seesTokens: true }).check(x);
  expect(`right: ${x.method} ${x.path} ${x.status}`, found.length === 0, text(found));
}
for (const [name, x, kind, pattern] of planted) {
  const found = new Checker(contract, { seesTokens: true }).check(x);
  expect(
    `planted: ${name}`,
    found.some((v) => v.kind === kind && pattern.test(v.text)),
    `not found as ${kind} ${pattern}, only: ${text(found) || 'nothing'}`,
  );
}

// The programs: exit status and last line.
const dir = await mkdtemp(join(tmpdir(), 'contract-'));
const exec = promisify(execFile);

async function program(name, args, env = {}) {
  const done = (code, stdout) => ({ code, stdout, last: stdout.trimEnd().split('\n').at(-1) });
  try {
    const { stdout } = await exec(process.execPath, [here(name), ...args], {
      env: { ...process.env, ...env },
    });
    return done(0, stdout);
  } catch (e) {
    return done(e.code, e.stdout ?? '');
  }
}

async function validate(lines, ...flags) {
  const log = join(dir, 'log');
  await writeFile(
    log,
    lines.map((l) => (typeof l === 'string' ? l : JSON.stringify(l))).join('\n'),
  );
  return program('validate.mjs', [file, log, ...flags]);
}

async function runs(name, result, code, pattern) {
  const { code: got, stdout } = await result;
  expect(name, got === code && pattern.test(stdout), `exit ${got}: ${stdout.slice(-800)}`);
}

const everything = contract.operations.map((o) => good(o.operationId));
const codes = join(dir, 'codes');
await writeFile(codes, 'TENANT_NOT_FOUND\nTENANT_BUSY\n');
const errList = join(dir, 'err_list.h');
await writeFile(errList, '#define ERR_LIST(X) \\\n    X(TENANT_NOT_FOUND, NOT_FOUND, "no") \\\n');
await runs('log of right exchanges', validate([tenant, create]), 0, /^2 passed, 0 failed\n$/);
await runs(
  'log with a wrong one',
  validate([tenant, { ...tenant, status: 418 }]),
  1,
  /getTenant 418: status: .*\n1 passed, 1 failed\n$/,
);
await runs(
  'log with a broken line',
  validate([tenant, '{']),
  1,
  /not JSON.*\n1 passed, 1 failed\n$/,
);
await runs('log with a strange line', validate(['{"method":"GET"}']), 1, /no usable path, status/);
const tokenless = { ...tenant, request_headers: {} };
await runs('log without tokens', validate([tokenless]), 0, /^1 passed, 0 failed\n$/);
await runs('empty log', validate([]), 1, /no exchange/);
await runs('all operations', validate(everything, '--require-all-operations'), 0, / 0 failed\n$/);
await runs(
  'an operation never called',
  validate(everything.slice(1), '--require-all-operations'),
  1,
  /listTenants \(GET \/v1\/tenants\) was never called\n.* 1 failed\n$/,
);
await runs(
  'a code never seen',
  validate([missing], '--require-codes', codes),
  1,
  /TENANT_BUSY was never seen\n2 passed, 1 failed\n$/,
);
await runs(
  'codes of err_list.h',
  validate([missing], '--require-codes', errList),
  0,
  /^2 passed, 0 failed\n$/,
);
await runs('usage', program('validate.mjs', []), 2, /^$/);

// The fuzzer against a server that is right, and against one that is wrong in several ways.
async function fuzz(fault) {
  const mock = await startMock(contract, fault);
  const result = await program('fuzz.mjs', [file, mock.url, TOKEN, '100'], { FUZZ_SECONDS: '60' });
  await mock.stop();
  return result;
}

const faults = {
  getTenant: [200, () => problem(500, 'INTERNAL')],
  listPools: [
    200,
    (reply) =>
      body(reply, (pools) => {
        delete pools.count;
      }),
  ],
  getShared: [200, () => problem(404, 'NOT_FOUND')],
  createTenants: [422, () => success(contract, operation('createTenants'))],
  listJobs: [401, () => success(contract, operation('listJobs'))],
};
const faulty = (id, reply) => (faults[id]?.[0] === reply.status ? faults[id][1](reply) : reply);
await runs('fuzz: a right server', fuzz(), 0, / 0 failed\n$/);
const found = await fuzz(faulty);
for (const [name, pattern] of [
  ['500', /getTenant \(valid\): .*\n +status: 500/],
  ['a reply that does not fit', /listPools \(valid\): .*\n +body: .*count/],
  ['an undocumented status', /getShared \(valid\): .*\n +status: 404/],
  ['bad input accepted', /createTenants \(missing member\): .*\n +request: accepted/],
  ['no token needed', /listJobs \(no token\): .*\n +security: accepted without/],
  ['any token taken', /listJobs \(wrong token\): accepted with 200/],
])
  await runs(`fuzz: ${name}`, found, 1, pattern);
const blamed = [...new Set(found.stdout.match(/^\w+(?= \()/gm))].sort().join();
expect('fuzz: nothing else', blamed === Object.keys(faults).sort().join(), blamed);
await rm(dir, { recursive: true });

console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
