/* SPDX-License-Identifier: MIT */
/* Drafts of seeds, each of which may be applied again. */
#include <stdio.h>

#include "core/schema/export/ts_names.h"
#include "core/schema/scaffold_internal.h"

static void write_sql(const struct scaffold_seed *o, const char *name, const char *table,
                      struct str *out)
{
    str_addf(out,
             "-- The seed %s of %s: PUT /v1/seeds/%s, then POST /v1/seeds/%s/apply.\n"
             "-- It may be applied again: rows that are there stay as they are.\n",
             name, o->shared ? "the shared schema" : "every tenant", name, name);
    if (!o->shared)
        str_add(out,
                "-- A word with a colon in front (tenant_id, schema) stands for the tenant's.\n");
    if (table)
        str_addf(out,
                 "INSERT INTO \"%s\" (\"name\") VALUES\n"
                 "    ('Example 1'),\n"
                 "    ('Example 2')\n"
                 "ON CONFLICT DO NOTHING;\n",
                 table);
    else
        str_add(out, "--\n"
                     "-- INSERT INTO plans (id, name) VALUES\n"
                     "--     ('free', 'Free'),\n"
                     "--     ('pro', 'Pro')\n"
                     "-- ON CONFLICT (id) DO NOTHING;\n"
                     "SELECT 1; -- instead of this\n");
}

static void write_typescript(const struct scaffold_seed *o, const char *name, const char *table,
                             struct str *out)
{
    CLEANUP(str_clear) struct str constant = STR_INIT;
    const char *type = o->shared ? "shared" : "tenant";

    if (table)
        ts_add_camel(&constant, table);
    str_addf(out, "// The seed %s of %s. It may be applied again: rows that are there stay.\n",
             name, o->shared ? "the shared schema" : "every tenant");
    str_add(out, "import type { PgDatabase, PgQueryResultHKT } from \"drizzle-orm/pg-core\";\n");
    if (table)
        str_addf(out, "import { %s } from \"../../../src/db/schema/%s/%s.js\";\n",
                 str_text(&constant), type, str_text(&constant));
    str_addf(out, "\nexport async function seed(%sdb: PgDatabase<PgQueryResultHKT>%s) {\n", "",
             o->shared ? "" : ", tenantId: string");
    if (table)
        str_addf(out,
                 "    await db\n"
                 "        .insert(%s)\n"
                 "        .values([{ name: %s }, { name: %s }])\n"
                 "        .onConflictDoNothing();\n",
                 str_text(&constant), o->shared ? "\"Example 1\"" : "`Example 1 of ${tenantId}`",
                 o->shared ? "\"Example 2\"" : "`Example 2 of ${tenantId}`");
    else
        str_addf(out,
                 "    // await db.insert(plans).values([{ id: \"free\" }]).onConflictDoNothing();\n"
                 "    void db;\n%s",
                 o->shared ? "" : "    void tenantId;\n");
    str_add(out, "}\n\nexport default seed;\n");
}

err_code scaffold_seed(const struct scaffold_seed *o, struct scaffold *out, struct err *err)
{
    CLEANUP(str_clear) struct str path = STR_INIT;
    CLEANUP(str_clear) struct str content = STR_INIT;
    char name[64];

    *out = (struct scaffold){.path = NULL};
    err_code rc = scaffold_snake(o->name, "name", name, err);
    if (!rc && o->table)
        rc = scaffold_snake(o->table, "table", out->table, err);
    if (rc)
        return rc;
    str_addf(&path, "drizzle/seeds/%s/", o->shared ? "shared" : "tenant");
    if (o->sql) {
        str_addf(&path, "%s.sql", name);
        write_sql(o, name, o->table ? out->table : NULL, &content);
    } else {
        ts_add_camel(&path, name);
        str_add(&path, ".ts");
        write_typescript(o, name, o->table ? out->table : NULL, &content);
    }
    return scaffold_finish(&path, &content, out, err);
}
