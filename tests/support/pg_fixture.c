/* SPDX-License-Identifier: MIT */
#include "tests/support/pg_fixture.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/str.h"

static struct {
    pid_t owner;
    char dir[64];          /* of a private server; "" when there is none */
    char server_url[512], url[600], database[64];
} fixture;

static void die(const char *what, const char *detail)
{
    (void)fprintf(stderr, "pg_fixture: %s: %s\n", what, detail);
    exit(2);
}

/* Runs pg.sh; its standard output goes to out (size 0: nowhere). Returns its exit status. */
static int run_script(const char *command, char *out, size_t size)
{
    char script[] = TENANTD_SOURCE_DIR "/tests/support/pg.sh", verb[16];
    int pipes[2], status = -1;
    pid_t pid;
    posix_spawn_file_actions_t actions;

    (void)snprintf(verb, sizeof verb, "%s", command);
    char *argv[] = {script, verb, fixture.dir, NULL};
    if (pipe(pipes))
        return -1;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO);
    (void)posix_spawn_file_actions_addclose(&actions, pipes[0]);
    int rc = posix_spawn(&pid, script, &actions, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(pipes[1]);
    ssize_t n = size ? read(pipes[0], out, size - 1) : 0;
    if (size)
        out[n > 0 ? n : 0] = '\0';
    (void)close(pipes[0]);
    if (rc == 0)
        (void)waitpid(pid, &status, 0);
    return status;
}

static void start_private(void)
{
    (void)strcpy(fixture.dir, "/tmp/tenantd-test-XXXXXX");
    if (!mkdtemp(fixture.dir))
        die("mkdtemp", fixture.dir);
    if (run_script("start", fixture.server_url, sizeof fixture.server_url) != 0)
        die("cannot start PostgreSQL in", fixture.dir);
    fixture.server_url[strcspn(fixture.server_url, "\n")] = '\0';
}

static struct pg *connect_to(const char *url)
{
    struct err err;
    struct pg *pg = NULL;
    if (pg_open(&(struct pg_options){.url = url}, &pg, &err))
        die("cannot connect", err.msg);
    return pg;
}

static void on_server(const char *format)
{
    char sql[200];
    struct err err;
    struct pg *pg = connect_to(fixture.server_url);

    (void)snprintf(sql, sizeof sql, "%s %s", format, fixture.database);
    if (pg_command(pg, sql, &err))
        die(sql, err.msg);
    pg_close(pg);
}

/* The server's URL with the database swapped: both kinds of URL the fixture meets have "/postgres". */
static void make_url(void)
{
    const char *at = strstr(fixture.server_url, "/postgres?");
    if (!at)
        die("the URL must name database postgres and have parameters", fixture.server_url);
    (void)snprintf(fixture.url, sizeof fixture.url, "%.*s/%s%s", (int)(at - fixture.server_url),
                   fixture.server_url, fixture.database, at + strlen("/postgres"));
}

void pg_fixture_start(void)
{
    const char *given = getenv("TENANTD_TEST_DATABASE_URL");

    fixture.owner = getpid();
    if (given)
        (void)snprintf(fixture.server_url, sizeof fixture.server_url, "%s", given);
    else
        start_private();
    (void)snprintf(fixture.database, sizeof fixture.database, "test_%d", (int)getpid());
    make_url();
    on_server("CREATE DATABASE");
    (void)atexit(pg_fixture_stop);
}

void pg_fixture_stop(void)
{
    if (getpid() != fixture.owner || !fixture.database[0])
        return;
    if (fixture.dir[0]) {
        (void)!run_script("stop", NULL, 0); /* the folder is thrown away next */
        char path[80];
        (void)snprintf(path, sizeof path, "%s", fixture.dir);
        char *argv[] = {(char[]){"rm"}, (char[]){"-rf"}, path, NULL};
        pid_t pid;
        if (posix_spawnp(&pid, "rm", NULL, NULL, argv, environ) == 0)
            (void)waitpid(pid, NULL, 0);
    } else {
        on_server("DROP DATABASE IF EXISTS");
    }
    fixture.database[0] = '\0';
}

int pg_fixture_run(Suite *suite)
{
    pg_fixture_start();
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    pg_fixture_stop();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

const char *pg_fixture_url(void)
{
    return fixture.url;
}

struct pg *pg_fixture_connect(void)
{
    return connect_to(fixture.url);
}

void pg_fixture_sql(struct pg *pg, const char *sql)
{
    struct err err;
    if (pg_command(pg, sql, &err))
        ck_abort_msg("%s\n%s", err.msg, sql);
}

char *pg_fixture_value(struct pg *pg, const char *sql)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct err err;
    if (pg_query_text(pg, sql, PG_NO_ARGS, &rows, &err))
        ck_abort_msg("%s\n%s", err.msg, sql);
    const char *text = pg_rows_count(rows) ? pg_text(rows, 0, "v") : NULL;
    return strdup(text ? text : "");
}
