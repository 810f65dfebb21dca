/* SPDX-License-Identifier: MIT */
/* Windows on PostgreSQL's own calendar, and what concurrent wishes make of a job. */
#include <pthread.h>

#include "core/job/rollout_store.h"
#include "core/job/window.h"
#include "tests/pg/job_support.h"

/* A window from `from` to `to` hours from now, on the days it touches, as that zone has them. */
static char *window_text(struct pg *pg, double from, double to, const char *zone)
{
    char sql[600];
    (void)snprintf(sql, sizeof sql,
                   "SELECT jsonb_build_array(jsonb_build_object('days', jsonb_build_array("
                   " to_char(f, 'dy')), 'from', to_char(f, 'HH24:MI'), 'to',"
                   " to_char(f + interval '1 h' * %f, 'HH24:MI'), 'time_zone', '%s')) AS v"
                   " FROM (SELECT now() AT TIME ZONE '%s' + interval '1 h' * %f AS f) x",
                   to - from, zone, zone, from);
    return pg_fixture_value(pg, sql);
}

static const struct window_case {
    const char *what;
    double from, to;
    const char *zone;
    int64_t seconds;
    bool closed;
    err_code check;
} window_cases[] = {
    {"open", -1, 1, "UTC", 3600, false, ERR_NONE},
    {"open over midnight, somewhere", -12, 11, "UTC", 60, false, ERR_NONE},
    {"open, on the other side of the earth", -1, 1, "Pacific/Auckland", 60, false, ERR_NONE},
    {"opens later", 2, 4, "UTC", 10800, true, ERR_NONE},
    {"opens after the deadline", 2, 4, "UTC", 3600, true, ERR_WINDOW_NEVER_OPENS},
    {"opens in six days", 24 * 6, 24 * 6 + 1, "Europe/Berlin", 0, true, ERR_NONE},
    {"was open: again in a week", -4, -2, "UTC", 86400, true, ERR_WINDOW_NEVER_OPENS},
    {"was open: again in a week, no deadline", -4, -2, "UTC", 0, true, ERR_NONE},
};

START_TEST(windows)
{
    const struct window_case *c = &window_cases[_i];
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    CLEANUP(freep) char *text = window_text(pg, c->from, c->to, c->zone);
    json_auto_t *json = json_loads(text, 0, NULL);
    const struct rollout_spec rollout = {.windows = json};
    char id[UUID_TEXT_SIZE];
    struct err err;
    bool closed = !c->closed;

    ck_assert_msg(window_check(pg, json, c->seconds, &err) == c->check, "%s: %s", c->what, text);
    job_make(pg, SPEC(.rollout = &rollout), 2, "t", 0, id);
    OK(window_refresh(pg, id, &closed, &err));
    ck_assert_msg(closed == c->closed, "%s: %s", c->what, text);
    ck_assert_int_eq(ask(pg, "SELECT (claim_from > now())::int AS v FROM tenantd.job"), c->closed);
    ck_assert_int_eq(ask(pg, "SELECT (claim_until - claim_from > interval '30 min'"
                             " AND claim_until > now())::int AS v FROM tenantd.job"),
                     1);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.job WHERE waiting = 'window'"),
                     c->closed);
    ck_assert_int_eq(ask(pg, "SELECT (look_at = CASE WHEN claim_from > now() THEN claim_from"
                             " ELSE claim_until END)::int AS v FROM tenantd.job"),
                     1);
}
END_TEST

START_TEST(a_window_that_has_closed_moves_on)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    CLEANUP(freep) char *text = window_text(pg, -1, 1, "UTC");
    json_auto_t *json = json_loads(text, 0, NULL);
    const struct rollout_spec rollout = {.windows = json};
    char id[UUID_TEXT_SIZE];
    struct err err;
    bool closed = true;

    job_make(pg, SPEC(.rollout = &rollout), 1, "t", 0, id);
    tell(pg, "UPDATE tenantd.job SET claim_from = now() - interval '9 d',"
             " claim_until = now() - interval '1 s'");
    OK(window_refresh(pg, id, &closed, &err));
    ck_assert(!closed);
    ck_assert_int_eq(ask(pg, "SELECT (claim_until > now())::int AS v FROM tenantd.job"), 1);
}
END_TEST

START_TEST(a_zone_that_is_not_there_is_refused)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    json_auto_t *json = json_pack("[{s:[s], s:s, s:s, s:s}]", "days", "mon", "from", "01:00", "to",
                                  "02:00", "time_zone", "Nowhere'; DROP TABLE tenantd.job; --");
    struct err err;

    ck_assert_int_eq(window_check(pg, json, 0, &err), ERR_WINDOW_NEVER_OPENS);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.job"), 0);
}
END_TEST

enum { WISHERS = 6, ROUNDS = 40 };

struct wisher {
    pthread_t thread;
    char id[UUID_TEXT_SIZE];
    int number, paused, resumed;
};

static void *wish(void *arg)
{
    struct wisher *w = arg;
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    struct err err;

    for (int i = 0; i < ROUNDS; i++) {
        if ((i + w->number) % 2)
            w->paused += !rollout_pause(pg, w->id, &err);
        else
            w->resumed += !rollout_resume(pg, w->id, 1, &err);
    }
    return NULL;
}

/* However they interleave: a pause and a reason, or neither; each resume counted once. */
START_TEST(wishes_at_the_same_moment)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    struct wisher wishers[WISHERS] = {0};
    char id[UUID_TEXT_SIZE];
    int resumed = 0;

    job_make(pg, SPEC(.max_parallel = 1), 3, "t", 0, id);
    for (int i = 0; i < WISHERS; i++) {
        wishers[i].number = i;
        memcpy(wishers[i].id, id, sizeof id);
        ck_assert(!pthread_create(&wishers[i].thread, NULL, wish, &wishers[i]));
    }
    for (int i = 0; i < WISHERS; i++) {
        ck_assert(!pthread_join(wishers[i].thread, NULL));
        ck_assert_int_eq(wishers[i].paused, ROUNDS / 2);
        resumed += wishers[i].resumed;
    }
    ck_assert_int_ge(resumed, 1);
    ck_assert_int_eq(ask(pg, "SELECT extra_failures AS v FROM tenantd.job"), resumed);
    ck_assert_int_eq(ask(pg, "SELECT ((state = 'paused') = (pause_reason = 'requested') OR"
                             " pause_reason IS NULL)::int AS v FROM tenantd.job"),
                     1);
}
END_TEST

START_TEST(a_task_that_runs_is_not_skipped)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE];
    struct err err;

    job_make(pg, SPEC(.max_parallel = 1), 2, "t", 0, id);
    tell(pg, "UPDATE tenantd.task SET state = 'running', claimed_by = gen_random_uuid(), slot = 0"
             " WHERE tenant_id = 't1'");
    int64_t running = ask(pg, "SELECT id AS v FROM tenantd.task WHERE state = 'running'");
    ck_assert_int_eq(rollout_skip(pg, id, running, "r", "me", &err), ERR_INVALID_STATE);
    OK(rollout_skip(pg, id, ask(pg, "SELECT id AS v FROM tenantd.task WHERE state = 'queued'"), "r",
                    "me", &err));
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE state = 'skipped'"
                             " AND finished_at IS NOT NULL"),
                     1);
    ck_assert_int_eq(rollout_promote(pg, id, &err), ERR_WAVE_NOT_READY);
}
END_TEST

int main(void)
{
    pg_fixture_start();
    TCase *tc = tcase_create("job_rollout");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, windows, 0, ARRAY_LEN(window_cases));
    tcase_add_test(tc, a_window_that_has_closed_moves_on);
    tcase_add_test(tc, a_zone_that_is_not_there_is_refused);
    tcase_add_test(tc, wishes_at_the_same_moment);
    tcase_add_test(tc, a_task_that_runs_is_not_skipped);
    return run_suite("job_rollout", tc);
}
