/* SPDX-License-Identifier: MIT */
/* Repairs of tracking tables: sync, baseline, conversion and adoption, of one tenant and of many,
 * with their dry runs, and what they refuse. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "tests/support/daemon.h"
#include "tests/support/pg_fixture.h"
#include "tests/support/step.h"

#define M "/v1/catalogs/tenant/migrations/"
#define T "/v1/tenants/"
#define SQL .type = "application/sql"
#define WAIT .headers = STEP_WAIT

static const struct step fleet[] = {
    STEP("first", PUT, M "0001_a", "CREATE TABLE a (id int PRIMARY KEY, email text);", 201, NULL,
         SQL),
    STEP("second", PUT, M "0002_b", "CREATE TABLE b (id int);", 201, NULL, SQL),
    STEP("third", PUT, M "0003_c", "CREATE TABLE c (id int);", 201, NULL, SQL),
    STEP("tenants", POST, "/v1/tenants/batch",
         "{'items':[{'id':'s1','labels':{'ring':'one'}},{'id':'s2'},{'id':'s3'},{'id':'s4'}]}", 200,
         NULL, WAIT, .json = {"/progress/succeeded == 4"}),
};

static void damage(struct pg *pg)
{
    pg_fixture_sql(pg, "INSERT INTO tenant_s1.__drizzle_migrations (name) VALUES ('0009_by_hand');"
                       "DELETE FROM tenant_s2.__drizzle_migrations WHERE name = '0002_b'");
}

static const struct step sync_one[] = {
    STEP("in sync, for all it knows", GET, "/v1/migration-sync-status", NULL, 200, NULL,
         .json = {"/tenants == 4", "/in_sync == 4", "/out_of_sync == 0", "/cohorts# == 1"}),
    STEP("orphaned", GET, T "s1/migrations/sync", NULL, 200, NULL,
         .json = {"/tenant_id == 's1'", "/in_sync == false", "/orphaned == ['0009_by_hand']",
                  "/missing == []", "/format == 'name'"}),
    STEP("missing", GET, T "s2/migrations/sync", NULL, 200, NULL,
         .json = {"/missing == ['0002_b']", "/out_of_order == ['0002_b']", "/orphaned == []"}),
    STEP("of nobody", GET, T "none/migrations/sync", NULL, 404, "TENANT_NOT_FOUND"),
    STEP("dry run", POST, T "s1/migrations/sync?dry_run=true", "{'clean_orphans':true}", 200, NULL,
         .json = {"/dry_run == true", "/tenants == 1", "/noop == 0", "/cohorts# == 1",
                  "/cohorts/0/sample == ['s1']", "/cohorts/0/edits# == 1",
                  "/cohorts/0/edits/0/edit == 'remove'",
                  "/cohorts/0/edits/0/version == '0009_by_hand'", "/cohorts/0/problem == null"}),
    STEP("still orphaned", GET, T "s1/migrations/sync", NULL, 200, NULL,
         .json = {"/orphaned == ['0009_by_hand']"}),
    STEP("what is not asked for stays", POST, T "s1/migrations/sync", "{'mark_missing':true}", 200,
         NULL, WAIT,
         .json = {"/kind == 'migration.sync'", "/state == 'succeeded'", "/progress/skipped == 1"}),
    STEP("cleaned", POST, T "s1/migrations/sync", "{'clean_orphans':true}", 200, NULL, WAIT,
         .keep = "job=/id",
         .json = {"/state == 'succeeded'", "/progress/succeeded == 1", "/subject/id == 's1'"}),
    STEP("its outcome", GET, "/v1/jobs/{job}/tasks", NULL, 200, NULL,
         .json = {"/tasks/0/outcome/edits/0/was/name == '0009_by_hand'",
                  "/tasks/0/outcome/format == 'name'"}),
    STEP("clean", GET, T "s1/migrations/sync", NULL, 200, NULL, .json = {"/in_sync == true"}),
    STEP("again", POST, T "s1/migrations/sync", "{'clean_orphans':true}", 200, NULL, WAIT,
         .json = {"/state == 'succeeded'", "/progress/skipped == 1"}),
    STEP("nothing asked", POST, T "s1/migrations/sync", "{}", 422, "VALIDATION_FAILED",
         .json = {"/errors/0/code == 'REQUIRED'"}),
    STEP("nothing asked in words", POST, T "s1/migrations/sync", "{'clean_orphans':false}", 422,
         "VALIDATION_FAILED"),
    STEP("misspelt", POST, T "s1/migrations/sync", "{'clean_orphan':true,'mark_missing':1}", 422,
         "VALIDATION_FAILED", .json = {"/errors# == 2"}),
    STEP("of no tenant", POST, T "none/migrations/sync", "{'clean_orphans':true}", 404,
         "TENANT_NOT_FOUND"),
};

static const struct step sync_fleet[] = {
    STEP("no selector", POST, "/v1/migration-syncs", "{'mark_missing':true}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/selector'"}),
    STEP("an empty one", POST, "/v1/migration-syncs", "{'selector':{},'mark_missing':true}", 422,
         "EMPTY_SELECTOR"),
    STEP("a stranger", POST, "/v1/migration-syncs",
         "{'selector':{'ids':['x']},'mark_missing':true}", 422, "VALIDATION_FAILED",
         .json = {"/errors/0/pointer == '/selector/ids/0'"}),
    STEP("nothing asked", POST, "/v1/migration-syncs", "{'selector':{'all':true}}", 422,
         "VALIDATION_FAILED"),
    STEP("read again", POST, "/v1/migration-status/refresh", "{}", 200, NULL, WAIT),
    STEP("status", GET, "/v1/migration-sync-status", NULL, 200, NULL,
         .json = {"/in_sync == 3", "/out_of_sync == 1", "/cohorts/1/missing == ['0002_b']"}),
    STEP("dry run", POST, "/v1/migration-syncs?dry_run=true",
         "{'selector':{'all':true},'mark_out_of_order':true}", 200, NULL,
         .json = {"/tenants == 4", "/examined == 4", "/noop == 3", "/cohorts# == 1",
                  "/cohorts/0/sample == ['s2']", "/cohorts/0/edits/0/edit == 'record'",
                  "/cohorts/0/edits/0/version == '0002_b'", "/cohorts/0/edits/0/was == null"}),
    STEP("all", POST, "/v1/migration-syncs", "{'selector':{'all':true},'mark_out_of_order':true}",
         200, NULL, WAIT,
         .json = {"/state == 'succeeded'", "/progress/succeeded == 1", "/progress/skipped == 3"}),
    STEP("status", GET, "/v1/migration-sync-status", NULL, 200, NULL, .json = {"/in_sync == 4"}),
};

START_TEST(tables_are_brought_in_line)
{
    struct pg *pg = pg_fixture_connect();

    STEPS_RUN(fleet);
    damage(pg);
    STEPS_RUN(sync_one);
    STEPS_RUN(sync_fleet);
    CLEANUP(freep)
    char *kept = pg_fixture_value(pg, "SELECT edit || ' ' || (was ->> 'name') AS v FROM "
                                      "tenant_s1.__drizzle_migrations_backup_rows");
    ck_assert_str_eq(kept, "remove 0009_by_hand");
    pg_close(pg);
}
END_TEST

/* Schemas that were made by hand: h1 as 0002_b leaves it, h2 with one column of another type. */
static void make_by_hand(struct pg *pg)
{
    pg_fixture_sql(pg,
                   "CREATE SCHEMA hand_h1; CREATE TABLE hand_h1.a (id int PRIMARY KEY, email text);"
                   "CREATE TABLE hand_h1.b (id int);"
                   "CREATE SCHEMA hand_h2; CREATE TABLE hand_h2.a (id int PRIMARY KEY, email int);"
                   "CREATE TABLE hand_h2.b (id int); CREATE TABLE hand_h2.more (id int)");
}

static const struct step baselines[] = {
    STEP("import", POST, "/v1/tenants/import", "{'schema_pattern':'hand\\\\_%'}", 200, NULL, WAIT,
         .json = {"/progress/succeeded == 2"}),
    STEP("neither", POST, T "hand_h1/migrations/baseline", "{}", 422, "VALIDATION_FAILED"),
    STEP("both", POST, T "hand_h1/migrations/baseline",
         "{'version':'0002_b','versions':['0001_a']}", 422, "VALIDATION_FAILED"),
    STEP("unknown", POST, T "hand_h1/migrations/baseline", "{'version':'0002_x'}", 422,
         "UNKNOWN_TARGET",
         .json = {"/errors/0/pointer == '/version'", "/errors/0/code == 'UNKNOWN_TARGET'"}),
    STEP("unknown ones", POST, T "hand_h1/migrations/mark-applied",
         "{'versions':['0001_a','0002_x',3]}", 422, "VALIDATION_FAILED",
         .json = {"/errors# == 2", "/errors/0/pointer == '/versions/1'"}),
    STEP("a list only", POST, T "hand_h1/migrations/mark-applied", "{'version':'0002_b'}", 422,
         "VALIDATION_FAILED"),
    STEP("dry run", POST, T "hand_h1/migrations/baseline?dry_run=true", "{'version':'0002_b'}", 200,
         NULL, .json = {"/cohorts/0/edits# == 2", "/cohorts/0/problem == null"}),
    STEP("dry run of what does not fit", POST, T "hand_h2/migrations/baseline?dry_run=true",
         "{'version':'0002_b'}", 200, NULL,
         .json = {"/cohorts/0/problem/code == 'FINGERPRINT_MISMATCH'"}),
    STEP("both tenants", POST, "/v1/migration-baselines",
         "{'selector':{'ids':['hand_h1','hand_h2']},'version':'0002_b'}", 200, NULL, WAIT,
         .keep = "job=/id",
         .json = {"/kind == 'migration.baseline'", "/state == 'partial'",
                  "/progress/succeeded == 1", "/progress/failed == 1",
                  "/failures/0/tenant_id == 'hand_h2'",
                  "/failures/0/outcome/code == 'FINGERPRINT_MISMATCH'"}),
    STEP("the differences", GET, "/v1/jobs/{job}/tasks?state=failed", NULL, 200, NULL,
         .json = {"/tasks/0/outcome/differences ~ 'tables/a/columns/email/type'",
                  "/tasks/0/outcome/differences ~ 'tables/more'"}),
    STEP("as it stands now", GET, T "hand_h1/migrations", NULL, 200, NULL,
         .json = {"/applied == 2", "/pending == 1", "/head == '0002_b'"}),
    STEP("nothing is recorded", GET, T "hand_h2/migrations", NULL, 200, NULL,
         .json = {"/applied == 0"}),
    STEP("unverified", POST, T "hand_h2/migrations/baseline", "{'version':'0002_b','verify':false}",
         200, NULL, WAIT, .json = {"/progress/succeeded == 1"}),
    STEP("again", POST, T "hand_h2/migrations/baseline", "{'version':'0002_b','verify':false}", 200,
         NULL, WAIT, .json = {"/progress/skipped == 1"}),
    STEP("not back", POST, T "hand_h2/migrations/baseline", "{'version':'0001_a'}", 409,
         "NOT_EMPTY_HISTORY"),
    STEP("a dry run says so", POST, "/v1/migration-baselines?dry_run=true",
         "{'selector':{'ids':['hand_h2']},'version':'0001_a'}", 200, NULL,
         .json = {"/cohorts/0/problem/code == 'NOT_EMPTY_HISTORY'"}),
    STEP("one of a list", POST, T "hand_h2/migrations/mark-applied",
         "{'versions':['0003_c'],'verify':false}", 200, NULL, WAIT,
         .json = {"/progress/succeeded == 1"}),
    STEP("a run goes on", POST, T "hand_h1/migrate", "{}", 200, NULL, WAIT,
         .json = {"/progress/succeeded == 1"}),
    STEP("where it stands", GET, T "hand_h1", NULL, 200, NULL,
         .json = {"/migration/status == 'ok'"}),
};

START_TEST(what_is_there_is_a_baseline)
{
    struct pg *pg = pg_fixture_connect();

    make_by_hand(pg);
    STEPS_RUN(baselines);
    CLEANUP(freep)
    char *scratch = pg_fixture_value(
        pg, "SELECT count(*) AS v FROM pg_namespace WHERE nspname LIKE 'tenantd\\_scratch%'");
    ck_assert_str_eq(scratch, "0");
    pg_close(pg);
}
END_TEST

/* Each keeps a backup of its own, and the way back takes the last. */
static const struct step in_a_second[] = {
    STEP("there", POST, T "s3/migrations/convert", "{'to':'hash'}", 200, NULL, WAIT,
         .json = {"/progress/succeeded == 1"}),
    STEP("and there", POST, T "s3/migrations/convert", "{'to':'drizzle-kit'}", 200, NULL, WAIT,
         .json = {"/progress/succeeded == 1"}),
    STEP("and there again", POST, T "s3/migrations/convert", "{'to':'hash'}", 200, NULL, WAIT,
         .json = {"/progress/succeeded == 1"}),
    STEP("back", POST, T "s3/migrations/convert", "{'restore':true}", 200, NULL, WAIT,
         .json = {"/progress/succeeded == 1"}),
    STEP("to the last", GET, T "s3/migrations", NULL, 200, NULL,
         .json = {"/format == 'drizzle-kit'", "/status == 'ok'"}),
};

static const struct step conversions[] = {
    STEP("neither", POST, T "s3/migrations/convert", "{}", 422, "VALIDATION_FAILED"),
    STEP("both", POST, T "s3/migrations/convert", "{'to':'hash','restore':true}", 422,
         "VALIDATION_FAILED"),
    STEP("odd", POST, T "s3/migrations/convert", "{'to':'csv'}", 422, "VALIDATION_FAILED"),
    STEP("no backup", POST, T "s3/migrations/convert", "{'restore':true}", 409,
         "HISTORY_NOT_FOUND"),
    STEP(
        "dry run", POST, "/v1/migration-format-conversions?dry_run=true",
        "{'selector':{'ids':['s3','s4']},'to':'drizzle-kit'}", 200, NULL,
        .json =
            {"/noop == 0", "/cohorts# == 1", "/cohorts/0/tenants == 2",
             "/cohorts/0/edits == [{'edit':'convert','from':'name','to':'drizzle-kit','rows':3}]"}),
    STEP("convert", POST, "/v1/migration-format-conversions",
         "{'selector':{'ids':['s3','s4']},'to':'drizzle-kit'}", 200, NULL, WAIT,
         .json = {"/kind == 'migration.convert'", "/progress/succeeded == 2"}),
    STEP("as it is", GET, T "s3/migrations", NULL, 200, NULL,
         .json = {"/format == 'drizzle-kit'", "/applied == 3", "/status == 'ok'"}),
    STEP("again", POST, T "s3/migrations/convert", "{'to':'drizzle-kit'}", 200, NULL, WAIT,
         .json = {"/progress/skipped == 1"}),
    STEP("goes on", PUT, M "0004_d", "CREATE TABLE d (id int);", 201, NULL, SQL),
    STEP("in the new format", POST, T "s3/migrate", "{}", 200, NULL, WAIT,
         .json = {"/progress/succeeded == 1"}),
    STEP("dry run of the way back", POST, "/v1/migration-format-conversions?dry_run=true",
         "{'selector':{'ids':['s3']},'restore':true}", 200, NULL,
         .json = {"/cohorts/0/edits# == 2", "/cohorts/0/edits/0/to == 'name'",
                  "/cohorts/0/edits/1/version == '0004_d'"}),
    STEP("the way back", POST, T "s3/migrations/convert", "{'restore':true}", 200, NULL, WAIT,
         .json = {"/progress/succeeded == 1"}),
    STEP("as it was, and more", GET, T "s3/migrations", NULL, 200, NULL,
         .json = {"/format == 'name'", "/applied == 4", "/status == 'ok'"}),
};

/* An orphan that only has a hash cannot be named; a table of no format cannot be told. */
static const struct step refused_conversions[] = {
    STEP("unmappable", POST, T "s4/migrations/convert", "{'to':'name'}", 422, "UNMAPPABLE_ROWS"),
    STEP("said in a dry run", POST, T "s4/migrations/convert?dry_run=true", "{'to':'name'}", 200,
         NULL, .json = {"/cohorts/0/problem/code == 'UNMAPPABLE_ROWS'"}),
    STEP("a hash is enough", POST, T "s4/migrations/convert", "{'to':'hash','keep_backup':false}",
         200, NULL, WAIT, .json = {"/progress/succeeded == 1"}),
    STEP("ambiguous", POST, T "s2/migrations/convert", "{'to':'hash'}", 409, "AMBIGUOUS_FORMAT"),
};

START_TEST(formats_are_converted)
{
    struct pg *pg = pg_fixture_connect();

    STEPS_RUN(conversions);
    pg_fixture_sql(
        pg, "INSERT INTO tenant_s4.__drizzle_migrations (hash, created_at) VALUES ('cafe', 7);"
            "ALTER TABLE tenant_s2.__drizzle_migrations ADD COLUMN hash text");
    STEPS_RUN(refused_conversions);
    pg_fixture_sql(pg, "ALTER TABLE tenant_s2.__drizzle_migrations DROP COLUMN hash");
    CLEANUP(freep)
    char *exported =
        pg_fixture_value(pg, "SELECT count(*) AS v FROM pg_class WHERE relname LIKE "
                             "'\\_\\_drizzle\\_migrations\\_backup\\_%'"
                             " AND relnamespace = 'tenant_s3'::regnamespace AND relkind = 'r'");
    ck_assert_str_eq(exported, "1"); /* what was the table before it was restored */
    STEPS_RUN(in_a_second);
    pg_close(pg);
}
END_TEST

static const struct step adoptions[] = {
    STEP("import", POST, "/v1/tenants/import", "{'schema_pattern':'other\\\\_%'}", 200, NULL, WAIT,
         .json = {"/progress/succeeded == 4"}),
    STEP("a tool that is not known", POST, T "other_go/migrations/adopt", "{'from':'sqitch'}", 422,
         "VALIDATION_FAILED"),
    STEP("another tool's", POST, T "other_go/migrations/adopt", "{'from':'flyway'}", 409,
         "HISTORY_NOT_FOUND"),
    STEP("dirty", POST, T "other_dirty/migrations/adopt", "{}", 409, "HISTORY_NOT_CLEAN"),
    STEP("unknown version", POST, T "other_rails/migrations/adopt", "{'from':'rails'}", 422,
         "UNMAPPABLE_ROWS"),
    STEP("dry run", POST, "/v1/migration-adoptions?dry_run=true",
         "{'selector':{'ids':['other_go','other_dirty','other_fly','s1']}}", 200, NULL,
         .json = {"/tenants == 4", "/examined == 4", "/noop == 0", "/cohorts# == 4"}),
    STEP("adopt", POST, "/v1/migration-adoptions", "{'selector':{'ids':['other_go','other_fly']}}",
         200, NULL, WAIT, .json = {"/kind == 'migration.adopt'", "/progress/succeeded == 2"}),
    STEP("head only", GET, T "other_go/migrations", NULL, 200, NULL,
         .json = {"/applied == 2", "/head == '0002_b'"}),
    STEP("row by row", GET, T "other_fly/migrations", NULL, 200, NULL,
         .json = {"/applied == 1", "/head == '0001_a'"}),
    STEP("again", POST, T "other_go/migrations/adopt", "{}", 200, NULL, WAIT,
         .json = {"/progress/skipped == 1"}),
    STEP("verified", POST, T "other_fly/migrations/adopt?dry_run=true",
         "{'verify':true,'table':'x'}", 200, NULL,
         .json = {"/cohorts/0/problem/code == 'HISTORY_NOT_FOUND'"}),
};

START_TEST(other_tools_histories_are_adopted)
{
    struct pg *pg = pg_fixture_connect();

    pg_fixture_sql(
        pg,
        "CREATE SCHEMA other_go;"
        "CREATE TABLE other_go.schema_migrations (version bigint PRIMARY KEY, dirty boolean);"
        "INSERT INTO other_go.schema_migrations VALUES (2, false);"
        "CREATE SCHEMA other_dirty;"
        "CREATE TABLE other_dirty.schema_migrations (version bigint PRIMARY KEY, dirty boolean);"
        "INSERT INTO other_dirty.schema_migrations VALUES (2, true);"
        "CREATE SCHEMA other_rails;"
        "CREATE TABLE other_rails.schema_migrations (version varchar PRIMARY KEY);"
        "INSERT INTO other_rails.schema_migrations VALUES ('1'), ('77');"
        "CREATE SCHEMA other_fly;"
        "CREATE TABLE other_fly.flyway_schema_history (installed_rank int PRIMARY KEY,"
        " version varchar(50), description varchar(200), type varchar(20), script varchar(1000),"
        " checksum int, installed_by varchar(100), installed_on timestamp,"
        " execution_time int, success boolean);"
        "INSERT INTO other_fly.flyway_schema_history (installed_rank, version, type, success)"
        " VALUES (1, '1', 'SQL', true), (2, '2', 'SQL', true), (3, '2', 'UNDO_SQL', true),"
        "  (4, NULL, 'SQL', true)");
    STEPS_RUN(adoptions);
    CLEANUP(freep)
    char *left =
        pg_fixture_value(pg, "SELECT version::text || dirty AS v FROM other_go.schema_migrations");
    ck_assert_str_eq(left, "2false");
    pg_close(pg);
}
END_TEST

static const struct step resolutions[] = {
    STEP("dirty", GET, T "s2/migrations/sync", NULL, 200, NULL,
         .json = {"/dirty == '0004_d'", "/in_sync == false"}),
    STEP("nothing said", POST, T "s2/migrations/resolve", "{}", 422, "VALIDATION_FAILED",
         .json = {"/errors# == 2"}),
    STEP("odd", POST, T "s2/migrations/resolve", "{'version':'0004_d','as':'done'}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/as'"}),
    STEP("another", POST, T "s2/migrations/resolve", "{'version':'0003_c','as':'applied'}", 409,
         "NOT_DIRTY"),
    STEP("dry run", POST, T "s2/migrations/resolve?dry_run=true",
         "{'version':'0004_d','as':'applied'}", 200, NULL,
         .json = {"/cohorts/0/edits# == 2", "/cohorts/0/edits/0/edit == 'settle'",
                  "/cohorts/0/edits/1/edit == 'record'"}),
    STEP("not by a baseline", POST, T "s2/migrations/mark-applied", "{'versions':['0004_d']}", 409,
         "NOT_EMPTY_HISTORY"),
    STEP("resolved", POST, T "s2/migrations/resolve",
         "{'version':'0004_d','as':'applied','note':'looked at it'}", 200, NULL, WAIT,
         .json = {"/kind == 'migration.resolve'", "/progress/succeeded == 1",
                  "/args/note == 'looked at it'"}),
    STEP("as it is", GET, T "s2", NULL, 200, NULL, .json = {"/migration/status == 'ok'"}),
    STEP("not twice", POST, T "s2/migrations/resolve", "{'version':'0004_d','as':'applied'}", 409,
         "NOT_DIRTY"),
    STEP("of nobody", POST, T "none/migrations/resolve", "{'version':'0004_d','as':'applied'}", 404,
         "TENANT_NOT_FOUND"),
};

START_TEST(what_was_begun_is_resolved)
{
    static const char mark[] =
        "COMMENT ON TABLE tenant_s2.__drizzle_migrations IS"
        " 'tenantd begun 0004_d 0000000000000000000000000000000000000000000000"
        "000000000000000000 0 running'";
    struct pg *pg = pg_fixture_connect();

    pg_fixture_sql(pg, mark);
    STEPS_RUN(resolutions);
    pg_close(pg);
}
END_TEST

static const struct step states[] = {
    STEP("a reader", POST, "/v1/tokens",
         "{'name':'r','scopes':['migrations:read','migrations:run']}", 201, NULL,
         .keep = "t=/token"),
    STEP("may look", GET, T "s1/migrations/sync", NULL, 200, NULL, .token = "{t}"),
    STEP("may not repair", POST, T "s1/migrations/sync", "{'clean_orphans':true}", 403,
         "PERMISSION_DENIED", .token = "{t}"),
    STEP("may not repair many", POST, "/v1/migration-adoptions", "{'selector':{'all':true}}", 403,
         "PERMISSION_DENIED", .token = "{t}"),
    STEP("archive", DELETE, T "s1", NULL, 200, NULL, .headers = "If-Match: *\r\n"),
    STEP("not of an archived one", POST, T "s1/migrations/sync", "{'clean_orphans':true}", 409,
         "INVALID_STATE"),
};

START_TEST(who_may_and_whose)
{
    STEPS_RUN(states);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api repairs");
    TCase *tc = tcase_create("repairs");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, tables_are_brought_in_line);
    tcase_add_test(tc, what_is_there_is_a_baseline);
    tcase_add_test(tc, formats_are_converted);
    tcase_add_test(tc, other_tools_histories_are_adopted);
    tcase_add_test(tc, what_was_begun_is_resolved);
    tcase_add_test(tc, who_may_and_whose);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, NULL);
}
