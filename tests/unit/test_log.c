/* SPDX-License-Identifier: MIT */
/* The log: every line is one JSON object, whatever its values are and however many write. */
#include <check.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/json.h"
#include "service/log.h"

/* A log into an unlinked file. */
static struct log open_log(log_level least)
{
    char name[] = "/tmp/tenantd-log-XXXXXX";
    int fd = mkstemp(name);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(unlink(name), 0);
    return (struct log){.fd = fd, .least = least};
}

static FILE *written(const struct log *log)
{
    ck_assert_int_eq(lseek(log->fd, 0, SEEK_SET), 0);
    FILE *f = fdopen(log->fd, "r");
    ck_assert_ptr_nonnull(f);
    return f;
}

/* The next line as an object; NULL at the end. */
static json_t *next_line(FILE *f)
{
    char line[4096];
    json_t *value = NULL;
    struct err err = {.code = ERR_NONE};

    if (!fgets(line, sizeof line, f))
        return NULL;
    ck_assert_msg(json_parse(line, strlen(line), &value, &err) == ERR_NONE, "%s: %s", err.msg,
                  line);
    return value;
}

static const char *member(const json_t *line, const char *key)
{
    return json_string_value(json_object_get(line, key));
}

START_TEST(test_fields)
{
    struct log log = open_log(LOG_LEVEL_DEBUG);

    log_event(&log, LOG_LEVEL_INFO, "tenant.created", LOG_STR("tenant", "a\"\n\xff\\"),
              LOG_INT("ms", -5), LOG_BOOL("dry", true), LOG_STR("none", NULL));
    FILE *f = written(&log);
    json_auto_t *line = next_line(f);
    ck_assert_str_eq(member(line, "event"), "tenant.created");
    ck_assert_str_eq(member(line, "level"), "info");
    ck_assert_str_eq(member(line, "tenant"), "a\"\n\xef\xbf\xbd\\");
    ck_assert_int_eq(json_integer_value(json_object_get(line, "ms")), -5);
    ck_assert(json_is_true(json_object_get(line, "dry")));
    ck_assert(json_is_null(json_object_get(line, "none")));
    ck_assert_uint_eq(strlen(member(line, "time")), strlen("2026-01-05T10:00:00.000Z"));
    ck_assert_ptr_null(next_line(f));
    (void)fclose(f);
}
END_TEST

START_TEST(test_error)
{
    struct log log = open_log(LOG_LEVEL_DEBUG);
    struct err err, bare;

    (void)err_set(&err, ERR_TENANT_EXISTS, "a tenant named %s exists", "x");
    (void)snprintf(err.sqlstate, sizeof err.sqlstate, "23505");
    (void)err_set(&bare, ERR_NOT_FOUND, "gone");
    log_event(&log, LOG_LEVEL_ERROR, "request.failed", LOG_ERR(&err));
    log_event(&log, LOG_LEVEL_ERROR, "request.failed", LOG_ERR(&bare));
    FILE *f = written(&log);
    json_auto_t *line = next_line(f), *second = next_line(f);
    ck_assert_str_eq(member(line, "code"), "TENANT_EXISTS");
    ck_assert_str_eq(member(line, "detail"), "a tenant named x exists");
    ck_assert_str_eq(member(line, "sqlstate"), "23505");
    ck_assert_ptr_nonnull(strstr(member(line, "at"), "test_log.c:"));
    ck_assert_ptr_null(member(second, "sqlstate"));
    (void)fclose(f);
}
END_TEST

START_TEST(test_level_filters)
{
    struct log log = open_log(LOG_LEVEL_WARN);

    log_plain(&log, LOG_LEVEL_INFO, "no");
    log_plain(&log, LOG_LEVEL_WARN, "yes");
    log_plain(NULL, LOG_LEVEL_ERROR, "nowhere");
    FILE *f = written(&log);
    json_auto_t *line = next_line(f);
    ck_assert_str_eq(member(line, "event"), "yes");
    ck_assert_ptr_null(next_line(f));
    (void)fclose(f);
}
END_TEST

START_TEST(test_level_names)
{
    log_level level = LOG_LEVEL_ERROR;

    ck_assert(log_level_parse("debug", &level));
    ck_assert_int_eq(level, LOG_LEVEL_DEBUG);
    ck_assert(!log_level_parse("DEBUG", &level) && !log_level_parse("", &level));
}
END_TEST

enum { THREADS = 8, LINES = 500 };

static void *chatter(void *arg)
{
    char text[300];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < LINES; i++)
        log_event(arg, LOG_LEVEL_INFO, "chatter", LOG_STR("text", text), LOG_INT("i", i));
    return NULL;
}

START_TEST(test_lines_of_threads_do_not_mix)
{
    pthread_t threads[THREADS];
    int fds[2], lines = 0;

    ck_assert_int_eq(pipe(fds), 0); /* a pipe takes up to PIPE_BUF bytes at once, or blocks */
    struct log log = {.fd = fds[1], .least = LOG_LEVEL_DEBUG};
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, chatter, &log), 0);
    FILE *f = fdopen(fds[0], "r");
    while (lines < THREADS * LINES) {
        json_t *line = next_line(f);
        ck_assert_str_eq(member(line, "event"), "chatter");
        json_decref(line);
        lines++;
    }
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    (void)fclose(f);
    (void)close(fds[1]);
}
END_TEST

START_TEST(test_closed_descriptor_is_no_disaster)
{
    struct log log = {.fd = -1, .least = LOG_LEVEL_DEBUG};

    log_plain(&log, LOG_LEVEL_ERROR, "lost"); /* returns */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *tc = tcase_create("log");

    tcase_add_test(tc, test_fields);
    tcase_add_test(tc, test_error);
    tcase_add_test(tc, test_level_filters);
    tcase_add_test(tc, test_level_names);
    tcase_add_test(tc, test_lines_of_threads_do_not_mix);
    tcase_add_test(tc, test_closed_descriptor_is_no_disaster);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
