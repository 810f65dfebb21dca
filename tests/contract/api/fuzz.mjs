// Calls every operation of a live server with arbitrary requests, right ones and wrong ones.
//
//   node fuzz.mjs openapi.yaml BASE_URL TOKEN CALLS
//
// About CALLS calls in all, spread over the operations of the API listener, with a fixed seed
// (FUZZ_SEED) and for at most FUZZ_SECONDS (120). Every reply must be what the contract says; there
// is no 5xx but a documented 503; what is wrong in one place is refused. The server's data do not
// survive this.
import fc from 'fast-check';
import { mutations, toRequest, validCall } from './calls.mjs';
import { nasty } from './arbitrary.mjs';
import { Contract } from './contract.mjs';
import { Checker } from './exchange.mjs';
import { send } from './http.mjs';

const [file, base, token, calls] = process.argv.slice(2);
if (!(Number(calls) > 0)) {
  console.error('usage: fuzz.mjs openapi.yaml BASE_URL TOKEN CALLS');
  process.exit(2);
}
const seed = Number(process.env.FUZZ_SEED ?? 20260105);
const deadline = Date.now() + 1000 * Number(process.env.FUZZ_SECONDS ?? 120);

const contract = await Contract.load(file);
const checker = new Checker(contract, { seesTokens: true });
const own = await ownToken();
const seen = new Map(); // parameter -> ids that replies named
const statuses = new Map(); // operationId -> {status: count}

// The token must not revoke itself.
async function ownToken() {
  const reply = await send(base, {
    method: 'GET',
    path: '/v1/whoami',
    headers: { authorization: `Bearer ${token}` },
  });
  if (reply.status !== 200) throw new Error(`the token is not good: ${reply.status} ${reply.body}`);
  return JSON.parse(reply.body).token_id;
}

function learn(name, value) {
  if (typeof value !== 'string' || value === own) return;
  const values = seen.get(name) ?? [];
  if (!values.includes(value)) seen.set(name, [...values.slice(-50), value]);
}

// Ids are told apart by the lists and members they stand in.
const idOf = {
  tenants: ['tenant_id', 'id'],
  jobs: ['job_id', 'id'],
  migration_runs: ['run_id', 'id'],
  servers: ['server_id', 'id'],
  catalogs: ['catalog', 'name'],
  migrations: ['version', 'version'],
  tokens: ['token_id', 'id'],
};

function learnFrom(body) {
  if (!body || typeof body !== 'object') return;
  for (const [list, [name, member]] of Object.entries(idOf))
    for (const item of Array.isArray(body[list]) ? body[list] : []) learn(name, item[member]);
  learn('page_token', body.next_page_token);
  if (body.sha256) learn('version', body.version);
  if (body.token) learn('token_id', body.id);
  if (body.kind === 'migration.run') learn('run_id', body.id);
  if (body.kind) learn('job_id', body.id);
  if (body.subject?.type === 'tenant') learn('tenant_id', body.subject.id);
}

const known = (name) => seen.get(name) ?? (name === 'catalog' ? ['tenant', 'shared'] : []);

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function count(operation, status) {
  const counts = statuses.get(operation.operationId) ?? {};
  counts[status] = (counts[status] ?? 0) + 1;
  statuses.set(operation.operationId, counts);
}

async function call(operation, made) {
  const reply = await send(base, toRequest(operation, made, token));
  count(operation, reply.status);
  learnFrom(parsed(reply.body));
  const problems = checker.check(reply).map((v) => `${v.kind}: ${v.text}`);
  if (reply.status >= 500 && !(reply.status === 503 && operation.responses[503]))
    problems.push(`status: ${reply.status}`);
  if (problems.length)
    throw new Error(
      `${reply.method} ${reply.path}${reply.query ? `?${reply.query}` : ''} -> ` +
        `${reply.status} ${reply.body.slice(0, 300)}\n    ${problems.join('\n    ')}`,
    );
  return reply;
}

const validProperty = (operation) =>
  fc.asyncProperty(validCall(operation, known), async (made) => {
    await call(operation, made);
  });

const invalidProperty = (operation, name) =>
  fc.asyncProperty(validCall(operation, known), nasty, async (made, text) => {
    const wrong = mutations[name](made, operation, text);
    fc.pre(Boolean(wrong));
    const reply = await call(operation, wrong);
    if (reply.status < 400)
      throw new Error(
        `accepted with ${reply.status}: ${reply.method} ${reply.path}?${reply.query}` +
          ` ${reply.request_body ?? ''}`,
      );
  });

// The problem as text, or undefined.
async function run(property, numRuns) {
  const left = deadline - Date.now();
  if (left <= 0) return 'not run, the time is up';
  const result = await fc.check(property, {
    seed,
    numRuns,
    maxSkipsPerRun: 20,
    interruptAfterTimeLimit: left,
    markInterruptAsFailure: true,
  });
  if (!result.failed) return undefined;
  if (result.interrupted) return 'the time is up';
  if (result.counterexample === null)
    // every made call was skipped: the mutation has no place here
    return undefined;
  return (
    `${result.errorInstance?.message}\n    counterexample: ` +
    `${fc.stringify(result.counterexample)}`.slice(0, 2000)
  );
}

// Creating comes first, so that there is something to name; destroying comes last.
const order = { POST: 0, PUT: 0, GET: 1, PATCH: 1, DELETE: 2 };
const operations = contract.operations
  .filter((o) => !o.admin)
  .sort((a, b) => order[a.method] - order[b.method]);
const share = Number(calls) / operations.length / 2;
const names = Object.keys(mutations);
let passed = 0;
let failed = 0;

async function tally(label, property, numRuns) {
  const problem = await run(property, Math.max(1, Math.round(numRuns)));
  if (problem) {
    failed++;
    console.log(`${label}: ${problem}`);
  } else {
    passed++;
  }
}

for (const operation of operations) {
  await tally(`${operation.operationId} (valid)`, validProperty(operation), share);
  for (const name of names)
    await tally(
      `${operation.operationId} (${name})`,
      invalidProperty(operation, name),
      share / names.length,
    );
}
for (const [name, counts] of statuses)
  console.log(
    `${name}: ${Object.entries(counts)
      .map(([s, n]) => `${s} x${n}`)
      .join(', ')}`,
  );
console.log(`seed ${seed}: ${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
