/* SPDX-License-Identifier: MIT */
/* What the tests of jobs share: a clean control schema, jobs with tasks, questions to the tables.
 */
#pragma once

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/control/control.h"
#include "core/job/job_store.h"
#include "tests/support/pg_fixture.h"

#define OK(call) ck_assert_int_eq((call), ERR_NONE)

/* A connection to the migrated control schema with no job, worker, tenant in it. */
static inline struct pg *job_clean(void)
{
    struct pg *pg = pg_fixture_connect();
    OK(control_migrate(pg, NULL, NULL));
    pg_fixture_sql(pg,
                   "TRUNCATE tenantd.job, tenantd.task, tenantd.worker, tenantd.lease,"
                   " tenantd.tenant, tenantd.applied_set, tenantd.event CASCADE;"
                   "UPDATE tenantd.event_head SET last = 0, pruned = 0;"
                   "DELETE FROM tenantd.server WHERE id <> 'default';"
                   "UPDATE tenantd.server SET max_parallel = NULL, state = 'online', pace = 4,"
                   " trouble = NULL, probe_at = NULL, probes = 0;"
                   "CREATE TABLE IF NOT EXISTS public.ran (task bigint, tenant text, attempt int,"
                   " replica text, at timestamptz DEFAULT clock_timestamp());"
                   "TRUNCATE public.ran");
    return pg;
}

/* A printf'ed question whose answer is a number; the column is called v. */
static inline int64_t PRINTF_LIKE(2, 3) ask(struct pg *pg, const char *format, ...)
{
    char sql[1000];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    char *text = pg_fixture_value(pg, sql);
    int64_t n = strtoll(text, NULL, 10);
    free(text);
    return n;
}

static inline void PRINTF_LIKE(2, 3) tell(struct pg *pg, const char *format, ...)
{
    char sql[1000];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    pg_fixture_sql(pg, sql);
}

/* max_parallel and wave_count of 0 become 16 and 1 in job_make() */
#define SPEC(...) (&(struct job_spec){.kind = "toy.run", .created_by = "test", __VA_ARGS__})

/* A job with n tasks, one a tenant prefix1..n, the wave of each i / per_wave (0: one wave). */
static inline void job_make(struct pg *pg, const struct job_spec *spec, int n, const char *prefix,
                            int per_wave, char id[UUID_TEXT_SIZE])
{
    struct err err;
    struct job_spec full = *spec;
    full.max_parallel = spec->max_parallel ? spec->max_parallel : 16;
    full.wave_count = spec->wave_count ? spec->wave_count : 1;
    pg_fixture_sql(pg, "BEGIN");
    OK(job_insert(pg, &full, id, &err));
    tell(
        pg,
        "INSERT INTO tenantd.task (job_id, tenant_id, server, wave)"
        " SELECT '%s', '%s' || g, 'default', CASE WHEN %d > 0 THEN (g - 1) / greatest(%d, 1) ELSE 0"
        " END FROM generate_series(1, %d) g",
        id, prefix, per_wave, per_wave, n);
    OK(job_enqueued(pg, id, &err));
    pg_fixture_sql(pg, "COMMIT");
}

static inline job_state job_state_of(struct pg *pg, const char *id)
{
    struct job job;
    OK(job_find(pg, id, &job, NULL));
    job_state state = job.state;
    job_clear(&job);
    return state;
}

/* Asks until the answer is `want`; fails the test after ms. */
static inline void PRINTF_LIKE(4, 5)
    await(struct pg *pg, int64_t want, int64_t ms, const char *format, ...)
{
    char sql[1000];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    int64_t deadline = clock_mono_ms() + ms, got;
    while ((got = ask(pg, "%s", sql)) != want) {
        if (clock_mono_ms() > deadline)
            ck_abort_msg("%lld instead of %lld after %lld ms: %s", (long long)got, (long long)want,
                         (long long)ms, sql);
        struct timespec pause = {.tv_nsec = 5000000};
        (void)nanosleep(&pause, NULL);
    }
}

static inline void await_state(struct pg *pg, const char *id, job_state want, int64_t ms)
{
    await(pg, 1, ms, "SELECT count(*) AS v FROM tenantd.job WHERE id = '%s' AND state = '%s'", id,
          job_state_name(want));
}

static inline int run_suite(const char *name, TCase *tc)
{
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
