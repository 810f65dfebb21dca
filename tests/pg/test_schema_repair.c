/* SPDX-License-Identifier: MIT */
/* A tenant is given back what its migrations made, and nothing of it is lost unasked. */
#include "core/job/schema_side.h"
#include "core/tenant/tenant_store.h"
#include "tests/pg/job_support.h"

static struct budget_set *budgets;
static struct pool_manager *pools;
static struct engine *engine;
static struct pg *pg; /* control and server at once */

static const char *const migrations[] = {
    "CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL);"
    "CREATE INDEX users_email ON users (email);",
    "ALTER TABLE users ADD name text; CREATE FUNCTION clean() RETURNS int LANGUAGE sql"
    " AS 'SELECT count(*)::int FROM users';",
    "CREATE TABLE later (id int);",
};

/* The tenant has the first two of the three. */
static void make_tenant(void)
{
    struct tenant_spec spec = {.id = "r", .server = "default", .schema = "k_r"};

    for (size_t i = 0; i < ARRAY_LEN(migrations); i++) {
        struct migration m;
        struct register_result r;
        char version[16];
        (void)snprintf(version, sizeof version, "%04zu_m", i + 1);
        OK(migration_make(version, migrations[i], strlen(migrations[i]), 0, &m, NULL));
        OK(catalog_register(pg, "tenant", &m, 1, &(struct register_options){.by = "t"}, &r, NULL));
        free(r.added);
        migration_clear(&m);
    }
    OK(tenant_register(pg, &spec, NULL));
    pg_fixture_sql(pg, "UPDATE tenantd.tenant SET state = 'active' WHERE id = 'r';"
                       "DROP SCHEMA IF EXISTS k_r CASCADE; CREATE SCHEMA k_r;"
                       "SET search_path = k_r, public");
    pg_fixture_sql(pg, migrations[0]);
    pg_fixture_sql(pg, migrations[1]);
    pg_fixture_sql(pg, "CREATE TABLE __drizzle_migrations (id serial PRIMARY KEY, name varchar(255)"
                       " NOT NULL UNIQUE, applied_at timestamptz DEFAULT now());"
                       "INSERT INTO __drizzle_migrations (name) VALUES ('0001_m'), ('0002_m');"
                       "CREATE TABLE flyway_schema_history (id int); RESET search_path");
}

static void set_up(void)
{
    struct engine_settings settings = {.control_url = pg_fixture_url(),
                                       .schema_template = "k_{id}",
                                       .shared_schema = "public",
                                       .tracking_table = "__drizzle_migrations",
                                       .shared_tracking_table = "__drizzle_migrations",
                                       .lock_timeout_ms = 300,
                                       .acquire_timeout_ms = 1000,
                                       .default_format = TRACKING_NAME};
    struct pool_options pool = {POOL_DEFAULTS};

    pg = job_clean();
    pg_fixture_sql(pg, "TRUNCATE tenantd.migration; UPDATE tenantd.catalog SET revision = 1");
    OK(budget_set_new((struct budget_limits){.max = 10}, &budgets, NULL));
    pool.budgets = budgets;
    OK(pool_manager_new(&pool, &pools, NULL));
    OK(engine_new(&settings, budgets, pools, &engine, NULL));
    make_tenant();
}

static void tear_down(void)
{
    engine_free(engine);
    pool_manager_free(pools);
    budget_set_free(budgets);
    pg_close(pg);
}

/* What somebody did, and whether giving back what there was loses data. */
static const struct {
    const char *label, *damage;
    bool unsafe;
    const char *subject;
} damages[] = {
    {"nothing", "SELECT 1", false, NULL},
    {"an index went", "DROP INDEX k_r.users_email", false, NULL},
    {"a column went", "ALTER TABLE k_r.users DROP email", false, NULL},
    {"a function changed",
     "CREATE OR REPLACE FUNCTION k_r.clean() RETURNS int LANGUAGE sql AS 'SELECT 1'", false, NULL},
    {"a column came", "ALTER TABLE k_r.users ADD extra int", true, "users"},
    {"a table came", "CREATE TABLE k_r.extra (id int)", true, "extra"},
    {"a type changed", "ALTER TABLE k_r.users ALTER name TYPE varchar(9)", false, NULL},
};

static void repair(bool allow, err_code want, struct schema_changes **out, struct err *err)
{
    err_code rc = schema_repair(engine, pg, "r", allow, out, err);
    ck_assert_msg(rc == want, "%s: %s", err_name(rc), err->msg);
}

START_TEST(a_tenant_is_given_back_what_it_had)
{
    CLEANUP(schema_changes_freep) struct schema_changes *changes = NULL;
    CLEANUP(schema_changes_freep) struct schema_changes *rest = NULL;
    struct err err = {.code = ERR_NONE};

    pg_fixture_sql(pg, damages[_i].damage);
    if (damages[_i].unsafe) {
        repair(false, ERR_UNSAFE_REPAIR, &changes, &err);
        ck_assert_str_eq(err.subject, damages[_i].subject);
    }
    repair(damages[_i].unsafe, ERR_NONE, &changes, &err);
    ck_assert_msg((changes->n_statements > 0) == (_i > 0), "%s", damages[_i].label);
    CLEANUP(freep) char *sql = schema_changes_sql(changes);
    pg_fixture_sql(pg, "SET search_path = k_r, public");
    if (*sql)
        pg_fixture_sql(pg, sql);
    repair(false, ERR_NONE, &rest, &err);
    ck_assert_msg(!rest->n_statements, "%s: %s", damages[_i].label, rest->statements[0].sql);
}
END_TEST

START_TEST(what_cannot_be_repaired)
{
    struct schema_changes *changes = NULL;
    struct err err = {.code = ERR_NONE};

    ck_assert_int_eq(schema_repair(engine, pg, "none", false, &changes, &err),
                     ERR_TENANT_NOT_FOUND);
    pg_fixture_sql(pg, "DROP SCHEMA k_r CASCADE");
    ck_assert_int_eq(schema_repair(engine, pg, "r", false, &changes, &err), ERR_SCHEMA_MISSING);
    ck_assert_ptr_null(changes);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("repair");

    pg_fixture_start();
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, a_tenant_is_given_back_what_it_had, 0, (int)ARRAY_LEN(damages));
    tcase_add_test(tc, what_cannot_be_repaired);
    int failed = run_suite("schema repair", tc);
    pg_fixture_stop();
    return failed;
}
