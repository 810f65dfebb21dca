// Format drizzle-kit (v0): NNNN_name.sql and meta/_journal.json, tracked as hash and created_at.
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import { migrateWith } from './orm-migrate.mjs';
import { args } from './seed.mjs';

await migrateWith({ drizzle, migrate }, args('drizzle-kit-migrate.mjs DATABASE_URL SCHEMA FOLDER', 3));
