// The contract as the checks here need it: operations to look up, schemas to validate with.
import { readFile } from 'node:fs/promises';
import { $RefParser } from '@apidevtools/json-schema-ref-parser';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';

const METHODS = ['get', 'put', 'post', 'delete', 'patch', 'head', 'options'];

// What any request may get before an operation is reached (info.description of the contract).
export const COMMON_REFUSALS = {
  400: ['BAD_REQUEST'],
  413: ['BODY_TOO_LARGE'],
  414: ['URI_TOO_LONG'],
  415: ['UNSUPPORTED_MEDIA_TYPE'],
  501: ['NOT_IMPLEMENTED'],
  503: ['DRAINING', 'OVERLOADED'],
};

// "Application/JSON; charset=utf-8" -> "application/json"
export const mediaType = (value) => (value ?? '').split(';')[0].trim().toLowerCase();

function isIn(segments, template) {
  return (
    segments.length === template.length &&
    template.every((part, i) => (part.startsWith('{') ? segments[i] !== '' : part === segments[i]))
  );
}

const literals = (template) => template.filter((part) => !part.startsWith('{')).length;

// The enum beside Problem in a response's allOf: the codes that it may carry.
export function codesOf(response) {
  const schema = response?.content?.['application/problem+json']?.schema;
  const all = [schema, ...(schema?.allOf ?? [])].map((s) => s?.properties?.code);
  const own = all.findLast((code) => code?.enum);
  return own ? own.enum : [];
}

export class Contract {
  static async load(file) {
    const doc = parse(await readFile(file, 'utf8'), { version: '1.2', schema: 'core' });
    return new Contract(await $RefParser.dereference(doc));
  }

  constructor(doc) {
    this.doc = doc;
    this.ajv = new Ajv2020({
      allErrors: true,
      strict: true,
      strictTypes: false,
      strictRequired: false,
    });
    addFormats(this.ajv);
    this.compiled = new Map();
    this.paths = Object.entries(doc.paths).map(([path, item]) => ({
      path,
      template: path.split('/'),
      operations: Object.fromEntries(
        METHODS.filter((m) => item[m]).map((m) => [
          m,
          {
            ...item[m],
            method: m.toUpperCase(),
            path,
            admin: Boolean(item.servers),
            secured:
              (item[m].security ?? doc.security ?? []).length > 0 &&
              !(item[m].security ?? doc.security).some((s) => Object.keys(s).length === 0),
            parameters: [...(item.parameters ?? []), ...(item[m].parameters ?? [])],
          },
        ]),
      ),
    }));
    this.operations = this.paths.flatMap((p) => Object.values(p.operations));
  }

  // {} for a path that does not exist; {path} without operation for a method that it does not take.
  find(method, path) {
    const segments = path.split('/');
    const found = this.paths
      .filter((p) => isIn(segments, p.template))
      .sort((a, b) => literals(b.template) - literals(a.template))[0];
    if (!found) return {};
    const name = method === 'HEAD' && !found.operations.head ? 'get' : method.toLowerCase();
    return { path: found.path, operation: found.operations[name] };
  }

  // Every way in which value does not fit schema, as text; empty when it does.
  problems(schema, value) {
    if (!this.compiled.has(schema)) this.compiled.set(schema, this.ajv.compile(schema));
    const validate = this.compiled.get(schema);
    return validate(value)
      ? []
      : validate.errors.map((e) => `${e.instancePath || '/'} ${e.message}${detail(e.params)}`);
  }

  get problemSchema() {
    return this.doc.components.schemas.Problem;
  }
}

function detail(params) {
  const known =
    params.additionalProperty ??
    params.unevaluatedProperty ??
    params.allowedValues ??
    params.allowedValue;
  return known === undefined ? '' : ` (${JSON.stringify(known)})`;
}
