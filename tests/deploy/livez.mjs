// livez.mjs SCRIPT: the health check of the image against listeners that answer, refuse, and say nothing.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import net from 'node:net';

const [script] = process.argv.slice(2);
const listening = (server) => new Promise((done) => server.listen(0, '127.0.0.1', () => done(server.address().port)));
const status = (listen) => new Promise((done) => {
  const child = execFile(script, { env: { PATH: process.env.PATH, TENANTD_ADMIN_LISTEN: listen } }, () => done(child.exitCode));
});

const asked = [];
let answer = 200;
const server = createServer((request, response) => {
  asked.push(`${request.method} ${request.url}`);
  response.writeHead(answer).end('{}');
});
const port = await listening(server);
assert.equal(await status(`0.0.0.0:${port}`), 0);
assert.equal(await status(`[::]:${port}`), 0);
answer = 503;
assert.notEqual(await status(`0.0.0.0:${port}`), 0);
assert.deepEqual([...new Set(asked)], ['GET /livez']);
server.close();

const silent = net.createServer((socket) => socket.on('error', () => {}));
const silentPort = await listening(silent);
assert.notEqual(await status(`0.0.0.0:${silentPort}`), 0);
silent.close();
assert.notEqual(await status(`0.0.0.0:${silentPort}`), 0);
