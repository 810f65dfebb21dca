/* SPDX-License-Identifier: MIT */
/* New schemas begin with what all migrations make together, where that is the same. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/job/snapshot.h"
#include "core/schema/introspect.h"
#include "core/schema/schema_json.h"
#include "tests/support/pg_fixture.h"

#define OK(call) ck_assert_msg((call) == ERR_NONE, "%s", #call)

enum { MIGRATIONS_MAX = 8 };

static struct engine *engine;
static struct pg *pg;
static struct migration items[MIGRATIONS_MAX];
static struct catalog catalog;

static void set_up(void)
{
    struct engine_settings settings = {.control_url = pg_fixture_url(),
                                       .schema_template = "k_{id}",
                                       .shared_schema = "common",
                                       .tracking_table = "__drizzle_migrations",
                                       .statement_timeout_ms = 10000,
                                       .baseline = true};
    pg = pg_fixture_connect();
    pg_fixture_sql(pg,
                   "DROP SCHEMA IF EXISTS common, replayed, snapped CASCADE; CREATE SCHEMA common;"
                   "CREATE TABLE common.plans (id int PRIMARY KEY)");
    OK(engine_new(&settings, NULL, NULL, &engine, NULL));
    catalog = (struct catalog){.name = (char[]){"tenant"}, .items = items};
}

static void tear_down(void)
{
    for (size_t i = 0; i < catalog.count; i++)
        migration_clear(&items[i]);
    engine_free(engine);
    pg_close(pg);
}

static void add(const char *sql)
{
    char version[16];
    struct err err = {.code = ERR_NONE};

    ck_assert_uint_lt(catalog.count, MIGRATIONS_MAX);
    (void)snprintf(version, sizeof version, "%04zu_m", catalog.count + 1);
    err_code rc = migration_make_by(&sql_policy_registered, version, sql, strlen(sql), 0,
                                    &items[catalog.count], &err);
    ck_assert_msg(!rc, "%s", err.msg);
    catalog.count++;
}

static void add_history(void)
{
    add("CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE people (id serial PRIMARY KEY,"
        " plan int REFERENCES common.plans, name text, mood mood DEFAULT 'ok', old int)");
    add("ALTER TABLE people DROP old, ADD email varchar(99) NOT NULL UNIQUE; CREATE INDEX by_name"
        " ON people (lower(name))");
    add("ALTER TABLE people RENAME name TO full_name; CREATE TABLE gone (id int)");
    add("DROP TABLE gone; CREATE VIEW named AS SELECT id, full_name FROM people;"
        " CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        " CREATE TRIGGER t BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION touch()");
    add("CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, person int"
        " REFERENCES people ON DELETE CASCADE, body text CHECK (body <> '\xc3\xa9'));"
        " GRANT SELECT ON notes TO pg_monitor");
}

static void create(const char *schema, const struct apply_baseline *baseline,
                   struct apply_result *result)
{
    struct apply_options options = {.schema = schema,
                                    .shared_schema = "common",
                                    .table = "__drizzle_migrations",
                                    .create_schema = true,
                                    .baseline = baseline};
    struct err err = {.code = ERR_NONE};
    ck_assert_msg(!apply_run(pg, &catalog, NULL, &options, result, &err), "%s", err.msg);
}

static void fingerprint(const char *schema, char out[SHA256_HEX_SIZE])
{
    CLEANUP(schema_freep) struct schema *s = NULL;
    OK(schema_read(pg, schema, NULL, &s, NULL));
    OK(schema_fingerprint(s, out, NULL));
}

static char *history_of(const char *schema)
{
    char sql[200];
    (void)snprintf(sql, sizeof sql,
                   "SELECT string_agg(name, ',' ORDER BY id) AS v FROM %s.__drizzle_migrations",
                   schema);
    return pg_fixture_value(pg, sql);
}

START_TEST(a_snapshot_makes_what_the_history_makes)
{
    CLEANUP(baseline_clear) struct apply_baseline baseline = {.sql = NULL};
    CLEANUP(apply_result_clear) struct apply_result one, other;
    char replayed[SHA256_HEX_SIZE], snapped[SHA256_HEX_SIZE];
    struct err err = {.code = ERR_NONE};

    add_history();
    ck_assert_msg(!snapshot_make(engine, pg, "default", &catalog, &err), "%s", err.msg);
    json_auto_t *known = snapshot_json(engine, "default", &catalog, true);
    ck_assert_str_eq(json_string_value(json_object_get(known, "state")), "ready");
    ck_assert_ptr_null(strstr(json_string_value(json_object_get(known, "sql")), "gone"));
    snapshot_find(engine, pg, "default", &catalog, &baseline);
    ck_assert_ptr_nonnull(baseline.sql);
    create("replayed", NULL, &one);
    create("snapped", &baseline, &other);
    ck_assert_uint_eq(one.applied, 5);
    ck_assert_uint_eq(other.applied, 5);
    char first_key[APPLIED_SET_KEY_SIZE], second_key[APPLIED_SET_KEY_SIZE];
    applied_set_key(one.now, first_key);
    applied_set_key(other.now, second_key);
    ck_assert_str_eq(first_key, second_key);
    fingerprint("replayed", replayed);
    fingerprint("snapped", snapped);
    ck_assert_str_eq(replayed, snapped);
    CLEANUP(freep) char *first = history_of("replayed"), *second = history_of("snapped");
    ck_assert_str_eq(first, "0001_m,0002_m,0003_m,0004_m,0005_m");
    ck_assert_str_eq(first, second);
    CLEANUP(freep)
    char *left = pg_fixture_value(
        pg, "SELECT count(*) AS v FROM pg_namespace WHERE nspname LIKE '%scratch%'");
    ck_assert_str_eq(left, "0");
}
END_TEST

START_TEST(the_first_are_replayed)
{
    add_history();
    for (int i = 0; i < 4; i++) {
        CLEANUP(baseline_clear) struct apply_baseline baseline;
        snapshot_find(engine, pg, "default", &catalog, &baseline);
        ck_assert_msg((baseline.sql != NULL) == (i >= 2), "number %d", i);
    }
    snapshot_refuse(engine, "default", &catalog, "it failed");
    CLEANUP(baseline_clear) struct apply_baseline none;
    snapshot_find(engine, pg, "default", &catalog, &none);
    ck_assert_ptr_null(none.sql);
    json_auto_t *known = snapshot_json(engine, "default", &catalog, false);
    ck_assert_str_eq(json_string_value(json_object_get(known, "reason")), "it failed");
}
END_TEST

static const struct {
    const char *sql, *reason;
} refused[] = {
    {"CREATE TABLE t (id int); INSERT INTO t VALUES (1)", "puts rows into t"},
    {"CREATE TABLE t AS SELECT 1 AS a", "puts rows into t"},
    {"INSERT INTO common.plans VALUES (7)", "changes rows of common.plans"},
    {"DO $$ BEGIN EXECUTE 'INSERT INTO com' || 'mon.plans VALUES (7)'; END $$",
     "changes rows of common.plans"},
    {"SELECT setval('people_id_seq', 99)", "moves the sequence people_id_seq"},
    {"CREATE OPERATOR <+> (leftarg = int, rightarg = int, function = int4pl)", "operator"},
    {"CREATE FUNCTION f() RETURNS int LANGUAGE sql SET search_path FROM CURRENT AS 'SELECT 1'",
     "search path"},
    {"ALTER TYPE mood ADD VALUE 'new'; CREATE TABLE t (m mood DEFAULT 'new')", "0006_m"},
    {"SELECT 1 / 0", "0006_m"},
    {"DO $$ BEGIN EXECUTE 'CREATE TABLE com' || 'mon.log (id int)'; END $$",
     "makes log outside of its schema"},
    {"DO $$ BEGIN EXECUTE 'CREATE SCHEMA aside'; END $$", "makes aside outside"},
    {"SELECT lo_create(0)", "pg_largeobject_metadata"},
};

START_TEST(what_it_cannot_say_is_replayed)
{
    CLEANUP(baseline_clear) struct apply_baseline baseline;
    struct err err = {.code = ERR_NONE};

    add_history();
    add(refused[_i].sql);
    ck_assert_msg(!snapshot_make(engine, pg, "default", &catalog, &err), "%s", err.msg);
    json_auto_t *known = snapshot_json(engine, "default", &catalog, false);
    const char *reason = json_string_value(json_object_get(known, "reason"));
    ck_assert_str_eq(json_string_value(json_object_get(known, "state")), "replay");
    ck_assert_msg(reason && strstr(reason, refused[_i].reason), "%s", reason);
    snapshot_find(engine, pg, "default", &catalog, &baseline);
    ck_assert_ptr_null(baseline.sql);
    ck_assert(!pg_in_transaction(pg));
    CLEANUP(freep) char *left = pg_fixture_value(pg, "SELECT count(*) AS v FROM common.plans");
    ck_assert_str_eq(left, "0");
}
END_TEST

START_TEST(uncounted_rows_are_no_reason_to_trust)
{
    CLEANUP(baseline_clear) struct apply_baseline baseline;

    add_history();
    add("INSERT INTO people (email) VALUES ('a@b')");
    pg_fixture_sql(pg, "SET track_counts = off");
    OK(snapshot_make(engine, pg, "default", &catalog, NULL));
    snapshot_find(engine, pg, "default", &catalog, &baseline);
    ck_assert_ptr_null(baseline.sql);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("snapshot");
    TCase *t = tcase_create("snapshot");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, a_snapshot_makes_what_the_history_makes);
    tcase_add_test(t, the_first_are_replayed);
    tcase_add_test(t, uncounted_rows_are_no_reason_to_trust);
    tcase_add_loop_test(t, what_it_cannot_say_is_replayed, 0, ARRAY_LEN(refused));
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return pg_fixture_run(suite());
}
