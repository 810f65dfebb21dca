/* SPDX-License-Identifier: MIT */
#include "tests/support/schema_samples.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "core/base/str.h"
#include "core/pg/ident.h"
#include "tests/support/pg_fixture.h"

static void read_sample(const char *file, const char *ident, struct str *out)
{
    static const char mark[] = "@schema@";
    char path[512], line[4096];
    (void)snprintf(path, sizeof path, TENANTD_SOURCE_DIR "/tests/pg/%s", file);
    FILE *in = fopen(path, "r");

    ck_assert_msg(in != NULL, "%s", path);
    while (fgets(line, sizeof line, in)) {
        char *from = line;
        for (char *at; (at = strstr(from, mark)); from = at + strlen(mark)) {
            str_add_n(out, from, (size_t)(at - from));
            str_add(out, ident);
        }
        str_add(out, from);
    }
    (void)fclose(in);
}

void schema_sample_make(struct pg *pg, const char *schema, const char *file)
{
    CLEANUP(str_clear) struct str sql = STR_INIT, body = STR_INIT;
    struct pg_ident ident;

    ck_assert(!pg_ident_quote(schema, &ident, NULL));
    str_addf(&sql, "DROP SCHEMA IF EXISTS %s CASCADE; CREATE SCHEMA %s; SET search_path = %s",
             ident.sql, ident.sql, ident.sql);
    pg_fixture_sql(pg, str_text(&sql));
    read_sample(file, ident.sql, &body);
    pg_fixture_sql(pg, str_text(&body));
    pg_fixture_sql(pg, "RESET search_path");
}
