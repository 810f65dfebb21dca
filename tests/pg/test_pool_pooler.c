/* SPDX-License-Identifier: MIT */
/* The tenant manager behind PgBouncer in transaction mode, where a session is nobody's own. */
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/pg/pool_setup.h"

#define APP "pool_pooler"

static struct {
    char dir[64], ini[96], url[256];
    pid_t pid;
} bouncer;

/* The value of host= in the fixture's URL. */
static void server_host(char *out, size_t size)
{
    const char *at = strstr(pg_fixture_url(), "host=");
    ck_assert_ptr_nonnull(at);
    at += strlen("host=");
    (void)snprintf(out, size, "%.*s", (int)strcspn(at, "&"), at);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(path, 0644), 0);
}

/* Two server connections for everybody. */
static void configure(void)
{
    CLEANUP(str_clear) struct str ini = STR_INIT;
    char host[256], users[96];

    server_host(host, sizeof host);
    (void)snprintf(users, sizeof users, "%s/users.txt", bouncer.dir);
    (void)snprintf(bouncer.ini, sizeof bouncer.ini, "%s/pgbouncer.ini", bouncer.dir);
    str_addf(&ini,
             "[databases]\n* = host=%s port=5432\n[pgbouncer]\npool_mode = transaction\n"
             "default_pool_size = 2\nmax_client_conn = 100\nauth_type = trust\nauth_file = %s\n"
             "listen_port = 6432\nunix_socket_dir = %s\n",
             host, users, bouncer.dir);
    write_file(bouncer.ini, str_text(&ini));
    write_file(users, "\"postgres\" \"\"\n");
}

static void start_bouncer(void)
{
    char *as_postgres[] = {(char[]){"setpriv"},
                           (char[]){"--reuid=postgres"},
                           (char[]){"--regid=postgres"},
                           (char[]){"--clear-groups"},
                           (char[]){"pgbouncer"},
                           (char[]){"-q"},
                           bouncer.ini,
                           NULL};
    char **argv = geteuid() == 0 ? as_postgres : as_postgres + 4;

    (void)snprintf(bouncer.dir, sizeof bouncer.dir, "/tmp/tenantd-bouncer-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(bouncer.dir));
    ck_assert_int_eq(chmod(bouncer.dir, 0777), 0);
    configure();
    ck_assert_int_eq(posix_spawnp(&bouncer.pid, argv[0], NULL, NULL, argv, environ), 0);
}

static void make_url(void)
{
    const char *url = pg_fixture_url(), *slash = strstr(url, "@/");
    ck_assert_ptr_nonnull(slash);
    slash += 2;
    (void)snprintf(bouncer.url, sizeof bouncer.url, "postgresql://postgres@/%.*s?host=%s&port=6432",
                   (int)strcspn(slash, "?"), slash, bouncer.dir);
}

static bool answers(void)
{
    struct pg *pg = NULL;
    bool ok = !pg_open(&(struct pg_options){.url = bouncer.url}, &pg, NULL);
    pg_close(pg);
    return ok;
}

static struct pg *admin;

static void set_up(void)
{
    admin = pg_fixture_connect();
    setup_schema(admin, "common");
    start_bouncer();
    make_url();
    UNTIL(answers());
}

static void tear_down(void)
{
    char *argv[] = {(char[]){"rm"}, (char[]){"-rf"}, bouncer.dir, NULL};
    pid_t pid;

    (void)kill(bouncer.pid, SIGTERM);
    (void)waitpid(bouncer.pid, NULL, 0);
    if (posix_spawnp(&pid, "rm", NULL, NULL, argv, environ) == 0)
        (void)waitpid(pid, NULL, 0);
    pg_close(admin);
}

struct user {
    struct pool_manager *m;
    const struct pool_tenant *tenant;
    atomic_int *wrong;
};

/* Reads its own rows again and again. */
static void *read_rows(void *arg)
{
    struct user *user = arg;
    struct err err;

    for (int i = 0; i < 40; i++) {
        CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
        struct pool_lease lease = {.pg = NULL};
        if (pool_acquire(user->m, user->tenant, &lease, &err) ||
            pg_query_text(lease.pg, "SELECT name FROM who", PG_NO_ARGS, &rows, &err) ||
            !str_eq(pg_text(rows, 0, "name"), user->tenant->schema))
            atomic_fetch_add(user->wrong, 1);
        if (pool_release(user->m, &lease, POOL_COMMIT, &err))
            atomic_fetch_add(user->wrong, 1);
    }
    return NULL;
}

/* What the next client of each server connection finds. */
static void no_path_is_left(void)
{
    for (int i = 0; i < 8; i++) {
        struct pg *pg = NULL;
        ck_assert_int_eq(pg_open(&(struct pg_options){.url = bouncer.url}, &pg, NULL), ERR_NONE);
        char *path = pg_fixture_value(pg, "SELECT current_setting('search_path') AS v");
        ck_assert_str_eq(path, "\"$user\", public");
        free(path);
        pg_close(pg);
    }
}

START_TEST(tenants_never_see_each_others_rows)
{
    enum { USERS = 6 };
    static const char *const schemas[] = {"Acme", "acme", "a\"b"};
    struct budget_set *budgets = setup_budgets(20);
    struct pool_options options = setup_options(budgets, APP);
    options.acquire_timeout_ms = PATIENCE_MS;
    options.shared.url = bouncer.url;
    struct pool_manager *m = setup_manager(&options);
    struct pool_tenant tenants[ARRAY_LEN(schemas)];
    struct user users[USERS];
    pthread_t threads[USERS];
    atomic_int wrong = 0;

    for (size_t i = 0; i < ARRAY_LEN(schemas); i++) {
        setup_schema(admin, schemas[i]);
        tenants[i] = setup_tenant(schemas[i], schemas[i]);
        tenants[i].url = bouncer.url;
    }
    for (size_t i = 0; i < USERS; i++) {
        users[i] =
            (struct user){.m = m, .tenant = &tenants[i % ARRAY_LEN(schemas)], .wrong = &wrong};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_rows, &users[i]), 0);
    }
    for (size_t i = 0; i < USERS; i++)
        (void)pthread_join(threads[i], NULL);
    ck_assert_int_eq(wrong, 0);
    no_path_is_left();
    ck_assert_int_gt(pool_counters(m).opened, 2); /* more of us than it has server connections */
    char *sessions =
        pg_fixture_value(admin, "SELECT count(*) AS v FROM pg_stat_activity"
                                " WHERE datname = current_database() AND pid <> pg_backend_pid()");
    ck_assert_int_le((int)strtol(sessions, NULL, 10), 2);
    free(sessions);
    pool_manager_free(m);
    budget_set_free(budgets);
}
END_TEST

int main(void)
{
    pg_fixture_start();
    if (access("/usr/sbin/pgbouncer", X_OK)) {
        (void)printf("pgbouncer is not installed: nothing tested\n");
        return 77;
    }
    Suite *suite = suite_create("pool_pooler");
    TCase *tc = tcase_create("pool_pooler");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, tenants_never_see_each_others_rows);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    pg_fixture_stop();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
