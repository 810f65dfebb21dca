/* SPDX-License-Identifier: MIT */
/* The warm pool: schemas that stand ready, taken by requests, kept at the head, and everything that
 * can happen to them in between. */
#include <pthread.h>

#include "tests/pg/job_support.h"
#include "tests/support/daemon.h"
#include "tests/support/step.h"

#define T "/v1/catalogs/tenant/migrations/"
#define SQL .type = "application/sql"
#define READY                                                                                      \
    "SELECT count(*) AS v FROM tenantd.warm_schema w, tenantd.catalog c WHERE c.name = 'tenant'"   \
    " AND w.state = 'ready' AND w.revision = c.revision"
enum { SIZE = 3, FILL_MS = 30000 };

static struct pg *pg;

static void open_pg(void)
{
    pg = pg_fixture_connect();
}

static void close_pg(void)
{
    pg_close(pg);
}

static void await_ready(void)
{
    await(pg, SIZE, FILL_MS, READY);
}

static const struct step empty[] = {
    STEP("a pool of an empty catalog", GET, "/v1/warm-pool", NULL, 200, NULL,
         .json = {"/servers# == 1", "/servers/0/server == 'default'", "/servers/0/wanted == 3",
                  "/servers/0/ready == 3", "/servers/0/behind == 0", "/servers/0/problem == null",
                  "/servers/0/claimed_total == 0", "/servers/0/misses_total == 0"}),
    STEP("a migration", PUT, T "0001_users",
         "CREATE TABLE users (id serial PRIMARY KEY, email text NOT NULL);"
         "CREATE VIEW everybody AS SELECT id, email FROM users;"
         "CREATE FUNCTION total() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM "
         "users; END;",
         201, NULL, SQL),
};

static const struct step taken[] = {
    STEP("one is taken, at once", POST, "/v1/tenants",
         "{'id':'w1','labels':{'plan':'pro'},'display_name':'One'}", 200, NULL,
         .headers = "Idempotency-Key: once\r\n", .keep = "job=/id",
         .json = {"/kind == 'tenant.create'", "/state == 'succeeded'", "/progress/succeeded == 1",
                  "/progress/total == 1", "/subject/id == 'w1'", "/finished_at != null",
                  "@Location == '/v1/jobs/{job}'", "/created_by != null"}),
    STEP("its task", GET, "/v1/jobs/{job}/tasks", NULL, 200, NULL,
         .json = {"/tasks# == 1", "/tasks/0/state == 'succeeded'", "/tasks/0/tenant_id == 'w1'",
                  "/tasks/0/outcome/warm == true"}),
    STEP("the tenant", GET, "/v1/tenants/w1", NULL, 200, NULL,
         .json = {"/state == 'active'", "/schema == 'tenant_w1'", "/migration/status == 'ok'",
                  "/migration/applied == 1", "/labels == {'plan':'pro'}", "/active_job == null",
                  "/display_name == 'One'"}),
    STEP("the same request again", POST, "/v1/tenants",
         "{'id':'w1','labels':{'plan':'pro'},'display_name':'One'}", 200, NULL,
         .headers = "Idempotency-Key: once\r\n",
         .json = {"/id == '{job}'", "@Idempotent-Replayed == 'true'"}),
    STEP("one that exists", POST, "/v1/tenants", "{'id':'w1'}", 409, "TENANT_EXISTS"),
    STEP("a bad one", POST, "/v1/tenants", "{'id':'W1'}", 422, "INVALID_TENANT_ID"),
    STEP("looking only", POST, "/v1/tenants?dry_run=true", "{'id':'w9'}", 200, NULL,
         .json = {"/exists == false"}),
    STEP("schemas that stand ready cannot be adopted", POST, "/v1/tenants/import?dry_run=true",
         "{'schema_pattern':'tenantd%'}", 200, NULL, .json = {"/schemas == []"}),
    STEP("it is counted", GET, "/v1/warm-pool", NULL, 200, NULL,
         .json = {"/servers/0/claimed_total == 1", "/servers/0/misses_total == 0"}),
    STEP("a migration for a tenant that was ready", PUT, T "0002_more",
         "ALTER TABLE users ADD COLUMN name text;", 201, NULL, SQL),
    STEP("is applied", POST, "/v1/tenants/w1/migrate", NULL, 200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'succeeded'", "/progress/succeeded == 1"}),
};

START_TEST(a_tenant_gets_a_ready_schema)
{
    await_ready();
    STEPS_RUN(empty);
    await_ready();
    STEPS_RUN(taken);
    ck_assert_int_eq(ask(pg, "SELECT tenant_w1.total() + count(*) AS v"
                             " FROM tenant_w1.everybody"),
                     0);
    CLEANUP(freep)
    char *comment = pg_fixture_value(
        pg, "SELECT obj_description('tenant_w1'::regnamespace, 'pg_namespace') AS v");
    ck_assert_str_eq(comment, "tenantd tenant w1");
    await_ready(); /* at the new head */
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM pg_namespace n JOIN pg_attribute a"
                             " ON a.attrelid = to_regclass(n.nspname || '.users')"
                             " WHERE n.nspname LIKE 'tenantd\\_warm\\_%%' AND a.attname = 'name'"),
                     SIZE);
}
END_TEST

static const struct step batch[] = {
    STEP("a batch takes what there is, the job makes the rest", POST, "/v1/tenants/batch",
         "{'items':[{'id':'b1'},{'id':'b2'},{'id':'w1'},{'id':'b3'},{'id':'b4'},{'id':'b5'}]}", 200,
         NULL, .headers = STEP_WAIT, .keep = "job=/id",
         .json = {"/state == 'partial'", "/progress/total == 6", "/progress/succeeded == 5",
                  "/failures/0/outcome/code == 'TENANT_EXISTS'", "/failures/0/item == 2"}),
    STEP("all are active", GET, "/v1/tenants?id_prefix=b&state=active&migration_state=ok", NULL,
         200, NULL, .json = {"/tenants# == 5"}),
};

START_TEST(a_batch_takes_what_there_is)
{
    await_ready();
    STEPS_RUN(batch);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE outcome ? 'warm'"
                             " AND tenant_id LIKE 'b%%'"),
                     SIZE);
    ck_assert_int_ge(ask(pg, "SELECT sum(missed) AS v FROM tenantd.warm_count"), 2);
}
END_TEST

static const struct step after_a_drop[] = {
    STEP("as ever", POST, "/v1/tenants", "{'id':'d1'}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'succeeded'"}),
    STEP("whole", GET, "/v1/tenants/d1", NULL, 200, NULL,
         .json = {"/state == 'active'", "/migration/status == 'ok'"}),
};
static const struct step after_a_change[] = {
    STEP("as ever", POST, "/v1/tenants", "{'id':'d2'}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'succeeded'"}),
    STEP("whole", GET, "/v1/tenants/d2", NULL, 200, NULL,
         .json = {"/state == 'active'", "/migration/status == 'ok'", "/migration/applied == 2"}),
};

static void for_each_ready(const char *statement)
{
    tell(pg,
         "DO $$DECLARE s text; BEGIN FOR s IN SELECT schema_name FROM tenantd.warm_schema"
         " WHERE state = 'ready' LOOP EXECUTE format('%s', s); END LOOP; END$$",
         statement);
}

START_TEST(what_was_changed_by_hand_is_not_offered)
{
    await_ready();
    for_each_ready("DROP SCHEMA %I CASCADE");
    STEPS_RUN(after_a_drop);
    await(pg, SIZE, FILL_MS, READY " AND to_regnamespace(schema_name) IS NOT NULL");
    for_each_ready("DELETE FROM %I.__drizzle_migrations WHERE name = ''0002_more''");
    STEPS_RUN(after_a_change);
    await_ready(); /* the one that was looked at was made anew */
    for_each_ready("COMMENT ON SCHEMA %I IS ''mine''");
    steps_run_table(&(const struct step)STEP("nor is a stranger's", POST, "/v1/tenants",
                                             "{'id':'d3'}", 200, NULL, .headers = STEP_WAIT,
                                             .json = {"/state == 'succeeded'"}),
                    1);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE outcome ? 'warm'"
                             " AND tenant_id LIKE 'd%%'"),
                     0);
    ck_assert_int_ge(ask(pg, "SELECT count(*) AS v FROM pg_namespace"
                             " WHERE obj_description(oid, 'pg_namespace') = 'mine'"),
                     1);
}
END_TEST

static const struct step drained[] = {
    STEP("with a member", POST, "/v1/warm-pool/drain", "{'all':true}", 422, "VALIDATION_FAILED"),
    STEP("drain", POST, "/v1/warm-pool/drain", NULL, 200, NULL, .headers = STEP_WAIT,
         .json = {"/kind == 'warm.drain'", "/state == 'succeeded'", "/subject == null"}),
};
static const struct step somebodys[] = {
    STEP("the name is somebody's", POST, "/v1/tenants", "{'id':'theirs'}", 200, NULL,
         .headers = STEP_WAIT,
         .json = {"/state == 'failed'", "/failures/0/outcome/code == 'SCHEMA_EXISTS'"}),
};

START_TEST(a_drained_pool_fills_again)
{
    STEPS_RUN(drained);
    await_ready();
    /* those with another comment were left alone */
    ck_assert_int_ge(ask(pg, "SELECT count(*) AS v FROM pg_namespace"
                             " WHERE obj_description(oid, 'pg_namespace') = 'mine'"),
                     1);
    pg_fixture_sql(pg, "CREATE SCHEMA tenant_theirs; CREATE TABLE tenant_theirs.precious ()");
    STEPS_RUN(somebodys);
    await_ready();
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenant_theirs.precious"), 0);
}
END_TEST

enum { RIVALS = 8 };

static void *rival(void *arg)
{
    struct http_client client;
    char body[64];
    int i = *(int *)arg, n = snprintf(body, sizeof body, "{\"id\":\"r%d\"}", i % (RIVALS / 2));

    http_client_open(&client, daemon_port());
    http_client_sendf(&client,
                      "POST /v1/tenants HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                      "Prefer: wait=50\r\nContent-Type: application/json\r\n"
                      "Content-Length: %d\r\n\r\n%s",
                      daemon_token(), n, body);
    *(int *)arg = http_client_read(&client);
    http_client_close(&client);
    return NULL;
}

/* Two for each id, more ids than schemas. */
START_TEST(nobody_gets_what_another_has)
{
    pthread_t threads[RIVALS];
    int statuses[RIVALS], made = 0, refused = 0;

    await_ready();
    for (int i = 0; i < RIVALS; i++) {
        statuses[i] = i;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, rival, &statuses[i]), 0);
    }
    for (int i = 0; i < RIVALS; i++) {
        (void)pthread_join(threads[i], NULL);
        made += statuses[i] == 200;
        refused += statuses[i] == 409;
    }
    ck_assert_int_eq(made, RIVALS / 2);
    ck_assert_int_eq(refused, RIVALS / 2);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.tenant t JOIN pg_namespace n"
                             " ON n.nspname = t.schema_name WHERE t.id ~ '^r[0-9]' AND t.state ="
                             " 'active' AND obj_description(n.oid, 'pg_namespace') ="
                             " 'tenantd tenant ' || t.id"),
                     RIVALS / 2);
}
END_TEST

static const struct step unfit[] = {
    STEP("a function that names the schema", PUT, T "0003_path",
         "CREATE FUNCTION where_am_i() RETURNS text LANGUAGE sql SET search_path FROM CURRENT"
         " AS 'SELECT current_schema()::text';",
         201, NULL, SQL),
};
static const struct step unfit_told[] = {
    STEP("told", GET, "/v1/warm-pool", NULL, 200, NULL,
         .json = {"/servers/0/ready == 0", "/servers/0/problem ~ 'function where_am_i'"}),
    STEP("not offered", POST, "/v1/tenants", "{'id':'u1'}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'succeeded'"}),
    STEP("repaired", PUT, T "0004_path",
         "CREATE OR REPLACE FUNCTION where_am_i() RETURNS text LANGUAGE sql"
         " AS 'SELECT current_schema()::text';",
         201, NULL, SQL),
};

START_TEST(a_schema_that_spells_its_name_is_not_offered)
{
    await_ready();
    STEPS_RUN(unfit);
    await(pg, SIZE, FILL_MS, "SELECT count(*) AS v FROM tenantd.warm_schema WHERE state = 'unfit'");
    STEPS_RUN(unfit_told);
    CLEANUP(freep) char *path = pg_fixture_value(pg, "SELECT tenant_u1.where_am_i() AS v");
    ck_assert_str_eq(path, "tenant_u1");
    await_ready();
}
END_TEST

START_TEST(a_catalog_that_fails_is_not_tried_for_ever)
{
    static const struct step bad[] = {
        STEP("a migration that fails", PUT, T "0005_bad", "INSERT INTO nowhere VALUES (1);", 201,
             NULL, SQL),
    };
    static const struct step good[] = {
        STEP("told", GET, "/v1/warm-pool", NULL, 200, NULL,
             .json = {"/servers/0/failed == 3", "/servers/0/problem ~ 'nowhere'"}),
        STEP("taken back", DELETE, T "0005_bad", NULL, 204, NULL),
    };

    await_ready();
    STEPS_RUN(bad);
    await(pg, SIZE, FILL_MS,
          "SELECT count(*) AS v FROM tenantd.warm_schema WHERE state = 'failed'");
    await(pg, 0, FILL_MS,
          "SELECT count(*) AS v FROM tenantd.job WHERE kind = 'warm.fill'"
          " AND finished_at IS NULL");
    STEPS_RUN(good);
    await_ready();
}
END_TEST

int main(void)
{
    static const char *const settings[] = {"TENANTD_WARM_SIZE=3", NULL};
    Suite *suite = suite_create("api warm");
    TCase *tc = tcase_create("warm");

    tcase_set_timeout(tc, 200);
    tcase_add_checked_fixture(tc, open_pg, close_pg);
    tcase_add_test(tc, a_tenant_gets_a_ready_schema);
    tcase_add_test(tc, a_batch_takes_what_there_is);
    tcase_add_test(tc, what_was_changed_by_hand_is_not_offered);
    tcase_add_test(tc, a_drained_pool_fills_again);
    tcase_add_test(tc, nobody_gets_what_another_has);
    tcase_add_test(tc, a_schema_that_spells_its_name_is_not_offered);
    tcase_add_test(tc, a_catalog_that_fails_is_not_tried_for_ever);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, settings);
}
