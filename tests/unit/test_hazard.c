/* SPDX-License-Identifier: MIT */
/* What hurts, statement by statement, and which locks are taken. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/migrate/hazard.h"

/* rules: names in the order found; locks: "table=LOCK" of each table in order. */
static const struct {
    const char *sql, *rules, *locks;
} cases[] = {
    {"ALTER TABLE a ADD x int;", "", "a=ACCESS EXCLUSIVE "},
    {"ALTER TABLE a ADD x int NOT NULL DEFAULT 0;", "", "a=ACCESS EXCLUSIVE "},
    {"ALTER TABLE a ADD x timestamptz NOT NULL DEFAULT now();", "", "a=ACCESS EXCLUSIVE "},
    {"ALTER TABLE a ADD x int NOT NULL;", "add_column_without_values ", "a=ACCESS EXCLUSIVE "},
    {"ALTER TABLE a ADD x uuid NOT NULL DEFAULT gen_random_uuid();", "add_column_volatile_default ",
     "a=ACCESS EXCLUSIVE "},
    {"ALTER TABLE a ADD x float DEFAULT (random() * 2)::float8;", "add_column_volatile_default ",
     "a=ACCESS EXCLUSIVE "},
    {"ALTER TABLE a ADD x bigserial;", "add_column_volatile_default ", "a=ACCESS EXCLUSIVE "},
    {"ALTER TABLE a ADD x int GENERATED ALWAYS AS IDENTITY;", "add_column_volatile_default ",
     "a=ACCESS EXCLUSIVE "},
    {"ALTER TABLE a ADD x int UNIQUE;", "add_column_unique ", "a=ACCESS EXCLUSIVE "},
    {"ALTER TABLE a ALTER x TYPE text, ALTER y SET NOT NULL, DROP z;",
     "column_type set_not_null drop_column ", "a=ACCESS EXCLUSIVE "},
    {"ALTER TABLE a ALTER x SET DEFAULT 1;", "", "a=ACCESS EXCLUSIVE "},
    {"ALTER TABLE a ADD FOREIGN KEY (x) REFERENCES b (y);", "add_foreign_key ",
     "a=SHARE ROW EXCLUSIVE b=SHARE ROW EXCLUSIVE "},
    {"ALTER TABLE a ADD FOREIGN KEY (x) REFERENCES b (y) NOT VALID;", "",
     "a=SHARE ROW EXCLUSIVE b=SHARE ROW EXCLUSIVE "},
    {"ALTER TABLE a VALIDATE CONSTRAINT c;", "", "a=SHARE UPDATE EXCLUSIVE "},
    {"ALTER TABLE a ADD CHECK (x > 0);", "add_check ", "a=ACCESS EXCLUSIVE "},
    {"ALTER TABLE a ADD CHECK (x > 0) NOT VALID;", "", "a=ACCESS EXCLUSIVE "},
    {"ALTER TABLE a ADD UNIQUE (x), ADD PRIMARY KEY (y);", "add_unique add_primary_key ",
     "a=ACCESS EXCLUSIVE "},
    {"ALTER TABLE a ADD UNIQUE USING INDEX i;", "", "a=ACCESS EXCLUSIVE "},
    {"CREATE INDEX i ON a (x);", "create_index ", "a=SHARE "},
    {"CREATE INDEX CONCURRENTLY i ON a (x); REINDEX TABLE CONCURRENTLY b;", "",
     "a=SHARE UPDATE EXCLUSIVE b=SHARE UPDATE EXCLUSIVE "},
    {"CREATE INDEX i ON a (x); ALTER TABLE a ADD y int;", "create_index ", "a=ACCESS EXCLUSIVE "},
    {"ALTER TABLE a ADD y int; CREATE INDEX i ON a (x);", "create_index ", "a=ACCESS EXCLUSIVE "},
    {"DROP TABLE a, b;", "drop_table drop_table ", "a=ACCESS EXCLUSIVE b=ACCESS EXCLUSIVE "},
    {"DROP INDEX i; DROP FUNCTION f(); DROP VIEW v;", "", ""},
    {"TRUNCATE a, b;", "truncate truncate ", "a=ACCESS EXCLUSIVE b=ACCESS EXCLUSIVE "},
    {"ALTER TABLE a RENAME x TO y; ALTER TABLE a RENAME TO b;", "rename rename ",
     "a=ACCESS EXCLUSIVE "},
    {"REFRESH MATERIALIZED VIEW m; REINDEX TABLE a; CLUSTER a;", "refresh reindex rewrite ",
     "m=ACCESS EXCLUSIVE a=ACCESS EXCLUSIVE "},
    {"ALTER TABLE a SET UNLOGGED;", "rewrite ", "a=ACCESS EXCLUSIVE "},
    {"CREATE TRIGGER t BEFORE INSERT ON a EXECUTE FUNCTION f();", "", "a=SHARE ROW EXCLUSIVE "},
    /* what is made here hurts nobody */
    {"CREATE TABLE n (x int); CREATE INDEX ON n (x); ALTER TABLE n ALTER x TYPE text; DROP TABLE "
     "n;",
     "", ""},
    {"CREATE TABLE n AS SELECT 1 AS x; ALTER TABLE n ADD y int NOT NULL;", "", ""},
    {"CREATE TABLE n (x int REFERENCES b, FOREIGN KEY (x) REFERENCES c);", "",
     "b=SHARE ROW EXCLUSIVE c=SHARE ROW EXCLUSIVE "},
    {"INSERT INTO a VALUES (1); SELECT 1; DO $$BEGIN NULL; END$$;", "", ""},
    {"ALTER TABLE \"\xc3\xa9\" DROP x;", "drop_column ", "\xc3\xa9=ACCESS EXCLUSIVE "},
    {"", "", ""},
};

START_TEST(what_hurts)
{
    CLEANUP(migration_clear) struct migration m = {.version = NULL};
    CLEANUP(hazards_clear) struct hazards h;
    CLEANUP(str_clear) struct str rules = STR_INIT, locks = STR_INIT;
    const char *key;
    json_t *item;
    size_t i;
    struct err err;

    hazards_init(&h);
    ck_assert(!migration_make("0001_a", cases[_i].sql, strlen(cases[_i].sql), 0, &m, &err));
    ck_assert(!hazards_add(&h, &m, &err));
    json_array_foreach(h.found, i, item)
        str_addf(&rules, "%s ", json_string_value(json_object_get(item, "rule")));
    json_object_foreach(h.locks, key, item)
        str_addf(&locks, "%s=%s ", key, json_string_value(item));
    ck_assert_str_eq(str_text(&rules), cases[_i].rules);
    ck_assert_str_eq(str_text(&locks), cases[_i].locks);
}
END_TEST

START_TEST(places_are_those_of_the_file)
{
    static const char sql[] = "SELECT 1;\n-- migrate:down\n  DROP TABLE a;";
    CLEANUP(migration_clear) struct migration m = {.version = NULL};
    CLEANUP(hazards_clear) struct hazards h;
    struct err err;

    hazards_init(&h);
    ck_assert(!migration_make("0001_a", sql, strlen(sql), 0, &m, &err));
    ck_assert(!hazards_add(&h, &m, &err) && !hazards_add(&h, m.down, &err));
    ck_assert_uint_eq(json_array_size(h.found), 1);
    const json_t *found = json_array_get(h.found, 0);
    ck_assert_int_eq(json_integer_value(json_object_get(found, "line")), 3);
    ck_assert_int_eq(json_integer_value(json_object_get(found, "column")), 3);
    ck_assert_int_eq(json_integer_value(json_object_get(found, "statement")), 1);
    ck_assert_str_eq(json_string_value(json_object_get(found, "table")), "a");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hazard");
    TCase *tcase = tcase_create("rules");
    tcase_add_loop_test(tcase, what_hurts, 0, (int)ARRAY_LEN(cases));
    tcase_add_test(tcase, places_are_those_of_the_file);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
