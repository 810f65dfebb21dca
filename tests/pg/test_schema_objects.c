/* SPDX-License-Identifier: MIT */
/* What is in a schema beside tables is read as it is, whatever the schema is called. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/schema/diff.h"
#include "core/schema/introspect.h"
#include "core/schema/schema_json.h"
#include "tests/support/pg_fixture.h"
#include "tests/support/schema_samples.h"

static struct schema *must_read(struct pg *pg, const char *name)
{
    struct schema *s = NULL;
    struct err err = {.code = ERR_NONE};
    ck_assert_msg(!schema_read(pg, name, NULL, &s, &err), "%s", err.msg);
    return s;
}

static const struct {
    object_kind kind;
    const char *name, *on, *definition; /* a part of it */
} expected[] = {
    {OBJECT_COMPOSITE, "address", NULL,
     "street text COLLATE pg_catalog.\"C\", mood mood, tags text[]"},
    {OBJECT_RANGE, "span", NULL, "CREATE TYPE span AS RANGE (subtype = numeric)"},
    {OBJECT_SEQUENCE, "tickets", "people.ticket",
     "AS bigint START WITH 100 INCREMENT BY 5 MINVALUE 1 MAXVALUE 100000 CACHE 1 CYCLE"},
    {OBJECT_FUNCTION, "twice(n positive)", NULL, "FUNCTION $tenant.twice(n $tenant.positive)"},
    {OBJECT_FUNCTION, "counted()", NULL, "FROM $tenant.people)"},
    {OBJECT_FUNCTION, "counted()", NULL, "SET search_path TO '$tenant'"},
    {OBJECT_FUNCTION, "counted()", NULL, "-- don't count twice"},
    {OBJECT_FUNCTION, "clean(INOUT n integer)", "procedure", "LANGUAGE plpgsql"},
    {OBJECT_FUNCTION, "total(integer)", "aggregate", "INITCOND = '0', PARALLEL = SAFE)"},
    {OBJECT_STATISTICS, "people_both", "people", "ON name, mood FROM people"},
    {OBJECT_TRIGGER, "touch", "people", "BEFORE UPDATE ON people FOR EACH ROW"},
    {OBJECT_TRIGGER, "off", "people", "ALTER TABLE people DISABLE TRIGGER off"},
    {OBJECT_RULE, "kept", "scratch", "ON DELETE TO scratch DO INSTEAD NOTHING"},
    {OBJECT_POLICY, "mine", "people",
     "AS RESTRICTIVE FOR SELECT TO PUBLIC USING ((mood = 'ok'::mood))"},
    {OBJECT_POLICY, "new", "people", "FOR INSERT TO PUBLIC WITH CHECK (valid(mood))"},
    {OBJECT_GRANT, "TABLE people to pg_monitor", "people",
     "GRANT INSERT, SELECT ON TABLE people TO pg_monitor"},
    {OBJECT_GRANT, "TABLE (name) people to pg_monitor with grant option", "people",
     "GRANT UPDATE (name) ON TABLE people TO pg_monitor WITH GRANT OPTION"},
    {OBJECT_GRANT, "SCHEMA to pg_monitor", NULL, "GRANT USAGE ON SCHEMA $tenant TO pg_monitor"},
    {OBJECT_GRANT, "FUNCTION twice(n positive) not to PUBLIC", NULL,
     "REVOKE ALL ON FUNCTION twice(n positive) FROM PUBLIC"},
};

static const struct schema_object *find(const struct schema *s, object_kind kind, const char *name)
{
    for (size_t i = 0; i < s->n_objects; i++)
        if (s->objects[i].kind == kind && str_eq(s->objects[i].name, name))
            return &s->objects[i];
    return NULL;
}

START_TEST(objects_are_what_they_are)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    schema_sample_make(pg, "objects", "test_schema_objects.sql");
    CLEANUP(schema_freep) struct schema *s = must_read(pg, "objects");

    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        const struct schema_object *o = find(s, expected[i].kind, expected[i].name);
        ck_assert_msg(o != NULL, "no %s", expected[i].name);
        if (expected[i].on)
            ck_assert_str_eq(o->on, expected[i].on);
        ck_assert_msg(strstr(o->definition, expected[i].definition) != NULL, "%s", o->definition);
    }
    ck_assert_str_eq(find(s, OBJECT_COMPOSITE, "address")->comment, "where");
    ck_assert_str_eq(find(s, OBJECT_TRIGGER, "touch")->comment, "keeps at");
}
END_TEST

static const struct schema_table *table(const struct schema *s, const char *name)
{
    const struct schema_table *t = schema_find_table(s, name);
    ck_assert_msg(t != NULL, "no table %s", name);
    return t;
}

START_TEST(tables_are_what_they_are)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    schema_sample_make(pg, "objects", "test_schema_objects.sql");
    CLEANUP(schema_freep) struct schema *s = must_read(pg, "objects");
    const struct schema_table *people = table(s, "people"), *child = table(s, "child");

    ck_assert_str_eq(people->options.items[0], "fillfactor=70");
    ck_assert(people->row_security && people->row_security_forced);
    ck_assert(table(s, "scratch")->unlogged);
    ck_assert_str_eq(schema_find_column(people, "id")->sequence,
                     "SEQUENCE NAME people_id_seq START WITH 7 INCREMENT BY 3 MINVALUE 1"
                     " MAXVALUE 2147483647 CACHE 1");
    ck_assert_str_eq(schema_find_column(people, "name")->collation, "pg_catalog.\"C\"");
    ck_assert_str_eq(schema_find_column(people, "name")->storage, "EXTERNAL");
    ck_assert_int_eq(schema_find_column(people, "name")->statistics, 500);
    ck_assert_str_eq(child->inherits.items[0], "base");
    ck_assert(schema_find_column(child, "b")->inherited);
    ck_assert(!schema_find_column(child, "a")->inherited); /* declared here as well */
    ck_assert_str_eq(table(s, "typed")->of_type, "address");
    ck_assert_str_eq(table(s, "events_rest")->partition_bound, "DEFAULT");
    ck_assert_str_eq(table(s, "events_old_a")->partition_of, "events_old");
    ck_assert_str_eq(table(s, "above")->options.items[0], "security_barrier=true");
    ck_assert_ptr_nonnull(strstr(table(s, "grown")->definition, "FROM people"));
    ck_assert(name_list_has(&table(s, "grown")->needs, "key/people/people_pkey"));
    ck_assert(name_list_has(&table(s, "above")->needs, "table/grown"));
    ck_assert(name_list_has(&people->needs, "sequence/tickets"));
    ck_assert(name_list_has(&people->needs, "function/valid(m mood)"));
    ck_assert(name_list_has(&find(s, OBJECT_FUNCTION, "total(integer)")->needs,
                            "function/add_up(integer, integer)"));
}
END_TEST

START_TEST(twins_have_one_fingerprint)
{
    static const char *const names[] = {"objects_other", "Other \"ones\"", "tickets"};
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    schema_sample_make(pg, "objects", "test_schema_objects.sql");
    schema_sample_make(pg, names[_i], "test_schema_objects.sql");
    CLEANUP(schema_freep)
    struct schema *s = must_read(pg, "objects"), *t = must_read(pg, names[_i]);
    json_auto_t *a = schema_json(s, false), *b = schema_json(t, false), *lines = json_array();
    size_t differences = schema_diff(a, b, 5, lines);
    CLEANUP(freep) char *text = json_dumps(lines, JSON_COMPACT), *y = json_canonical(b);

    ck_assert_msg(!differences, "%.2000s", text);
    ck_assert_ptr_null(strstr(y, names[1]));
}
END_TEST

START_TEST(bookkeeping_is_left_out)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    struct schema_options options = {.tracking_table = "__m"};
    struct err err = {.code = ERR_NONE};
    CLEANUP(schema_freep) struct schema *s = NULL, *whole = NULL;
    pg_fixture_sql(pg, "DROP SCHEMA IF EXISTS books CASCADE; CREATE SCHEMA books;"
                       "CREATE TABLE books.__m (id serial PRIMARY KEY, name text);"
                       "CREATE TABLE books.t (id serial PRIMARY KEY);"
                       "GRANT SELECT ON ALL TABLES IN SCHEMA books TO PUBLIC;"
                       "GRANT SELECT ON ALL SEQUENCES IN SCHEMA books TO PUBLIC");

    ck_assert_msg(!schema_read(pg, "books", &options, &s, &err), "%s", err.msg);
    ck_assert_uint_eq(s->n_tables, 1);
    ck_assert_uint_eq(s->n_objects, 3); /* a sequence, and two grants */
    ck_assert_ptr_nonnull(find(s, OBJECT_SEQUENCE, "t_id_seq"));
    ck_assert_msg(!schema_read(pg, "books", NULL, &whole, &err), "%s", err.msg);
    ck_assert_uint_eq(whole->n_objects, 6);
}
END_TEST

START_TEST(many_are_read_together)
{
    static const char *const names[] = {"objects", "not there", "objects_other", "nothing"};
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    struct schema *out[ARRAY_LEN(names)];
    struct err err = {.code = ERR_NONE};
    char one[SHA256_HEX_SIZE], other[SHA256_HEX_SIZE];
    schema_sample_make(pg, "objects", "test_schema_objects.sql");
    schema_sample_make(pg, "objects_other", "test_schema_objects.sql");
    pg_fixture_sql(pg, "DROP SCHEMA IF EXISTS nothing CASCADE; CREATE SCHEMA nothing");

    ck_assert_msg(!schemas_read(pg, names, ARRAY_LEN(names), NULL, out, &err), "%s", err.msg);
    ck_assert_ptr_null(out[1]);
    ck_assert_str_eq(out[0]->name, "objects");
    ck_assert_str_eq(out[2]->name, "objects_other");
    ck_assert_uint_eq(out[3]->n_tables + out[3]->n_objects, 0);
    ck_assert(!schema_fingerprint(out[0], one, NULL) && !schema_fingerprint(out[2], other, NULL));
    ck_assert_str_eq(one, other);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        schema_free(out[i]);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("schema_objects");
    TCase *t = tcase_create("read");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, objects_are_what_they_are);
    tcase_add_test(t, tables_are_what_they_are);
    tcase_add_loop_test(t, twins_have_one_fingerprint, 0, 3);
    tcase_add_test(t, bookkeeping_is_left_out);
    tcase_add_test(t, many_are_read_together);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return pg_fixture_run(suite());
}
