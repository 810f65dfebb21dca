// A tenantd of the benchmark's own on a database of its own, and calls of its API.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { crc32 } from 'node:zlib';

const hex = (bytes) => randomBytes(bytes).toString('hex');

function makeToken() {
  const text = `tnd_${hex(8)}_${hex(24)}`;
  return text + crc32(text).toString(16).padStart(8, '0');
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

const kib = (status, name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)[1]);

export class Daemon {
  static async start(program, url, log, settings = {}) {
    const d = new Daemon();
    const [port, admin] = [await freePort(), await freePort()];
    d.token = makeToken();
    d.base = `http://127.0.0.1:${port}`;
    d.process = spawn(program, [`--listen=127.0.0.1:${port}`, `--admin-listen=127.0.0.1:${admin}`], {
      env: { ...process.env, ...settings, TENANTD_DATABASE_URL: url, TENANTD_ADMIN_TOKEN: d.token },
      stdio: ['ignore', 'ignore', openSync(log, 'a')],
    });
    for (let deadline = Date.now() + 30000; ; ) {
      const ready = await fetch(`http://127.0.0.1:${admin}/readyz`).catch(() => null);
      if (ready?.status === 200) return d;
      if (d.process.exitCode !== null || Date.now() > deadline) throw new Error(`tenantd is not ready, see ${log}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async stop() {
    if (this.process.exitCode !== null) return;
    const ended = new Promise((resolve) => this.process.on('exit', resolve));
    this.process.kill('SIGTERM');
    await ended;
  }

  async call(method, path, body, headers = {}) {
    const json = body !== undefined && typeof body !== 'string';
    const reply = await fetch(this.base + path, {
      method,
      headers: { authorization: `Bearer ${this.token}`, ...(json && { 'content-type': 'application/json' }), ...headers },
      body: json ? JSON.stringify(body) : body,
    });
    const value = await reply.json();
    if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${JSON.stringify(value)}`);
    return value;
  }

  // Starts a job and waits for its end, as a client would: Prefer: wait, then GET ?wait.
  async job(path, body) {
    let job = await this.call('POST', path, body, { prefer: 'wait=50' });
    while (!job.finished_at) job = await this.call('GET', `/v1/jobs/${job.id}?wait=50`);
    if (job.state !== 'succeeded') throw new Error(`${path}: ${JSON.stringify(job)}`);
    return job;
  }

  register(version, sql) {
    return this.call('PUT', `/v1/catalogs/tenant/migrations/${version}`, sql, { 'content-type': 'application/sql' });
  }

  async provision(ids) {
    for (let at = 0; at < ids.length; at += 1000)
      await this.job('/v1/tenants/batch', { items: ids.slice(at, at + 1000).map((id) => ({ id })) });
  }

  // Resident memory in MiB: now, and the most since forgetPeak().
  memory() {
    const status = readFileSync(`/proc/${this.process.pid}/status`, 'utf8');
    return { now: kib(status, 'VmRSS') / 1024, peak: kib(status, 'VmHWM') / 1024 };
  }

  forgetPeak() {
    writeFileSync(`/proc/${this.process.pid}/clear_refs`, '5');
  }
}
