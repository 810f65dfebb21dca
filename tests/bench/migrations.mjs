// The ten migrations of every contender, and the batches of the bare loop that say the same.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const TRACKING = '__drizzle_migrations';

const table = (n, parent) => `CREATE TABLE table_${n} (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  parent_id bigint REFERENCES ${parent},
  name text NOT NULL,
  amount numeric(12, 2) NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX table_${n}_name ON table_${n} (name);
`;

// Ten tables, each with a primary key, an index and a foreign key.
export const ten = Array.from({ length: 10 }, (_, i) => ({
  version: `${String(i + 1).padStart(4, '0')}_table_${i + 1}`,
  sql: table(i + 1, `table_${i || 1}`),
}));

export const addColumn = (version) => ({
  version: `${version}_add_column`,
  sql: `ALTER TABLE table_1 ADD COLUMN column_${version} integer;\n`,
});

export function writeFolder(folder, migrations) {
  mkdirSync(folder, { recursive: true });
  for (const { version, sql } of migrations) writeFileSync(join(folder, `${version}.sql`), sql);
  return folder;
}

const record = (schema, version) => `INSERT INTO "${schema}"."${TRACKING}" (name) VALUES ('${version}');\n`;

const begin = (schema) =>
  `BEGIN;\nSET LOCAL search_path = "${schema}", public;\nSET LOCAL synchronous_commit = off;\n`;

// One transaction a tenant, as tenantd has it.
export function provisionBatch(migrations, schema = 'tenant_b@') {
  return `${begin(schema)}CREATE SCHEMA "${schema}";
CREATE TABLE "${schema}"."${TRACKING}" (id SERIAL PRIMARY KEY, name VARCHAR(255) NOT NULL UNIQUE,
  applied_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP);
${migrations.map(({ version, sql }) => sql + record(schema, version)).join('')}COMMIT`;
}

export const migrateBatch = ({ version, sql }, schema = 'tenant_b@') =>
  `${begin(schema)}${sql}${record(schema, version)}COMMIT`;
