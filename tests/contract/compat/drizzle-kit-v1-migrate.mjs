// Format drizzle-kit-v1: YYYYMMDDHHMMSS_name/migration.sql, tracked as hash, created_at, name and applied_at.
// A table in the v0 format is upgraded in place.
import { drizzle } from 'drizzle-orm-v1/node-postgres';
import { migrate } from 'drizzle-orm-v1/node-postgres/migrator';
import { migrateWith } from './orm-migrate.mjs';
import { args } from './seed.mjs';

await migrateWith({ drizzle, migrate }, args('drizzle-kit-v1-migrate.mjs DATABASE_URL SCHEMA FOLDER', 3));
