/* SPDX-License-Identifier: MIT */
/* The private PostgreSQL: it starts, comes back as it was, and never outlives its tenantd. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/pg/pg.h"
#include "service/dev/dev.h"

static char base[] = "/tmp/tenantd-dev-XXXXXX";
/* One cluster serves most tests: each finds what the one before left. */
static char shared[64];

static void make_base(void)
{
    ck_assert_ptr_nonnull(mkdtemp(base));
    ck_assert_int_eq(chmod(base, 0755), 0);
    (void)snprintf(shared, sizeof shared, "%s/it's 100%% \xc3\xbc", base); /* must be escaped */
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

static void remove_base(void)
{
    (void)nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct dev *start(const char *dir)
{
    struct dev *dev = NULL;
    struct err err = {.code = ERR_NONE};

    ck_assert_msg(dev_start(&(struct dev_options){.data_dir = dir}, &dev, &err) == ERR_NONE, "%s",
                  err.msg);
    return dev;
}

static struct err refused_as(err_code code, const struct dev_options *options)
{
    struct dev *dev = NULL;
    struct err err = {.code = ERR_NONE};

    ck_assert_int_eq(dev_start(options, &dev, &err), code);
    ck_assert_ptr_null(dev);
    return err;
}

static struct err refused(const struct dev_options *options)
{
    return refused_as(ERR_CONFIG_INVALID, options);
}

static void run_sql(const char *url, const char *sql)
{
    CLEANUP(pg_closep) struct pg *pg = NULL;
    struct err err;

    ck_assert_msg(pg_open(&(struct pg_options){.url = url}, &pg, &err) == ERR_NONE, "%s", err.msg);
    ck_assert_msg(pg_command(pg, sql, &err) == ERR_NONE, "%s", err.msg);
}

/* Fails the test unless the query gives true as its column v. */
static void check_sql(const char *url, const char *sql)
{
    CLEANUP(pg_closep) struct pg *pg = NULL;
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct err err;

    ck_assert_msg(pg_open(&(struct pg_options){.url = url}, &pg, &err) == ERR_NONE, "%s", err.msg);
    ck_assert_msg(pg_query_text(pg, sql, PG_NO_ARGS, &rows, &err) == ERR_NONE, "%s", err.msg);
    ck_assert_msg(pg_bool(rows, 0, "v"), "%s", sql);
}

static mode_t mode_of(const char *dir, const char *name)
{
    char path[256];
    struct stat st;

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    ck_assert_int_eq(stat(path, &st), 0);
    return st.st_mode & 0777;
}

static void put_file(const char *dir, const char *name, const char *text)
{
    char path[256];

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
}

static bool is_gone(pid_t pid)
{
    return kill(pid, 0) && errno == ESRCH;
}

static void wait_gone(pid_t pid)
{
    for (int64_t end = clock_mono_ms() + 30000; !is_gone(pid);) {
        ck_assert_int_lt(clock_mono_ms(), end);
        (void)nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
}

START_TEST(test_starts_and_comes_back)
{
    CLEANUP(dev_stopp) struct dev *dev = start(shared);
    char line[512] = "", path[256];

    ck_assert(dev_is_running(dev));
    check_sql(dev_url(dev), "SELECT current_setting('listen_addresses') = '' AND "
                            "current_setting('server_encoding') = 'UTF8' AND "
                            "current_setting('max_locks_per_transaction') = '256' AS v");
    run_sql(dev_url(dev), "CREATE TABLE kept AS SELECT 1 AS n");
    ck_assert_uint_eq(mode_of(shared, "database-url"), 0600);
    ck_assert_uint_eq(mode_of(shared, "socket"), 0700);
    ck_assert_uint_eq(mode_of(shared, "pg"), 0700);
    (void)snprintf(path, sizeof path, "%s/database-url", shared);
    FILE *f = fopen(path, "r");
    ck_assert_ptr_nonnull(fgets(line, sizeof line, f));
    (void)fclose(f);
    line[strcspn(line, "\n")] = '\0';
    ck_assert_str_eq(line, dev_url(dev));
    pid_t pid = dev_pid(dev);
    dev_stop(dev);
    ck_assert(is_gone(pid));
    dev = start(shared);
    check_sql(dev_url(dev), "SELECT n = 1 AS v FROM kept");
}
END_TEST

START_TEST(test_never_runs_as_root)
{
    CLEANUP(dev_stopp) struct dev *dev = start(shared);
    char path[64];
    struct stat st;

    (void)snprintf(path, sizeof path, "/proc/%d", dev_pid(dev));
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_ne(st.st_uid, 0);
    ck_assert_uint_ne(st.st_gid, 0);
}
END_TEST

START_TEST(test_folder_has_one_tenantd)
{
    CLEANUP(dev_stopp) struct dev *dev = start(shared);

    struct err err = refused_as(ERR_CONFLICT, &(struct dev_options){.data_dir = shared});
    ck_assert_ptr_nonnull(strstr(err.msg, "another tenantd uses"));
    ck_assert(dev_is_running(dev));
    check_sql(dev_url(dev), "SELECT true AS v");
}
END_TEST

/* A tenantd that is killed: tells its PostgreSQL's number, then waits for its end. */
static pid_t start_victim(pid_t *server)
{
    int fds[2];

    ck_assert_int_eq(pipe(fds), 0);
    pid_t victim = fork();
    if (victim == 0) {
        struct dev *dev = start(shared);
        int pid = dev_pid(dev);
        run_sql(dev_url(dev), "CREATE TABLE IF NOT EXISTS survivor (n int);"
                              "INSERT INTO survivor VALUES (1)");
        if (write(fds[1], &pid, sizeof pid) == (ssize_t)sizeof pid)
            (void)pause();
        _exit(1);
    }
    ck_assert_int_gt(victim, 0);
    ck_assert_int_eq(read(fds[0], server, sizeof *server), sizeof *server);
    (void)close(fds[0]);
    (void)close(fds[1]);
    return victim;
}

START_TEST(test_postgres_ends_with_a_killed_tenantd)
{
    pid_t server, victim = start_victim(&server);

    ck_assert_int_eq(kill(victim, SIGKILL), 0);
    ck_assert_int_eq(waitpid(victim, NULL, 0), victim);
    wait_gone(server);
}
END_TEST

START_TEST(test_starts_right_after_a_killed_tenantd)
{
    pid_t server, victim = start_victim(&server);

    ck_assert_int_eq(kill(victim, SIGKILL), 0);
    ck_assert_int_eq(waitpid(victim, NULL, 0), victim);
    CLEANUP(dev_stopp) struct dev *dev = start(shared); /* the old one may still be stopping */
    ck_assert_int_ne(dev_pid(dev), server);
    check_sql(dev_url(dev), "SELECT count(*) > 0 AS v FROM survivor");
}
END_TEST

START_TEST(test_starts_after_everything_was_killed)
{
    pid_t server, victim = start_victim(&server);

    ck_assert_int_eq(kill(server, SIGKILL), 0);
    ck_assert_int_eq(kill(victim, SIGKILL), 0);
    ck_assert_int_eq(waitpid(victim, NULL, 0), victim);
    ck_assert_uint_eq(mode_of(shared, "pg/postmaster.pid") & 0600, 0600); /* it is left behind */
    CLEANUP(dev_stopp) struct dev *dev = start(shared);
    check_sql(dev_url(dev), "SELECT count(*) > 0 AS v FROM survivor");
}
END_TEST

/* After a restart of the machine the number in postmaster.pid may be another process's. */
START_TEST(test_stale_pid_of_a_living_process)
{
    char path[256], text[32];
    struct stat st;

    dev_stop(start(shared));
    (void)snprintf(path, sizeof path, "%s/pg", shared);
    ck_assert_int_eq(stat(path, &st), 0);
    pid_t bystander = fork();
    if (bystander == 0) {
        if (geteuid() != 0 || setuid(st.st_uid) == 0)
            (void)pause();
        _exit(0);
    }
    (void)snprintf(text, sizeof text, "%d\n", (int)bystander);
    put_file(shared, "pg/postmaster.pid", text);
    (void)snprintf(path, sizeof path, "%s/pg/postmaster.pid", shared);
    ck_assert_int_eq(chown(path, st.st_uid, st.st_gid), 0);
    CLEANUP(dev_stopp) struct dev *dev = start(shared);
    check_sql(dev_url(dev), "SELECT true AS v");
    ck_assert_int_eq(kill(bystander, SIGKILL), 0); /* it was not harmed */
    ck_assert_int_eq(waitpid(bystander, NULL, 0), bystander);
}
END_TEST

START_TEST(test_death_of_postgres_is_noticed)
{
    CLEANUP(dev_stopp) struct dev *dev = start(shared);
    int64_t end = clock_mono_ms() + 20000;

    ck_assert_int_eq(kill(dev_pid(dev), SIGQUIT), 0);
    while (dev_is_running(dev))
        ck_assert_int_lt(clock_mono_ms(), end);
}
END_TEST

START_TEST(test_stops_under_busy_clients)
{
    struct dev *dev = start(shared);
    CLEANUP(pg_closep) struct pg *pg = NULL;
    struct err err;
    pid_t pid = dev_pid(dev);

    ck_assert_int_eq(pg_open(&(struct pg_options){.url = dev_url(dev)}, &pg, &err), ERR_NONE);
    ck_assert_int_eq(pg_command(pg, "BEGIN; CREATE TABLE never (n int)", &err), ERR_NONE);
    int64_t begin = clock_mono_ms();
    dev_stop(dev);
    ck_assert(is_gone(pid));
    ck_assert_int_lt(clock_mono_ms() - begin, 10000);
}
END_TEST

/* The signals a daemon blocks or ignores must not reach PostgreSQL, which needs them. */
START_TEST(test_signals_are_not_inherited)
{
    sigset_t all, before;

    (void)sigfillset(&all);
    ck_assert_int_eq(sigprocmask(SIG_BLOCK, &all, &before), 0);
    (void)signal(SIGINT, SIG_IGN);
    struct dev *dev = start(shared);
    check_sql(dev_url(dev), "SELECT true AS v");
    int64_t begin = clock_mono_ms();
    dev_stop(dev);
    ck_assert_int_lt(clock_mono_ms() - begin, 10000);
    ck_assert_int_eq(sigprocmask(SIG_SETMASK, &before, NULL), 0);
}
END_TEST

START_TEST(test_deep_folder)
{
    char dir[256];

    (void)snprintf(dir, sizeof dir, "%s/", base);
    memset(dir + strlen(dir), 'd', 120);
    dir[sizeof base + 120] = '\0';
    /* what a machine that went down in initdb leaves */
    ck_assert_int_eq(mkdir(dir, 0700), 0);
    char half[300];
    (void)snprintf(half, sizeof half, "%s/pg.new", dir);
    ck_assert_int_eq(mkdir(half, 0700), 0);
    put_file(dir, "pg.new/PG_VERSION", "15\n");
    struct dev *dev = start(dir);
    check_sql(dev_url(dev), "SELECT true AS v");
    const char *socket = strstr(dev_url(dev), "/tmp/tenantd-");
    ck_assert_ptr_nonnull(socket);
    char folder[64];
    (void)snprintf(folder, sizeof folder, "%s", socket);
    ck_assert_uint_eq(mode_of(folder, "."), 0700);
    dev_stop(dev);
    ck_assert_int_ne(access(folder, F_OK), 0);
    ck_assert_int_ne(access(half, F_OK), 0);
}
END_TEST

START_TEST(test_unusable_folders)
{
    char dir[256], file[300];
    struct err err;

    (void)snprintf(dir, sizeof dir, "%s/closed", base);
    ck_assert_int_eq(mkdir(dir, geteuid() == 0 ? 0700 : 0), 0);
    (void)snprintf(dir, sizeof dir, "%s/closed/data", base);
    err = refused(&(struct dev_options){.data_dir = dir});
    ck_assert_ptr_nonnull(strstr(err.msg, geteuid() == 0 ? "cannot enter" : "cannot make"));
    put_file(base, "file", "");
    (void)snprintf(file, sizeof file, "%s/file", base);
    err = refused(&(struct dev_options){.data_dir = file});
    ck_assert_ptr_nonnull(strstr(err.msg, "is not a folder"));
    err = refused(&(struct dev_options){.data_dir = "/nowhere/at/all"});
    ck_assert_ptr_nonnull(strstr(err.msg, "/nowhere/at/all"));
    (void)snprintf(dir, sizeof dir, "%s/other", base);
    err = refused(&(struct dev_options){.data_dir = dir, .bin_dir = "/nowhere"});
    ck_assert_ptr_nonnull(strstr(err.msg, "no initdb and postgres in \"/nowhere\""));
    (void)snprintf(file, sizeof file, "%s/pg", dir);
    ck_assert_int_eq(mkdir(file, 0700), 0);
    err = refused(&(struct dev_options){.data_dir = dir}); /* another user's, or no cluster */
    ck_assert_ptr_nonnull(strstr(err.msg, "use another folder"));
}
END_TEST

START_TEST(test_failure_quotes_the_log)
{
    struct dev *dev = start(shared);
    struct err err = {.code = ERR_NONE};

    dev_stop(dev);
    dev = NULL;
    char path[256];
    (void)snprintf(path, sizeof path, "%s/pg/postgresql.auto.conf", shared);
    FILE *f = fopen(path, "a");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs("nonsense = 'on'\n", f), 0);
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_int_eq(dev_start(&(struct dev_options){.data_dir = shared}, &dev, &err),
                     ERR_SYSTEM_FAILED);
    ck_assert_msg(strstr(err.msg, "postgresql.auto.conf") != NULL, "%s", err.msg);
    put_file(shared, "pg/postgresql.auto.conf", "");
}
END_TEST

START_TEST(test_admin_token)
{
    char first[TOKEN_TEXT_SIZE], again[TOKEN_TEXT_SIZE];
    struct token token;
    struct err err;

    ck_assert_int_eq(dev_admin_token(base, first, &err), ERR_NONE);
    ck_assert_int_eq(token_parse(first, &token, &err), ERR_NONE);
    ck_assert_uint_eq(mode_of(base, "admin-token"), 0600);
    ck_assert_int_eq(dev_admin_token(base, again, &err), ERR_NONE);
    ck_assert_str_eq(first, again);
    put_file(base, "admin-token", first + 1);
    ck_assert_int_eq(dev_admin_token(base, again, &err), ERR_CONFIG_INVALID);
    ck_assert_ptr_null(strstr(err.msg, first + 30));
    put_file(base, "admin-token", "");
    ck_assert_int_eq(dev_admin_token(base, again, &err), ERR_CONFIG_INVALID);
    put_file(base, "admin-token", first); /* no newline at the end */
    ck_assert_int_eq(dev_admin_token(base, again, &err), ERR_NONE);
    ck_assert_int_eq(dev_admin_token("/nowhere", again, &err), ERR_SYSTEM_FAILED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dev");
    TCase *tc = tcase_create("dev");

    tcase_set_timeout(tc, 90);
    tcase_add_unchecked_fixture(tc, make_base, remove_base);
    tcase_add_test(tc, test_starts_and_comes_back);
    tcase_add_test(tc, test_never_runs_as_root);
    tcase_add_test(tc, test_folder_has_one_tenantd);
    tcase_add_test(tc, test_postgres_ends_with_a_killed_tenantd);
    tcase_add_test(tc, test_starts_right_after_a_killed_tenantd);
    tcase_add_test(tc, test_starts_after_everything_was_killed);
    tcase_add_test(tc, test_stale_pid_of_a_living_process);
    tcase_add_test(tc, test_death_of_postgres_is_noticed);
    tcase_add_test(tc, test_stops_under_busy_clients);
    tcase_add_test(tc, test_signals_are_not_inherited);
    tcase_add_test(tc, test_deep_folder);
    tcase_add_test(tc, test_unusable_folders);
    tcase_add_test(tc, test_failure_quotes_the_log);
    tcase_add_test(tc, test_admin_token);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
