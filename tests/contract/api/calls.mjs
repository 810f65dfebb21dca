// Arbitrary calls of an operation: as the contract wants them, and wrong in one place.
import fc from 'fast-check';
import { nasty, valueOf } from './arbitrary.mjs';

const SQL = [
  'CREATE TABLE t (id bigint PRIMARY KEY);',
  'ALTER TABLE t ADD COLUMN c text;\nCREATE INDEX ON t (c);',
  'SELECT 1',
  '',
  ';',
  'CREATE TABEL t ();',
  'COMMIT;',
  'VACUUM;', 'CREATE EXTENSION citext;',
  "SELECT '",
  '-- only a comment',
  'CREATE TABLE public.t (id int);',
  'DROP SCHEMA public CASCADE;',
  'SET search_path = public;',
];

const fits = {
  // what would take long, or what the schema leaves open
  wait: fc.constantFrom(0, 0, 1),
  Prefer: fc.constantFrom('wait=0', 'wait=1', 'respond-async', 'handling=lenient'),
  'Idempotency-Key': fc.stringMatching(/^[!#-~]{1,255}$/),
  'If-Match': fc.constantFrom('*', '"t1"', '"t2"', '"t999999"', '"x"'),
  'If-None-Match': fc.constantFrom('*', '"t1"', '"j1"', 'W/"t1"', '"x", "t1"'),
  ping_timeout_ms: fc.integer({ min: 1, max: 1000 }),
  label: fc.array(fc.constantFrom('plan=pro', 'plan=', 'a/b=c=d'), { maxLength: 2 }),
};

// A page token that a reply gave, or sometimes none of this server's.
const pageToken = (known) =>
  fc.nat(20).map((pick) => known('page_token')[pick] ?? (pick ? undefined : 'bm90aGluZw'));

const arbitraryOf = (p, known) =>
  p.name === 'page_token' ? pageToken(known) : (fits[p.name] ?? valueOf(p.schema));

// A value of a path parameter: one that exists, if any is known, or one that fits, or nonsense.
function pathValue(parameter, known) {
  const made = valueOf(parameter.schema).map((text) => ({ text: String(text) }));
  const there = fc.nat(1000).map((pick) => ({ pick }));
  const odd = nasty.filter((s) => s !== '').map((text) => ({ text }));
  return fc
    .oneof(
      { weight: 6, arbitrary: there },
      { weight: 2, arbitrary: made },
      { weight: 1, arbitrary: odd },
    )
    .map((choice) => {
      const values = choice.text === undefined ? known(parameter.name) : [];
      return values.length ? values[choice.pick % values.length] : (choice.text ?? 'unknown');
    });
}

function queryPairs(parameter, value) {
  const { name, explode } = parameter;
  if (!Array.isArray(value)) return [[name, String(value)]];
  return explode === false ? [[name, value.join(',')]] : value.map((v) => [name, v]);
}

function bodyOf(operation) {
  const content = Object.entries(operation.requestBody?.content ?? {});
  if (content.length === 0) return fc.constant(undefined);
  const made = content.map(([type, media]) => {
    if (media.schema?.type === 'string')
      return fc.record({ type: fc.constant(type), sql: fc.constantFrom(...SQL) });
    if (!media.schema)
      return fc.record({
        type: fc.constant(type),
        bytes: fc.uint8Array({ minLength: 1, maxLength: 600 }),
      });
    return fc.record({ type: fc.constant(type), json: valueOf(media.schema) });
  });
  const some = fc.oneof(...made);
  return operation.requestBody.required ? some : fc.option(some, { nil: undefined });
}

// {params, query, headers, body} that fit the operation's schemas; known(name) gives real ids.
export function validCall(operation, known) {
  const of = (place) => operation.parameters.filter((p) => p.in === place);
  const record = (list, arbitrary) =>
    fc.record(Object.fromEntries(list.map((p) => [p.name, arbitrary(p)])), {
      requiredKeys: list.filter((p) => p.required).map((p) => p.name),
    });
  return fc.record({
    params: record(of('path'), (p) => pathValue(p, known)),
    query: record(of('query'), (p) => arbitraryOf(p, known)).map((q) =>
      of('query').flatMap((p) => (q[p.name] === undefined ? [] : queryPairs(p, q[p.name]))),
    ),
    headers: record(of('header'), arbitraryOf),
    body: bodyOf(operation),
  });
}

const setBody = (call, text) => ({ ...call, body: { type: 'application/json', text } });

// What no operation may accept: name -> (call, operation, text) => call, or undefined where it
// does not apply.
export const mutations = {
  'unknown parameter': (call) => ({ ...call, query: [...call.query, ['no_such_parameter', '1']] }),
  'parameter twice': (call, operation) => {
    const repeatable = (name) => operation.parameters.find((p) => p.name === name)?.explode;
    const single = call.query.find(([name]) => !repeatable(name));
    return single && { ...call, query: [...call.query, single] };
  },
  'parameter of another type': (call, operation, text) => {
    const typed = operation.parameters.find(
      (p) => p.in === 'query' && (p.schema.enum || ['integer', 'boolean'].includes(p.schema.type)),
    );
    return (
      typed && {
        ...call,
        query: [...call.query.filter(([n]) => n !== typed.name), [typed.name, `x${text}`]],
      }
    );
  },
  'no token': (call, operation) => operation.secured && { ...call, token: null },
  'wrong token': (call, operation) =>
    operation.secured && { ...call, token: `tnd_${'0'.repeat(16)}_${'0'.repeat(56)}` },
  'unknown member': (call) =>
    call.body?.json && {
      ...call,
      body: { ...call.body, json: { ...call.body.json, no_such_member: 1 } },
    },
  'member of another type': (call) => {
    const name = Object.keys(call.body?.json ?? {})[0];
    return name && { ...call, body: { ...call.body, json: { ...call.body.json, [name]: [[]] } } };
  },
  'missing member': (call, operation) => {
    const required = operation.requestBody?.content?.['application/json']?.schema?.required;
    return required && setBody(call, '{}');
  },
  'not an object': (call, operation) =>
    operation.requestBody?.content?.['application/json'] && setBody(call, '[]'),
  'broken JSON': (call, operation, text) =>
    operation.requestBody?.content?.['application/json'] &&
    setBody(call, `{"a": ${JSON.stringify(text)}`),
  'duplicate key': (call, operation) =>
    operation.requestBody?.content?.['application/json'] && setBody(call, '{"id": "a", "id": "a"}'),
  'NUL in a string': (call, operation) =>
    operation.requestBody?.content?.['application/json'] && setBody(call, '{"id": "a\\u0000b"}'),
  'JSON nested deep': (call, operation) =>
    operation.requestBody?.content?.['application/json'] &&
    setBody(call, `${'['.repeat(2000)}${']'.repeat(2000)}`),
  'another content type': (call, operation, text) =>
    operation.requestBody && { ...call, body: { type: 'text/html', text: `<p>${text}` } },
  'body too large': (call, operation) =>
    operation.requestBody?.content?.['application/json'] &&
    operation.operationId !== 'createBundle' &&
    setBody(call, JSON.stringify({ id: 'x'.repeat(300 * 1024) })),
};

function encodeBody(body) {
  if (body?.text !== undefined) return body.text;
  if (body?.json !== undefined) return JSON.stringify(body.json);
  return body?.sql ?? (body?.bytes ? Buffer.from(body.bytes) : undefined);
}

// A call as http.mjs sends it.
export function toRequest(operation, call, token) {
  const body = encodeBody(call.body);
  const bearer = call.token === undefined ? token : call.token;
  const headers = { ...call.headers };
  if (bearer) headers.authorization = `Bearer ${bearer}`;
  if (body !== undefined)
    Object.assign(headers, {
      'content-type': call.body.type,
      'content-length': String(Buffer.byteLength(body)),
    });
  return {
    method: operation.method,
    path: operation.path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(call.params[name])),
    query: new URLSearchParams(call.query).toString(),
    headers,
    body,
  };
}
