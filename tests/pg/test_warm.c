/* SPDX-License-Identifier: MIT */
/* Taking schemas that stand ready, statement by statement: what a rollback leaves, who waits for
 * whom, and which schemas cannot be renamed. */
#include "core/job/warm.h"
#include "core/migrate/apply.h"
#include "core/tenant/schema_ops.h"
#include "core/tenant/schema_text.h"
#include "core/tenant/tenant_store.h"
#include "tests/pg/job_support.h"

static struct pg *pg;

/* A ready schema as a fill leaves it. */
static void make_ready(void)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;

    pg_fixture_sql(
        pg, "DELETE FROM tenantd.warm_count; DELETE FROM tenantd.warm_schema;"
            "DELETE FROM tenantd.tenant; DELETE FROM tenantd.applied_set;"
            "DROP SCHEMA IF EXISTS w_new CASCADE; DROP SCHEMA IF EXISTS tenantd_warm_7 CASCADE;"
            "UPDATE tenantd.catalog SET revision = 4 WHERE name = 'tenant';"
            "CREATE SCHEMA tenantd_warm_7;"
            "COMMENT ON SCHEMA tenantd_warm_7 IS 'tenantd warm tenantd_warm_7';"
            "CREATE TABLE tenantd_warm_7.t (id int);"
            "CREATE TABLE tenantd_warm_7.track (id serial, name text, applied_at timestamptz);"
            "INSERT INTO tenantd_warm_7.track (name) VALUES ('0001_t')");
    str_add(&sql, "WITH s AS (INSERT INTO tenantd.applied_set (format, has_table, digest, content)"
                  " VALUES ('name', true, ");
    tracking_sql_digest(&sql, TRACKING_NAME, "tenantd_warm_7.track");
    str_add(&sql, ", '{}') RETURNING id) INSERT INTO tenantd.warm_schema (id, server, state,"
                  " revision, applied_set) OVERRIDING SYSTEM VALUE"
                  " SELECT 7, 'default', 'ready', 4, id FROM s");
    pg_fixture_sql(pg, str_text(&sql));
}

static void set_up(void)
{
    pg = job_clean();
    make_ready();
}

static void tear_down(void)
{
    pg_close(pg);
}

static const struct warm_wish wish = {
    .tenant_id = "new", .server = "default", .schema = "w_new", .table = "track", .revision = 4};

static void register_new(struct pg *on)
{
    struct tenant_spec spec = {.id = "new", .server = "default", .schema = "w_new"};
    pg_fixture_sql(on, "BEGIN");
    OK(tenant_register(on, &spec, NULL));
}

static warm_answer claim_as(struct pg *on, const struct warm_wish *w)
{
    warm_answer answer = WARM_NO_POOL;
    struct err err;
    OK(warm_claim(on, w, &answer, &err));
    ck_assert(pg_in_transaction(on));
    return answer;
}

#define SCHEMA_IS(name) ask(pg, "SELECT count(*) AS v FROM pg_namespace WHERE nspname = '" name "'")

START_TEST(a_rollback_gives_it_back)
{
    register_new(pg);
    ck_assert_int_eq(claim_as(pg, &wish), WARM_CLAIMED);
    ck_assert_int_eq(SCHEMA_IS("w_new"), 1);
    pg_fixture_sql(pg, "ROLLBACK");
    ck_assert_int_eq(SCHEMA_IS("w_new"), 0);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.warm_schema WHERE state = 'ready'"),
                     1);
    register_new(pg);
    ck_assert_int_eq(claim_as(pg, &wish), WARM_CLAIMED);
    pg_fixture_sql(pg, "COMMIT");
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM w_new.t"), 0);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.tenant WHERE state = 'active'"
                             " AND applied_set IS NOT NULL"),
                     1);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.warm_schema"), 0);
    ck_assert_int_eq(ask(pg, "SELECT sum(claimed) * 10 + sum(missed) AS v FROM tenantd.warm_count"),
                     10);
}
END_TEST

START_TEST(one_that_is_being_taken_is_passed_over)
{
    CLEANUP(pg_closep) struct pg *other = pg_fixture_connect();

    register_new(pg);
    ck_assert_int_eq(claim_as(pg, &wish), WARM_CLAIMED);
    struct warm_wish second = wish;
    second.tenant_id = "second";
    second.schema = "w_second";
    pg_fixture_sql(other, "BEGIN");
    ck_assert_int_eq(claim_as(other, &second), WARM_MISSED);
    pg_fixture_sql(other, "COMMIT");
    pg_fixture_sql(pg, "COMMIT");
    ck_assert_int_eq(SCHEMA_IS("w_second"), 0);
}
END_TEST

static void miss_with(const char *spoil)
{
    make_ready();
    pg_fixture_sql(pg, spoil);
    register_new(pg);
    ck_assert_int_eq(claim_as(pg, &wish), WARM_MISSED);
    pg_fixture_sql(pg, "COMMIT"); /* the transaction is as good as before */
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.tenant WHERE id = 'new'"
                             " AND state = 'provisioning'"),
                     1);
    pg_fixture_sql(pg, "DELETE FROM tenantd.tenant");
}

START_TEST(what_is_not_as_it_was_left_is_not_taken)
{
    static const char *const spoils[] = {
        "DROP SCHEMA tenantd_warm_7 CASCADE",
        "DROP TABLE tenantd_warm_7.track",
        "ALTER TABLE tenantd_warm_7.track DROP COLUMN name",
        "INSERT INTO tenantd_warm_7.track (name) VALUES ('0002_u')",
        "COMMENT ON SCHEMA tenantd_warm_7 IS NULL",
        "CREATE SCHEMA w_new",
    };
    for (size_t i = 0; i < ARRAY_LEN(spoils); i++) {
        miss_with(spoils[i]);
        ck_assert_int_eq(ask(pg, "SELECT revision AS v FROM tenantd.warm_schema"), 0);
    }
    miss_with("UPDATE tenantd.catalog SET revision = 5 WHERE name = 'tenant';"
              "UPDATE tenantd.warm_schema SET revision = 5"); /* and the request saw 4 */
    miss_with("UPDATE tenantd.warm_schema SET state = 'unfit'");
    miss_with("UPDATE tenantd.warm_schema SET state = 'dropping'");
}
END_TEST

START_TEST(a_schema_at_work_is_not_taken)
{
    CLEANUP(pg_closep) struct pg *other = pg_fixture_connect();
    const char *const names[] = {"tenantd_warm_7", "w_new"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        tell(other, "BEGIN; SELECT pg_advisory_xact_lock(%lld)",
             (long long)apply_lock_key(names[i]));
        miss_with("SELECT 1");
        pg_fixture_sql(other, "COMMIT");
    }
}
END_TEST

START_TEST(another_server_has_no_pool)
{
    struct warm_wish far = wish;

    tell(pg, "INSERT INTO tenantd.server (id, url) VALUES ('far', '%s')", pg_fixture_url());
    far.server = "far";
    pg_fixture_sql(pg, "BEGIN");
    ck_assert_int_eq(claim_as(pg, &far), WARM_NO_POOL);
    pg_fixture_sql(pg, "COMMIT");
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.warm_count"), 0);
}
END_TEST

static int64_t keep(int size)
{
    bool started = false;
    OK(warm_keep(pg, size, &started, NULL));
    return started;
}

START_TEST(one_job_of_the_pool_at_a_time)
{
    char id[UUID_TEXT_SIZE];

    ck_assert_int_eq(keep(1), 0); /* it is as it should be */
    ck_assert_int_eq(keep(3), 1);
    ck_assert_int_eq(keep(3), 0);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task t JOIN tenantd.job j"
                             " ON j.id = t.job_id WHERE j.kind = 'warm.fill' AND j.priority > 2"),
                     2);
    pg_fixture_sql(pg, "TRUNCATE tenantd.job CASCADE");
    ck_assert_int_eq(keep(3), 1); /* a job that was lost is made again, no schema twice */
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.warm_schema"), 3);
    pg_fixture_sql(pg, "TRUNCATE tenantd.job CASCADE");
    ck_assert_int_eq(keep(1), 1); /* the ready one stays */
    ck_assert_int_eq(ask(pg, "SELECT id AS v FROM tenantd.warm_schema WHERE state <> 'dropping'"),
                     7);
    pg_fixture_sql(pg, "TRUNCATE tenantd.job CASCADE");
    OK(warm_drain(pg, "t", NULL, id, NULL));
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE job_id = '%s'", id), 3);
    pg_fixture_sql(pg, "TRUNCATE tenantd.job CASCADE; DELETE FROM tenantd.warm_schema");
    OK(warm_drain(pg, "t", NULL, id, NULL)); /* nothing to drop is fine */
    ck_assert_int_eq(job_state_of(pg, id), JOB_SUCCEEDED);
    ck_assert_int_eq(keep(0), 0);
    pg_fixture_sql(pg, "INSERT INTO tenantd.warm_schema (server, state, revision)"
                       " SELECT 'default', 'failed', 4 FROM generate_series(1, 6);"
                       "INSERT INTO tenantd.warm_count VALUES ('default', 1, 4, 0, now())");
    ck_assert_int_eq(keep(10), 0); /* somebody takes schemas just now */
    ck_assert_int_eq(keep(12), 1); /* but half of them are gone */
    pg_fixture_sql(pg, "TRUNCATE tenantd.job CASCADE; DELETE FROM tenantd.warm_schema"
                       " WHERE state = 'filling';"
                       "UPDATE tenantd.warm_count SET claimed_at = now() - interval '3 s'");
    ck_assert_int_eq(keep(10), 1);
    pg_fixture_sql(pg, "TRUNCATE tenantd.job CASCADE; DELETE FROM tenantd.warm_schema");
    ck_assert_int_eq(keep(150), 1); /* many are made by several jobs */
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task"), 100);
    pg_fixture_sql(pg,
                   "TRUNCATE tenantd.job CASCADE; UPDATE tenantd.warm_schema SET state = 'failed',"
                   " revision = 4");
    ck_assert_int_eq(keep(150), 1);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task"), 50);
    pg_fixture_sql(pg,
                   "TRUNCATE tenantd.job CASCADE; UPDATE tenantd.warm_schema SET state = 'failed',"
                   " revision = 4");
    ck_assert_int_eq(keep(150), 0); /* they rest */
    pg_fixture_sql(pg, "UPDATE tenantd.warm_schema SET updated_at = now() - interval '2 minutes'");
    ck_assert_int_eq(keep(150), 1);
}
END_TEST

/* What makes a schema unfit, and what does not. */
START_TEST(names_in_text_are_found)
{
    static const struct {
        const char *sql, *where;
    } rows[] = {
        {"CREATE TABLE a (id serial PRIMARY KEY, b int REFERENCES a, c text DEFAULT 'x');"
         "CREATE INDEX ON a (lower(c)) WHERE c <> ''; CREATE VIEW v AS SELECT a.id FROM a;"
         "CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM a;"
         "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
         "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW WHEN (NEW.id > 0) EXECUTE FUNCTION f();"
         "CREATE RULE r AS ON DELETE TO v DO INSTEAD DELETE FROM a WHERE id = OLD.id;"
         "ALTER TABLE a ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON a USING (id > 0);"
         "CREATE TYPE mood AS ENUM ('good'); CREATE DOMAIN d AS text DEFAULT 'x' CHECK (VALUE <> "
         "'y');"
         "CREATE TABLE q (m mood DEFAULT 'good', n bigint DEFAULT nextval('a_id_seq'),"
         " e d, CHECK (m <> 'good'));"
         "CREATE FUNCTION g(x mood DEFAULT 'good') RETURNS text LANGUAGE sql RETURN x::text;"
         "INSERT INTO a (c) VALUES ('tenantd'), ('warm')",
         NULL},
        {"CREATE FUNCTION f() RETURNS int LANGUAGE sql SET search_path FROM CURRENT AS 'SELECT 1'",
         "function f"},
        {"DO $$BEGIN EXECUTE format('CREATE FUNCTION f() RETURNS int LANGUAGE sql AS"
         " ''SELECT 1 -- %s''', current_schema()); END$$",
         "function f"},
        {"CREATE TABLE settings (name text); INSERT INTO settings SELECT current_schema()",
         "rows of settings"},
        {"DO $$BEGIN EXECUTE format('CREATE TABLE a (b text DEFAULT %L)', current_schema()); END$$",
         "default of a"},
        {"DO $$BEGIN EXECUTE format('CREATE VIEW v AS SELECT %L AS s', current_schema()); END$$",
         "relation v"},
        {"DO $$BEGIN EXECUTE format('CREATE TABLE a (b text CHECK (b <> %L))', current_schema());"
         " END$$",
         "constraint a_b_check"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(freep) char *where = NULL;
        pg_fixture_sql(pg, "DROP SCHEMA tenantd_warm_7 CASCADE; CREATE SCHEMA tenantd_warm_7;"
                           "SET search_path = tenantd_warm_7, public");
        pg_fixture_sql(pg, rows[i].sql);
        pg_fixture_sql(pg, "RESET search_path");
        OK(schema_spells_its_name(pg, "tenantd_warm_7", "public", &where, NULL));
        ck_assert_msg(rows[i].where ? str_eq(where, rows[i].where) : !where, "row %zu: %s", i,
                      where ? where : "nothing");
    }
}
END_TEST

int main(void)
{
    pg_fixture_start();
    TCase *tc = tcase_create("warm");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_rollback_gives_it_back);
    tcase_add_test(tc, one_that_is_being_taken_is_passed_over);
    tcase_add_test(tc, what_is_not_as_it_was_left_is_not_taken);
    tcase_add_test(tc, a_schema_at_work_is_not_taken);
    tcase_add_test(tc, another_server_has_no_pool);
    tcase_add_test(tc, one_job_of_the_pool_at_a_time);
    tcase_add_test(tc, names_in_text_are_found);
    return run_suite("warm", tc);
}
