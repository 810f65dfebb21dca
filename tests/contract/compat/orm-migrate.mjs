// drizzle-orm's own node-postgres migrator on one schema, as a tenant that was migrated with drizzle-kit looks.
import pg from 'pg';
import { print } from './seed.mjs';

const TABLE = '__drizzle_migrations';

async function tracked(pool, schema) {
  const name = pg.escapeIdentifier(schema);
  const { rows } = await pool.query(`SELECT to_jsonb(t) AS entry FROM ${name}."${TABLE}" AS t ORDER BY id`);
  return rows.map((row) => row.entry);
}

// drizzle and migrate are the two functions of the drizzle-orm under test.
export async function migrateWith({ drizzle, migrate }, [url, schema, folder]) {
  const name = pg.escapeIdentifier(schema);
  const pool = new pg.Pool({ connectionString: url, max: 1, options: `-c search_path=${name},public` });
  try {
    await pool.query(`CREATE SCHEMA IF NOT EXISTS ${name}`);
    const db = drizzle({ client: pool });
    await migrate(db, { migrationsFolder: folder, migrationsSchema: schema, migrationsTable: TABLE });
    print({ schema, tracked: await tracked(pool, schema) });
  } catch (error) {
    console.error((error.cause ?? error).message);
    process.exitCode = 1;
  } finally {
    await pool.end();
  }
}
