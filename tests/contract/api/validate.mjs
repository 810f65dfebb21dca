// Holds a log of exchanges against the contract.
//
//   node validate.mjs openapi.yaml LOG... [--require-all-operations] [--require-codes FILE]
//
// A log has one exchange a line, as JSON: {"method", "path", "query"?, "request_headers"?,
// "request_body"?, "status", "headers": {}, "body"}; bodies are text or null, the query is text or a
// list of pairs. A server under test writes it where its setting debug.exchange_log says. FILE has one error code a line, or is core/base/err_list.h.
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Contract } from './contract.mjs';
import { Checker, malformed } from './exchange.mjs';

class Tally {
  constructor() {
    this.passed = 0;
    this.failed = 0;
    this.groups = new Map(); // text of a violation -> {count, first}
  }

  add(where, violations) {
    if (violations.length === 0) {
      this.passed++;
      return;
    }
    this.failed++;
    for (const text of new Set(violations)) {
      const group = this.groups.get(text) ?? { count: 0, first: where };
      group.count++;
      this.groups.set(text, group);
    }
  }

  print() {
    for (const [text, { count, first }] of this.groups)
      console.log(`${first}: ${text}${count > 1 ? ` (${count} times)` : ''}`);
    console.log(`${this.passed} passed, ${this.failed} failed`);
  }
}

function judge(checker, line) {
  let x;
  try {
    x = JSON.parse(line);
  } catch (e) {
    return [`log: not JSON: ${e.message}`];
  }
  const why = malformed(x);
  if (why) return [`log: ${why}`];
  const name =
    checker.contract.find(x.method, x.path).operation?.operationId ?? `${x.method} ${x.path}`;
  return checker.check(x).map((v) => `${name} ${x.status}: ${v.kind}: ${v.text}`);
}

async function readLog(file, checker, tally) {
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(file) })) {
    number++;
    if (line.trim()) tally.add(`${file}:${number}`, judge(checker, line));
  }
}

async function requiredCodes(file) {
  const text = await readFile(file, 'utf8');
  const rows = [...text.matchAll(/^\s*X\(([A-Z_0-9]+),/gm)].map((m) => m[1]);
  return rows.length
    ? rows
    : text
        .split('\n')
        .map((l) => l.trim())
        .filter((l) => /^[A-Z]/.test(l));
}

const {
  values: options,
  positionals: [file, ...logs],
} = parseArgs({
  allowPositionals: true,
  options: {
    'require-all-operations': { type: 'boolean' },
    'require-codes': { type: 'string' },
  },
});
if (!file || logs.length === 0) {
  console.error(
    'usage: validate.mjs openapi.yaml LOG... [--require-all-operations]' +
      ' [--require-codes FILE]',
  );
  process.exit(2);
}

const contract = await Contract.load(file);
const checker = new Checker(contract);
const tally = new Tally();
for (const log of logs) await readLog(log, checker, tally);
if (tally.passed + tally.failed === 0) tally.add('all logs', ['log: there is no exchange']);
if (options['require-all-operations'])
  for (const { operationId, method, path } of contract.operations)
    tally.add(
      'coverage',
      checker.hits.has(operationId) ? [] : [`${operationId} (${method} ${path}) was never called`],
    );
if (options['require-codes'])
  for (const code of await requiredCodes(options['require-codes']))
    tally.add('coverage', checker.codes.has(code) ? [] : [`${code} was never seen`]);
tally.print();
process.exitCode = tally.failed ? 1 : 0;
