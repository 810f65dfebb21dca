// Lays a journal folder (NNNN_name.sql, meta/_journal.json) out as drizzle v1 does: YYYYMMDDHHMMSS_name/migration.sql.
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { args, print } from './seed.mjs';

const [from, to] = args('to-v1-folder.mjs FROM TO', 2);
const journal = JSON.parse(await readFile(join(from, 'meta/_journal.json'), 'utf8'));
const names = [];
for (const { tag, when } of journal.entries) {
  const stamp = new Date(when).toISOString().replace(/\D/g, '').slice(0, 14);
  const name = `${stamp}_${tag.replace(/^\d+_/, '')}`;
  await mkdir(join(to, name), { recursive: true });
  await copyFile(join(from, `${tag}.sql`), join(to, name, 'migration.sql'));
  names.push(name);
}
print({ folder: to, names });
