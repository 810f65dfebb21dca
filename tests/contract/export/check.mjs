// SPDX-License-Identifier: MIT
// Gives exported files to the tools they are for: node export/check.mjs DIR
//   *.schema.json   compiled by ajv (2020-12, strict), *.rows.json validated with it
//   *.ts            compiled by tsc --strict; *.zod.ts also run, z.infer held against the interfaces
//   *.drizzle.ts    given to drizzle-kit, which must find what PostgreSQL takes; what it makes of
//                   drizzled.*.drizzle.ts is left as drizzled.drizzle.sql for pg_schema_export, which
//                   holds it against the schema it came from
//   draft*!*.ts     first drafts: compiled, in folders where the path has !
//   *.mmd           parsed by mermaid
//   *.dbml          parsed by @dbml/core
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { Parser } from "@dbml/core";
import mermaid from "mermaid";

const folder = process.argv[2];
if (!folder) {
  console.error("usage: node export/check.mjs DIR");
  process.exit(2);
}
const files = readdirSync(folder);
const read = (file) => readFileSync(join(folder, file), "utf8");
let checks = 0;
const ok = (condition, what) => {
  checks++;
  if (!condition) throw new Error(what);
};
const refused = (what, run) => {
  let result;
  try {
    result = run();
  } catch {
    result = false;
  }
  ok(result === false, `accepted: ${what}`);
};

const rowsOf = {
  ...(files.includes("users.rows.json") && { users: JSON.parse(read("users.rows.json")) }),
  ...(files.includes("others.rows.json") && JSON.parse(read("others.rows.json"))),
};

// Each is a row of users that is not one.
const badUsers = [
  ["a missing column", (u) => delete u.email],
  ["a column too many", (u) => (u.surprise = 1)],
  ["null in a NOT NULL column", (u) => (u.active = null)],
  ["an unknown label", (u) => (u.mood = "elated")],
  ["a label's case", (u) => (u.mood = "OK")],
  ["too long a text", (u) => (u.name = "x".repeat(21))],
  ["no uuid", (u) => (u.id = "42")],
  ["a bigint as a number", (u) => (u.big = 1)],
  ["a numeric that is none", (u) => (u.score = "12,5")],
  ["a smallint out of range", (u) => (u.rank = 32768)],
  ["a fraction of an integer", (u) => (u.plan_id = 1.5)],
  ["an array that is none", (u) => (u.nicknames = "a")],
  ["one dimension of two", (u) => (u.grid = [1, 2])],
  ["no date", (u) => (u.birthday = "2023-02-29")],
];
// what a looser Zod object leaves to the interfaces
const strictOnly = new Set(["a column too many"]);

const id = (name) => encodeURIComponent(name.replace(/~/g, "~0").replace(/\//g, "~1"));

for (const file of files.filter((f) => f.endsWith(".schema.json"))) {
  const schema = JSON.parse(read(file));
  const ajv = new Ajv2020({ strict: true, allErrors: true });
  addFormats(ajv);
  ajv.addVocabulary(["x-type", "x-kind", "x-primary-key", "x-foreign-keys"]);
  ok(ajv.validateSchema(schema), `${file}: ${ajv.errorsText()}`);
  ajv.addSchema(schema);
  const validators = {};
  for (const table of Object.keys(schema.$defs)) {
    validators[table] = ajv.getSchema(`${schema.$id}#/$defs/${id(table)}`);
    ok(validators[table], `${file}: no schema for ${table}`);
  }
  for (const [table, rows] of Object.entries(rowsOf)) {
    const validate = validators[table];
    if (!validate) continue;
    for (const row of rows)
      ok(validate(row), `${file}: ${table}: ${ajv.errorsText(validate.errors)}`);
  }
  if (!validators.users) continue;
  for (const [what, spoil] of badUsers) {
    const row = structuredClone(rowsOf.users[1]);
    spoil(row);
    refused(`${file}: ${what}`, () => validators.users(row));
  }
}

for (const file of files.filter((f) => f.endsWith(".mmd"))) {
  const parsed = await mermaid.parse(read(file));
  ok(parsed.diagramType === "er", `${file} is a ${parsed.diagramType}`);
  const { db } = await mermaid.mermaidAPI.getDiagramFromText(read(file));
  const tables = read(file).match(/^    "[^"]*"(?: \{)?$/gm) ?? [];
  for (const line of tables) {
    const name = line.trim().replace(/ \{$/, "").slice(1, -1);
    const seen = [...db.getEntities().keys()].map((key) =>
      key.replace(/ﬂ°°(\d+)¶ß/g, "#$1;"),
    );
    ok(seen.includes(name), `${file}: mermaid does not see ${name} but ${seen.join(", ")}`);
  }
  const theme = /\n  theme: (\w+)\n/.exec(read(file))?.[1];
  ok(!theme || parsed.config?.theme === theme, `${file}: theme ${parsed.config?.theme}`);
}

for (const file of files.filter((f) => f.endsWith(".dbml"))) {
  let database;
  try {
    database = new Parser().parse(read(file), "dbmlv2");
  } catch (error) {
    throw new Error(`${file}: ${JSON.stringify(error.diags ?? error.message)}`);
  }
  const all = (what) => database.schemas.flatMap((s) => s[what]);
  const twin = file.replace(".dbml", ".json");
  const tables = files.includes(twin) ? JSON.parse(read(twin)).tables.filter((t) => !t.partition_of) : [];
  for (const table of tables.filter((t) => t.columns.length)) {
    const seen = all("tables").find((t) => t.name === table.name);
    ok(seen, `${file}: no table ${table.name} but ${all("tables").map((t) => t.name).join(", ")}`);
    ok(
      JSON.stringify(seen.fields.map((f) => f.name)) === JSON.stringify(table.columns.map((c) => c.name)),
      `${file}: ${table.name} has ${seen.fields.map((f) => f.name)}`,
    );
    for (const c of table.columns) {
      const field = seen.fields.find((f) => f.name === c.name);
      ok(!!field.not_null === !c.nullable, `${file}: ${table.name}.${c.name} may be null`);
      ok(!c.comment || field.note.includes(c.comment), `${file}: ${table.name}.${c.name} says ${field.note}`);
    }
  }
  const here = new Set(tables.map((t) => t.name));
  const refs = tables.flatMap((t) => t.foreign_keys.filter((k) => !k.references.schema && here.has(k.references.table)));
  ok(all("refs").length === refs.length, `${file}: ${all("refs").length} of ${refs.length} references`);
}

// tsc finds zod beside this file's node_modules, so it works in a folder there.
const here = dirname(createRequire(import.meta.url).resolve("zod/package.json"));
const work = mkdtempSync(join(here, "..", "..", ".export-check-"));
try {
  for (const file of files.filter((f) => f.endsWith(".ts"))) cpSync(join(folder, file), join(work, file.replaceAll("!", "/")));
  for (const file of files.filter((f) => f.endsWith(".zod.ts"))) {
    const interfaces = [...read(file).matchAll(/^export interface (\S+) \{$/gmu)].map((m) => m[1]);
    const consts = [...read(file).matchAll(/^export const (\S+)Schema = z\.object/gmu)].map((m) => m[1]);
    ok(interfaces.length === consts.length, `${file}: an object for each interface`);
    if (!consts.length) continue;
    const bare = new Set([...read(file).matchAll(/^export interface (\S+) \{\n\}$/gmu)].map((m) => m[1]));
    const lines = interfaces.map(
      (name, i) =>
        `export const check${i}: (v: z.infer<typeof m.${consts[i]}Schema>) => m.${name} = (v) => v;` +
        // z.object({}) is a Record<string, never>, which an empty interface is not
        (bare.has(name) ? "" : `\nexport const back${i}: (v: m.${name}) => z.infer<typeof m.${consts[i]}Schema> = (v) => v;`),
    );
    writeFileSync(
      join(work, file.replace(/\.ts$/, ".infer.ts")),
      `import { z } from "zod";\nimport * as m from "./${file.replace(/\.ts$/, ".js")}";\n${lines.join("\n")}\nexport type Z = z.ZodType;\n`,
    );
  }
  writeFileSync(join(work, "package.json"), '{"type": "module"}\n');
  writeFileSync(
    join(work, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        strict: true, noUnusedLocals: true, noImplicitAny: true, target: "es2022",
        module: "nodenext", lib: ["es2022", "dom"], types: [], skipLibCheck: true, outDir: "out",
      },
      include: ["**/*.ts"],
    }),
  );
  const tsc = join(here, "..", ".bin", "tsc");
  execFileSync(tsc, ["-p", work], { stdio: "inherit" });
  checks++;
  // and it is not just anything that compiles
  if (files.includes("rich.ts")) {
    const wrong = 'import type { Users, NewProfiles } from "./rich.js";\n' +
      'export const a: Users["mood"] = "elated";\nexport const b: NewProfiles = {};\n' +
      'export const c: Users["big"] = 1;\nexport const d: Users["name"] = undefined;\n';
    writeFileSync(join(work, "wrong.ts"), wrong);
    let output = "";
    try {
      execFileSync(tsc, ["-p", work, "--noEmit"], { encoding: "utf8" });
    } catch (error) {
      output = error.stdout;
    }
    ok((output.match(/error TS/g) ?? []).length === 4, `tsc on wrong values said: ${output}`);
  }

  const { generateDrizzleJson, generateMigration } = createRequire(import.meta.url)("drizzle-kit/api");
  let kit;
  for (const file of files.filter((f) => f.endsWith(".drizzle.ts"))) {
    const m = await import(pathToFileURL(join(work, "out", file.replace(/\.ts$/, ".js"))));
    const found = generateDrizzleJson(m);
    const wanted = [...read(file).matchAll(/^export const \S+ = pgTable\("/gmu)].length;
    ok(Object.keys(found.tables).length === wanted, `${file}: drizzle-kit sees ${Object.keys(found.tables)}`);
    if (!file.startsWith("drizzled.")) continue;
    // drizzle-kit names the schema public, where a tenant's search path must decide
    const sql = (await generateMigration(generateDrizzleJson({}), found)).join("\n").replaceAll('"public".', "");
    ok(!kit || kit === sql, `${file}: drizzle-kit makes something else of another casing`);
    kit = sql;
    writeFileSync(join(folder, "drizzled.drizzle.sql"), sql);
  }

  for (const file of files.filter((f) => f.endsWith("zod.ts"))) {
    const m = await import(pathToFileURL(join(work, "out", file.replace(/\.ts$/, ".js"))));
    if (!m.usersSchema) continue;
    const asDriver = (row) => ({
      ...row, photo: row.photo && Buffer.from(row.photo.slice(2), "hex"),
      updated_at: row.updated_at && new Date(row.updated_at),
    });
    for (const row of rowsOf.users) {
      const parsed = m.usersSchema.parse(asDriver(row));
      ok(parsed.created_at instanceof Date, `${file}: created_at is a Date`);
    }
    for (const [what, spoil] of badUsers) {
      if (strictOnly.has(what)) continue;
      const row = asDriver(structuredClone(rowsOf.users[1]));
      spoil(row);
      refused(`${file}: ${what}`, () => m.usersSchema.safeParse(row).success);
    }
    const fresh = { email: "a@b", plan_id: 1 };
    const insert = m.newUsersSchema;
    ok(insert.safeParse(fresh).success, `${file}: the least an INSERT takes`);
    refused(`${file}: an INSERT without its email`, () => insert.safeParse({ plan_id: 1 }).success);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
console.log(`${files.length} files, ${checks} checks hold`);
