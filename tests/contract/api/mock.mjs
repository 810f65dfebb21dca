// A server that answers as the contract says, made from the contract alone: what the checks are
// tried on. A fault makes it break the contract in one way.
import { createServer } from 'node:http';
import fc from 'fast-check';
import { valueOf } from './arbitrary.mjs';
import { mediaType } from './contract.mjs';

export const TOKEN = `tnd_${'a'.repeat(16)}_${'b'.repeat(56)}`;
const REQUEST_ID = 'mock-1';
const LIMIT = 256 * 1024;

const samples = new Map(); // schema -> a value that fits; arbitrary.mjs does not know `if`

function sample(contract, schema) {
  if (!samples.has(schema))
    samples.set(
      schema,
      fc
        .sample(valueOf(schema), { numRuns: 100, seed: 1 })
        .find((value) => contract.problems(schema, value).length === 0),
    );
  return samples.get(schema);
}

export function problem(status, code, more = {}) {
  return {
    status,
    headers: { 'content-type': 'application/problem+json', 'x-request-id': REQUEST_ID, ...more },
    body: JSON.stringify({
      type: `https://tenantd.dev/errors/${code.toLowerCase().replaceAll('_', '-')}`,
      title: code,
      status,
      code,
      detail: 'made up',
      instance: '/',
      retryable: false,
      request_id: REQUEST_ID,
    }),
  };
}

function mediaExample(contract, media) {
  const example = Object.values(media.examples ?? {})[0]?.value;
  return example === undefined ? sample(contract, media.schema) : example;
}

function headersOf(contract, response, value) {
  const headers = {};
  for (const [name, header] of Object.entries(response.headers ?? {}))
    if (header.required) headers[name.toLowerCase()] = String(sample(contract, header.schema));
  if (headers.etag && value?.etag) headers.etag = `"${value.etag}"`;
  return { ...headers, 'x-request-id': REQUEST_ID };
}

// The operation's first success, from its example or its schema.
export function success(contract, operation, { dryRun = false } = {}) {
  const [status, response] = Object.entries(operation.responses).find(
    ([s]) => s[0] === '2' && !(dryRun && s !== '200'),
  );
  const [type, media] = Object.entries(response.content ?? {})[0] ?? [];
  const value = !media
    ? undefined
    : dryRun
      ? Object.values(media.examples).find((e) => e.value.dry_run).value
      : mediaExample(contract, media);
  const headers = headersOf(contract, response, value);
  if (type) headers['content-type'] = type;
  const body = value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);
  return { status: Number(status), headers, body };
}

const typeTests = { integer: /^-?\d+$/, boolean: /^(true|false)$/ };

function badQuery(operation, query) {
  const declared = operation.parameters.filter((p) => p.in === 'query');
  for (const [name, value] of query) {
    const { schema, explode } = declared.find((p) => p.name === name) ?? {};
    if (!schema) return 'UNKNOWN_PARAMETER';
    if (
      (!explode && query.getAll(name).length > 1) ||
      typeTests[schema.type]?.test(value) === false ||
      schema.enum?.includes(value) === false ||
      value.includes('\0')
    )
      return 'INVALID_PARAMETER';
  }
  return declared.some((p) => p.required && !query.has(p.name)) ? 'INVALID_PARAMETER' : undefined;
}

const hasDuplicate = (text) => /"id": "a", "id"/.test(text);

function badBody(contract, operation, type, text) {
  const content = operation.requestBody?.content;
  if (!content || (text === '' && !operation.requestBody.required)) return undefined;
  if (!content[mediaType(type)]) return problem(415, 'UNSUPPORTED_MEDIA_TYPE');
  if (text.length > LIMIT) return problem(413, 'BODY_TOO_LARGE');
  if (!content[mediaType(type)].schema || !mediaType(type).endsWith('json')) return undefined;
  try {
    if (hasDuplicate(text) || text.includes('\\u0000')) return problem(400, 'MALFORMED_JSON');
    return contract.problems(content[mediaType(type)].schema, JSON.parse(text)).length
      ? problem(422, 'VALIDATION_FAILED')
      : undefined;
  } catch {
    return problem(400, 'MALFORMED_JSON');
  }
}

function answer(contract, req, text) {
  const [path, search] = req.url.split('?');
  const { path: template, operation } = contract.find(req.method, path);
  if (!template) return problem(404, 'NOT_FOUND');
  if (!operation) return problem(405, 'METHOD_NOT_ALLOWED', { allow: 'GET' });
  if (operation.secured && req.headers.authorization !== `Bearer ${TOKEN}`)
    return problem(401, 'UNAUTHENTICATED', { 'www-authenticate': 'Bearer' });
  const query = new URLSearchParams(search);
  const bad = badQuery(operation, query);
  if (bad) return problem(400, bad);
  return (
    badBody(contract, operation, req.headers['content-type'], text) ??
    success(contract, operation, { dryRun: query.get('dry_run') === 'true' })
  );
}

// Listens on a free port; fault(operationId, reply) may change what is sent.
export async function startMock(contract, fault = (id, reply) => reply) {
  const server = createServer((req, res) => {
    const chunks = [];
    req.on('data', (chunk) => chunks.push(chunk));
    req.on('end', () => {
      const id = contract.find(req.method, req.url.split('?')[0]).operation?.operationId;
      const reply = fault(id, answer(contract, req, Buffer.concat(chunks).toString('utf8')));
      res.writeHead(reply.status, reply.headers);
      res.end(reply.body);
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}
