// From a JSON Schema (dereferenced) to a fast-check arbitrary of values that fit it.
import fc from 'fast-check';

// Text that breaks programs: quotes, controls, other scripts, what is reserved somewhere.
export const nasty = fc.constantFrom(
  '',
  ' ',
  "'",
  '"',
  '\\',
  '%',
  '{id}',
  '$1',
  '; DROP SCHEMA x',
  '-',
  '\u0000',
  '\u0001',
  '\t\n',
  'é',
  '\u{1f600}',
  '\ufeff',
  '\u202e',
  '../..',
  '%2e%2e',
  'null',
  'true',
  '0',
  '-1',
  '1e999',
  'public',
  'pg_catalog',
  'batch',
  'a'.repeat(64),
  'ä'.repeat(300),
);

const fits = (schema, text) =>
  [...text].length >= (schema.minLength ?? 0) && [...text].length <= (schema.maxLength ?? 1e6);

function string(schema) {
  if (schema.format === 'uuid') return fc.uuid();
  if (schema.format === 'date-time')
    return fc
      .date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
      .map((d) => d.toISOString());
  if (schema.format === 'uri-reference' && !schema.pattern) return fc.webPath();
  if (schema.pattern)
    return fc.stringMatching(new RegExp(schema.pattern)).filter((s) => fits(schema, s));
  const plain = fc.string({
    minLength: schema.minLength ?? 0,
    maxLength: Math.min(schema.maxLength ?? 40, 300),
  });
  return fc.oneof(
    { weight: 4, arbitrary: plain },
    { weight: 1, arbitrary: nasty.filter((s) => fits(schema, s)) },
  );
}

function number(schema, arbitrary) {
  return arbitrary({ min: schema.minimum ?? -1000, max: schema.maximum ?? 100000 });
}

function array(schema) {
  if (schema.prefixItems) return fc.tuple(...schema.prefixItems.map(valueOf));
  return fc.array(valueOf(schema.items ?? {}), {
    minLength: schema.minItems ?? 0,
    maxLength: Math.min(schema.maxItems ?? 4, 4),
  });
}

function record(schema) {
  const known = Object.entries(schema.properties ?? {});
  const own = fc.record(Object.fromEntries(known.map(([k, s]) => [k, valueOf(s)])), {
    requiredKeys: schema.required ?? [],
  });
  if (typeof schema.additionalProperties !== 'object')
    return own.filter((o) => Object.keys(o).length >= (schema.minProperties ?? 0));
  const key = schema.propertyNames ? string(schema.propertyNames) : fc.string({ maxLength: 20 });
  const more = fc.dictionary(key, valueOf(schema.additionalProperties), {
    minKeys: schema.minProperties ?? 0,
    maxKeys: 4,
  });
  return fc.tuple(own, more).map(([a, b]) => ({ ...b, ...a }));
}

// One level of allOf, as the contract uses it: the parts' members together.
function merged(schema) {
  return schema.allOf.reduce(
    (a, b) => ({
      ...a,
      ...b,
      properties: { ...a.properties, ...b.properties },
      required: [...(a.required ?? []), ...(b.required ?? [])],
    }),
    {},
  );
}

// A oneOf beside properties only restricts: take values until one fits exactly one branch.
function restricted(schema) {
  const hasAll = (value, branch) => branch.required.every((name) => name in value);
  return valueOf({ ...schema, oneOf: undefined }).filter(
    (value) => schema.oneOf.filter((branch) => hasAll(value, branch)).length === 1,
  );
}

const byType = {
  string,
  integer: (s) => number(s, fc.integer),
  number: (s) => number(s, (range) => fc.double({ ...range, noNaN: true })),
  boolean: () => fc.boolean(),
  array,
  object: record,
  null: () => fc.constant(null),
};

// Half of the values are the schema's examples, if it has any: they name what may exist.
export function valueOf(schema) {
  if (schema === true) return fc.jsonValue({ maxDepth: 2 });
  if (!schema.examples) return made(schema);
  return fc.oneof(fc.constantFrom(...schema.examples), made(schema));
}

function made(schema) {
  if ('const' in schema) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.allOf) return valueOf(merged(schema));
  if (schema.oneOf)
    return schema.properties ? restricted(schema) : fc.oneof(...schema.oneOf.map(valueOf));
  if (!schema.type) return fc.jsonValue({ maxDepth: 2 });
  return fc.oneof(...[schema.type].flat().map((type) => byType[type](schema)));
}
