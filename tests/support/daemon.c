/* SPDX-License-Identifier: MIT */
#include "tests/support/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/access/token.h"
#include "core/base/clock.h"
#include "core/base/str.h"
#include "tests/support/pg_fixture.h"

enum { READY_MS = 30000, STOP_MS = 30000, CLOSE_MS = 10000, POLL_MS = 10, ENV_MAX = 200 };

static struct {
    pid_t pid; /* 0: none */
    char token[TOKEN_TEXT_SIZE], log[64];
    int port, admin_port;
} process;

uint16_t daemon_port(void)
{
    return (uint16_t)process.port;
}

uint16_t daemon_admin_port(void)
{
    return (uint16_t)process.admin_port;
}

const char *daemon_token(void)
{
    return process.token;
}

static void pause_ms(int ms)
{
    (void)poll(NULL, 0, ms);
}

static void end(pid_t pid, int sign)
{
    if (pid > 0)
        (void)kill(pid, sign);
}

static void die(const char *what)
{
    (void)fprintf(stderr, "daemon: %s: %s\n", what, strerror(errno));
    end(process.pid, SIGKILL);
    exit(2);
}

static void read_log(struct str *out)
{
    char bytes[8192];
    ssize_t n;
    int fd = open(process.log, O_RDONLY | O_CLOEXEC);

    while (fd >= 0 && (n = read(fd, bytes, sizeof bytes)) > 0)
        str_add_n(out, bytes, (size_t)n);
    if (fd >= 0)
        (void)close(fd);
}

/* The ports of the line that says "ready". */
static bool find_ports(void)
{
    CLEANUP(str_clear) struct str log = STR_INIT;
    char *rest = NULL;

    read_log(&log);
    for (char *line = log.len ? strtok_r(log.data, "\n", &rest) : NULL; line;
         line = strtok_r(NULL, "\n", &rest)) {
        json_t *entry = strstr(line, "\"event\":\"ready\"") ? json_loads(line, 0, NULL) : NULL;
        process.port = (int)json_integer_value(json_object_get(entry, "port"));
        process.admin_port = (int)json_integer_value(json_object_get(entry, "admin_port"));
        json_decref(entry);
        if (process.port)
            return true;
    }
    return false;
}

/* The environment of the process: ours without TENANTD_…, then its settings. */
static size_t make_env(const char *const *settings, struct str made[4], char *env[ENV_MAX])
{
    size_t n = 0;
    const char *exchanges = getenv("TENANTD_EXCHANGE_LOG");

    for (char **at = environ; *at && n < ENV_MAX / 2; at++)
        if (!str_starts(*at, "TENANTD_"))
            env[n++] = *at;
    str_addf(&made[0], "TENANTD_DATABASE_URL=%s", pg_fixture_url());
    str_addf(&made[1], "TENANTD_ADMIN_TOKEN=%s", process.token);
    str_addf(&made[2], "TENANTD_DEBUG_EXCHANGE_LOG=%s", exchanges ? exchanges : "");
    for (size_t i = 0; i < 3; i++)
        env[n++] = made[i].data;
    for (; settings && *settings && n < ENV_MAX - 1; settings++)
        env[n++] = (char *)(uintptr_t)*settings;
    env[n] = NULL;
    return n;
}

static void spawn(const char *const *settings)
{
    char *argv[] = {(char[]){TENANTD_BINARY},  (char[]){"--listen"},
                    (char[]){"127.0.0.1:0"},   (char[]){"--admin-listen"},
                    (char[]){"127.0.0.1:0"},   NULL};
    struct str made[4] = {STR_INIT, STR_INIT, STR_INIT, STR_INIT};
    char *env[ENV_MAX];
    posix_spawn_file_actions_t actions;

    (void)make_env(settings, made, env);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, process.log,
                                           O_WRONLY | O_CREAT | O_APPEND, 0600);
    errno = posix_spawn(&process.pid, argv[0], &actions, NULL, argv, env);
    if (errno)
        die(argv[0]);
    (void)posix_spawn_file_actions_destroy(&actions);
    for (size_t i = 0; i < ARRAY_LEN(made); i++)
        str_clear(&made[i]);
}

static void show_log(void)
{
    CLEANUP(str_clear) struct str log = STR_INIT;
    read_log(&log);
    (void)fputs(str_text(&log), stderr);
}

static void start(const char *const *settings)
{
    int64_t until = clock_mono_ms() + READY_MS;

    token_make(process.token);
    (void)snprintf(process.log, sizeof process.log, "/tmp/tenantd-log-%d", (int)getpid());
    spawn(settings);
    while (!find_ports()) {
        bool gone = waitpid(process.pid, NULL, WNOHANG) != 0;
        if (gone || clock_mono_ms() > until) {
            show_log();
            die("tenantd does not get ready");
        }
        pause_ms(POLL_MS);
    }
}

static int complain(const char *what)
{
    (void)fprintf(stderr, "daemon: %s\n", what);
    return 1;
}

/* Ends the process and tells how it ended. */
static int stop(void)
{
    int64_t until = clock_mono_ms() + STOP_MS;
    int status = -1;
    pid_t got;

    end(process.pid, SIGTERM);
    while ((got = waitpid(process.pid, &status, WNOHANG)) == 0 && clock_mono_ms() < until)
        pause_ms(POLL_MS);
    if (!got) {
        end(process.pid, SIGKILL);
        (void)waitpid(process.pid, &status, 0);
        return complain("did not stop after SIGTERM");
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    show_log();
    return complain("did not end with status 0");
}

/* What must not be in its log: our own failures, and what sanitizers say. */
static int check_log(void)
{
    CLEANUP(str_clear) struct str log = STR_INIT;
    int bad = 0;
    char *rest = NULL;

    read_log(&log);
    for (char *line = log.len ? strtok_r(log.data, "\n", &rest) : NULL; line;
         line = strtok_r(NULL, "\n", &rest))
        if (strstr(line, "\"level\":\"error\"") || strstr(line, "runtime error") ||
            strstr(line, "Sanitizer"))
            bad += complain(line);
    return bad;
}

static int check_connections(void)
{
    int64_t until = clock_mono_ms() + CLOSE_MS;
    struct pg *pg = pg_fixture_connect();
    bool left = true;

    while (left && clock_mono_ms() < until) {
        char *n = pg_fixture_value(pg, "SELECT count(*) AS v FROM pg_stat_activity"
                                       " WHERE datname = current_database()"
                                       "   AND pid <> pg_backend_pid()");
        left = strcmp(n, "0") != 0;
        free(n);
        if (left)
            pause_ms(POLL_MS);
    }
    pg_close(pg);
    return left ? complain("left connections open") : 0;
}

int daemon_run(Suite *suite, const char *const *settings)
{
    SRunner *runner = srunner_create(suite);

    pg_fixture_start();
    start(settings);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    failed += stop();
    failed += check_log();
    failed += check_connections();
    if (!getenv("TENANTD_KEEP_LOG"))
        (void)unlink(process.log);
    pg_fixture_stop();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
