// The real drizzle-multitenant, set up the way tenantd is by default: schema tenant_{id}, then public.
import { defineConfig } from 'drizzle-multitenant';
import { createMigrator } from 'drizzle-multitenant/migrator';

export const FORMATS = ['auto', 'name', 'hash', 'drizzle-kit'];

export const schemaOf = (tenant) => `tenant_${tenant}`;

export function seedMigrator(url, folder, format, tenants) {
  if (!FORMATS.includes(format)) {
    console.error(`FORMAT must be one of ${FORMATS.join(', ')}, not ${format}`);
    process.exit(2);
  }
  const config = defineConfig({
    connection: { url, poolConfig: { max: 1 } },
    isolation: { strategy: 'schema', schemaNameTemplate: schemaOf },
    schemas: { tenant: {} },
  });
  return createMigrator(config, {
    migrationsFolder: folder,
    tableFormat: format,
    tenantDiscovery: async () => tenants,
  });
}

// The arguments of this process, or its usage on standard error and exit status 2.
export function args(usage, fewest) {
  const given = process.argv.slice(2);
  if (given.length < fewest) {
    console.error(`usage: ${usage}`);
    process.exit(2);
  }
  return given;
}

export const print = (value) => console.log(JSON.stringify(value, null, 2));
