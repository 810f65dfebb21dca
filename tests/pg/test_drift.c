/* SPDX-License-Identifier: MIT */
/* Drift of real schemas: every kind of change is found and nothing else, whatever schemas are
 * called and wherever their migrations stand. */
#include <stdatomic.h>

#include "core/job/drift_store.h"
#include "core/job/kinds.h"
#include "core/pool/budget.h"
#include "core/tenant/tenant_store.h"
#include "tests/pg/job_support.h"

#define STRANGE "k Ünï\"quoted\".x"
#define STRANGE_SQL "\"k Ünï\"\"quoted\"\".x\""

static struct budget_set *budgets;
static struct engine *engine;
static struct pg *pg; /* control and server at once */

static const char base[] =
    "CREATE TYPE mood AS ENUM ('sad', 'ok');"
    "CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');"
    "CREATE FUNCTION slug(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';"
    "CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email email,"
    " name varchar(20) NOT NULL DEFAULT 'x', mood mood DEFAULT 'ok', big int,"
    " CONSTRAINT name_is_long CHECK (length(name) > 1), CONSTRAINT one_email UNIQUE (email));"
    "CREATE INDEX users_name ON users (slug(name)) WHERE big > 0;"
    "COMMENT ON COLUMN users.name IS 'as they say it';"
    "CREATE TABLE posts (id int PRIMARY KEY, user_id bigint, title text,"
    " CONSTRAINT posts_user FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE);"
    "CREATE VIEW titles AS SELECT title FROM posts;";

static void register_migration(const char *version, const char *sql)
{
    struct migration m;
    struct register_result r;

    OK(migration_make(version, sql, strlen(sql), 0, &m, NULL));
    OK(catalog_register(pg, "tenant", &m, 1, &(struct register_options){.by = "t"}, &r, NULL));
    free(r.added);
    migration_clear(&m);
}

static void set_up(void)
{
    struct engine_settings settings = {.control_url = pg_fixture_url(),
                                       .schema_template = "k_{id}",
                                       .shared_schema = "public",
                                       .tracking_table = "__drizzle_migrations",
                                       .lock_timeout_ms = 1000,
                                       .acquire_timeout_ms = 1000};

    pg = job_clean();
    pg_fixture_sql(pg, "TRUNCATE tenantd.migration, tenantd.drift_diff, tenantd.drift_model;"
                       "UPDATE tenantd.catalog SET revision = 1;"
                       "DO $$ DECLARE s text; BEGIN FOR s IN SELECT nspname FROM pg_namespace"
                       " WHERE nspname LIKE 'k\\_%' OR nspname LIKE 'k %' LOOP"
                       " EXECUTE format('DROP SCHEMA %I CASCADE', s); END LOOP; END $$");
    OK(budget_set_new((struct budget_limits){.max = 10}, &budgets, NULL));
    OK(engine_new(&settings, budgets, NULL, &engine, NULL));
    register_migration("0001_base", base);
}

static void tear_down(void)
{
    engine_free(engine);
    budget_set_free(budgets);
    pg_close(pg);
}

/* A job of one chunk as the runner runs it; results has n. */
static void run_tasks(const char *job_id, const char *args, struct task *tasks, size_t n,
                      bool is_cancelled, struct task_result *results)
{
    char kind[] = "drift.scan";
    struct job job = {.kind = kind, .args = json_loads(args, 0, NULL)};
    struct task_run run = {.ctx = engine, .job = &job, .control = pg, .server = pg};
    __typeof__(*run.cancelled) flag = is_cancelled;

    ck_assert_ptr_nonnull(job.args);
    memcpy(job.id, job_id, sizeof job.id);
    run.cancelled = &flag;
    for (size_t done = 0; done < n;) {
        run.task = &tasks[done];
        for (size_t i = done; i < n; i++)
            results[i] = (struct task_result){.verdict = VERDICT_FAILED};
        done += kind_drift_many(&run, &results[done], n - done);
    }
    ck_assert(!pg_in_transaction(pg));
    json_decref(job.args);
}

static void make_tenant(const char *id, const char *schema)
{
    CLEANUP(task_result_clear) struct task_result result = {.verdict = VERDICT_FAILED};
    struct tenant_spec spec = {.id = id, .server = "default", .schema = schema};
    char server[] = "default", *tenant = strdup(id);
    struct job job = {.args = json_object()};
    struct task task = {
        .tenant_id = tenant, .server = server, .args = json_pack("{s:s}", "schema", schema)};
    struct task_run run = {.ctx = engine, .job = &job, .task = &task, .control = pg, .server = pg};
    __typeof__(*run.cancelled) flag = false;

    run.cancelled = &flag;
    OK(tenant_register(pg, &spec, NULL));
    kind_create(&run, &result);
    ck_assert_int_eq(result.verdict, VERDICT_SUCCEEDED);
    OK(tenant_set_state(pg, id, TENANT_ACTIVE, 0, NULL));
    OK(tenant_seen(pg, id, result.applied_set, NULL));
    json_decref(job.args);
    json_decref(task.args);
    free(tenant);
}

enum { IDS_MAX = 8 };

/* Looks at the tenants named, between blanks. */
static void scan_as(const char *args, const char *ids, bool is_cancelled,
                    struct task_result *results)
{
    CLEANUP(freep) char *list = strdup(ids);
    struct task tasks[IDS_MAX];
    char server[] = "default", *rest = NULL;
    size_t n = 0;

    for (char *id = strtok_r(list, " ", &rest); id; id = strtok_r(NULL, " ", &rest))
        tasks[n++] = (struct task){.tenant_id = id, .server = server};
    run_tasks("01a20720-821c-7a5f-84c6-d6c907adaf04", args, tasks, n, is_cancelled, results);
}

static void scan(const char *args, const char *ids)
{
    struct task_result results[IDS_MAX] = {{.verdict = VERDICT_FAILED}};

    scan_as(args, ids, false, results);
    for (size_t i = 0; i < IDS_MAX; i++)
        task_result_clear(&results[i]);
}

#define SAYS(id, want)                                                                             \
    do {                                                                                           \
        CLEANUP(freep) char *said_ = said(id);                                                     \
        ck_assert_str_eq(said_, want);                                                             \
    } while (0)

/* "drifted: error changed column users.x type; …" */
static char *said(const char *id)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;

    str_addf(&sql,
             "SELECT d.state || coalesce(': ' || string_agg((x ->> 'severity') || ' ' ||"
             " (x ->> 'class') || ' ' || (x ->> 'object') || coalesce(' ' ||"
             " (x ->> 'attribute'), ''), '; ' ORDER BY place), '')"
             " || coalesce(' ' || d.code, '') AS v"
             " FROM tenantd.drift_now d LEFT JOIN tenantd.drift_diff f ON f.reference ="
             " d.reference AND f.fingerprint = d.fingerprint AND d.errors + d.warnings > 0"
             " LEFT JOIN jsonb_array_elements(f.differences) WITH ORDINALITY AS x (x, place)"
             " ON true WHERE d.tenant_id = '%s' GROUP BY d.state, d.code",
             id);
    return pg_fixture_value(pg, str_text(&sql));
}

/* What is done to a tenant by hand, and what is found. */
static const struct {
    const char *sql, *said;
} changes[] = {
    {"SELECT 1", "ok"},
    {"INSERT INTO users (name) VALUES ('somebody'); ANALYZE users", "ok"},
    {"ALTER TABLE users ADD extra int", "drifted: error extra column users.extra"},
    {"ALTER TABLE users DROP big CASCADE",
     "drifted: error missing column users.big; error missing index users.users_name"},
    {"ALTER TABLE users ALTER big TYPE bigint", "drifted: error changed column users.big type"},
    {"ALTER TABLE users ALTER name TYPE text",
     "drifted: error changed check constraint users.name_is_long definition;"
     " error changed column users.name type; error changed index users.users_name definition"},
    {"ALTER TABLE users ALTER name SET DEFAULT 'y'",
     "drifted: error changed column users.name default"},
    {"ALTER TABLE users ALTER name DROP NOT NULL",
     "drifted: error changed column users.name nullable"},
    {"ALTER TABLE users ALTER id SET GENERATED BY DEFAULT",
     "drifted: error changed column users.id identity"},
    {"ALTER TABLE users RENAME big TO bigger",
     "drifted: error missing column users.big; error extra column users.bigger;"
     " error changed index users.users_name definition"},
    {"DROP INDEX users_name", "drifted: error missing index users.users_name"},
    {"CREATE INDEX by_hand ON posts (title)", "ok: warning extra index posts.by_hand"},
    {"CREATE UNIQUE INDEX by_hand ON posts (title)", "drifted: error extra index posts.by_hand"},
    {"DROP INDEX users_name; CREATE INDEX users_name ON users (slug(name)) WHERE big > 1",
     "drifted: error changed index users.users_name definition"},
    {"ALTER TABLE users DROP CONSTRAINT name_is_long",
     "drifted: error missing check constraint users.name_is_long"},
    {"ALTER TABLE users ADD CHECK (big < 10)",
     "drifted: error extra check constraint users.users_big_check"},
    {"ALTER TABLE users DROP CONSTRAINT one_email",
     "drifted: error missing unique constraint users.one_email"},
    {"ALTER TABLE posts DROP CONSTRAINT posts_user",
     "drifted: error missing foreign key posts.posts_user"},
    {"ALTER TABLE posts DROP CONSTRAINT posts_user, ADD CONSTRAINT posts_user FOREIGN KEY (user_id)"
     " REFERENCES users ON DELETE SET NULL",
     "drifted: error changed foreign key posts.posts_user definition"},
    {"ALTER TABLE posts DROP CONSTRAINT posts_pkey",
     "drifted: error missing primary key posts.posts_pkey"},
    {"ALTER TYPE mood ADD VALUE 'great'", "drifted: error changed enum mood labels"},
    {"ALTER DOMAIN email SET NOT NULL",
     "drifted: error changed domain email nullable; error changed column users.email nullable"},
    {"COMMENT ON COLUMN users.name IS 'other'", "ok: warning changed column users.name comment"},
    {"COMMENT ON COLUMN users.name IS NULL", "ok: warning changed column users.name comment"},
    {"COMMENT ON TABLE posts IS 'new'", "ok: warning changed table posts comment"},
    {"CREATE TABLE more (id int)", "drifted: error extra table more"},
    {"DROP VIEW titles; DROP TABLE posts",
     "drifted: error missing table posts; error missing view titles"},
    {"CREATE OR REPLACE VIEW titles AS SELECT upper(title) AS title FROM posts",
     "drifted: error changed view titles definition"},
    {"CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM posts",
     "drifted: error extra materialized view counted"},
    {"CREATE FUNCTION other() RETURNS int LANGUAGE sql AS 'SELECT 1'",
     "drifted: error extra function other()"},
    {"CREATE OR REPLACE FUNCTION slug(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT "
     "lower($1)'",
     "drifted: error changed function slug(text) definition"},
    {"CREATE SEQUENCE numbers", "drifted: error extra sequence numbers"},
    {"CREATE TRIGGER same BEFORE UPDATE ON posts FOR EACH ROW EXECUTE FUNCTION"
     " suppress_redundant_updates_trigger()",
     "drifted: error extra trigger posts.same"},
    {"CREATE RULE nothing AS ON DELETE TO posts DO INSTEAD NOTHING",
     "drifted: error extra rule posts.nothing"},
    {"ALTER TABLE posts ENABLE ROW LEVEL SECURITY",
     "drifted: error changed table posts row_security"},
    {"CREATE POLICY mine ON posts USING (user_id = 1)", "drifted: error extra policy posts.mine"},
    {"CREATE STATISTICS both_of ON user_id, title FROM posts",
     "ok: warning extra statistics posts.both_of"},
    {"GRANT SELECT ON posts TO PUBLIC", "ok: warning extra grant TABLE posts to PUBLIC"},
    {"CREATE TYPE place AS (x int, y int)", "drifted: error extra composite place"},
    {"ALTER TABLE users SET (fillfactor = 70)", "drifted: error changed table users options"},
    /* nobody's business: tables of migration tools, and what was kept of a conversion */
    {"CREATE TABLE flyway_schema_history (installed_rank int); CREATE TABLE"
     " __drizzle_migrations_backup_rows (edit text); CREATE TABLE __tenantd_seeds (id serial)",
     "ok"},
};

static void change(const char *schema_sql, const char *sql)
{
    CLEANUP(str_clear) struct str text = STR_INIT;

    str_addf(&text, "SET search_path = %s, public", schema_sql);
    pg_fixture_sql(pg, str_text(&text));
    pg_fixture_sql(pg, sql);
    pg_fixture_sql(pg, "RESET search_path");
}

START_TEST(every_change_is_found)
{
    make_tenant("same", "k_same");
    make_tenant("other", STRANGE);
    change(STRANGE_SQL, changes[_i].sql);
    scan("{}", "same other");
    SAYS("same", "ok");
    SAYS("other", changes[_i].said);
}
END_TEST

START_TEST(names_make_no_difference)
{
    make_tenant("a", "k_a");
    make_tenant("b", STRANGE);
    make_tenant("c", "k_users");
    scan("{}", "a b c");
    SAYS("a", "ok");
    SAYS("b", "ok");
    SAYS("c", "ok");
    ck_assert_int_eq(ask(pg, "SELECT count(DISTINCT fingerprint) AS v FROM tenantd.drift"), 1);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.drift_diff"), 0);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM pg_namespace"
                             " WHERE nspname LIKE 'tenantd\\_scratch%%'"),
                     0);
}
END_TEST

START_TEST(each_is_held_against_its_own_migrations)
{
    make_tenant("old", "k_old");
    register_migration("0002_more", "CREATE TABLE more (id int);"
                                    "ALTER TABLE users ADD born date;");
    make_tenant("new", "k_new");
    scan("{}", "old new");
    SAYS("old", "ok");
    SAYS("new", "ok");
    ck_assert_int_eq(ask(pg, "SELECT count(DISTINCT reference) AS v FROM tenantd.drift"), 2);
    scan("{\"reference\": {\"kind\": \"catalog\", \"version\": \"0001_base\"}}", "old new");
    SAYS("old", "ok");
    SAYS("new", "drifted: error extra column users.born; error extra table more");
    scan("{\"reference\": {\"kind\": \"catalog\"}}", "old new");
    SAYS("old", "drifted: error missing table more; error missing column users.born");
    SAYS("new", "ok");
    scan("{\"reference\": {\"kind\": \"catalog\", \"version\": \"0009_x\"}}", "old");
    SAYS("old", "unknown UNKNOWN_TARGET");
}
END_TEST

START_TEST(the_order_of_columns_counts_when_asked)
{
    make_tenant("a", "k_a");
    change("k_a", "ALTER TABLE posts DROP title CASCADE; ALTER TABLE posts ADD title text;"
                  "CREATE VIEW titles AS SELECT title FROM posts");
    change("k_a", "ALTER TABLE posts DROP user_id; ALTER TABLE posts ADD user_id bigint,"
                  " ADD CONSTRAINT posts_user FOREIGN KEY (user_id) REFERENCES users"
                  " ON DELETE CASCADE");
    scan("{}", "a");
    SAYS("a", "ok");
    scan("{\"column_order\": true}", "a");
    SAYS("a", "drifted: error changed table posts order of columns");
}
END_TEST

START_TEST(what_is_ignored_is_no_drift)
{
    make_tenant("a", "k_a");
    change("k_a", "CREATE TABLE tmp_1 (id int); DROP INDEX users_name;"
                  "COMMENT ON TABLE users IS 'x'; ALTER TABLE users DROP CONSTRAINT one_email");
    scan("{\"ignore\": [\"indexes\", \"comments\", \"constraints\"],"
         " \"exclude_tables\": [\"tmp_*\"]}",
         "a");
    SAYS("a", "ok");
    scan("{\"ignore\": [\"indexes\"], \"exclude_tables\": [\"tmp_*\"]}", "a");
    SAYS("a", "drifted: warning changed table users comment;"
              " error missing unique constraint users.one_email");
}
END_TEST

/* Another tool has migrated the tenant, or undone it: its own table says so. */
START_TEST(the_tenants_own_table_decides)
{
    struct task_result results[IDS_MAX] = {{.verdict = VERDICT_FAILED}};

    make_tenant("a", "k_a");
    make_tenant("b", "k_b");
    register_migration("0002_more", "CREATE TABLE more (id int);");
    change("k_a", "CREATE TABLE more (id int);"
                  "INSERT INTO __drizzle_migrations (name) VALUES ('0002_more')");
    pg_fixture_sql(pg, "UPDATE tenantd.tenant SET applied_set = NULL WHERE id = 'b'");
    scan_as("{}", "a b", false, results);
    SAYS("a", "ok");
    SAYS("b", "ok");
    ck_assert_int_gt(results[0].applied_set, 0);
    ck_assert_int_gt(results[1].applied_set, 0);
    ck_assert_int_ne(results[0].applied_set, results[1].applied_set);
    task_result_clear(&results[0]);
    task_result_clear(&results[1]);
}
END_TEST

START_TEST(what_cannot_be_told_is_unknown)
{
    make_tenant("orphan", "k_orphan");
    make_tenant("bare", "k_bare");
    change("k_orphan", "INSERT INTO __drizzle_migrations (name) VALUES ('0009_by_hand')");
    change("k_bare", "DROP TABLE __drizzle_migrations");
    pg_fixture_sql(pg, "UPDATE tenantd.tenant SET applied_set = NULL");
    scan("{}", "orphan bare");
    SAYS("orphan", "unknown HISTORY_DIVERGED");
    SAYS("bare", "unknown HISTORY_NOT_FOUND");
}
END_TEST

START_TEST(a_history_that_cannot_be_replayed)
{
    make_tenant("a", "k_a");
    register_migration("0002_fails", "SELECT 1 / 0;");
    change("k_a", "INSERT INTO __drizzle_migrations (name) VALUES ('0002_fails')");
    pg_fixture_sql(pg, "UPDATE tenantd.tenant SET applied_set = NULL");
    scan("{}", "a");
    SAYS("a", "unknown MIGRATION_FAILED");
}
END_TEST

START_TEST(who_is_gone_is_skipped)
{
    struct task_result results[IDS_MAX] = {{.verdict = VERDICT_FAILED}};

    make_tenant("a", "k_a");
    make_tenant("dropped", "k_dropped");
    make_tenant("lost", "k_lost");
    make_tenant("archived", "k_archived");
    OK(tenant_set_state(pg, "archived", TENANT_ARCHIVED, 7, NULL));
    pg_fixture_sql(pg, "DELETE FROM tenantd.tenant WHERE id = 'dropped';"
                       "DROP SCHEMA k_dropped, k_lost CASCADE");
    scan_as("{}", "dropped a lost archived", false, results);
    ck_assert_int_eq(results[0].verdict, VERDICT_SKIPPED);
    ck_assert_int_eq(results[1].verdict, VERDICT_SUCCEEDED);
    ck_assert_int_eq(results[2].verdict, VERDICT_FAILED);
    ck_assert_int_eq(results[3].verdict, VERDICT_SKIPPED);
    SAYS("a", "ok");
    SAYS("lost", "error SCHEMA_MISSING");
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.drift"), 2);
    for (size_t i = 0; i < 4; i++)
        task_result_clear(&results[i]);
}
END_TEST

START_TEST(a_cancelled_scan_stops)
{
    struct task_result results[IDS_MAX] = {{.verdict = VERDICT_FAILED}};

    make_tenant("a", "k_a");
    scan_as("{}", "a", true, results);
    ck_assert_int_eq(results[0].verdict, VERDICT_CANCELLED);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.drift"), 0);
    task_result_clear(&results[0]);
}
END_TEST

START_TEST(what_was_seen_later_stays)
{
    make_tenant("a", "k_a");
    scan("{}", "a");
    pg_fixture_sql(pg, "UPDATE tenantd.drift SET checked_at = now() + interval '1 hour'");
    change("k_a", "ALTER TABLE users ADD extra int");
    scan("{}", "a");
    SAYS("a", "ok");
    pg_fixture_sql(pg, "UPDATE tenantd.drift SET checked_at = now() - interval '1 hour'");
    scan("{}", "a");
    SAYS("a", "drifted: error extra column users.extra");
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.event"
                             " WHERE type = 'drift.detected' AND subject = 'a'"),
                     1);
    scan("{}", "a");
    ck_assert_int_eq(
        ask(pg, "SELECT count(*) AS v FROM tenantd.event WHERE type = 'drift.detected'"), 1);
}
END_TEST

START_TEST(a_pair_is_kept_once_and_swept)
{
    make_tenant("a", "k_a");
    make_tenant("b", "k_b");
    make_tenant("c", "k_c");
    change("k_a", "ALTER TABLE users ADD extra int");
    change("k_b", "ALTER TABLE users ADD extra int");
    scan("{}", "a b c");
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.drift_diff"), 1);
    pg_fixture_sql(pg, "UPDATE tenantd.drift_diff SET seen_at = now() - interval '2 days'");
    OK(drift_sweep(pg, NULL));
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.drift_diff"), 1);
    change("k_a", "ALTER TABLE users DROP extra");
    change("k_b", "ALTER TABLE users DROP extra");
    scan("{}", "a b c");
    OK(drift_sweep(pg, NULL));
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.drift_diff"), 0);
}
END_TEST

START_TEST(a_tenant_can_be_the_reference)
{
    char fingerprint[SHA256_HEX_SIZE], args[200];
    json_auto_t *model = NULL, *rules = json_object();

    make_tenant("model", "k_model");
    make_tenant("a", "k_a");
    change("k_model", "CREATE TABLE more (id int)");
    OK(drift_read(engine, pg, "k_model", rules, &model, fingerprint, NULL));
    OK(drift_store_model(pg, fingerprint, model, NULL));
    (void)snprintf(args, sizeof args,
                   "{\"reference\": {\"kind\": \"tenant\", \"fingerprint\": \"%s\"}}", fingerprint);
    scan(args, "model a");
    SAYS("model", "ok");
    SAYS("a", "drifted: error missing table more");
    pg_fixture_sql(pg, "DELETE FROM tenantd.drift_model");
    CLEANUP(task_result_clear) struct task_result result = {.verdict = VERDICT_SUCCEEDED};
    scan_as(args, "a", false, &result);
    ck_assert_int_eq(result.verdict, VERDICT_FAILED);
}
END_TEST

START_TEST(what_is_accepted_stays_so_until_it_changes)
{
    CLEANUP(pg_rows_freep) struct pg_rows *drift = NULL, *row = NULL, *again = NULL;
    bool created = false;

    make_tenant("a", "k_a");
    make_tenant("b", "k_b");
    change("k_a", "ALTER TABLE users ADD extra int");
    change("k_b", "ALTER TABLE users ADD extra int");
    scan("{}", "a b");
    OK(drift_of_tenant(pg, "a", &drift, NULL));
    struct drift_acceptance one = {.tenant_id = "a",
                                   .reference = pg_text(drift, 0, "reference"),
                                   .fingerprint = pg_text(drift, 0, "fingerprint"),
                                   .reason = "known",
                                   .by = "t"};
    OK(drift_accept(pg, &one, &created, &row, NULL));
    ck_assert(created);
    ck_assert_int_eq(pg_bigint(row, 0, "tenants"), 1);
    OK(drift_accept(pg, &one, &created, &again, NULL));
    ck_assert(!created);
    SAYS("a", "accepted: error extra column users.extra");
    SAYS("b", "drifted: error extra column users.extra");
    scan("{}", "a b");
    SAYS("a", "accepted: error extra column users.extra");
    change("k_a", "ALTER TABLE users ADD another int");
    scan("{}", "a b");
    SAYS("a", "drifted: error extra column users.another; error extra column users.extra");
    change("k_a", "ALTER TABLE users DROP another");
    scan("{}", "a");
    SAYS("a", "accepted: error extra column users.extra");
    OK(drift_unaccept(pg, pg_text(row, 0, "id"), NULL));
    SAYS("a", "drifted: error extra column users.extra");
    ck_assert_int_eq(drift_unaccept(pg, pg_text(row, 0, "id"), NULL), ERR_DRIFT_NOT_FOUND);
    ck_assert_int_eq(drift_unaccept(pg, "x' OR '1'='1", NULL), ERR_DRIFT_NOT_FOUND);
}
END_TEST

int main(void)
{
    pg_fixture_start();
    TCase *tc = tcase_create("drift");
    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, every_change_is_found, 0, (int)ARRAY_LEN(changes));
    tcase_add_test(tc, names_make_no_difference);
    tcase_add_test(tc, each_is_held_against_its_own_migrations);
    tcase_add_test(tc, the_order_of_columns_counts_when_asked);
    tcase_add_test(tc, what_is_ignored_is_no_drift);
    tcase_add_test(tc, the_tenants_own_table_decides);
    tcase_add_test(tc, what_cannot_be_told_is_unknown);
    tcase_add_test(tc, a_history_that_cannot_be_replayed);
    tcase_add_test(tc, who_is_gone_is_skipped);
    tcase_add_test(tc, a_cancelled_scan_stops);
    tcase_add_test(tc, what_was_seen_later_stays);
    tcase_add_test(tc, a_pair_is_kept_once_and_swept);
    tcase_add_test(tc, a_tenant_can_be_the_reference);
    tcase_add_test(tc, what_is_accepted_stays_so_until_it_changes);
    return run_suite("drift", tc);
}
