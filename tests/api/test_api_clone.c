/* SPDX-License-Identifier: MIT */
/* Tenants made after others, and everything wrong that can be asked of that. */
#include "core/base/str.h"
#include "tests/support/daemon.h"
#include "tests/support/pg_fixture.h"
#include "tests/support/step.h"

static const struct step before[] = {
    STEP(
        "migration", PUT, "/v1/catalogs/tenant/migrations/0001_users",
        "CREATE TABLE users (id serial PRIMARY KEY, email text NOT NULL UNIQUE, name text);"
        "CREATE TABLE notes (id serial PRIMARY KEY, user_id int NOT NULL REFERENCES users, t text);"
        "CREATE INDEX notes_user ON notes (user_id);"
        "COMMENT ON COLUMN users.email IS '@pii';",
        201, NULL, .type = "application/sql"),
    STEP("source", POST, "/v1/tenants", "{'id':'acme','labels':{'plan':'pro'}}", 200, NULL,
         .headers = STEP_WAIT, .json = {"/state == 'succeeded'"}),
};

#define EMAIL "'anonymize':{'users.email':{'rule':'email'}}"

static const struct step good[] = {
    STEP("dry run", POST, "/v1/tenants/acme/clone?dry_run=true", "{'id':'copy'," EMAIL "}", 200,
         NULL,
         .json = {"/dry_run == true", "/id == 'copy'", "/source == 'acme'",
                  "/schema == 'tenant_copy'", "/server == 'default'", "/include_data == 'all'",
                  "/tables# == 3", "/tables/2/name == 'users'", "/tables/2/rows == 'all'",
                  "/tables/2/anonymized == ['email']", "/tables/1/anonymized == []"}),
    STEP("dry run made nothing", GET, "/v1/tenants/copy", NULL, 404, "TENANT_NOT_FOUND"),
    STEP("clone", POST, "/v1/tenants/acme/clone",
         "{'id':'copy','display_name':'A copy','labels':{'of':'acme'}," EMAIL
         ",'hash_key':'0123456789abcdef'}",
         200, NULL, .headers = STEP_WAIT, .keep = "job=/id",
         .json = {"/kind == 'tenant.clone'", "/state == 'succeeded'", "/progress/total == 1",
                  "/subject/id == 'copy'", "/args/source == 'acme'", "/args/include_data == 'all'",
                  "/args/hash_key == absent", "/args/key == absent"}),
    STEP("how it went", GET, "/v1/jobs/{job}/tasks", NULL, 200, NULL,
         .json = {"/tasks/0/outcome/source == 'acme'", "/tasks/0/outcome/rows == 4",
                  "/tasks/0/outcome/tables/2/name == 'users'",
                  "/tasks/0/outcome/tables/2/rows == 2", "/tasks/0/outcome/fingerprint == present",
                  "body ~ 'duration_ms'"}),
    STEP("the clone", GET, "/v1/tenants/copy", NULL, 200, NULL,
         .json = {"/state == 'active'", "/schema == 'tenant_copy'", "/display_name == 'A copy'",
                  "/labels == {'of':'acme'}", "/migration/head == '0001_users'",
                  "/migration/status == 'ok'", "/migration/applied == 1"}),
    STEP("twice", POST, "/v1/tenants/acme/clone", "{'id':'copy','include_data':'none'}", 409,
         "TENANT_EXISTS"),
    STEP("a clone of the clone, as others say it", POST, "/v1/tenants/copy/clone",
         "{'id':'bare','include_data':false}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'succeeded'", "/args/include_data == 'none'"}),
    STEP("a sample", POST, "/v1/tenants/acme/clone",
         "{'id':'some','include_data':'sample','sample':{'rows':1},'exclude_tables':['notes'],"
         "'anonymize':{'users.email':{'rule':'hash'},'users.name':{'rule':'null'}}}",
         200, NULL, .headers = STEP_WAIT, .json = {"/state == 'succeeded'"}),
    STEP("the key of a request", POST, "/v1/tenants/acme/clone",
         "{'id':'keyed','include_data':'none'}", 202, NULL,
         .headers = "Idempotency-Key: \"clone-1\"\r\n", .keep = "keyed=/id"),
    STEP("the same again", POST, "/v1/tenants/acme/clone", "{'id':'keyed','include_data':'none'}",
         202, NULL, .headers = "Idempotency-Key: \"clone-1\"\r\n",
         .json = {"/id == '{keyed}'", "@Idempotent-Replayed == 'true'"}),
    STEP("and its end", GET, "/v1/jobs/{keyed}?wait=50", NULL, 200, NULL,
         .json = {"/state == 'succeeded'"}),
    STEP("the next migration", PUT, "/v1/catalogs/tenant/migrations/0002_more",
         "CREATE TABLE more (id int);", 201, NULL, .type = "application/sql"),
    STEP("the clone goes on from where the source was", POST, "/v1/tenants/copy/migrate", "{}", 200,
         NULL, .headers = STEP_WAIT, .json = {"/state == 'succeeded'"}),
};

#define CLONE "/v1/tenants/acme/clone"

static const struct step bad[] = {
    STEP("of nobody", POST, "/v1/tenants/nobody/clone", "{'id':'x'}", 404, "TENANT_NOT_FOUND"),
    STEP("no id", POST, CLONE, "{}", 422, "VALIDATION_FAILED",
         .json = {"/errors/0/pointer == '/id'"}),
    STEP("no body", POST, CLONE, NULL, 415, "UNSUPPORTED_MEDIA_TYPE"),
    STEP("a bad id", POST, CLONE, "{'id':'No Such'}", 422, "INVALID_TENANT_ID"),
    STEP("a reserved one", POST, CLONE, "{'id':'batch'}", 422, "RESERVED_NAME"),
    STEP("itself", POST, CLONE, "{'id':'acme','include_data':'none'}", 409, "TENANT_EXISTS"),
    STEP("many mistakes at once", POST, CLONE,
         "{'id':'x','include_data':'some','exclude_tables':'notes','anonymize':[],'colour':1,"
         "'sample':{'rows':0,'more':1},'hash_key':'short','labels':{'UP':'x'}}",
         422, "VALIDATION_FAILED",
         .json = {"/errors ~ '/include_data'", "/errors ~ '/exclude_tables'",
                  "/errors ~ '/anonymize'", "/errors ~ '/colour'", "/errors ~ '/sample/rows'",
                  "/errors ~ '/sample/more'", "/errors ~ '/hash_key'", "/errors ~ '/labels/UP'"}),
    STEP("personal data without a rule", POST, CLONE, "{'id':'x'}", 422, "VALIDATION_FAILED",
         .json = {"/errors# == 1", "/errors/0/pointer == '/anonymize/users.email'",
                  "/errors/0/code == 'REQUIRED'"}),
    STEP("nothing of that was made", GET, "/v1/tenants/x", NULL, 404, "TENANT_NOT_FOUND"),
    STEP("a rule for nothing, and one that is none", POST, CLONE,
         "{'id':'x','anonymize':{'users.email':{'rule':'rot13'},'users.nose':{'rule':'null'},"
         "'':{'rule':'null'},'.':7}}",
         422, "VALIDATION_FAILED",
         .json = {"/errors# == 4", "/errors ~ '/anonymize/users.nose'",
                  "/errors ~ '/anonymize/users.email'"}),
    STEP("null where NOT NULL is", POST, CLONE,
         "{'id':'x','anonymize':{'users.email':{'rule':'null'}}}", 422, "VALIDATION_FAILED",
         .json = {"/errors/0/pointer == '/anonymize/users.email'"}),
    STEP("no such table", POST, CLONE, "{'id':'x'," EMAIL ",'exclude_tables':['nose','notes']}",
         422, "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/exclude_tables/0'"}),
    STEP("what is referred to", POST, CLONE, "{'id':'x'," EMAIL ",'exclude_tables':['users']}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/exclude_tables'"}),
    STEP("a sample of what", POST, CLONE, "{'id':'x','include_data':'sample'}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/sample'"}),
    STEP("a sample in two ways", POST, CLONE,
         "{'id':'x','include_data':'sample','sample':{'rows':1,'percent':1}}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/sample'"}),
    STEP("a sample of all", POST, CLONE, "{'id':'x','sample':{'rows':1}}", 422, "VALIDATION_FAILED",
         .json = {"/errors/0/pointer == '/sample'"}),
    STEP("dry run, how", POST, CLONE "?dry_run=maybe", "{'id':'x'}", 400, "INVALID_PARAMETER"),
    STEP("a value that the type does not take", POST, CLONE,
         "{'id':'x',"
         "'anonymize':{'users.email':{'rule':'email'},'notes.t':{'rule':'constant',"
         "'value':'x'},'users.name':{'rule':'constant','value':'\\u0001'}}}",
         200, NULL, .headers = STEP_WAIT, .json = {"/state == 'succeeded'"}),
    STEP("suspended", POST, "/v1/tenants/acme/suspend", NULL, 200, NULL),
    STEP("of one that is suspended", POST, CLONE, "{'id':'y'," EMAIL "}", 409, "INVALID_STATE"),
    STEP("resumed", POST, "/v1/tenants/acme/resume", NULL, 200, NULL),
    STEP("a schema that is somebody's", POST, CLONE, "{'id':'theirs','include_data':'none'}", 409,
         "SCHEMA_EXISTS"),
    STEP("what cannot be made", POST, "/v1/tenants/copy/clone", "{'id':'y','include_data':'none'}",
         422, "UNSUPPORTED_OBJECT"),
};

/* Fails in the middle: only the type itself knows that it does not take the value. */
static const struct step failing[] = {
    STEP(
        "clone", POST, "/v1/tenants/bare/clone",
        "{'id':'unlucky','anonymize':{'users.email':{'rule':'hash'},'users.age':{'rule':'constant',"
        "'value':'old'}}}",
        200, NULL, .headers = STEP_WAIT, .keep = "job=/id",
        .json = {"/state == 'failed'", "/failures/0/outcome/step == 'copy_rows'",
                 "/failures/0/outcome/sqlstate == '22P02'"}),
    STEP("state", GET, "/v1/tenants/unlucky", NULL, 200, NULL,
         .json = {"/state == 'error'", "/last_error/step == 'copy_rows'"}),
    STEP("again", POST, "/v1/tenants/bare/clone", "{'id':'unlucky','include_data':'none'}", 200,
         NULL, .headers = STEP_WAIT, .json = {"/state == 'succeeded'"}),
    STEP("state now", GET, "/v1/tenants/unlucky", NULL, 200, NULL,
         .json = {"/state == 'active'", "/last_error == null"}),
    STEP("a retry of the first finds it made", POST, "/v1/jobs/{job}/retry", "{}", 200, NULL,
         .headers = STEP_WAIT, .json = {"/state == 'succeeded'", "/progress/skipped == 1"}),
};

/* A replica died between the commit of the clone and the end of its task. */
static const struct step left_over[] = {
    STEP("clone", POST, "/v1/tenants/bare/clone", "{'id':'left','include_data':'none'}", 200, NULL,
         .headers = STEP_WAIT, .json = {"/state == 'succeeded'"}),
};

static void is(struct pg *pg, const char *sql, const char *wanted)
{
    CLEANUP(freep) char *v = pg_fixture_value(pg, sql);
    ck_assert_msg(str_eq(v, wanted), "%s\ngives %s, not %s", sql, v, wanted);
}

START_TEST(clones)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();

    STEPS_RUN(before);
    pg_fixture_sql(pg, "INSERT INTO tenant_acme.users (email, name) VALUES ('a@x', 'A'),"
                       " ('b@x', 'B'); INSERT INTO tenant_acme.notes (user_id, t) VALUES (2, 'n')");
    STEPS_RUN(good);
    is(pg, "SELECT count(*)::text AS v FROM tenant_copy.users JOIN tenant_acme.users USING (email)",
       "0");
    is(pg,
       "SELECT string_agg(u.name || n.t, ',') AS v FROM tenant_copy.users u"
       " JOIN tenant_copy.notes n ON n.user_id = u.id",
       "Bn");
    is(pg,
       "SELECT (SELECT count(*) FROM tenant_bare.users) || ' ' || (SELECT count(*) FROM"
       " tenant_some.users) AS v",
       "0 1");
    is(pg, "SELECT obj_description('tenant_copy'::regnamespace) AS v", "tenantd tenant copy");
    is(pg,
       "SELECT (count(*) FILTER (WHERE schemaname = 'tenant_keyed') || ' of ' ||"
       " count(*) FILTER (WHERE schemaname = 'tenant_acme')) AS v FROM pg_indexes",
       "6 of 6");
    pg_fixture_sql(pg,
                   "CREATE SCHEMA tenant_theirs; CREATE OPERATOR tenant_copy.<+> (leftarg = int,"
                   " rightarg = int, function = int4pl)");
    STEPS_RUN(bad);
    is(pg, "SELECT count(*)::text AS v FROM pg_namespace WHERE nspname = 'tenant_y'", "0");
    pg_fixture_sql(pg, "INSERT INTO tenant_bare.users (email, name) VALUES ('a', 'b');"
                       "ALTER TABLE tenant_bare.users ADD age int");
    struct steps steps;
    steps_open(&steps);
    steps_run_all(&steps, failing, 2);
    is(pg, "SELECT count(*)::text AS v FROM pg_namespace WHERE nspname = 'tenant_unlucky'", "0");
    steps_run_all(&steps, failing + 2, ARRAY_LEN(failing) - 2);
    steps_close(&steps);
    pg_fixture_sql(pg, "CREATE SCHEMA tenant_left; CREATE TABLE tenant_left.half (id int);"
                       "COMMENT ON SCHEMA tenant_left IS 'tenantd tenant left'");
    STEPS_RUN(left_over);
    is(pg, "SELECT coalesce(to_regclass('tenant_left.half')::text, 'gone') AS v", "gone");
    is(pg, "SELECT to_regclass('tenant_left.users')::text AS v", "tenant_left.users");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api clone");
    TCase *tc = tcase_create("clone");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, clones);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, NULL);
}
