/* SPDX-License-Identifier: MIT */
/* A schema is read as it is, whatever it is called and whatever is in it. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/schema/introspect.h"
#include "core/schema/schema_json.h"
#include "core/schema/schema_parse.h"
#include "tests/support/pg_fixture.h"
#include "tests/support/schema_samples.h"

static void make_rich(struct pg *pg, const char *name)
{
    schema_sample_make(pg, name, "test_schema_rich.sql");
}

static const struct schema_options without_tracking = {.tracking_table = "__drizzle_migrations"};

static struct schema *must_read(struct pg *pg, const char *name)
{
    struct schema *s = NULL;
    struct err err = {.code = ERR_NONE};
    err_code rc = schema_read(pg, name, &without_tracking, &s, &err);
    ck_assert_msg(rc == ERR_NONE, "%s", err.msg);
    return s;
}

static const struct schema_table *must_have(const struct schema *s, const char *table)
{
    const struct schema_table *t = schema_find_table(s, table);
    ck_assert_msg(t != NULL, "no table %s", table);
    return t;
}

static const struct schema_column *column_of(const struct schema *s, const char *table,
                                             const char *column)
{
    const struct schema_column *c = schema_find_column(must_have(s, table), column);
    ck_assert_msg(c != NULL, "no column %s", column);
    return c;
}

static const struct {
    const char *name, *type;
    type_class class;
    int dimensions, length, precision, scale;
    bool not_null;
    const char *default_expr;
} expected[] = {
    {"id", "uuid", TYPE_UUID, 0, 0, 0, 0, true, "gen_random_uuid()"},
    {"email", "email", TYPE_TEXT, 0, 320, 0, 0, true, NULL},
    {"name", "character varying(20)", TYPE_TEXT, 0, 20, 0, 0, false, NULL},
    {"mood", "mood", TYPE_ENUM, 0, 0, 0, 0, true, "'ok'::mood"},
    {"plan_id", "integer", TYPE_INTEGER, 0, 0, 0, 0, true, NULL},
    {"score", "numeric(10,2)", TYPE_NUMERIC, 0, 0, 10, 2, true, "0"},
    {"big", "bigint", TYPE_BIGINT, 0, 0, 0, 0, true, "0"},
    {"ratio", "double precision", TYPE_FLOAT, 0, 0, 0, 0, false, NULL},
    {"active", "boolean", TYPE_BOOL, 0, 0, 0, 0, true, "true"},
    {"settings", "jsonb", TYPE_JSON, 0, 0, 0, 0, true, "'{\"theme\": \"dark\"}'::jsonb"},
    {"created_at", "timestamp with time zone", TYPE_TIMESTAMPTZ, 0, 0, 0, 0, true, "now()"},
    {"updated_at", "timestamp(3) without time zone", TYPE_TIMESTAMP, 0, 0, 0, 0, false, NULL},
    {"flags", "bit(4)", TYPE_BITS, 0, 4, 0, 0, false, NULL},
    {"nicknames", "text[]", TYPE_TEXT, 1, 0, 0, 0, true, "'{}'::text[]"},
    {"grid", "integer[]", TYPE_INTEGER, 2, 0, 0, 0, false, NULL},
    {"moods", "mood[]", TYPE_ENUM, 1, 0, 0, 0, false, NULL},
    {"labels", "tags", TYPE_TEXT, 1, 0, 0, 0, false, NULL},
    {"contact", "short_email", TYPE_TEXT, 0, 320, 0, 0, true, NULL},
    {"home", "point3", TYPE_COMPOSITE, 0, 0, 0, 0, false, NULL},
    {"addr", "inet", TYPE_OTHER, 0, 0, 0, 0, false, NULL},
    {"rank", "smallint", TYPE_SMALLINT, 0, 0, 0, 0, true, "'-1'::smallint"},
};

START_TEST(columns_are_what_they_are)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    make_rich(pg, "acme");
    CLEANUP(schema_freep) struct schema *s = must_read(pg, "acme");

    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        const struct schema_column *c = column_of(s, "users", expected[i].name);
        ck_assert_str_eq(c->type.name, expected[i].type);
        ck_assert_str_eq(type_class_name(c->type.class), type_class_name(expected[i].class));
        ck_assert_int_eq(c->type.dimensions, expected[i].dimensions);
        ck_assert_int_eq(c->type.length, expected[i].length);
        ck_assert_int_eq(c->type.precision, expected[i].precision);
        ck_assert_int_eq(c->type.scale, expected[i].scale);
        ck_assert_msg(c->not_null == expected[i].not_null, "%s", c->name);
        ck_assert_pstr_eq(c->default_expr, expected[i].default_expr);
    }
    ck_assert_ptr_null(schema_find_column(must_have(s, "users"), "gone"));
    ck_assert_int_eq(column_of(s, "users", "number")->identity, IDENTITY_ALWAYS);
    ck_assert_int_eq(column_of(s, "users", "counter")->identity, IDENTITY_BY_DEFAULT);
    ck_assert(column_of(s, "users", "upper_name")->generated);
    ck_assert(column_of(s, "users", "contact")->type.domain_default);
    ck_assert(!column_of(s, "active_users", "contact")->not_null); /* a view's may be NULL */
    ck_assert_str_eq(column_of(s, "users", "name")->comment, "as they write it");
    ck_assert_str_eq(must_have(s, "users")->comment, "People who log in");
}
END_TEST

static void must_read_back(const struct schema *s)
{
    CLEANUP(schema_freep) struct schema *again = NULL;
    json_auto_t *json = schema_json(s, true), *problems = json_array();
    struct err err = {.code = ERR_NONE};

    ck_assert_msg(schema_parse(json, "", problems, &again, &err) == ERR_NONE, "%s", err.msg);
    json_auto_t *back = schema_json(again, true);
    CLEANUP(freep) char *text = json_canonical(json);
    CLEANUP(freep) char *text_back = json_canonical(back);
    ck_assert_str_eq(text, text_back);
    for (size_t t = 0; t < s->n_tables; t++) { /* what is not in the JSON, but follows from it */
        ck_assert_int_eq(s->tables[t].replica_identity, again->tables[t].replica_identity);
        for (size_t i = 0; i < s->tables[t].n_checks; i++)
            ck_assert_int_eq(s->tables[t].checks[i].exclude, again->tables[t].checks[i].exclude);
        for (size_t i = 0; i < s->tables[t].n_columns; i++) {
            const struct schema_type *type = &s->tables[t].columns[i].type;
            const struct schema_type *read = &again->tables[t].columns[i].type;
            ck_assert_int_eq(type->domain_not_null, read->domain_not_null);
            ck_assert_int_eq(type->domain_default, read->domain_default);
        }
    }
}

START_TEST(its_json_is_read_back)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    make_rich(pg, "acme");
    schema_sample_make(pg, "objects", "test_schema_objects.sql");
    CLEANUP(schema_freep) struct schema *rich = must_read(pg, "acme");
    CLEANUP(schema_freep) struct schema *objects = must_read(pg, "objects");

    must_read_back(rich);
    must_read_back(objects);
}
END_TEST

START_TEST(own_types_keep_bare_names)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    make_rich(pg, "acme");
    CLEANUP(schema_freep) struct schema *s = must_read(pg, "acme");

    const struct schema_column *c = column_of(s, "own_types", "t");
    ck_assert_str_eq(c->type.name, "$tenant.text"); /* not acme.text, which pg_catalog.text hides */
    ck_assert_int_eq(c->type.class, TYPE_ENUM);
    ck_assert_str_eq(s->enums[c->type.enumeration].labels.items[0],
                     "an own type named as PostgreSQL's");
    c = column_of(s, "users", "mood");
    const struct schema_enum *e = &s->enums[c->type.enumeration];
    ck_assert_uint_eq(e->labels.n, 3);
    ck_assert_str_eq(e->labels.items[2], "it's \"great\"");
    ck_assert_uint_eq(s->n_domains, 3);
    ck_assert_str_eq(s->domains[0].name, "email");
    ck_assert(s->domains[0].not_null);
    ck_assert_uint_eq(s->domains[0].checks.n, 1);
    ck_assert_str_eq(column_of(s, "orders", "token")->default_expr, "gen_random_uuid()");
}
END_TEST

START_TEST(keys_are_what_they_are)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    make_rich(pg, "acme");
    CLEANUP(schema_freep) struct schema *s = must_read(pg, "acme");
    const struct schema_table *users = must_have(s, "users");

    ck_assert_str_eq(users->primary_key->columns.items[0], "id");
    ck_assert_uint_eq(users->n_uniques, 1);
    ck_assert_str_eq(users->uniques[0].columns.items[0], "email");
    ck_assert_uint_eq(users->n_checks, 1);
    ck_assert_uint_eq(users->n_foreign_keys, 2);
    const struct schema_foreign_key *manager = &users->foreign_keys[0];
    ck_assert_ptr_null(manager->ref_schema);
    ck_assert_str_eq(manager->ref_table, "users");
    ck_assert_int_eq(manager->on_delete, FK_SET_NULL);
    const struct schema_foreign_key *plan = &users->foreign_keys[1];
    ck_assert_str_eq(plan->ref_schema, "shared");
    ck_assert_int_eq(plan->on_delete, FK_RESTRICT);
    ck_assert_int_eq(plan->on_update, FK_CASCADE);
    const struct schema_table *lines = must_have(s, "lines");
    ck_assert_uint_eq(lines->n_foreign_keys, 1); /* not one for each partition too */
    ck_assert_str_eq(lines->foreign_keys[0].ref_columns.items[1], "id");
    ck_assert_uint_eq(lines->n_checks, 1);
    ck_assert_ptr_nonnull(strstr(lines->checks[0].definition, "EXCLUDE"));
    const struct schema_foreign_key *full = &must_have(s, "full_match")->foreign_keys[0];
    ck_assert(full->match_full && full->deferrable && full->deferred && full->validated);
}
END_TEST

static const struct schema_index *index_of(const struct schema_table *t, const char *name)
{
    for (size_t i = 0; i < t->n_indexes; i++)
        if (str_eq(t->indexes[i].name, name))
            return &t->indexes[i];
    ck_abort_msg("no index %s", name);
}

START_TEST(indexes_are_what_they_are)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    make_rich(pg, "acme");
    CLEANUP(schema_freep) struct schema *s = must_read(pg, "acme");
    const struct schema_table *users = must_have(s, "users");

    const struct schema_index *active = index_of(users, "users_active_idx");
    ck_assert_uint_eq(active->n_keys, 2);
    ck_assert_uint_eq(active->n_include, 1);
    ck_assert_str_eq(active->keys[1].text, "name");
    ck_assert_str_eq(active->keys[2].text, "score");
    ck_assert_str_eq(active->predicate, "active");
    ck_assert(!active->unique && active->valid && !active->of_constraint);
    const struct schema_index *lower = index_of(users, "users_email_lower_idx");
    ck_assert(lower->unique && lower->keys[0].expression);
    ck_assert_str_eq(index_of(users, "users_slug_idx")->method, "hash");
    ck_assert_str_eq(index_of(users, "users_slug_idx")->keys[0].text, "slug(name::text)");
    ck_assert_str_eq(index_of(users, "users_initcap_idx")->definition,
                     "CREATE INDEX users_initcap_idx ON users USING btree ($tenant.initcap(counter))");
    ck_assert(index_of(users, "users_pkey")->of_constraint);
}
END_TEST

START_TEST(kinds_are_marked)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    make_rich(pg, "acme");
    CLEANUP(schema_freep) struct schema *s = must_read(pg, "acme");

    ck_assert_int_eq(must_have(s, "orders")->kind, TABLE_PARTITIONED);
    ck_assert_str_eq(must_have(s, "orders")->partition_key, "LIST (region)");
    ck_assert_str_eq(must_have(s, "orders_eu")->partition_of, "orders");
    ck_assert_int_eq(must_have(s, "active_users")->kind, TABLE_VIEW);
    ck_assert_int_eq(must_have(s, "moods")->kind, TABLE_MATERIALIZED_VIEW);
    ck_assert_uint_eq(must_have(s, "nothing")->n_columns, 0);
    ck_assert_ptr_null(schema_find_table(s, "__drizzle_migrations"));
    for (size_t i = 1; i < s->n_tables; i++)
        ck_assert_int_lt(strcmp(s->tables[i - 1].name, s->tables[i].name), 0);
}
END_TEST

/* Names that break what quotes carelessly. */
static const char *const twins[] = {
    "globex",
    "Acme \"Corp\", 'pg_temp' $$",
    "name", /* a column and a type have this name too */
    "b16a6d02-0ce4-4d2a-9ad5-2e2f9d2f7a10",
};

START_TEST(the_schemas_name_is_not_in_its_picture)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    char first[SHA256_HEX_SIZE], second[SHA256_HEX_SIZE];
    make_rich(pg, "tenant_uniquely_named");
    make_rich(pg, twins[_i]);
    CLEANUP(schema_freep) struct schema *s = must_read(pg, "tenant_uniquely_named");
    CLEANUP(schema_freep) struct schema *twin = must_read(pg, twins[_i]);

    ck_assert_str_eq(twin->name, twins[_i]);
    json_auto_t *a = schema_json(s, false), *b = schema_json(twin, false);
    CLEANUP(freep) char *x = json_canonical(a);
    CLEANUP(freep) char *y = json_canonical(b);
    ck_assert_ptr_null(strstr(x, "tenant_uniquely_named"));
    ck_assert_str_eq(x, y);
    ck_assert_int_eq(schema_fingerprint(s, first, NULL), ERR_NONE);
    ck_assert_int_eq(schema_fingerprint(twin, second, NULL), ERR_NONE);
    ck_assert_str_eq(first, second);
}
END_TEST

static const char *const changes[] = {
    "ALTER TABLE acme.users ADD COLUMN extra int",
    "ALTER TABLE acme.users ALTER name SET NOT NULL",
    "ALTER TABLE acme.users ALTER name TYPE varchar(21)",
    "ALTER TABLE acme.users ALTER active SET DEFAULT false",
    "ALTER TABLE acme.users DROP CONSTRAINT score_is_sane",
    "ALTER TABLE acme.profiles DROP CONSTRAINT profiles_user_id_fkey",
    "ALTER TYPE acme.mood ADD VALUE 'new' BEFORE 'ok'",
    "ALTER TYPE acme.mood RENAME VALUE 'ok' TO 'okay'",
    "ALTER DOMAIN acme.email DROP NOT NULL",
    "DROP INDEX acme.users_active_idx",
    ("DROP INDEX acme.users_active_idx;"
     " CREATE INDEX users_active_idx ON acme.users (created_at, name) INCLUDE (score) WHERE "
     "active"),
    "COMMENT ON COLUMN acme.users.name IS 'something else'",
    "CREATE TABLE acme.zzz ()",
    "DROP VIEW acme.active_users",
};

START_TEST(every_change_changes_the_fingerprint)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    char before[SHA256_HEX_SIZE], after[SHA256_HEX_SIZE];
    make_rich(pg, "acme");
    CLEANUP(schema_freep) struct schema *s = must_read(pg, "acme");
    if (_i == 2) /* the view uses it */
        pg_fixture_sql(pg, "DROP VIEW acme.active_users; ALTER TABLE acme.users DROP upper_name");
    schema_free(s);
    s = must_read(pg, "acme");
    pg_fixture_sql(pg, changes[_i]);
    CLEANUP(schema_freep) struct schema *changed = must_read(pg, "acme");

    ck_assert_int_eq(schema_fingerprint(s, before, NULL), ERR_NONE);
    ck_assert_int_eq(schema_fingerprint(changed, after, NULL), ERR_NONE);
    ck_assert_msg(!str_eq(before, after), "%s", changes[_i]);
}
END_TEST

START_TEST(data_and_settings_change_nothing)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    char before[SHA256_HEX_SIZE], after[SHA256_HEX_SIZE];
    make_rich(pg, "acme");
    CLEANUP(schema_freep) struct schema *s = must_read(pg, "acme");
    pg_fixture_sql(
        pg, "INSERT INTO acme.profiles SELECT gen_random_uuid() WHERE false; ANALYZE acme.users");
    pg_fixture_sql(pg, "SET search_path = acme, shared; SET quote_all_identifiers = on;"
                       " SET datestyle = 'German'; SET timezone = 'Asia/Tokyo'");
    CLEANUP(schema_freep) struct schema *again = must_read(pg, "acme");
    ck_assert_int_eq(schema_fingerprint(s, before, NULL), ERR_NONE);
    ck_assert_int_eq(schema_fingerprint(again, after, NULL), ERR_NONE);
    ck_assert_str_eq(before, after);
    CLEANUP(freep) char *path = pg_fixture_value(pg, "SELECT current_setting('search_path') AS v");
    ck_assert_str_eq(path, "acme, shared"); /* as the caller had it */
}
END_TEST

static const struct {
    const char *name;
    err_code code;
} unreadable[] = {
    {"nowhere", ERR_SCHEMA_MISSING},
    {"ACME", ERR_SCHEMA_MISSING},
    {"acme'; DROP SCHEMA acme CASCADE; --", ERR_SCHEMA_MISSING},
    {"", ERR_INVALID_PARAMETER},
    {"\xff\xfe", ERR_INVALID_PARAMETER},
    /* the first 63 bytes are the name of one that is there */
    {"ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss", ERR_SCHEMA_NAME_TOO_LONG},
};

START_TEST(what_is_not_there_cannot_be_read)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    struct schema *s = NULL;
    struct err err = {.code = ERR_NONE};
    pg_fixture_sql(pg, "CREATE SCHEMA IF NOT EXISTS acme; CREATE SCHEMA IF NOT EXISTS"
                       " sssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss");
    err_code rc = schema_read(pg, unreadable[_i].name, NULL, &s, &err);
    ck_assert_str_eq(err_name(rc), err_name(unreadable[_i].code));
    ck_assert_ptr_null(s);
    ck_assert(!pg_in_transaction(pg));
    CLEANUP(freep) char *alive = pg_fixture_value(pg, "SELECT 1 AS v");
    ck_assert_str_eq(alive, "1");
}
END_TEST

START_TEST(an_empty_schema_is_a_schema)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    pg_fixture_sql(pg, "DROP SCHEMA IF EXISTS empty; CREATE SCHEMA empty");
    CLEANUP(schema_freep) struct schema *s = must_read(pg, "empty");
    ck_assert_uint_eq(s->n_tables, 0);
    ck_assert_uint_eq(s->n_enums, 0);
    ck_assert_uint_eq(s->n_domains, 0);
}
END_TEST

/* The caller's transaction sees what it made, and goes on as if nothing had been. */
START_TEST(an_open_transaction_is_left_alone)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    struct schema *none = NULL;
    pg_fixture_sql(pg, "BEGIN; SET LOCAL search_path = pg_catalog; CREATE SCHEMA inside;"
                       " CREATE TABLE inside.t (id int)");
    CLEANUP(schema_freep) struct schema *s = must_read(pg, "inside");
    ck_assert_ptr_nonnull(schema_find_table(s, "t"));
    ck_assert_int_eq(schema_read(pg, "nowhere", NULL, &none, NULL), ERR_SCHEMA_MISSING);
    ck_assert(pg_in_transaction(pg));
    CLEANUP(freep) char *path = pg_fixture_value(pg, "SELECT current_setting('search_path') AS v");
    ck_assert_str_eq(path, "pg_catalog");
    pg_fixture_sql(pg, "INSERT INTO inside.t VALUES (1); ROLLBACK");
}
END_TEST

/* A tenant that shadows what the statements use is still only read. */
START_TEST(a_tenants_functions_are_never_called)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    pg_fixture_sql(
        pg, "DROP SCHEMA IF EXISTS trap CASCADE; CREATE SCHEMA trap; SET search_path = trap;"
            "CREATE TABLE t (id int PRIMARY KEY, e text);"
            "CREATE FUNCTION boom(anyelement, anyelement) RETURNS boolean LANGUAGE plpgsql AS"
            " 'BEGIN RAISE EXCEPTION ''called''; END';"
            "CREATE FUNCTION boom_id(oid, oid) RETURNS boolean LANGUAGE plpgsql AS"
            " 'BEGIN RAISE EXCEPTION ''called''; END';"
            "CREATE FUNCTION boom_name(name, text) RETURNS boolean LANGUAGE plpgsql AS"
            " 'BEGIN RAISE EXCEPTION ''called''; END';"
            "CREATE OPERATOR = (leftarg = oid, rightarg = oid, function = boom_id);"
            "CREATE OPERATOR = (leftarg = name, rightarg = text, function = boom_name);"
            "CREATE OPERATOR <> (leftarg = name, rightarg = text, function = boom_name);"
            "CREATE FUNCTION format_type(oid, int) RETURNS text LANGUAGE plpgsql AS"
            " 'BEGIN RAISE EXCEPTION ''called''; END';"
            "CREATE FUNCTION unnest(smallint[]) RETURNS SETOF smallint LANGUAGE plpgsql AS"
            " 'BEGIN RAISE EXCEPTION ''called''; END';"
            "CREATE TABLE pg_class (oid oid, relname name);"
            "CREATE TYPE oid AS ENUM ('trap');"
            "RESET search_path");
    CLEANUP(schema_freep) struct schema *s = must_read(pg, "trap");
    ck_assert_uint_eq(s->n_tables, 2);
    ck_assert_str_eq(column_of(s, "t", "e")->type.name, "text");
}
END_TEST

START_TEST(many_tables_and_columns)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    pg_fixture_sql(
        pg, "DROP SCHEMA IF EXISTS wide CASCADE; CREATE SCHEMA wide;"
            "DO $$ BEGIN EXECUTE (SELECT 'CREATE TABLE wide.w (' || string_agg('c' || i || ' int',"
            " ',') || ')' FROM generate_series(1, 1600) i);"
            "FOR i IN 1..300 LOOP EXECUTE 'CREATE TABLE wide.t' || i || ' (id int PRIMARY KEY)';"
            " END LOOP; END $$");
    CLEANUP(schema_freep) struct schema *s = must_read(pg, "wide");
    ck_assert_uint_eq(s->n_tables, 301);
    ck_assert_uint_eq(must_have(s, "w")->n_columns, 1600);
    ck_assert_str_eq(must_have(s, "w")->columns[1599].name, "c1600");
    pg_fixture_sql(pg, "DROP TABLE wide.w"); /* the rest goes in steps, by locks a transaction */
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("schema_introspect");
    TCase *t = tcase_create("read");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, columns_are_what_they_are);
    tcase_add_test(t, its_json_is_read_back);
    tcase_add_test(t, own_types_keep_bare_names);
    tcase_add_test(t, keys_are_what_they_are);
    tcase_add_test(t, indexes_are_what_they_are);
    tcase_add_test(t, kinds_are_marked);
    tcase_add_loop_test(t, the_schemas_name_is_not_in_its_picture, 0, ARRAY_LEN(twins));
    tcase_add_loop_test(t, every_change_changes_the_fingerprint, 0, ARRAY_LEN(changes));
    tcase_add_test(t, data_and_settings_change_nothing);
    tcase_add_loop_test(t, what_is_not_there_cannot_be_read, 0, ARRAY_LEN(unreadable));
    tcase_add_test(t, an_empty_schema_is_a_schema);
    tcase_add_test(t, an_open_transaction_is_left_alone);
    tcase_add_test(t, a_tenants_functions_are_never_called);
    tcase_add_test(t, many_tables_and_columns);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return pg_fixture_run(suite());
}
