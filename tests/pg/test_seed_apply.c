/* SPDX-License-Identifier: MIT */
/* A seed in one schema: what is recorded with it, who may disturb it, what is left when it fails.
 */
#include <pthread.h>

#include "core/migrate/seed_apply.h"
#include "core/migrate/seed_store.h"
#include "tests/pg/job_support.h"

static struct pg *pg;

static void set_up(void)
{
    pg = job_clean();
    pg_fixture_sql(pg, "DROP SCHEMA IF EXISTS sd CASCADE; CREATE SCHEMA sd;"
                       "CREATE TABLE sd.note (body text); DELETE FROM tenantd.seed");
}

static void tear_down(void)
{
    pg_close(pg);
}

struct outcome {
    err_code code;
    bool applied;
    struct apply_failure failure;
    struct err err;
};

static struct outcome apply_on(struct pg *on, const char *sql, const struct seed_options *o)
{
    json_auto_t *values = json_pack("{s:s}", "schema", o->schema);
    struct outcome out = {.code = ERR_NONE};
    struct seed_text text;
    struct seed_bound bound;

    OK(seed_text_make(NULL, sql, strlen(sql), &text, &out.err));
    OK(seed_bind(&text, values, &bound, &out.err));
    out.code = seed_apply(on, &bound, o, &out.applied, &out.failure, &out.err);
    ck_assert(!pg_alive(on) || !pg_in_transaction(on));
    seed_bound_clear(&bound);
    seed_text_clear(&text);
    return out;
}

static const struct seed_options plain = {
    .schema = "sd", .shared_schema = "public", .name = "s", .lock_timeout_ms = 200};
#define NOTES "SELECT count(*) AS v FROM sd.note"
static const char insert[] = "INSERT INTO note VALUES (:schema)";

START_TEST(it_is_recorded_with_what_it_did)
{
    struct seed_options o = plain;
    struct outcome out = apply_on(pg, insert, &o);

    ck_assert(!out.code && out.applied);
    out = apply_on(pg, insert, &o);
    ck_assert(!out.code && !out.applied);
    o.always = true;
    out = apply_on(pg, insert, &o);
    ck_assert(!out.code && out.applied);
    o.job_id = "01890000-0000-7000-8000-000000000000";
    out = apply_on(pg, insert, &o);
    ck_assert(!out.code && out.applied);
    out = apply_on(pg, insert, &o); /* a replica died before its task ended */
    ck_assert(!out.code && !out.applied);
    ck_assert_int_eq(ask(pg, NOTES), 3);
    ck_assert_int_eq(ask(pg, "SELECT runs AS v FROM sd.__tenantd_seeds"), 3);
    o = plain;
    out = apply_on(pg, "INSERT INTO note VALUES ('other')", &o);
    ck_assert_int_eq(out.code, ERR_SEED_CHANGED);
    ck_assert_str_eq(out.err.subject, "s");
    o.force = true;
    out = apply_on(pg, "INSERT INTO note VALUES ('other')", &o);
    ck_assert(!out.code && out.applied);
    ck_assert_int_eq(ask(pg, NOTES), 4);
}
END_TEST

START_TEST(what_fails_leaves_nothing)
{
    struct seed_options o = plain;
    struct outcome out = apply_on(pg,
                                  "INSERT INTO note VALUES (:schema);\n INSERT INTO nowhere"
                                  " VALUES (:schema)",
                                  &o);

    ck_assert_int_eq(out.code, ERR_SEED_FAILED);
    ck_assert_str_eq(out.failure.sqlstate, "42P01");
    ck_assert_int_eq(out.failure.statement, 2);
    ck_assert_int_eq(out.failure.line, 2);
    ck_assert_int_eq(out.failure.column, 14);
    ck_assert_str_eq(out.failure.step, "seed");
    ck_assert_int_eq(ask(pg, NOTES), 0);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM pg_class WHERE relname = '__tenantd_seeds'"
                             " AND relnamespace = 'sd'::regnamespace"),
                     0);
    o.schema = "not_there"; /* and what it would have done does not go into the shared schema */
    out = apply_on(pg, "CREATE TABLE astray ()", &o);
    ck_assert_int_eq(out.code, ERR_SCHEMA_MISSING);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM pg_class WHERE relname = 'astray'"), 0);
}
END_TEST

START_TEST(a_busy_schema_is_left_for_later)
{
    CLEANUP(pg_closep) struct pg *other = pg_fixture_connect();

    tell(other, "BEGIN; SELECT pg_advisory_xact_lock(%lld)", (long long)apply_lock_key("sd"));
    struct outcome out = apply_on(pg, insert, &plain);
    ck_assert_int_eq(out.code, ERR_LOCK_UNAVAILABLE);
    ck_assert_str_eq(out.failure.step, "lock");
    pg_fixture_sql(other, "COMMIT; BEGIN; LOCK TABLE sd.note");
    out = apply_on(pg, insert, &plain);
    ck_assert_int_eq(out.code, ERR_LOCK_UNAVAILABLE);
    ck_assert_str_eq(out.failure.sqlstate, "55P03");
    pg_fixture_sql(other, "COMMIT");
    out = apply_on(pg, insert, &plain);
    ck_assert(!out.code && out.applied);
}
END_TEST

enum { RIVALS = 4 };

static void *rival(void *arg)
{
    CLEANUP(pg_closep) struct pg *own = pg_fixture_connect();
    struct outcome out = {.code = ERR_LOCK_UNAVAILABLE};

    while (out.code == ERR_LOCK_UNAVAILABLE)
        out = apply_on(own, insert, &plain);
    *(int *)arg = out.code ? -1 : out.applied;
    return NULL;
}

START_TEST(once_is_once_for_all_who_try)
{
    pthread_t threads[RIVALS];
    int did[RIVALS] = {0}, sum = 0;

    for (int i = 0; i < RIVALS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, rival, &did[i]), 0);
    for (int i = 0; i < RIVALS; i++) {
        (void)pthread_join(threads[i], NULL);
        ck_assert_int_ge(did[i], 0);
        sum += did[i];
    }
    ck_assert_int_eq(sum, 1);
    ck_assert_int_eq(ask(pg, NOTES), 1);
}
END_TEST

START_TEST(the_transaction_is_its_own)
{
    /* a DO block cannot end it either; what it sets ends with it */
    struct outcome out = apply_on(pg, "DO $$BEGIN COMMIT; END$$", &plain);
    ck_assert_int_eq(out.code, ERR_SEED_FAILED);
    out = apply_on(
        pg, "SET LOCAL work_mem = '1MB'; INSERT INTO note VALUES (current_setting('lock_timeout'))",
        &plain);
    ck_assert(!out.code && out.applied);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM sd.note WHERE body = '200ms'"), 1);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v WHERE current_setting('work_mem') = '1MB'"), 0);
    struct seed_options o = plain;
    o.name = "comments";
    out = apply_on(pg, "-- nothing", &o);
    ck_assert(!out.code && out.applied);
}
END_TEST

START_TEST(seeds_are_kept_by_name)
{
    struct seed_text text;
    seed_put_answer answer;
    struct seed_spec spec = {.name = "a", .text = &text, .by = "t"};
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;

    OK(seed_text_make(NULL, "SELECT :x", 9, &text, NULL));
    OK(seed_put(pg, &spec, &answer, NULL));
    ck_assert_int_eq(answer, SEED_CREATED);
    OK(seed_put(pg, &spec, &answer, NULL));
    ck_assert_int_eq(answer, SEED_UNCHANGED);
    spec.mode = "always";
    OK(seed_put(pg, &spec, &answer, NULL));
    ck_assert_int_eq(answer, SEED_REPLACED);
    spec.scope = "shared";
    ck_assert_int_eq(seed_put(pg, &spec, &answer, NULL), ERR_CONFLICT);
    OK(seed_get(pg, "a", &rows, NULL));
    ck_assert_str_eq(pg_text(rows, 0, "mode"), "always");
    ck_assert_str_eq(pg_text(rows, 0, "scope"), "tenant");
    OK(seed_delete(pg, "a", NULL));
    ck_assert_int_eq(seed_delete(pg, "a", NULL), ERR_SEED_NOT_FOUND);
    ck_assert_int_eq(seed_check_name("a.b-c_1", NULL), ERR_NONE);
    ck_assert_int_eq(seed_check_name("", NULL), ERR_INVALID_PARAMETER);
    ck_assert_int_eq(seed_check_name(".a", NULL), ERR_INVALID_PARAMETER);
    ck_assert_int_eq(seed_check_name("a/b", NULL), ERR_INVALID_PARAMETER);
    seed_text_clear(&text);
}
END_TEST

int main(void)
{
    pg_fixture_start();
    TCase *tc = tcase_create("seed apply");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, it_is_recorded_with_what_it_did);
    tcase_add_test(tc, what_fails_leaves_nothing);
    tcase_add_test(tc, a_busy_schema_is_left_for_later);
    tcase_add_test(tc, once_is_once_for_all_who_try);
    tcase_add_test(tc, the_transaction_is_its_own);
    tcase_add_test(tc, seeds_are_kept_by_name);
    return run_suite("seed apply", tc);
}
