/* SPDX-License-Identifier: MIT */
#include "core/job/claim.h"
#include "core/job/runner_pace.h"
#include "core/job/worker_store.h"
#include "tests/pg/job_support.h"

static const struct worker_spec host = {
    .host = "h", .build = "b", .kinds = "{toy.run}", .slots = 8};

/* A heartbeat that says what a replica has done on the default server until at_ms. */
static void beat(struct pg *pg, const char *worker, int at_ms, int tasks, int busy_ms, int waits)
{
    char tally[200];
    struct pg_rows *rows = NULL;

    (void)snprintf(tally, sizeof tally, "{\"at\": %d, \"servers\": {\"default\": [%d, %d, %d]}}",
                   at_ms, tasks, 1000 * busy_ms, waits);
    OK(worker_beat(pg, worker, false, tally, &rows, NULL));
    pg_rows_free(rows);
}

static bool look(struct pacer *pacer, struct pg *pg)
{
    bool faster = true;
    OK(pacer_round(pacer, pg, &faster, NULL));
    return faster;
}

static int64_t pace(struct pg *pg)
{
    return ask(pg, "SELECT pace AS v FROM tenantd.server WHERE id = 'default'");
}

START_TEST(what_all_replicas_tell_sets_the_pace)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char a[UUID_TEXT_SIZE], b[UUID_TEXT_SIZE];
    struct pacer *pacer = pacer_new();

    OK(worker_register(pg, &host, a, NULL));
    OK(worker_register(pg, &host, b, NULL));
    ck_assert(!look(pacer, pg)); /* they have told nothing yet */
    beat(pg, a, 1000, 5000, 90000, 0);
    beat(pg, b, 777000, 10, 100, 0);
    ck_assert(!look(pacer, pg)); /* here the window begins */
    beat(pg, a, 2000, 5010, 92000, 0);
    ck_assert(!look(pacer, pg)); /* which is not long yet */
    beat(pg, a, 4000, 5030, 96000, 0);
    ck_assert(!look(pacer, pg)); /* half of what it may have is not much */
    ck_assert_int_eq(pace(pg), 4);
    beat(pg, a, 7000, 5060, 102000, 0);
    beat(pg, b, 780000, 40, 6100, 0);
    ck_assert(look(pacer, pg)); /* two each: more is tried */
    ck_assert_int_eq(pace(pg), 5);
    beat(pg, a, 17000, 5060, 102000, 50);
    ck_assert(!look(pacer, pg)); /* what was begun before belongs to no window */
    ck_assert_int_eq(pace(pg), 5);
    pacer_free(pacer);
}
END_TEST

START_TEST(a_number_that_is_fixed_stays)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char a[UUID_TEXT_SIZE];
    struct pacer *pacer = pacer_new();

    OK(worker_register(pg, &host, a, NULL));
    tell(pg, "UPDATE tenantd.server SET max_parallel = 4");
    beat(pg, a, 1000, 0, 0, 0);
    ck_assert(!look(pacer, pg));
    beat(pg, a, 4000, 100, 12000, 0);
    ck_assert(!look(pacer, pg));
    ck_assert_int_eq(pace(pg), 4);
    tell(pg, "UPDATE tenantd.server SET max_parallel = NULL");
    ck_assert(!look(pacer, pg));
    beat(pg, a, 8000, 200, 28000, 0);
    ck_assert(look(pacer, pg)); /* as it does when nobody has fixed it */
    pacer_free(pacer);
}
END_TEST

START_TEST(another_leader_goes_on_from_where_the_last_was)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char a[UUID_TEXT_SIZE];
    struct pacer *pacer = pacer_new();

    OK(worker_register(pg, &host, a, NULL));
    beat(pg, a, 1000, 0, 0, 0);
    ck_assert(!look(pacer, pg));
    tell(pg, "UPDATE tenantd.server SET pace = 12");
    beat(pg, a, 4000, 100, 12000, 0);
    ck_assert(!look(pacer, pg)); /* four of twelve */
    ck_assert_int_eq(pace(pg), 12);
    beat(pg, a, 8000, 200, 24000, 100);
    ck_assert(!look(pacer, pg)); /* half of them waited for locks */
    ck_assert_int_eq(pace(pg), 9);
    pacer_free(pacer);
}
END_TEST

static int one(void *arg, const char *kind)
{
    (void)arg, (void)kind;
    return 1;
}

START_TEST(claims_keep_to_it)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char worker[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE];
    struct claimer claimer = {.worker = worker, .kinds = "{toy.run}", .chunk_size = one};

    OK(worker_register(pg, &host, worker, NULL));
    job_make(pg, SPEC(.max_parallel = 16), 8, "t", 0, id);
    tell(pg, "UPDATE tenantd.server SET pace = 3");
    for (claimer.slot = 0; claimer.slot < 5; claimer.slot++) {
        claim_answer answer;
        struct chunk chunk = {.count = 0};
        OK(claim_chunk(pg, &claimer, &answer, &chunk, NULL));
        ck_assert_int_eq(answer == CLAIM_GOT, claimer.slot < 3);
        chunk_clear(&chunk);
    }
}
END_TEST

int main(void)
{
    pg_fixture_start();
    TCase *tc = tcase_create("runner_pace");
    tcase_add_test(tc, what_all_replicas_tell_sets_the_pace);
    tcase_add_test(tc, a_number_that_is_fixed_stays);
    tcase_add_test(tc, another_leader_goes_on_from_where_the_last_was);
    tcase_add_test(tc, claims_keep_to_it);
    return run_suite("runner_pace", tc);
}
