/* SPDX-License-Identifier: MIT */
#include "tests/support/schema_samples.h"

#include <check.h>
#include <stdio.h>

#include "core/base/str.h"
#include "core/pg/ident.h"
#include "tests/support/pg_fixture.h"

static void read_sample(const char *file, const char *ident, struct str *out)
{
    char path[512];
    (void)snprintf(path, sizeof path, TENANTD_SOURCE_DIR "/tests/pg/%s", file);
    FILE *in = fopen(path, "r");

    ck_assert_msg(in != NULL, "%s", path);
    for (int c; (c = fgetc(in)) != EOF;)
        if (c == '@')
            str_add(out, ident);
        else
            str_add_char(out, (char)c);
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
