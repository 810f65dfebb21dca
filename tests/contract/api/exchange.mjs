// Holds one exchange, a request and its reply, against the contract.
import { COMMON_REFUSALS, codesOf, mediaType } from './contract.mjs';

const lower = (headers) =>
  Object.fromEntries(Object.entries(headers ?? {}).map(([k, v]) => [k.toLowerCase(), String(v)]));

function parseJson(text) {
  try {
    return { value: JSON.parse(text) };
  } catch (e) {
    return { error: e.message };
  }
}

const isJson = (type) => type === 'application/json' || type.endsWith('+json');

// Header values are text; a schema that wants a number gets one.
function typed(schema, text) {
  return schema?.type === 'integer' && /^-?\d+$/.test(text) ? Number(text) : text;
}

// No body may be logged as null as well as ''.
const withBodies = (x) => ({ ...x, body: x.body ?? '', request_body: x.request_body ?? '' });

// Why x is not an exchange at all; undefined when it is.
export function malformed(x) {
  if (typeof x !== 'object' || x === null) return 'not an object';
  const wrong = ['method', 'path', 'body'].filter((name) => typeof withBodies(x)[name] !== 'string');
  if (typeof x.status !== 'number') wrong.push('status');
  if (typeof x.headers !== 'object' || x.headers === null) wrong.push('headers');
  return wrong.length ? `no usable ${wrong.join(', ')}` : undefined;
}

export class Checker {
  // seesTokens: the exchanges have their Authorization headers, which a server's log leaves out.
  constructor(contract, { seesTokens = false } = {}) {
    this.contract = contract;
    this.seesTokens = seesTokens;
    this.hits = new Map(); // operationId -> number of exchanges
    this.codes = new Set(); // of problems and of outcomes
  }

  // All violations of an exchange, as [{kind, text}].
  check(x) {
    const found = this.contract.find(x.method, x.path);
    const run = new Run(this.contract, x, found.operation);
    if (found.operation)
      this.hits.set(
        found.operation.operationId,
        (this.hits.get(found.operation.operationId) ?? 0) + 1,
      );
    run.reply(found);
    if (x.status >= 200 && x.status < 300 && found.operation) run.accepted(this.seesTokens);
    this.collect(run.json);
    return run.violations;
  }

  collect(value) {
    if (Array.isArray(value)) value.forEach((v) => this.collect(v));
    else if (value && typeof value === 'object') {
      if (typeof value.code === 'string' && ('detail' in value || 'message' in value))
        this.codes.add(value.code);
      Object.values(value).forEach((v) => this.collect(v));
    }
  }
}

class Run {
  constructor(contract, x, operation) {
    this.contract = contract;
    this.x = withBodies(x);
    this.operation = operation;
    this.headers = lower(x.headers);
    this.requestHeaders = x.request_headers ? lower(x.request_headers) : undefined;
    this.query = new URLSearchParams(x.query ?? '');
    this.type = mediaType(this.headers['content-type']);
    this.head = x.method === 'HEAD';
    this.violations = [];
    this.json = undefined;
    this.readBody();
  }

  fail(kind, text) {
    this.violations.push({ kind, text });
  }

  readBody() {
    if (!isJson(this.type) || this.head || this.x.body === '') return;
    const { value, error } = parseJson(this.x.body);
    if (error) this.fail('body', `not JSON: ${error}`);
    this.json = value;
  }

  reply(found) {
    if (!found.path) return this.unknownPath();
    if (!this.operation) return this.unknownMethod();
    const response = this.operation.responses[this.x.status];
    if (response && this.allowedHere(response)) return this.documented(response);
    if (this.isCommonRefusal()) return this.problem();
    if (response) return this.documented(response);
    this.fail(
      'status',
      `${this.x.status}${this.json?.code ? ` ${this.json.code}` : ''} is not documented`,
    );
  }

  // An undocumented code under a documented status may still be a common refusal.
  allowedHere(response) {
    return this.type !== 'application/problem+json' || codesOf(response).includes(this.json?.code);
  }

  isCommonRefusal() {
    return (
      this.type === 'application/problem+json' &&
      (COMMON_REFUSALS[this.x.status] ?? []).includes(this.json?.code)
    );
  }

  unknownPath() {
    const expected = this.x.path.startsWith('/v1') ? [404, 405, 401] : [404, 405];
    if (!expected.includes(this.x.status) && !this.isCommonRefusal())
      return this.fail('route', `no such path, but the status is ${this.x.status}`);
    this.problem();
  }

  unknownMethod() {
    const isOptions = this.x.method === 'OPTIONS' && [200, 204].includes(this.x.status);
    if (isOptions || this.x.status === 405) {
      if (!this.headers.allow) this.fail('header', `${this.x.status} without Allow`);
    } else if (this.x.status !== 401 && !this.isCommonRefusal()) {
      this.fail(
        'route',
        `the path does not take ${this.x.method}, but the status is ${this.x.status}`,
      );
    }
    if (!isOptions) this.problem();
  }

  // A problem document of the general form.
  problem() {
    if (this.type !== 'application/problem+json')
      return this.fail('content-type', `an error as ${this.type || 'nothing'}, not as a problem`);
    this.bodyFits(this.contract.problemSchema);
    this.problemAgrees();
  }

  problemAgrees() {
    if (!this.json) return;
    if (this.json.status !== this.x.status)
      this.fail('body', `the problem says ${this.json.status}, the status is ${this.x.status}`);
    if (this.json.request_id !== this.headers['x-request-id'])
      this.fail('header', 'X-Request-Id is not the request_id of the problem');
    if (this.json.retryable && !this.headers['retry-after'])
      this.fail('header', 'retryable without Retry-After');
  }

  documented(response) {
    this.responseHeaders(response);
    const content = response.content;
    if (!content || this.x.status === 204 || this.x.status === 304)
      return this.x.body === '' ? undefined : this.fail('body', `${this.x.status} with a body`);
    const media = content[this.type];
    if (!media)
      return this.fail(
        'content-type',
        `${this.type || 'none'} is not documented for ${this.x.status}`,
      );
    if (this.head) return this.x.body === '' ? undefined : this.fail('body', 'HEAD with a body');
    this.bodyFits(media.schema);
    if (this.type === 'application/problem+json') this.code(response);
    else this.etagAgrees();
  }

  code(response) {
    const codes = codesOf(response);
    if (this.json && !codes.includes(this.json.code))
      this.fail(
        'code',
        `${this.x.status} carries ${this.json.code}, not one of ${codes.join(', ')}`,
      );
    this.problemAgrees();
  }

  etagAgrees() {
    const etag = this.json?.etag;
    if (typeof etag === 'string' && this.headers.etag && this.headers.etag !== `"${etag}"`)
      this.fail('header', `ETag ${this.headers.etag} is not the body's ${etag}`);
  }

  bodyFits(schema) {
    if (!schema || this.head) return;
    const value = isJson(this.type) ? this.json : this.x.body;
    if (value === undefined)
      return this.x.body === '' ? this.fail('body', `${this.x.status} without a body`) : undefined;
    for (const text of this.contract.problems(schema, value)) this.fail('body', text);
  }

  responseHeaders(response) {
    for (const [name, header] of Object.entries(response.headers ?? {})) {
      const value = this.headers[name.toLowerCase()];
      if (value === undefined) {
        if (header.required) this.fail('header', `${name} is missing`);
        continue;
      }
      for (const text of this.contract.problems(header.schema, typed(header.schema, value)))
        this.fail('header', `${name}: ${text.replace(/^\/ /, '')}`);
    }
  }

  // What must hold for the request because it was accepted.
  accepted(seesTokens) {
    this.acceptedQuery();
    this.acceptedBody();
    if (seesTokens && this.operation.secured && !this.requestHeaders?.authorization)
      this.fail('security', 'accepted without Authorization');
    if (
      this.query.get('dry_run') === 'true' &&
      !(this.x.status === 200 && this.json?.dry_run === true)
    )
      this.fail('body', 'dry_run=true, but the answer is not one to a dry run');
  }

  acceptedQuery() {
    const known = this.operation.parameters.filter((p) => p.in === 'query');
    for (const name of new Set(this.query.keys()))
      if (!known.some((p) => p.name === name))
        this.fail('request', `accepted the unknown parameter ${name}`);
    for (const p of known)
      if (p.required && !this.query.has(p.name))
        this.fail('request', `accepted without the parameter ${p.name}`);
  }

  acceptedBody() {
    const body = this.operation.requestBody;
    const text = this.x.request_body;
    if (!body) return;
    if (text === '') {
      if (body.required) this.fail('request', 'accepted without a body');
      return;
    }
    const type = mediaType(this.requestHeaders?.['content-type']) || Object.keys(body.content)[0];
    const media = body.content[type];
    if (!media) return this.fail('request', `accepted a body of type ${type}`);
    this.acceptedJson(type, media, text);
  }

  acceptedJson(type, media, text) {
    if (!isJson(type) || !media.schema) return;
    const { value, error } = parseJson(text);
    if (error) return this.fail('request', `accepted a body that is not JSON: ${error}`);
    for (const problem of this.contract.problems(media.schema, value))
      this.fail('request', `accepted ${problem}`);
  }
}
