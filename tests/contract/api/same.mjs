// The JSON that the build made of the contract is what a YAML 1.2 parser makes of it.
//
//   node same.mjs openapi.yaml openapi.json
import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { parse } from 'yaml';

const [yaml, json] = await Promise.all(process.argv.slice(2, 4).map((f) => readFile(f, 'utf8')));
const wanted = parse(yaml, { version: '1.2', schema: 'core' });
const built = JSON.parse(json);
// isDeepStrictEqual() does not look at the order of members, which readers of the document see.
const same = isDeepStrictEqual(built, wanted) && JSON.stringify(built) === JSON.stringify(wanted);
console.log(
  same ? '1 passed, 0 failed' : '0 passed, 1 failed: the build reads the contract otherwise',
);
process.exitCode = same ? 0 : 1;
