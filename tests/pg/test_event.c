/* SPDX-License-Identifier: MIT */
#include "core/job/event.h"

#include <pthread.h>
#include <stdatomic.h>

#include "core/job/finish.h"
#include "core/tenant/tenant_store.h"
#include "tests/pg/job_support.h"

static int64_t relay(struct pg *pg)
{
    struct event_batch batch;
    OK(event_relay(pg, &batch, NULL));
    return batch.count;
}

static char *types_of(struct pg *pg, const char *where)
{
    char sql[500];
    (void)snprintf(sql, sizeof sql,
                   "SELECT string_agg(type || coalesce(':' || subject, ''), ' ' ORDER BY id) AS v"
                   " FROM tenantd.event WHERE %s",
                   where);
    return pg_fixture_value(pg, sql);
}

#define ASSERT_TYPES(pg, where, want)                                                              \
    do {                                                                                           \
        CLEANUP(freep) char *got = types_of((pg), (where));                                        \
        ck_assert_str_eq(got, (want));                                                             \
    } while (0)

START_TEST(nothing_is_read_before_it_is_numbered)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    CLEANUP(pg_rows_freep) struct pg_rows *before = NULL;
    CLEANUP(pg_rows_freep) struct pg_rows *after = NULL;
    json_auto_t *data = json_pack("{s:i}", "wave", 2);
    json_auto_t *more =
        json_pack("[{s:s, s:s}, {s:s}]", "type", "b.b", "subject", "acme", "type", "c.c");
    const struct event_filter all = {.limit = 10};

    OK(event_emit(pg, "run.wave_opened", NULL, NULL, data, NULL));
    OK(event_emit_all(pg, more, NULL));
    OK(event_list(pg, &all, &before, NULL));
    ck_assert_uint_eq(pg_rows_count(before), 0);
    ck_assert_int_eq(relay(pg), 3);
    ck_assert_int_eq(relay(pg), 0);
    OK(event_list(pg, &all, &after, NULL));
    ck_assert_uint_eq(pg_rows_count(after), 3);
    ck_assert_str_eq(pg_text(after, 0, "data"), "{\"wave\": 2}");
    ck_assert_int_eq(pg_bigint(after, 2, "seq"), 3);
    ck_assert_str_eq(pg_text(after, 1, "subject"), "acme");
}
END_TEST

START_TEST(what_is_rolled_back_was_never_told)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    struct err err;

    pg_fixture_sql(pg, "BEGIN");
    OK(event_emit(pg, "a.a", NULL, NULL, NULL, &err));
    pg_fixture_sql(pg, "ROLLBACK");
    ck_assert_int_eq(relay(pg), 0);
    ck_assert_int_ne(event_emit(pg, "No Type", NULL, NULL, NULL, &err), ERR_NONE);
    ck_assert_int_eq(relay(pg), 0);
}
END_TEST

START_TEST(who_commits_late_is_numbered_late)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    CLEANUP(pg_closep) struct pg *other = pg_fixture_connect();
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;

    pg_fixture_sql(other, "BEGIN");
    OK(event_emit(other, "first.written", NULL, NULL, NULL, NULL));
    OK(event_emit(pg, "first.committed", NULL, NULL, NULL, NULL));
    ck_assert_int_eq(relay(pg), 1);
    pg_fixture_sql(other, "COMMIT");
    ck_assert_int_eq(relay(pg), 1);
    OK(event_list(pg, &(struct event_filter){.after = 1, .limit = 9}, &rows, NULL));
    ck_assert_uint_eq(pg_rows_count(rows), 1);
    ck_assert_str_eq(pg_text(rows, 0, "type"), "first.written");
}
END_TEST

enum { WRITERS = 3, RELAYS = 2, WRITES = 400 };

static atomic_int writing;

/* Commits out of order: a transaction stays open over a random number of those of others. */
static void *write_events(void *arg)
{
    unsigned seed = (unsigned)(intptr_t)arg;
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();

    for (int i = 0; i < WRITES;) {
        int n = 1 + rand_r(&seed) % 4;
        pg_fixture_sql(pg, "BEGIN");
        for (int k = 0; k < n && i < WRITES; k++, i++) {
            char subject[32];
            (void)snprintf(subject, sizeof subject, "w%d-%d", (int)(intptr_t)arg, i);
            OK(event_emit(pg, "test.written", NULL, subject, NULL, NULL));
            struct timespec pause = {.tv_nsec = rand_r(&seed) % 3000000};
            (void)nanosleep(&pause, NULL);
        }
        pg_fixture_sql(pg, "COMMIT");
    }
    atomic_fetch_sub(&writing, 1);
    return NULL;
}

static void *relay_events(void *arg)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    (void)arg;
    for (int idle = 0; idle < 3;)
        idle = relay(pg) || atomic_load(&writing) ? 0 : idle + 1;
    return NULL;
}

/* Reads on from its cursor with pages of random sizes: exactly 1, 2, 3, … in their order. */
START_TEST(no_gap_and_no_repeat_while_writers_overlap)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    pthread_t writers[WRITERS], relays[RELAYS];
    unsigned seed = 7;
    int64_t cursor = 0, deadline = clock_mono_ms() + 60000;

    atomic_store(&writing, WRITERS);
    for (intptr_t i = 0; i < WRITERS; i++)
        ck_assert_int_eq(pthread_create(&writers[i], NULL, write_events, (void *)i), 0);
    for (int i = 0; i < RELAYS; i++)
        ck_assert_int_eq(pthread_create(&relays[i], NULL, relay_events, NULL), 0);
    while (cursor < (int64_t)WRITERS * WRITES) {
        CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
        ck_assert(clock_mono_ms() < deadline);
        OK(event_list(pg, &(struct event_filter){.after = cursor, .limit = 1 + rand_r(&seed) % 50},
                      &rows, NULL));
        for (size_t i = 0; i < pg_rows_count(rows); i++)
            ck_assert_int_eq(pg_bigint(rows, i, "seq"), ++cursor);
    }
    for (int i = 0; i < WRITERS; i++)
        (void)pthread_join(writers[i], NULL);
    for (int i = 0; i < RELAYS; i++)
        (void)pthread_join(relays[i], NULL);
    ck_assert_int_eq(ask(pg, "SELECT count(DISTINCT subject) AS v FROM tenantd.event"),
                     (int64_t)WRITERS * WRITES);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM (SELECT seq < lag(seq) OVER"
                             " (PARTITION BY split_part(subject, '-', 1) ORDER BY id) AS wrong"
                             " FROM tenantd.event) x WHERE wrong"),
                     0);
}
END_TEST

START_TEST(filters_narrow_what_is_read)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE];
    static const struct {
        struct event_filter filter;
        bool job;
        size_t want;
    } cases[] = {
        {{.types = "{a.a}"}, false, 2}, {{.types = "{a.a,b.b}"}, false, 3},
        {{.types = "{}"}, false, 0},    {{.subject = "acme"}, false, 1},
        {{.subject = "acme"}, true, 1}, {{.subject = "beta"}, true, 0},
        {{.types = NULL}, true, 2},     {{.after = 1}, true, 1},
        {{.after = 1}, false, 2},
    };

    uuid7(id);
    OK(event_emit(pg, "a.a", id, "acme", NULL, NULL));
    OK(event_emit(pg, "a.a", NULL, "beta", NULL, NULL));
    OK(event_emit(pg, "b.b", id, NULL, NULL, NULL));
    ck_assert_int_eq(relay(pg), 3);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
        struct event_filter filter = cases[i].filter;
        filter.limit = 10;
        filter.job_id = cases[i].job ? id : NULL;
        OK(event_list(pg, &filter, &rows, NULL));
        ck_assert_msg(pg_rows_count(rows) == cases[i].want, "case %zu", i);
    }
}
END_TEST

START_TEST(old_events_go_in_batches_and_the_head_remembers)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    struct event_bounds bounds;
    int64_t gone = -1;

    tell(pg, "INSERT INTO tenantd.event (type, created_at) SELECT 'a.a',"
             " now() - interval '8 days' FROM generate_series(1, 25)");
    tell(pg, "INSERT INTO tenantd.event (type) SELECT 'b.b' FROM generate_series(1, 5)");
    OK(event_prune(pg, 7, 10, &gone, NULL));
    ck_assert_int_eq(gone, 0); /* nobody could have read them yet */
    ck_assert_int_eq(relay(pg), 30);
    OK(event_prune(pg, 7, 10, &gone, NULL));
    ck_assert_int_eq(gone, 10);
    OK(event_bounds(pg, &bounds, NULL));
    ck_assert_int_eq(bounds.pruned, 10);
    OK(event_prune(pg, 7, 100, &gone, NULL));
    ck_assert_int_eq(gone, 15);
    OK(event_prune(pg, 7, 100, &gone, NULL));
    ck_assert_int_eq(gone, 0);
    OK(event_bounds(pg, &bounds, NULL));
    ck_assert_int_eq(bounds.pruned, 25);
    ck_assert_int_eq(bounds.last, 30);
}
END_TEST

START_TEST(a_job_tells_its_states)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE], empty[UUID_TEXT_SIZE];

    job_make(pg, SPEC(.subject = "acme"), 2, "t", 0, id);
    OK(job_cancel(pg, id, NULL));
    job_make(pg, SPEC(.noop = 3), 0, "t", 0, empty);
    ASSERT_TYPES(pg, "subject = 'acme'", "job.queued:acme job.cancelled:acme");
    ASSERT_TYPES(pg, "subject IS NULL", "job.queued job.succeeded");
    ck_assert_int_eq(ask(pg, "SELECT data #> '{progress,skipped}' AS v FROM tenantd.event"
                             " WHERE type = 'job.succeeded'"),
                     3);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.event WHERE data ->>"
                             " 'previous_state' = 'queued' AND data ->> 'kind' = 'toy.run'"),
                     2);
}
END_TEST

START_TEST(a_job_tells_its_pause_and_that_it_goes_on)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE];

    job_make(pg, SPEC(), 2, "t", 0, id);
    tell(pg, "UPDATE tenantd.job SET state = 'paused', pause_reason = 'budget' WHERE id = '%s'", id);
    tell(pg, "UPDATE tenantd.job SET state = 'running', pause_reason = NULL WHERE id = '%s'", id);
    tell(pg, "UPDATE tenantd.job SET row_version = row_version + 1 WHERE id = '%s'", id);
    ASSERT_TYPES(pg, "true", "job.queued job.paused job.resumed");
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.event WHERE type = 'job.paused'"
                             " AND data ->> 'pause_reason' = 'budget'"),
                     1);
}
END_TEST

START_TEST(progress_is_told_once_a_second_and_when_it_moved)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE];

    job_make(pg, SPEC(), 4, "t", 0, id);
    OK(event_progress(pg, NULL)); /* that it is queued was told just now */
    ASSERT_TYPES(pg, "true", "job.queued");
    tell(pg, "UPDATE tenantd.event SET created_at = now() - interval '1 s'");
    OK(event_progress(pg, NULL));
    OK(event_progress(pg, NULL));
    ASSERT_TYPES(pg, "true", "job.queued job.progress");
    tell(pg, "UPDATE tenantd.event SET created_at = now() - interval '1 s'");
    ck_assert_int_eq(relay(pg), 2);
    OK(event_progress(pg, NULL)); /* it has not moved */
    ASSERT_TYPES(pg, "true", "job.queued job.progress");
    tell(pg, "UPDATE tenantd.task SET state = 'succeeded' WHERE tenant_id IN ('t1', 't2')");
    OK(job_reconcile(pg, id, NULL, NULL, NULL));
    OK(event_progress(pg, NULL)); /* the job's new state told it */
    ASSERT_TYPES(pg, "true", "job.queued job.progress job.running");
}
END_TEST

static struct finished ended(struct task *task, task_state state, bool refund)
{
    return (struct finished){
        .task = task,
        .state = state,
        .refund = refund,
        .result = {.outcome = json_pack("{s:s, s:s, s:s}", "code", "MIGRATION_FAILED", "sqlstate",
                                        "42P01", "message", "no such table")}};
}

/* Four of one slot: only what went wrong, or was not needed, is worth an event. */
START_TEST(tasks_tell_failures_retries_and_skips)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    static const struct {
        task_state state;
        bool refund;
    } ways[] = {{TASK_SUCCEEDED, false},
                {TASK_FAILED, false},
                {TASK_QUEUED, false},
                {TASK_QUEUED, true},
                {TASK_SKIPPED, false}};
    struct task tasks[ARRAY_LEN(ways)];
    struct finished items[ARRAY_LEN(ways)];
    char id[UUID_TEXT_SIZE], worker[UUID_TEXT_SIZE];

    uuid7(worker);
    job_make(pg, SPEC(), (int)ARRAY_LEN(ways), "t", 0, id);
    tell(pg, "UPDATE tenantd.task SET state = 'running', claimed_by = '%s', slot = 0, attempt = 1",
         worker);
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        tasks[i] = (struct task){
            .id = ask(pg, "SELECT id AS v FROM tenantd.task WHERE tenant_id = 't%zu'", i + 1),
            .attempt = 1};
        items[i] = ended(&tasks[i], ways[i].state, ways[i].refund);
    }
    OK(finish_store(pg, worker, 0, items, ARRAY_LEN(ways), NULL));
    for (size_t i = 0; i < ARRAY_LEN(ways); i++)
        finished_clear(&items[i]);
    ASSERT_TYPES(pg, "type = 'task.failed'", "task.failed:t2");
    ASSERT_TYPES(pg, "type = 'task.retried'", "task.retried:t3");
    ASSERT_TYPES(pg, "type = 'task.skipped'", "task.skipped:t5");
    ck_assert_int_eq(ask(pg,
                         "SELECT count(*) AS v FROM tenantd.event WHERE type LIKE 'task.%%'"
                         " AND job_id = '%s' AND data @> '{\"code\": \"MIGRATION_FAILED\","
                         " \"sqlstate\": \"42P01\", \"message\": \"no such table\"}'",
                         id),
                     3);
}
END_TEST

START_TEST(a_tenant_tells_its_life)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    const struct tenant_spec spec = {.id = "acme", .server = "default", .schema = "tenant_acme"};

    OK(tenant_register(pg, &spec, NULL));
    OK(tenant_set_state(pg, "acme", TENANT_ACTIVE, 0, NULL));
    OK(tenant_set_state(pg, "acme", TENANT_ACTIVE, 0, NULL));
    OK(tenant_bump(pg, "acme", NULL));
    OK(tenant_set_state(pg, "acme", TENANT_DELETING, 0, NULL));
    OK(tenant_delete(pg, "acme", NULL));
    ASSERT_TYPES(pg, "true",
                 "tenant.created:acme tenant.state_changed:acme tenant.state_changed:acme"
                 " tenant.deleted:acme");
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.event WHERE data ->> 'state' ="
                             " 'deleting' AND data ->> 'previous_state' = 'active'"),
                     1);
}
END_TEST

int main(void)
{
    pg_fixture_start();
    TCase *tc = tcase_create("event");
    tcase_set_timeout(tc, 90);
    tcase_add_test(tc, nothing_is_read_before_it_is_numbered);
    tcase_add_test(tc, what_is_rolled_back_was_never_told);
    tcase_add_test(tc, who_commits_late_is_numbered_late);
    tcase_add_test(tc, no_gap_and_no_repeat_while_writers_overlap);
    tcase_add_test(tc, filters_narrow_what_is_read);
    tcase_add_test(tc, old_events_go_in_batches_and_the_head_remembers);
    tcase_add_test(tc, a_job_tells_its_states);
    tcase_add_test(tc, a_job_tells_its_pause_and_that_it_goes_on);
    tcase_add_test(tc, progress_is_told_once_a_second_and_when_it_moved);
    tcase_add_test(tc, tasks_tell_failures_retries_and_skips);
    tcase_add_test(tc, a_tenant_tells_its_life);
    return run_suite("event", tc);
}
