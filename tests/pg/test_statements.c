/* SPDX-License-Identifier: MIT */
/*
 * Every statement of the program is understood by PostgreSQL on the migrated control schema, and has
 * a name of its own. The statements are static beside the functions that run them: they are read out
 * of the preprocessed sources, where the macros in them are expanded.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/control/control.h"
#include "tests/support/pg_fixture.h"

/* TENANTD_PREPROCESS is the compiler with -E and the flags of the build (CMakeLists.txt). */
#define SOURCES                                                                                    \
    "cd " TENANTD_SOURCE_DIR " && grep -lr --include='*.c' 'struct pg_stmt' core service"

static void read_command(const char *command, struct str *out)
{
    char chunk[4096];
    FILE *pipe = popen(command, "r");

    ck_assert_ptr_nonnull(pipe);
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, pipe)) > 0;)
        str_add_n(out, chunk, n);
    ck_assert_msg(pclose(pipe) == 0, "%s", command);
}

static const char *skip_blanks(const char *p)
{
    return p + strspn(p, " \t\n");
}

/* The string literals at p as one text; *end is what follows them. */
static char *read_literals(const char *p, const char **end)
{
    struct str text = STR_INIT;

    for (p = skip_blanks(p); *p == '"'; p = skip_blanks(p + 1))
        for (p++; *p && *p != '"'; p++) {
            if (*p == '\\' && *++p == 'n')
                str_add_char(&text, '\n');
            else
                str_add_char(&text, *p);
        }
    *end = p;
    char *out = str_take(&text);
    ck_assert_ptr_nonnull(out);
    return out;
}

/* The value of a member in the initialiser that ends at end. */
static char *member(const char *from, const char *end, const char *name)
{
    const char *at = strstr(from, name), *after;

    ck_assert_msg(at && at < end, "no %s in %.200s", name, from);
    at = skip_blanks(at + strlen(name));
    ck_assert_msg(*at == '=', "%s has no value in %.200s", name, from);
    char *text = read_literals(at + 1, &after);
    ck_assert_msg(*after == ',' || *after == '}', "%s is no literal in %.200s", name, from);
    return text;
}

/* Where the initialiser that begins at p ends; braces in literals do not count. */
static const char *end_of(const char *p)
{
    for (; *p && *p != '}'; p++)
        if (*p == '"')
            for (p++; *p && *p != '"'; p++)
                p += *p == '\\';
    return p;
}

static void check_one(struct pg *pg, struct str *names, const char *name, const char *sql)
{
    CLEANUP(str_clear) struct str text = STR_INIT, mark = STR_INIT;
    struct err err;

    ck_assert_msg(*name && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name),
                  "\"%s\" is no name of a statement", name);
    str_addf(&mark, " %s ", name);
    ck_assert_msg(!names->len || !strstr(str_text(names), str_text(&mark)),
                  "two statements are called %s", name);
    str_add(names, str_text(&mark));
    str_addf(&text, "PREPARE %s AS %s", name, sql);
    ck_assert_msg(!pg_command(pg, str_text(&text), &err), "%s: %s\n%s", name, err.msg, sql);
}

static int check_source(struct pg *pg, struct str *names, const char *path)
{
    static const char begins[] = "const struct pg_stmt ";
    CLEANUP(str_clear) struct str source = STR_INIT;
    char command[1000];
    int found = 0;

    (void)snprintf(command, sizeof command, "cd " TENANTD_SOURCE_DIR " && %s %s",
                   TENANTD_PREPROCESS, path);
    read_command(command, &source);
    for (const char *p = str_text(&source); (p = strstr(p, begins));) {
        p += strlen(begins);
        if (strcspn(p, "={;,)") == strcspn(p, "=") && p[-strlen(begins) - 1] != '(') {
            const char *end = end_of(p + strcspn(p, "{"));
            CLEANUP(freep) char *name = member(p, end, ".name");
            CLEANUP(freep) char *sql = member(p, end, ".sql");
            check_one(pg, names, name, sql);
            found++;
        }
    }
    return found;
}

START_TEST(every_statement_can_be_prepared)
{
    CLEANUP(pg_closep) struct pg *first = pg_fixture_connect(), *pg = pg_fixture_connect();
    CLEANUP(str_clear) struct str list = STR_INIT, count = STR_INIT, names = STR_INIT;
    int found = 0;

    ck_assert_int_eq(control_migrate(first, NULL, NULL), ERR_NONE); /* prepares some itself */
    read_command(SOURCES, &list);
    for (char *rest = NULL, *path = strtok_r(list.data, "\n", &rest); path;
         path = strtok_r(NULL, "\n", &rest))
        found += check_source(pg, &names, path);
    read_command("cd " TENANTD_SOURCE_DIR " && grep -rh --include='*.c'"
                 " 'const struct pg_stmt [a-z_]* = {' core service | wc -l",
                 &count);
    ck_assert_int_eq(found, atoi(str_text(&count)));
    ck_assert_int_gt(found, 90); /* the pattern of the search fits */
}
END_TEST

int main(void)
{
    pg_fixture_start();
    TCase *tc = tcase_create("statements");
    tcase_set_timeout(tc, 240);
    tcase_add_test(tc, every_statement_can_be_prepared);
    Suite *suite = suite_create("statements");
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
