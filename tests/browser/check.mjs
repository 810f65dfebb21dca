// A real browser follows the events of a real tenantd: across origins with tickets, and through a
// server that breaks its connections. Ends with "N passed, N failed".
//
//   node check.mjs TENANTD
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, chmodSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const TENANTS = 12;
const CUT_AFTER_MS = [700, 1500, 1100]; // the proxy breaks its first connections then
const LIMIT_MS = 120_000;

const work = mkdtempSync(join(tmpdir(), 'tenantd-browser-'));
chmodSync(work, 0o755); // PostgreSQL runs as another user when this runs as root
const children = [];
const lastEventIds = [];
let daemonPort, token, result;
let resultCame;
const resultIsThere = new Promise((resolve) => (resultCame = resolve));

async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const gone = once(child, 'exit');
  if (await Promise.race([gone.then(() => true), sleep(20_000, false)])) return;
  child.kill('SIGKILL');
  await gone;
}

function start(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], ...options });
  children.push(child);
  return child;
}

// Hands a request on with the token, and breaks the connection when it is time.
function proxy(request, response) {
  const cut = CUT_AFTER_MS[lastEventIds.length];
  lastEventIds.push(request.headers['last-event-id']);
  const headers = { accept: request.headers.accept, authorization: `Bearer ${token}` };
  if (request.headers['last-event-id']) headers['last-event-id'] = request.headers['last-event-id'];
  const path = request.url.slice('/proxy'.length);
  const up = http.get({ port: daemonPort, path, headers }, (reply) => {
    response.writeHead(reply.statusCode, reply.headers);
    reply.pipe(response);
    if (cut) setTimeout(() => (response.destroy(), up.destroy()), cut);
  });
  up.on('error', () => response.destroy());
  response.on('close', () => up.destroy());
}

async function serve(request, response) {
  if (request.url.startsWith('/proxy/')) return proxy(request, response);
  if (request.url === '/result') {
    let text = '';
    for await (const chunk of request) text += chunk;
    response.end();
    result = JSON.parse(text);
    return resultCame();
  }
  const page = { '/page.html': 'page.html', '/elsewhere.html': 'elsewhere.html' }[request.url];
  if (!page) return response.writeHead(404).end();
  response.writeHead(200, { 'content-type': 'text/html' }).end(readFileSync(join(here, page)));
}

async function listen() {
  const server = http.createServer(serve).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, origin: `http://127.0.0.1:${server.address().port}` };
}

async function startDaemon(tenantd, origin) {
  const dir = join(work, 'data');
  const child = start(tenantd, ['--dev', '--data-dir', dir, '--listen', '127.0.0.1:0',
    '--admin-listen', '127.0.0.1:0', '--http-cors-origins', origin]);
  let log = '';
  daemonPort = await new Promise((resolve, reject) => {
    child.on('exit', () => reject(new Error(`tenantd did not start:\n${log}`)));
    child.stderr.on('data', (chunk) => {
      log += chunk;
      const ready = /"event":"ready".*"port":(\d+)/.exec(log);
      if (ready) resolve(Number(ready[1]));
    });
  });
  token = readFileSync(join(dir, 'admin-token'), 'utf8').trim();
}

async function call(method, path, body) {
  const reply = await fetch(`http://127.0.0.1:${daemonPort}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', prefer: 'wait=30' },
    body: body && JSON.stringify(body),
  });
  const json = await reply.json();
  assert.ok(reply.ok, `${method} ${path}: ${reply.status} ${JSON.stringify(json)}`);
  return json;
}

// At least so many, and until every cut has been made and come back from.
async function makeEvents() {
  await call('POST', '/v1/tenants', { id: 'first' });
  for (let i = 0; i < TENANTS || lastEventIds.length <= CUT_AFTER_MS.length; i++) {
    await call('POST', '/v1/tenants', { id: `t${i}` });
    await sleep(700);
  }
  await call('POST', '/v1/tenants', { id: 'last' });
}

// The ids of all events up to the last one that the page waited for.
async function idsUpTo(last) {
  const { events, more } = await call('GET', '/v1/events?page_size=1000');
  assert.equal(more, false);
  return events.map((e) => e.id).filter((id) => Number(id) <= Number(last));
}

function startBrowser(url) {
  return start('chromium', ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic',
    '--no-first-run', '--disable-background-networking', '--disable-component-update',
    '--disable-sync', `--user-data-dir=${mkdtempSync(join(work, 'profile-'))}`, url]);
}

const checks = [
  ['the page ran to its end', () => assert.equal(result.error, undefined)],
  ['with tickets: no gap, no repeat', async () =>
    assert.deepEqual(result.tickets, await idsUpTo(result.tickets.at(-1)))],
  ['by itself: no gap, no repeat', async () =>
    assert.deepEqual(result.itself, await idsUpTo(result.itself.at(-1)))],
  ['it came back with Last-Event-ID', () => {
    assert.equal(lastEventIds[0], undefined);
    assert.ok(lastEventIds.length > CUT_AFTER_MS.length, `${lastEventIds.length} connections`);
    for (const id of lastEventIds.slice(1)) assert.match(id, /^\d+$/);
  }],
  ['a ticket opens once', () => assert.deepEqual(result.used, [200, 401])],
  ['a page of another origin gets nothing', () => assert.equal(result.elsewhere, 'refused')],
  ['the stream of a job ends', () => {
    assert.equal(result.job.types.at(-1), 'job.succeeded');
    assert.deepEqual(result.job.end, { reason: 'finished' });
  }],
];

async function judge() {
  let failed = 0;
  for (const [name, check] of checks) {
    try {
      await check();
      console.log(`ok - ${name}`);
    } catch (e) {
      failed++;
      console.log(`not ok - ${name}: ${e.message}`);
    }
  }
  console.log(`${checks.length - failed} passed, ${failed} failed`);
  return failed;
}

async function main(tenantd) {
  const own = await listen();
  const other = await listen();
  await startDaemon(tenantd, own.origin);
  const task = { api: `http://127.0.0.1:${daemonPort}`, token, other: other.origin };
  const browser = startBrowser(
    `${own.origin}/page.html#${encodeURIComponent(JSON.stringify(task))}`,
  );
  let said = '';
  browser.stderr.on('data', (chunk) => (said += chunk));
  const late = sleep(LIMIT_MS).then(() => Promise.reject(new Error(`no result in time\n${said}`)));
  await Promise.race([Promise.all([makeEvents(), resultIsThere]), late]);
  return judge();
}

let status = 1;
try {
  status = (await main(process.argv[2])) ? 1 : 0;
} catch (e) {
  console.log(`${e.stack}\n0 passed, 1 failed`);
}
for (const child of children.reverse()) await end(child);
rmSync(work, { recursive: true, force: true, maxRetries: 5 });
process.exit(status);
