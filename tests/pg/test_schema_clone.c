/* SPDX-License-Identifier: MIT */
/* A clone looks like its source, has its rows, or is not there at all. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/schema/clone.h"
#include "core/schema/introspect.h"
#include "tests/support/pg_fixture.h"
#include "tests/support/schema_samples.h"

static struct pg *pg;

/* A spec in JSON with ' for ". */
struct wish {
    json_t *exclude, *anonymize;
    struct clone_spec spec;
    struct clone_options options;
    struct clone_result result;
    struct err err;
};

static json_t *quoted(const char *text)
{
    CLEANUP(freep) char *copy = strdup(text);
    for (char *p = copy; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    json_t *value = json_loads(copy, 0, NULL);
    ck_assert_msg(value != NULL, "%s", text);
    return value;
}

static void wish_init(struct wish *w, clone_data data, const char *exclude, const char *anonymize)
{
    *w = (struct wish){.exclude = quoted(exclude ? exclude : "[]"),
                       .anonymize = quoted(anonymize ? anonymize : "{}")};
    w->spec = (struct clone_spec){.data = data,
                                  .exclude = w->exclude,
                                  .anonymize = w->anonymize,
                                  .personal = "@pii",
                                  .tracking_table = "__drizzle_migrations"};
    w->options = (struct clone_options){.source = "xq_source",
                                        .target = "xq_target",
                                        .comment = "a clone's",
                                        .shared_schema = "shared",
                                        .source_lock = 11,
                                        .target_lock = 12,
                                        .spec = &w->spec,
                                        .lock_timeout_ms = 1000};
}

static void wish_clear(struct wish *w)
{
    json_decref(w->exclude);
    json_decref(w->anonymize);
    clone_result_clear(&w->result);
}

static err_code clone_as(struct wish *w)
{
    pg_fixture_sql(pg, "DROP SCHEMA IF EXISTS xq_target CASCADE");
    clone_result_clear(&w->result);
    err_code rc = schema_clone(pg, &w->options, &w->result, &w->err);
    ck_assert(!pg_in_transaction(pg));
    if (rc) {
        CLEANUP(freep)
        char *left = pg_fixture_value(
            pg, "SELECT count(*)::text AS v FROM pg_namespace WHERE nspname = 'xq_target'");
        ck_assert_str_eq(left, "0");
    }
    return rc;
}

static void must_clone(struct wish *w)
{
    err_code rc = clone_as(w);
    ck_assert_msg(!rc, "%s %s at %s: %s", err_name(rc), w->err.sqlstate, w->result.step,
                  w->err.msg);
}

static void source(const char *sql)
{
    pg_fixture_sql(pg, "DROP SCHEMA IF EXISTS xq_source CASCADE; CREATE SCHEMA xq_source;"
                       "SET search_path = xq_source");
    pg_fixture_sql(pg, sql);
    pg_fixture_sql(pg, "RESET search_path");
}

static void is(const char *sql, const char *wanted)
{
    CLEANUP(freep) char *v = pg_fixture_value(pg, sql);
    ck_assert_msg(str_eq(v, wanted), "%s\ngives %s, not %s", sql, v, wanted);
}

static void set_up(void)
{
    pg = pg_fixture_connect();
    pg_fixture_sql(pg, "CREATE SCHEMA IF NOT EXISTS shared;"
                       "CREATE TABLE IF NOT EXISTS shared.plans (id int PRIMARY KEY);"
                       "INSERT INTO shared.plans VALUES (1) ON CONFLICT DO NOTHING");
}

static void tear_down(void)
{
    pg_close(pg);
}

static const struct sample {
    const char *file, *rows;
} samples[] = {
    {"test_schema_rich.sql",
     "INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('a', 1), ('b', 2);"
     "INSERT INTO users (id, email, name, mood, plan_id, moods, labels, grid, home, addr, span,"
     " pause, ratio, photo, flags) VALUES"
     " ('00000000-0000-0000-0000-000000000001', 'a@b', 'A', 'it''s \"great\"', 1,"
     "  '{sad,\"it''s \\\"great\\\"\"}', '{x,\"y z\"}', '{{1,2},{3,4}}', '(1,2,3)', '10.0.0.1/8',"
     "  '[1,5)', '1 year 2 days -3 seconds', 0.1, '\\x00ff', B'1010');"
     "INSERT INTO users (email, name, plan_id, manager_id, contact) VALUES"
     " ('c@d', NULL, 1, '00000000-0000-0000-0000-000000000001', 'who@x');"
     "SELECT nextval('users_counter_seq'), nextval('users_counter_seq');"
     "INSERT INTO profiles SELECT id, 'bio' FROM users;"
     "INSERT INTO orders (region, user_id, token) SELECT r, id, NULL FROM users, "
     "unnest(ARRAY['eu', 'us']) r;"
     "INSERT INTO lines SELECT region, id, id::int, tstzrange('2020-01-01'::timestamptz +"
     "  id * interval '1 day', '2020-01-01'::timestamptz + (id + 1) * interval '1 day') FROM "
     "orders;"
     "INSERT INTO full_match SELECT region, id FROM orders;"
     "INSERT INTO nothing DEFAULT VALUES; INSERT INTO nothing DEFAULT VALUES;"
     "INSERT INTO own_types VALUES ('an own type named as PostgreSQL''s', '*/', NULL);"
     "INSERT INTO \"weird \"\"table\"\"\" (\"a.b\", \"c-d\", \"new\nline\") VALUES (1, 2, 'x');"
     "REFRESH MATERIALIZED VIEW moods"},
    {"test_schema_objects.sql",
     "INSERT INTO people (name, home, span, age) VALUES"
     " ('Ada', '(\"Long \"\"street\"\"\",sad,\"{a,b}\")', '[1.5,2]', 36), ('Bo', NULL, 'empty', "
     "NULL);"
     "INSERT INTO scratch (n, p) SELECT 1, id FROM people;"
     "INSERT INTO base VALUES (1, 'b'); INSERT INTO child (c, a) VALUES (9, 2);"
     "INSERT INTO typed VALUES ('s', 'ok', '{}');"
     "INSERT INTO events SELECT d::date, k, p.id FROM people p, (VALUES ('2019-01-01', 'a'),"
     " ('2024-01-01', 'b')) v (d, k) WHERE p.name = 'Ada';"
     "SELECT nextval('tickets'); REFRESH MATERIALIZED VIEW counts"},
};

START_TEST(a_clone_is_what_its_source_is)
{
    static const char *const ways[] = {"--schema-only", "--data-only --inserts"};
    CLEANUP(wish_clear) struct wish w;

    wish_init(&w, CLONE_ALL, NULL, NULL);
    schema_sample_make(pg, "xq_source", samples[_i].file);
    pg_fixture_sql(pg, "SET search_path = xq_source");
    pg_fixture_sql(pg, samples[_i].rows);
    pg_fixture_sql(pg, "RESET search_path; COMMENT ON SCHEMA xq_source IS 'a clone''s'");
    must_clone(&w);
    ck_assert_uint_eq(strlen(w.result.fingerprint), 64);
    ck_assert_int_gt(w.result.rows, 5);
    ck_assert_int_gt(w.result.bytes, 1000);
    ck_assert_uint_gt(json_array_size(w.result.tables), 3);
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        CLEANUP(str_clear) struct str from = STR_INIT, copy = STR_INIT;
        if (!schema_sample_dump(pg, "xq_source", ways[i], &from) ||
            !schema_sample_dump(pg, "xq_target", ways[i], &copy))
            return;
        ck_assert_uint_gt(from.len, 1000);
        schema_sample_same(str_text(&from), str_text(&copy));
    }
}
END_TEST

/* Numbers go on where the source was, also those that were called and then not used. */
START_TEST(sequences_go_on)
{
    CLEANUP(wish_clear) struct wish w;
    CLEANUP(wish_clear) struct wish without;

    source(
        "CREATE TABLE __drizzle_migrations (id serial PRIMARY KEY, hash text, created_at bigint);"
        "INSERT INTO __drizzle_migrations (hash) VALUES ('x'), ('y');"
        "CREATE TABLE a (id serial PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY);"
        "CREATE SEQUENCE free START 100 INCREMENT 10;"
        "INSERT INTO a DEFAULT VALUES; INSERT INTO a DEFAULT VALUES; DELETE FROM a;"
        "SELECT nextval('free'); SELECT setval('free', 500, false)");
    wish_init(&w, CLONE_ALL, NULL, NULL);
    must_clone(&w);
    is("WITH i AS (INSERT INTO xq_target.a DEFAULT VALUES RETURNING id, n)"
       " SELECT id || ' ' || n || ' ' || nextval('xq_target.free') AS v FROM i",
       "3 3 500");
    wish_init(&without, CLONE_NONE, NULL, NULL);
    must_clone(&without);
    is("WITH i AS (INSERT INTO xq_target.a DEFAULT VALUES RETURNING id, n)"
       " SELECT id || ' ' || n || ' ' || nextval('xq_target.free') AS v FROM i",
       "1 1 100");
    is("SELECT count(*) || ' ' || nextval('xq_target.__drizzle_migrations_id_seq') AS v FROM"
       " xq_target.__drizzle_migrations",
       "2 3");
}
END_TEST

/* What another tool called a success with 10 of them. */
START_TEST(twenty_two_indexes)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    CLEANUP(wish_clear) struct wish w;

    str_add(&sql, "CREATE TABLE t (id serial PRIMARY KEY, a int UNIQUE, b text);");
    for (int i = 0; i < 20; i++)
        str_addf(&sql, "CREATE INDEX i%d ON t (%s) %s;", i, i % 2 ? "lower(b), a" : "a DESC, b",
                 i % 3 ? "WHERE a > 1" : "");
    source(str_text(&sql));
    wish_init(&w, CLONE_NONE, NULL, NULL);
    must_clone(&w);
    is("SELECT count(*)::text AS v FROM pg_indexes WHERE schemaname = 'xq_target'", "22");
}
END_TEST

static const char people[] =
    "CREATE TABLE users (id uuid PRIMARY KEY, email varchar(60) UNIQUE, name text, phone text,"
    " ssn varchar(11), age int, note text, code varchar(12) UNIQUE);"
    "CREATE TABLE mails (id int PRIMARY KEY, user_id uuid REFERENCES users,"
    " email varchar(60) REFERENCES users (email));"
    "INSERT INTO users SELECT ('00000000-0000-0000-0000-' || lpad(i::text, 12, '0'))::uuid,"
    " 'p' || i || '@real.com', 'Name ' || i, '+49 (30) 12345-' || i, '123-45-678' || i % 10,"
    " 20 + i % 60, 'secret', 'c' || i FROM generate_series(1, 500) i;"
    "INSERT INTO users (id) VALUES ('00000000-0000-0000-0001-000000000000');"
    "INSERT INTO mails SELECT i, ('00000000-0000-0000-0000-' || lpad(i::text, 12, '0'))::uuid,"
    " 'p' || i || '@real.com' FROM generate_series(1, 500) i;"
    "COMMENT ON COLUMN users.ssn IS 'number @pii of the state'";

START_TEST(nobody_is_recognised)
{
    CLEANUP(wish_clear) struct wish w;

    source(people);
    wish_init(&w, CLONE_ALL, NULL,
              "{'users.id': {'rule': 'hash'}, 'mails.user_id': {'rule': 'hash'},"
              "'users.email': {'rule': 'email'}, 'mails.email': {'rule': 'email'},"
              "'users.name': {'rule': 'name'}, 'users.phone': {'rule': 'phone'},"
              "'users.ssn': {'rule': 'digits'}, 'users.age': {'rule': 'digits'},"
              "'users.note': {'rule': 'constant', 'value': 'gone \\\\ '},"
              "'users.code': {'rule': 'hash'}}");
    must_clone(&w);
    is("SELECT count(*) || ' ' || count(DISTINCT email) || ' ' || count(DISTINCT code) || ' ' ||"
       " count(DISTINCT id) AS v FROM xq_target.users",
       "501 500 500 501");
    is("SELECT count(*)::text AS v FROM xq_target.mails m JOIN xq_target.users u ON u.id = "
       "m.user_id"
       " AND u.email = m.email",
       "500");
    is("SELECT count(*)::text AS v FROM xq_target.users t JOIN xq_source.users s ON s.id = t.id OR"
       " s.email = t.email OR s.phone = t.phone OR s.code = t.code OR s.name = t.name",
       "0");
    is("SELECT bool_and(email ~ '^user_[0-9a-f]{24}@example.invalid$')::text AS v"
       " FROM xq_target.users",
       "true");
    is("SELECT bool_and(phone ~ '^\\+00 \\(0[0-9]\\) [0-9]{5}-[0-9]+$')::text AS v"
       " FROM xq_target.users",
       "true");
    is("SELECT bool_and(ssn ~ '^[0-9]{3}-[0-9]{2}-[0-9]{4}$' AND age BETWEEN 10 AND 99"
       " AND name ~ '^[A-Z][a-z]+ [A-Z][a-z]+$' AND length(code) = 12)::text AS v"
       " FROM xq_target.users",
       "true");
    is("SELECT count(*)::text AS v FROM xq_target.users WHERE note = 'gone \\ '", "501");
    is("SELECT count(DISTINCT ssn)::text AS v FROM xq_target.users", "10");
}
END_TEST

/* The hash is HMAC-SHA256 as RFC 2104 has it: by its second test case of RFC 4231, whose key is
 * shorter than ours and so filled with zeros in the same way. */
START_TEST(hashes_are_hmac)
{
    CLEANUP(wish_clear) struct wish w;

    source(
        "CREATE TABLE t (v text); INSERT INTO t VALUES ('what do ya want for nothing?'), (NULL)");
    wish_init(&w, CLONE_ALL, NULL, "{'t.v': {'rule': 'hash'}}");
    memcpy(w.options.key, "Jefe", 4);
    must_clone(&w);
    is("SELECT string_agg(coalesce(v, '-'), ' ' ORDER BY v) AS v FROM xq_target.t",
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843 -");
}
END_TEST

static const struct refusal {
    const char *exclude, *anonymize, *wanted;
} refusals[] = {
    {NULL, NULL, "/anonymize/users.ssn REQUIRED"},
    {"['mails', 'nothing']", "{'users.ssn': {'rule': 'null'}}", "/exclude_tables/1 UNKNOWN_VALUE"},
    {"['users']", NULL, "/exclude_tables CONTRADICTION"},
    {NULL, "{'users.ssn': {'rule': 'digits'}, 'users.email': {'rule': 'email'}}",
     "/anonymize/users.email CONTRADICTION"},
    {NULL, "{'users.ssn': {'rule': 'digits'}, 'mails.email': {'rule': 'email'}}",
     "/anonymize/mails.email CONTRADICTION"},
    {NULL,
     "{'users.ssn': {'rule': 'digits'}, 'mails.email': {'rule': 'email'},"
     " 'users.email': {'rule': 'hash'}}",
     "/anonymize/mails.email CONTRADICTION"},
    {NULL, "{'users.ssn': {'rule': 'digits'}, 'users.id': {'rule': 'null'}}",
     "/anonymize/users.id CONTRADICTION"},
    {NULL, "{'users.ssn': {'rule': 'email'}}", "/anonymize/users.ssn CONTRADICTION"},
    {NULL, "{'users.ssn': {'rule': 'hash', 'more': 1}}", "/anonymize/users.ssn CONTRADICTION"},
    {NULL, "{'users.ssn': {'rule': 'constant'}}", "/anonymize/users.ssn CONTRADICTION"},
    {NULL, "{'users.ssn': {'rule': 'rot13'}}", "/anonymize/users.ssn CONTRADICTION"},
    {NULL, "{'users.ssn': 7}", "/anonymize/users.ssn CONTRADICTION"},
    {NULL, "{'users.ssn': {'rule': 'digits'}, 'users.code': {'rule': 'digits'}}",
     "/anonymize/users.code CONTRADICTION"},
    {NULL, "{'users.ssn': {'rule': 'digits'}, 'users.age': {'rule': 'email'}}",
     "/anonymize/users.age CONTRADICTION"},
    {NULL, "{'users.ssn': {'rule': 'digits'}, 'no/ta~ble.x': {'rule': 'email'}}",
     "/anonymize/no~1ta~0ble.x UNKNOWN_VALUE"},
    {"['__drizzle_migrations']", "{'users.ssn': {'rule': 'digits'}}",
     "/exclude_tables/0 CONTRADICTION"},
    {"[7]", "{'users.ssn': {'rule': 'digits'}}", "/exclude_tables/0 WRONG_TYPE"},
};

/* The first that is told. */
struct told {
    char text[200];
};

static void hear(void *ctx, const char *pointer, const char *code, const char *text)
{
    struct told *t = ctx;
    ck_assert_ptr_nonnull(text);
    if (!t->text[0])
        (void)snprintf(t->text, sizeof t->text, "%s %s", pointer, code);
}

START_TEST(what_does_not_fit_is_told)
{
    CLEANUP(wish_clear) struct wish w;
    CLEANUP(schema_freep) struct schema *s = NULL;
    const struct refusal *r = &refusals[_i];
    struct told told = {.text = ""};

    source(people);
    wish_init(&w, CLONE_ALL, r->exclude, r->anonymize);
    ck_assert_msg(clone_as(&w) == ERR_VALIDATION_FAILED, "%s", w.err.msg);
    ck_assert(!schema_read(pg, "xq_source", NULL, &s, NULL));
    ck_assert_uint_gt(clone_check(s, &w.spec, hear, &told), 0);
    ck_assert_str_eq(told.text, r->wanted);
}
END_TEST

/* Rows that break a constraint which was never validated come along, and so does it. */
START_TEST(what_is_not_valid_stays_so)
{
    CLEANUP(wish_clear) struct wish w;

    source("CREATE TABLE a (id int PRIMARY KEY, of int, n int); CREATE TABLE b () INHERITS (a);"
           "CREATE TABLE p (id int) PARTITION BY LIST (id);"
           "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);"
           "INSERT INTO a VALUES (1, 7, -1); INSERT INTO b VALUES (1, 7, -1); INSERT INTO p VALUES (1);"
           "ALTER TABLE a ADD CHECK (n > 0) NOT VALID, ADD FOREIGN KEY (of) REFERENCES a NOT VALID,"
           " ADD CONSTRAINT mine CHECK (n > 1) NO INHERIT NOT VALID;"
           "ALTER TABLE p ADD CHECK (id > 1) NOT VALID; ALTER TABLE p1 ADD CHECK (id > 2) NOT VALID");
    wish_init(&w, CLONE_ALL, NULL, NULL);
    must_clone(&w);
    is("SELECT (SELECT count(*) FROM xq_target.a) || ' ' || (SELECT count(*) FROM xq_target.p) AS v",
       "2 1");
    is("SELECT count(*)::text AS v FROM pg_constraint WHERE connamespace = 'xq_target'::regnamespace"
       " AND NOT convalidated", "7");
}
END_TEST

START_TEST(rows_are_left_out)
{
    CLEANUP(wish_clear) struct wish w;

    source(people);
    wish_init(&w, CLONE_ALL, "['mails']", "{'users.ssn': {'rule': 'null'}}");
    must_clone(&w);
    is("SELECT (SELECT count(*) FROM xq_target.users) || ' ' || (SELECT count(*) FROM"
       " xq_target.mails) AS v",
       "501 0");
    is("SELECT count(*)::text AS v FROM pg_constraint WHERE connamespace = "
       "'xq_target'::regnamespace"
       " AND contype = 'f'",
       "2");
}
END_TEST

START_TEST(a_sample_is_whole)
{
    CLEANUP(wish_clear) struct wish w;

    source(
        "CREATE TABLE boss (id int PRIMARY KEY, of int REFERENCES boss);"
        "CREATE TABLE cities (region text, id int, PRIMARY KEY (region, id))"
        " PARTITION BY LIST (region);"
        "CREATE TABLE cities_a PARTITION OF cities FOR VALUES IN ('a');"
        "CREATE TABLE cities_b PARTITION OF cities FOR VALUES IN ('b');"
        "CREATE TABLE work (id int PRIMARY KEY, boss int REFERENCES boss, region text, city int,"
        " FOREIGN KEY (region, city) REFERENCES cities);"
        "INSERT INTO boss SELECT i, nullif(i + 1, 101) FROM generate_series(1, 100) i"
        " ORDER BY i DESC;"
        "INSERT INTO cities SELECT r, i FROM unnest('{a,b}'::text[]) r, generate_series(1, 50) i;"
        "INSERT INTO work SELECT i, 90 - i % 5, 'b', 40 + i % 2 FROM generate_series(1, 1000) i");
    wish_init(&w, CLONE_SAMPLE, NULL, NULL);
    w.spec.sample_percent = 1;
    must_clone(&w);
    /* ten of the thousand; the one boss of the hundred has all others above; one city, and two more
     */
    is("SELECT (SELECT count(*) FROM xq_target.work) || ' ' || (SELECT count(*) FROM "
       "xq_target.boss)"
       " || ' ' || (SELECT string_agg(region || id, ',' ORDER BY region, id) FROM xq_target.cities)"
       " AS v",
       "10 100 a1,b40,b41");
    pg_fixture_sql(pg, "CREATE TABLE xq_source.keyless (a int)");
    ck_assert_int_eq(clone_as(&w), ERR_VALIDATION_FAILED);
    ck_assert_str_eq(w.err.field, "/sample");
}
END_TEST

static bool told_to_stop(void *ctx)
{
    int *left = ctx;
    return (*left)-- <= 0;
}

START_TEST(stopped_wherever_it_is_nothing_is_left)
{
    CLEANUP(wish_clear) struct wish w;
    int stopped = 0;

    source(people);
    for (int at = 0; at < 50; at++) {
        int left = at;
        wish_init(&w, CLONE_ALL, NULL, "{'users.ssn': {'rule': 'digits'}}");
        w.options.stopped = told_to_stop;
        w.options.stopped_ctx = &left;
        err_code rc = clone_as(&w);
        ck_assert(!rc || rc == ERR_CANCELLED);
        stopped += rc != ERR_NONE;
        if (at < 49)
            wish_clear(&w);
    }
    ck_assert_int_ge(stopped, 4);
    is("SELECT count(*)::text AS v FROM xq_target.users", "501");
}
END_TEST

START_TEST(who_is_in_the_way)
{
    CLEANUP(wish_clear) struct wish w;
    CLEANUP(pg_closep) struct pg *other = pg_fixture_connect();

    source(
        "CREATE TABLE __drizzle_migrations (id serial PRIMARY KEY, hash text, created_at bigint);"
        "CREATE TABLE a (id int); INSERT INTO a VALUES (1)");
    wish_init(&w, CLONE_ALL, NULL, NULL);
    pg_fixture_sql(other, "SELECT pg_advisory_lock(11)");
    ck_assert_int_eq(clone_as(&w), ERR_LOCK_UNAVAILABLE);
    pg_fixture_sql(other, "SELECT pg_advisory_unlock(11); BEGIN; LOCK TABLE xq_source.a");
    ck_assert_int_eq(clone_as(&w), ERR_LOCK_UNAVAILABLE);
    /* another tool that migrates */
    pg_fixture_sql(other, "ROLLBACK; BEGIN; INSERT INTO xq_source.__drizzle_migrations (hash)"
                          " VALUES ('half')");
    ck_assert_int_eq(clone_as(&w), ERR_LOCK_UNAVAILABLE);
    /* who just writes rows is in nobody's way */
    pg_fixture_sql(other, "ROLLBACK; BEGIN; INSERT INTO xq_source.a VALUES (2)");
    must_clone(&w);
    is("SELECT count(*)::text AS v FROM xq_target.a", "1");
    pg_fixture_sql(other, "ROLLBACK");
    clone_result_clear(&w.result);
    ck_assert_int_eq(schema_clone(pg, &w.options, &w.result, &w.err), ERR_SCHEMA_EXISTS);
    is("SELECT count(*)::text AS v FROM xq_target.a", "1");
    w.options.source = "xq_nowhere";
    ck_assert_int_eq(clone_as(&w), ERR_SCHEMA_MISSING);
}
END_TEST

START_TEST(what_cannot_be_made_is_refused)
{
    CLEANUP(wish_clear) struct wish w;

    source("CREATE OPERATOR <+> (leftarg = int, rightarg = int, function = int4pl)");
    wish_init(&w, CLONE_ALL, NULL, NULL);
    ck_assert_int_eq(clone_as(&w), ERR_UNSUPPORTED_OBJECT);
    ck_assert_ptr_nonnull(strstr(w.err.subject, "<+>"));
}
END_TEST

/* Rows that a policy hides from who clones are not left out in silence. */
START_TEST(hidden_rows_fail_it)
{
    CLEANUP(wish_clear) struct wish w;

    source("CREATE TABLE a (id int); INSERT INTO a VALUES (1);"
           "ALTER TABLE a ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY");
    pg_fixture_sql(pg,
                   "DO $$ BEGIN CREATE ROLE xq_plain; EXCEPTION WHEN duplicate_object THEN END $$;"
                   "DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO xq_plain',"
                   " current_database()); END $$; GRANT USAGE ON SCHEMA shared TO xq_plain;"
                   "ALTER SCHEMA xq_source OWNER TO xq_plain;"
                   "ALTER TABLE xq_source.a OWNER TO xq_plain; SET ROLE xq_plain");
    wish_init(&w, CLONE_ALL, NULL, NULL);
    ck_assert_int_ne(clone_as(&w), ERR_NONE);
    ck_assert_str_eq(w.err.sqlstate, "42501");
    pg_fixture_sql(pg, "RESET ROLE; DROP SCHEMA xq_source CASCADE; DROP OWNED BY xq_plain;"
                       "DROP ROLE xq_plain");
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("schema_clone");
    TCase *t = tcase_create("clone");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, a_clone_is_what_its_source_is, 0, ARRAY_LEN(samples));
    tcase_add_test(t, sequences_go_on);
    tcase_add_test(t, twenty_two_indexes);
    tcase_add_test(t, nobody_is_recognised);
    tcase_add_test(t, hashes_are_hmac);
    tcase_add_loop_test(t, what_does_not_fit_is_told, 0, ARRAY_LEN(refusals));
    tcase_add_test(t, what_is_not_valid_stays_so);
    tcase_add_test(t, rows_are_left_out);
    tcase_add_test(t, a_sample_is_whole);
    tcase_add_test(t, stopped_wherever_it_is_nothing_is_left);
    tcase_add_test(t, who_is_in_the_way);
    tcase_add_test(t, what_cannot_be_made_is_refused);
    tcase_add_test(t, hidden_rows_fail_it);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return pg_fixture_run(suite());
}
