/* SPDX-License-Identifier: MIT */
#include "tests/support/schema_samples.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/pg/ident.h"
#include "tests/support/pg_fixture.h"

static void read_sample(const char *file, const char *ident, struct str *out)
{
    static const char mark[] = "@schema@";
    char path[512], line[4096];
    (void)snprintf(path, sizeof path, "%s%s", file[0] == '/' ? "" : TENANTD_SOURCE_DIR "/tests/pg/",
                   file);
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
    pg_fixture_sql(pg, "CREATE SCHEMA IF NOT EXISTS shared;"
                       "CREATE TABLE IF NOT EXISTS shared.plans (id int PRIMARY KEY)");
    str_addf(&sql, "DROP SCHEMA IF EXISTS %s CASCADE; CREATE SCHEMA %s; SET search_path = %s",
             ident.sql, ident.sql, ident.sql);
    pg_fixture_sql(pg, str_text(&sql));
    read_sample(file, ident.sql, &body);
    pg_fixture_sql(pg, str_text(&body));
    pg_fixture_sql(pg, "RESET search_path");
}

bool schema_sample_dump(struct pg *pg, const char *schema, const char *options, struct str *out)
{
    CLEANUP(freep)
    char *server = pg_fixture_value(
        pg, "SELECT (current_setting('server_version_num')::int / 10000)::text AS v");
    CLEANUP(str_clear) struct str command = STR_INIT;
    char line[8192], version[16] = "";

    str_addf(&command, "ls -d /usr/lib/postgresql/*/bin/pg_dump 2>/dev/null | sort -V | tail -n 1");
    FILE *pipe = popen(str_text(&command), "r");
    ck_assert_ptr_nonnull(pipe);
    bool found = fgets(line, sizeof line, pipe) != NULL &&
                 sscanf(line, "/usr/lib/postgresql/%15[0-9]", version) == 1 &&
                 atoi(version) >= atoi(server);
    (void)pclose(pipe);
    if (!found)
        return false;
    line[strcspn(line, "\n")] = '\0';
    str_reset(&command);
    str_addf(&command, "%s %s -n %s '%s' | sed 's/%s/it/g'", line, options, schema,
             pg_fixture_url(), schema);
    pipe = popen(str_text(&command), "r");
    ck_assert_ptr_nonnull(pipe);
    while (fgets(line, sizeof line, pipe))
        if (line[0] != '\\') /* \restrict has a key that is made up each time */
            str_add(out, line);
    ck_assert_int_eq(pclose(pipe), 0);
    return true;
}

void schema_sample_same(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    ck_assert_msg(*a == *b, "differs at\n%.200s\n---\n%.200s", a, b);
}
