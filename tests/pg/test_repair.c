/* SPDX-License-Identifier: MIT */
/* Repairs of real tracking tables: what is written, what is kept, and that nothing is half done. */
#include "core/job/expected.h"
#include "core/job/kinds.h"
#include "core/migrate/apply.h"
#include "core/migrate/repair.h"
#include "core/pool/manager.h"
#include "tests/pg/job_support.h"

#define TABLE "__drizzle_migrations"

static struct pg *pg;
static struct catalog *catalog; /* 0001_a … 0003_c: a table each, dated 1000 … 3000 */

static struct catalog *make_catalog(const char *third)
{
    const char *const texts[] = {
        "CREATE TABLE a (id int PRIMARY KEY, at timestamptz DEFAULT now());",
        "CREATE TABLE b (a_id int REFERENCES a); CREATE INDEX ON b (a_id);", third};
    struct migration *items = calloc(3, sizeof *items);
    struct catalog *out = NULL;

    for (int i = 0; i < 3; i++) {
        char version[32];
        (void)snprintf(version, sizeof version, "%04d_%c", i + 1, "abc"[i]);
        OK(migration_make(version, texts[i], strlen(texts[i]), 1000 * (i + 1), &items[i], NULL));
    }
    OK(catalog_new("tenant", items, 3, &out, NULL));
    return out;
}

static void set_up(void)
{
    pg = pg_fixture_connect();
    pg_fixture_sql(
        pg, "DROP SCHEMA IF EXISTS r CASCADE; CREATE SCHEMA r; SET client_min_messages = error");
    catalog = make_catalog("CREATE TABLE c (id int);");
}

static void tear_down(void)
{
    catalog_free(catalog);
    pg_close(pg);
}

/* The schema with the first n migrations applied by ourselves. */
static void apply(tracking_format format, const char *target)
{
    struct apply_options options = {.schema = "r",
                                    .shared_schema = "public",
                                    .table = TABLE,
                                    .format = format,
                                    .target = target};
    CLEANUP(apply_result_clear) struct apply_result result = {.applied = 0};
    OK(apply_run(pg, catalog, NULL, &options, &result, NULL));
}

static struct repair_options options_for(const char *schema)
{
    return (struct repair_options){.schema = schema,
                                   .table = TABLE,
                                   .format = TRACKING_NAME,
                                   .job = "a-job",
                                   .lock_timeout_ms = 200};
}

/* Runs a repair with the args of its job; the result is the caller's. */
static err_code repair(repair_kind kind, const char *args_text, bool dry_run,
                       struct repair_result *result, struct err *err)
{
    json_auto_t *args = json_loads(args_text, 0, NULL);
    struct repair_wish wish = repair_wish_of(kind, args);
    struct repair_options options = options_for("r");

    options.dry_run = dry_run;
    err_code rc = repair_run(pg, catalog, &wish, &options, result, err);
    ck_assert(!pg_in_transaction(pg));
    return rc;
}

/* The same, which must go well; returns how many edits it made. */
static size_t repaired(repair_kind kind, const char *args)
{
    CLEANUP(repair_result_clear) struct repair_result result = {.edits = NULL};
    struct err err = {.code = ERR_NONE};
    ck_assert_msg(!repair(kind, args, false, &result, &err), "%s: %s", args, err.msg);
    ck_assert_ptr_nonnull(result.now);
    return json_array_size(result.edits);
}

static err_code refused(repair_kind kind, const char *args)
{
    CLEANUP(repair_result_clear) struct repair_result result = {.edits = NULL};
    return repair(kind, args, false, &result, NULL);
}

/* All that is in the schema, and what its tracking table says. */
static char *picture(void)
{
    return pg_fixture_value(
        pg, "SELECT md5(string_agg(v, ',' ORDER BY v)) AS v FROM ("
            " SELECT c.oid::text || c.relname || coalesce(c.relacl::text, '') AS v FROM pg_class c"
            "  WHERE relnamespace = 'r'::regnamespace"
            " UNION ALL SELECT nspname FROM pg_namespace"
            " UNION ALL SELECT query_to_xml('SELECT * FROM r." TABLE "', true, true, '')::text) x");
}

static const char *plan_of(void)
{
    static char text[80];
    CLEANUP(applied_set_freep) struct applied_set *set = NULL;
    struct plan plan;

    OK(tracking_read(pg, "r", TABLE, TRACKING_NAME, &set, NULL));
    OK(plan_make(catalog, set, NULL, &plan, NULL));
    (void)snprintf(text, sizeof text, "%s %zu/%zu/%zu/%zu", tracking_format_name(set->format),
                   plan.applied, plan.pending + plan.out_of_order, plan.orphaned, plan.modified);
    plan_clear(&plan);
    return text;
}

START_TEST(orphans_go_and_are_kept)
{
    apply(TRACKING_NAME, NULL);
    pg_fixture_sql(pg,
                   "ALTER TABLE r." TABLE " ADD COLUMN who text;"
                   "INSERT INTO r." TABLE " (name, who) VALUES ('0009_x', 'me'), ('it''s', NULL)");
    ck_assert_str_eq(plan_of(), "name 3/0/2/0");
    ck_assert_uint_eq(repaired(REPAIR_SYNC, "{\"clean_orphans\":true}"), 2);
    ck_assert_str_eq(plan_of(), "name 3/0/0/0");
    CLEANUP(freep)
    char *kept = pg_fixture_value(
        pg, "SELECT string_agg(job || ' ' || edit || ' ' || (was ->> 'name') || ' '"
            " || coalesce(was ->> 'who', '-'), ', ' ORDER BY was ->> 'name') AS v FROM r." TABLE
            "_backup_rows");
    ck_assert_str_eq(kept, "a-job remove 0009_x me, a-job remove it's -");
    ck_assert_uint_eq(repaired(REPAIR_SYNC, "{\"clean_orphans\":true}"), 0);
}
END_TEST

/* Two rows of one hash: the one that has the journal's date is the edited migration, not an orphan.
 */
START_TEST(only_the_orphan_of_two_equal_rows_goes)
{
    apply(TRACKING_DRIZZLE_KIT, "0002_b");
    pg_fixture_sql(pg, "UPDATE r." TABLE " SET hash = 'beef' WHERE created_at = 2000;"
                       "INSERT INTO r." TABLE " (hash, created_at) VALUES ('beef', 77)");
    ck_assert_str_eq(plan_of(), "drizzle-kit 1/1/1/1");
    ck_assert_uint_eq(repaired(REPAIR_SYNC, "{\"clean_orphans\":true}"), 1);
    ck_assert_str_eq(plan_of(), "drizzle-kit 1/1/0/1");
    ck_assert_uint_eq(repaired(REPAIR_SYNC, "{\"accept_checksums\":true}"), 1);
    ck_assert_str_eq(plan_of(), "drizzle-kit 2/1/0/0");
    ck_assert_int_eq(ask(pg, "SELECT created_at AS v FROM r." TABLE " ORDER BY id DESC LIMIT 1"),
                     2000);
    CLEANUP(freep)
    char *was = pg_fixture_value(pg, "SELECT was ->> 'hash' AS v FROM r." TABLE
                                     "_backup_rows WHERE edit = 'accept'");
    ck_assert_str_eq(was, "beef");
}
END_TEST

START_TEST(missing_ones_are_recorded_in_a_table_that_is_made)
{
    CLEANUP(repair_result_clear) struct repair_result result = {.edits = NULL};

    OK(repair(REPAIR_SYNC, "{\"mark_missing\":true}", true, &result, NULL));
    ck_assert(result.changed);
    ck_assert_ptr_null(result.now);
    ck_assert_int_eq(
        ask(pg, "SELECT count(*) AS v FROM pg_class WHERE relnamespace = 'r'::regnamespace"), 0);
    ck_assert_uint_eq(repaired(REPAIR_SYNC, "{\"mark_missing\":true}"), 3);
    ck_assert_str_eq(plan_of(), "name 3/0/0/0");
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM pg_tables WHERE schemaname = 'r'"), 1);
}
END_TEST

static const char *const dry_runs[][2] = {
    {"0", "{\"clean_orphans\":true,\"mark_missing\":true}"},
    {"1", "{\"versions\":[\"0003_c\"]}"},
    {"2", "{\"to\":\"drizzle-kit-v1\"}"},
    {"3", "{}"},
};

START_TEST(a_dry_run_touches_nothing)
{
    CLEANUP(repair_result_clear) struct repair_result result = {.edits = NULL};

    apply(TRACKING_DRIZZLE_KIT, "0002_b");
    pg_fixture_sql(pg, "INSERT INTO r." TABLE " (hash, created_at) VALUES ('beef', 77);"
                       "CREATE TABLE r.schema_migrations (version bigint, dirty boolean);"
                       "INSERT INTO r.schema_migrations VALUES (3, false)");
    CLEANUP(freep) char *before = picture();
    (void)!repair((repair_kind)(dry_runs[_i][0][0] - '0'), dry_runs[_i][1], true, &result, NULL);
    CLEANUP(freep) char *after = picture();
    ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(who_works_on_the_schema_is_waited_for)
{
    struct pg *other = pg_fixture_connect();
    CLEANUP(freep) char *before = NULL;

    apply(TRACKING_NAME, "0001_a");
    before = picture();
    tell(other, "BEGIN; SELECT pg_advisory_xact_lock(%lld)", (long long)apply_lock_key("r"));
    ck_assert_int_eq(refused(REPAIR_SYNC, "{\"mark_missing\":true}"), ERR_LOCK_UNAVAILABLE);
    pg_fixture_sql(other, "ROLLBACK; BEGIN; INSERT INTO r." TABLE " (name) VALUES ('0002_b')");
    /* a tool that knows nothing of the lock writes to the table */
    ck_assert_int_eq(refused(REPAIR_SYNC, "{\"mark_missing\":true}"), ERR_LOCK_UNAVAILABLE);
    pg_fixture_sql(other, "COMMIT");
    ck_assert_uint_eq(repaired(REPAIR_SYNC, "{\"mark_missing\":true}"), 1);
    ck_assert_str_eq(plan_of(), "name 3/0/0/0");
    pg_close(other);
}
END_TEST

static const char *const formats[] = {"name", "hash", "drizzle-kit", "drizzle-kit-v1"};

/* Each format to each other, and back from the backup. */
START_TEST(every_format_becomes_every_other)
{
    const char *from = formats[_i / 4], *to = formats[_i % 4];
    tracking_format format;
    char args[64], before[80], after[80];

    ck_assert(tracking_format_parse(from, &format));
    apply(format, "0002_b");
    pg_fixture_sql(pg, "DROP ROLE IF EXISTS repair_reader; CREATE ROLE repair_reader;"
                       "GRANT SELECT, INSERT ON r." TABLE " TO repair_reader;"
                       "GRANT USAGE ON SEQUENCE r." TABLE "_id_seq TO repair_reader;"
                       "COMMENT ON TABLE r." TABLE " IS 'it''s ours'");
    (void)snprintf(args, sizeof args, "{\"to\":\"%s\"}", to);
    ck_assert_uint_eq(repaired(REPAIR_CONVERT, args), from == to ? 0 : 1);
    (void)snprintf(before, sizeof before, "%s 2/1/0/0", from);
    (void)snprintf(after, sizeof after, "%s 2/1/0/0", to);
    ck_assert_str_eq(plan_of(), after);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM r." TABLE " WHERE id IS NOT NULL"), 2);
    ck_assert_int_eq(ask(pg,
                         "SELECT has_table_privilege('repair_reader', 'r." TABLE "', 'INSERT')::int"
                         " + has_sequence_privilege('repair_reader',"
                         "  pg_get_serial_sequence('r." TABLE "', 'id'), 'USAGE')::int AS v"),
                     2);
    ck_assert_int_eq(ask(pg,
                         "SELECT count(*) AS v FROM pg_description WHERE description = 'it''s ours'"
                         " AND objoid = 'r." TABLE "'::regclass"),
                     1);
    if (from != to) {
        apply(format, NULL); /* goes on in the new format */
        (void)snprintf(after, sizeof after, "%s 3/0/0/0", to);
        ck_assert_str_eq(plan_of(), after);
        ck_assert_uint_eq(repaired(REPAIR_CONVERT, "{\"restore\":true}"), 2);
        (void)snprintf(before, sizeof before, "%s 3/0/0/0", from);
        ck_assert_str_eq(plan_of(), before);
    }
    pg_fixture_sql(pg, "DROP OWNED BY repair_reader; DROP ROLE repair_reader");
}
END_TEST

START_TEST(what_a_conversion_writes)
{
    apply(TRACKING_NAME, NULL);
    pg_fixture_sql(pg, "UPDATE r." TABLE " SET applied_at = '2026-01-05 10:00:00.123+00'");
    ck_assert_uint_eq(repaired(REPAIR_CONVERT, "{\"to\":\"drizzle-kit-v1\",\"keep_backup\":false}"),
                      1);
    CLEANUP(freep)
    char *row = pg_fixture_value(pg, "SELECT name || ' ' || created_at || ' ' || (applied_at AT "
                                     "TIME ZONE 'UTC') AS v FROM r." TABLE " ORDER BY id LIMIT 1");
    ck_assert_str_eq(row, "0001_a 1000 2026-01-05 10:00:00.123");
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM pg_tables WHERE schemaname = 'r'"
                             " AND tablename LIKE '%%backup%%'"),
                     0);
    ck_assert_int_eq(refused(REPAIR_CONVERT, "{\"restore\":true}"), ERR_HISTORY_NOT_FOUND);
}
END_TEST

/* A name that leaves no room for that of a backup fails whole, and hostile names are only names. */
START_TEST(odd_names)
{
    static const char table[] = "a\"; DROP SCHEMA r CASCADE; --";
    static const char longer[] = "t1234567890123456789012345678901234567890";
    json_auto_t *args = json_pack("{s:s}", "to", "hash");
    json_auto_t *all = json_pack("{s:b}", "mark_missing", 1);
    struct repair_options options = options_for("r");
    struct repair_wish mark = repair_wish_of(REPAIR_SYNC, all),
                       to = repair_wish_of(REPAIR_CONVERT, args);

    for (int i = 0; i < 2; i++) {
        CLEANUP(repair_result_clear) struct repair_result first = {.edits = NULL};
        CLEANUP(repair_result_clear) struct repair_result second = {.edits = NULL};
        options.table = i ? longer : table;
        OK(repair_run(pg, catalog, &mark, &options, &first, NULL));
        ck_assert_int_eq(repair_run(pg, catalog, &to, &options, &second, NULL),
                         i ? ERR_SCHEMA_NAME_TOO_LONG : ERR_NONE);
    }
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM pg_tables WHERE schemaname = 'r'"), 3);
}
END_TEST

/* What was begun outside of transactions is marked in the comment of the tracking table. */
START_TEST(what_was_begun_is_resolved)
{
    static const char *const outcomes[] = {"applied", "rolled_back"};
    char args[80];

    for (int i = 0; i < 2; i++) {
        apply(TRACKING_NAME, "0002_b");
        tell(pg, "COMMENT ON TABLE r." TABLE " IS E'ours\\ntenantd begun 0003_c %s 0 running'",
             catalog->items[2].sha256);
        ck_assert_int_eq(refused(REPAIR_BASELINE, "{\"version\":\"0003_c\",\"verify\":false}"),
                         ERR_NOT_EMPTY_HISTORY);
        ck_assert_int_eq(refused(REPAIR_RESOLVE, "{\"version\":\"0002_b\",\"as\":\"applied\"}"),
                         ERR_NOT_DIRTY);
        /* the mark goes with the table that is in use */
        ck_assert_uint_eq(repaired(REPAIR_CONVERT, "{\"to\":\"hash\"}"), 1);
        ck_assert_uint_eq(repaired(REPAIR_CONVERT, "{\"restore\":true}"), 1);
        (void)snprintf(args, sizeof args, "{\"version\":\"0003_c\",\"as\":\"%s\"}", outcomes[i]);
        ck_assert_uint_eq(repaired(REPAIR_RESOLVE, args), i ? 1 : 2);
        ck_assert_str_eq(plan_of(), i ? "name 2/1/0/0" : "name 3/0/0/0");
        ck_assert_int_eq(refused(REPAIR_RESOLVE, args), ERR_NOT_DIRTY);
        CLEANUP(freep)
        char *comment =
            pg_fixture_value(pg, "SELECT obj_description('r." TABLE "'::regclass) AS v");
        ck_assert_str_eq(comment, "ours");
        pg_fixture_sql(pg, "DROP SCHEMA r CASCADE; CREATE SCHEMA r");
    }
}
END_TEST

/* tables: SQL that makes them; result: plan_of() after it, or the error. */
static const struct {
    const char *args, *tables, *result;
} histories[] = {
    {"{}",
     "CREATE TABLE r.schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL);"
     "INSERT INTO r.schema_migrations VALUES (2, false)",
     "name 2/1/0/0"},
    {"{}", "CREATE TABLE r.schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL)",
     "name 0/3/0/0"},
    {"{}",
     "CREATE TABLE r.schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL);"
     "INSERT INTO r.schema_migrations VALUES (2, true)",
     "HISTORY_NOT_CLEAN"},
    {"{}",
     "CREATE TABLE r.schema_migrations (version varchar PRIMARY KEY);"
     "INSERT INTO r.schema_migrations VALUES ('0001'), ('0003')",
     "name 2/1/0/0"},
    {"{\"from\":\"rails\"}",
     "CREATE TABLE r.schema_migrations (version varchar PRIMARY KEY);"
     "INSERT INTO r.schema_migrations VALUES ('1')",
     "name 1/2/0/0"},
    {"{}",
     "CREATE TABLE r.schema_migrations (version bigint PRIMARY KEY, inserted_at timestamp(0));"
     "INSERT INTO r.schema_migrations VALUES (1, now()), (2, now())",
     "name 2/1/0/0"},
    {"{\"from\":\"ecto\"}", "CREATE TABLE r.schema_migrations (version varchar PRIMARY KEY)",
     "HISTORY_NOT_FOUND"},
    {"{}",
     "CREATE TABLE r.pgmigrations (id serial PRIMARY KEY, name varchar(255) NOT NULL,"
     " run_on timestamp NOT NULL); INSERT INTO r.pgmigrations (name, run_on)"
     " VALUES ('0001_a', now()), ('0002_b', now())",
     "name 2/1/0/0"},
    {"{\"table\":\"ours\"}",
     "CREATE TABLE r.ours (version bigint, dirty boolean);"
     "INSERT INTO r.ours VALUES (1, false)",
     "name 1/2/0/0"},
    {"{}",
     "CREATE TABLE r.alembic_version (version_num varchar(32) PRIMARY KEY);"
     "INSERT INTO r.alembic_version VALUES ('b')",
     "name 2/1/0/0"},
    {"{}",
     "CREATE TABLE r.alembic_version (version_num varchar(32) PRIMARY KEY);"
     "INSERT INTO r.alembic_version VALUES ('b'), ('c')",
     "HISTORY_NOT_CLEAN"},
    {"{}",
     "CREATE TABLE r._prisma_migrations (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL,"
     " finished_at timestamptz, migration_name varchar(255) NOT NULL, logs text,"
     " rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(),"
     " applied_steps_count int NOT NULL DEFAULT 0);"
     "INSERT INTO r._prisma_migrations (id, checksum, finished_at, migration_name) SELECT '1',"
     " encode(sha256('CREATE TABLE a (id int PRIMARY KEY, at timestamptz DEFAULT now());'), 'hex'),"
     " now(), '0001_a';"
     "INSERT INTO r._prisma_migrations (id, checksum, rolled_back_at, migration_name)"
     " SELECT '0', checksum, now(), migration_name FROM r._prisma_migrations",
     "name 1/2/0/0"},
    {"{}",
     "CREATE TABLE r.flyway_schema_history (installed_rank int PRIMARY KEY, version varchar(50),"
     " type varchar(20) NOT NULL, checksum int, success boolean NOT NULL);"
     "INSERT INTO r.flyway_schema_history VALUES (0, NULL, 'SCHEMA', NULL, true),"
     " (1, '2', 'BASELINE', NULL, true), (2, '3', 'SQL', 7, true), (3, '3', 'UNDO_SQL', 7, true),"
     " (4, NULL, 'SQL', 9, true)",
     "name 2/1/0/0"},
    {"{}",
     "CREATE TABLE r.flyway_schema_history (installed_rank int PRIMARY KEY, version varchar(50),"
     " type varchar(20) NOT NULL, checksum int, success boolean NOT NULL);"
     "INSERT INTO r.flyway_schema_history VALUES (1, '1', 'SQL', 7, false)",
     "HISTORY_NOT_CLEAN"},
    {"{}",
     "CREATE TABLE r.schema_migrations (version varchar PRIMARY KEY);"
     "CREATE TABLE r.alembic_version (version_num varchar(32) PRIMARY KEY)",
     "AMBIGUOUS_FORMAT"},
    {"{}", "CREATE VIEW r.schema_migrations AS SELECT 1::bigint AS version, false AS dirty",
     "HISTORY_NOT_FOUND"},
    {"{}", "SELECT 1", "HISTORY_NOT_FOUND"},
};

START_TEST(histories_of_other_tools)
{
    CLEANUP(repair_result_clear) struct repair_result result = {.edits = NULL};
    struct err err = {.code = ERR_NONE};

    pg_fixture_sql(pg, histories[_i].tables);
    err_code rc = repair(REPAIR_ADOPT, histories[_i].args, false, &result, &err);
    ck_assert_msg(str_eq(rc ? err_name(rc) : plan_of(), histories[_i].result),
                  "case %d: %s %s, not %s", _i, rc ? err_name(rc) : plan_of(), err.msg,
                  histories[_i].result);
}
END_TEST

/* The engine that a verification works with. */
static struct budget_set *budgets;
static struct pool_manager *pools;
static struct engine *engine;

static void engine_up(void)
{
    struct engine_settings settings = {.control_url = pg_fixture_url(),
                                       .schema_template = "r",
                                       .shared_schema = "public",
                                       .tracking_table = TABLE,
                                       .shared_tracking_table = TABLE,
                                       .lock_timeout_ms = 300};
    struct pool_options pool = {POOL_DEFAULTS};

    set_up();
    OK(budget_set_new((struct budget_limits){.max = 4}, &budgets, NULL));
    pool.budgets = budgets;
    OK(pool_manager_new(&pool, &pools, NULL));
    OK(engine_new(&settings, budgets, pools, &engine, NULL));
}

static void engine_down(void)
{
    engine_free(engine);
    pool_manager_free(pools);
    budget_set_free(budgets);
    tear_down();
}

/* A verified baseline up to 0003_c of what is there; the differences are written as "path, path".
 */
static err_code baseline(struct str *differences)
{
    json_auto_t *args = json_pack("{s:s}", "version", "0003_c");
    struct repair_wish wish = repair_wish_of(REPAIR_BASELINE, args);
    struct repair_options options = options_for("r");
    CLEANUP(expecting_clear)
    struct expecting expecting = {.engine = engine, .server = "default", .schema = "r"};
    CLEANUP(repair_result_clear) struct repair_result result = {.edits = NULL};
    struct err err = {.code = ERR_NONE};

    options.verify = expected_verify;
    options.verify_ctx = &expecting;
    err_code rc = repair_run(pg, catalog, &wish, &options, &result, &err);
    for (size_t i = 0; i < json_array_size(expecting.differences); i++)
        str_addf(
            differences, "%s%s", i ? ", " : "",
            json_string_value(json_object_get(json_array_get(expecting.differences, i), "path")));
    ck_assert(!pg_in_transaction(pg));
    ck_assert_int_eq(
        ask(pg, "SELECT count(*) AS v FROM pg_namespace WHERE nspname LIKE 'tenantd%%scratch%%'"),
        0);
    return rc;
}

/* change: what is done to a schema that the migrations made by hand; paths: of the differences. */
static const struct {
    const char *change, *paths;
} made[] = {
    {"SELECT 1", ""},
    {"CREATE TABLE r.alembic_version (version_num text)", ""},
    {"DROP TABLE r.c", "tables/c"},
    {"CREATE TABLE r.d (id int)", "tables/d"},
    {"ALTER TABLE r.c ADD COLUMN more text", "tables/c/columns/more"},
    {"ALTER TABLE r.c ALTER COLUMN id TYPE bigint",
     "tables/c/columns/id/base, tables/c/columns/id/type"},
    {"ALTER TABLE r.c ALTER COLUMN id SET NOT NULL", "tables/c/columns/id/nullable"},
    {"DROP INDEX r.b_a_id_idx", "tables/b/indexes/b_a_id_idx"},
    {"ALTER TABLE r.b DROP CONSTRAINT b_a_id_fkey", "tables/b/foreign_keys/b_a_id_fkey"},
    {"CREATE TYPE r.mood AS ENUM ('ok')", "enums/mood"},
};

START_TEST(objects_are_held_against_the_migrations)
{
    CLEANUP(str_clear) struct str paths = STR_INIT;

    apply(TRACKING_NAME, NULL);
    pg_fixture_sql(pg, "DROP TABLE r." TABLE);
    pg_fixture_sql(pg, made[_i].change);
    err_code rc = baseline(&paths);
    ck_assert_str_eq(str_text(&paths), made[_i].paths);
    ck_assert_int_eq(rc, *made[_i].paths ? ERR_FINGERPRINT_MISMATCH : ERR_NONE);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM pg_tables WHERE tablename = '" TABLE "'"
                             " AND schemaname = 'r'"),
                     rc ? 0 : 1);
    if (*made[_i].paths)
        return;
    str_reset(&paths); /* what it must look like is known by now */
    pg_fixture_sql(pg, "DROP TABLE r." TABLE "; DROP TABLE r.c");
    ck_assert_int_eq(baseline(&paths), ERR_FINGERPRINT_MISMATCH);
}
END_TEST

START_TEST(what_cannot_be_replayed_is_said)
{
    CLEANUP(str_clear) struct str paths = STR_INIT;

    catalog_free(catalog);
    catalog = make_catalog("CREATE TABLE c AS SELECT * FROM nowhere_to_be_found;");
    ck_assert_int_eq(baseline(&paths), ERR_MIGRATION_FAILED);
    ck_assert_int_eq(
        ask(pg, "SELECT count(*) AS v FROM pg_class WHERE relnamespace = 'r'::regnamespace"), 0);
}
END_TEST

/* What a run does alone and outside of transactions is replayed within one. */
START_TEST(what_runs_alone_is_replayed_too)
{
    CLEANUP(str_clear) struct str paths = STR_INIT;

    catalog_free(catalog);
    catalog = make_catalog("CREATE INDEX CONCURRENTLY a_at ON a (at); VACUUM a;");
    apply(TRACKING_NAME, "0002_b");
    pg_fixture_sql(pg, "CREATE INDEX a_at ON r.a (at); DROP TABLE r." TABLE);
    OK(baseline(&paths));
    ck_assert_str_eq(str_text(&paths), "");
}
END_TEST

/* PostgreSQL may want a commit before the value is used; a replay never commits. */
START_TEST(a_new_value_of_an_enum_is_replayed_or_refused)
{
    CLEANUP(str_clear) struct str paths = STR_INIT;

    catalog_free(catalog);
    catalog =
        make_catalog("CREATE TYPE mood AS ENUM ('ok'); ALTER TYPE mood ADD VALUE 'good';"
                     "CREATE TABLE c (m mood DEFAULT 'good'); INSERT INTO c VALUES ('good');");
    apply(TRACKING_NAME, "0002_b");
    pg_fixture_sql(pg, "CREATE TYPE r.mood AS ENUM ('ok', 'good'); DROP TABLE r." TABLE ";"
                       "CREATE TABLE r.c (m r.mood DEFAULT 'good')");
    err_code rc = baseline(&paths);
    ck_assert(rc == ERR_NONE || rc == ERR_MIGRATION_FAILED);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM pg_tables WHERE tablename = '" TABLE
                             "' AND schemaname = 'r'"),
                     rc ? 0 : 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("repair");
    TCase *tables = tcase_create("tables"), *objects = tcase_create("objects");

    tcase_add_checked_fixture(tables, set_up, tear_down);
    tcase_add_test(tables, orphans_go_and_are_kept);
    tcase_add_test(tables, only_the_orphan_of_two_equal_rows_goes);
    tcase_add_test(tables, missing_ones_are_recorded_in_a_table_that_is_made);
    tcase_add_loop_test(tables, a_dry_run_touches_nothing, 0, (int)ARRAY_LEN(dry_runs));
    tcase_add_test(tables, who_works_on_the_schema_is_waited_for);
    tcase_add_loop_test(tables, every_format_becomes_every_other, 0, 16);
    tcase_add_test(tables, what_a_conversion_writes);
    tcase_add_test(tables, odd_names);
    tcase_add_test(tables, what_was_begun_is_resolved);
    tcase_add_loop_test(tables, histories_of_other_tools, 0, (int)ARRAY_LEN(histories));
    tcase_add_checked_fixture(objects, engine_up, engine_down);
    tcase_add_loop_test(objects, objects_are_held_against_the_migrations, 0, (int)ARRAY_LEN(made));
    tcase_add_test(objects, what_cannot_be_replayed_is_said);
    tcase_add_test(objects, what_runs_alone_is_replayed_too);
    tcase_add_test(objects, a_new_value_of_an_enum_is_replayed_or_refused);
    tcase_set_timeout(tables, 60);
    tcase_set_timeout(objects, 60);
    suite_add_tcase(suite, tables);
    suite_add_tcase(suite, objects);
    pg_fixture_start();
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    pg_fixture_stop();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
