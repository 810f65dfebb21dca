// New tenants from schemas that stand ready, one request after the other.
import { ten } from './migrations.mjs';

const SIZE = 300; // of which a third is taken: the pool is filled again when half is gone
const TAKEN = 100;

async function ready(d, wanted) {
  for (let deadline = Date.now() + 120000; ; ) {
    const { servers } = await d.call('GET', '/v1/warm-pool');
    if (servers[0].ready === wanted) return;
    if (Date.now() > deadline) throw new Error(`the pool does not fill: ${JSON.stringify(servers)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function claims(d) {
  const times = [];
  for (let i = 0; i < TAKEN; i++) {
    const start = process.hrtime.bigint();
    const job = await d.call('POST', '/v1/tenants', { id: `t${i}` });
    times.push(Number(process.hrtime.bigint() - start) / 1e6);
    if (job.state !== 'succeeded') throw new Error(`no ready schema for t${i}: ${JSON.stringify(job)}`);
  }
  return times.sort((a, b) => a - b);
}

export const warm = (bench) =>
  bench.daemon(async (d) => {
    for (const { version, sql } of ten) await d.register(version, sql);
    await ready(d, SIZE);
    const times = await claims(d);
    const at = (part) => times[Math.ceil(part * times.length) - 1];
    bench.row(`a tenant with ten migrations from the ready schemas, request to answer, ${TAKEN} in a row`,
      `median ${at(0.5).toFixed(1)} ms, 99th percentile ${at(0.99).toFixed(1)} ms, at most ${at(1).toFixed(1)} ms`,
      'p99 under 20 ms', at(0.99) < 20);
  }, { TENANTD_WARM_SIZE: String(SIZE) });
