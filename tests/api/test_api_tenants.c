/* SPDX-License-Identifier: MIT */
/* The life of tenants: made, read, changed, suspended, archived, purged; and everything wrong that
 * can be asked of them. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/str.h"
#include "tests/support/daemon.h"
#include "tests/support/pg_fixture.h"
#include "tests/support/step.h"

static const struct step catalog[] = {
    STEP("first migration", PUT, "/v1/catalogs/tenant/migrations/0001_users",
         "CREATE TABLE users (id serial PRIMARY KEY, email text NOT NULL);", 201, NULL,
         .type = "application/sql"),
};

START_TEST(a_catalog_to_begin_with)
{
    STEPS_RUN(catalog);
}
END_TEST

static const struct step life[] = {
    STEP("dry run", POST, "/v1/tenants?dry_run=true", "{'id':'acme'}", 200, NULL,
         .json = {" == {'dry_run':true,'id':'acme','schema':'tenant_acme','server':'default',"
                  "'exists':false}"}),
    STEP("dry run changed nothing", GET, "/v1/tenants/acme", NULL, 404, "TENANT_NOT_FOUND"),
    STEP("create", POST, "/v1/tenants",
         "{'id':'acme','display_name':'Acme Inc','labels':{'plan':'pro'}}", 200, NULL,
         .headers = STEP_WAIT, .keep = "job=/id",
         .json = {"/kind == 'tenant.create'", "/state == 'succeeded'", "/progress/succeeded == 1",
                  "/progress/total == 1", "/subject == {'type':'tenant','id':'acme'}",
                  "/finished_at != null", "@Location == '/v1/jobs/{job}'",
                  "@Preference-Applied == 'wait=50'", "/links/self == '/v1/jobs/{job}'"}),
    STEP("get", GET, "/v1/tenants/acme", NULL, 200, NULL, .keep = "etag=@ETag created=/created_at",
         .json = {"/state == 'active'", "/schema == 'tenant_acme'", "/strategy == 'schema'",
                  "/display_name == 'Acme Inc'", "/labels == {'plan':'pro'}",
                  "/migration/head == '0001_users'", "/migration/status == 'ok'",
                  "/migration/applied == 1", "/active_job == null", "/last_error == null",
                  "/purge_at == null", "@Cache-Control == 'no-store'"}),
    STEP("get, unchanged", GET, "/v1/tenants/acme", NULL, 304, NULL,
         .headers = "If-None-Match: {etag}\r\n", .json = {"body == ''"}),
    STEP("get, another tag", GET, "/v1/tenants/acme", NULL, 200, NULL,
         .headers = "If-None-Match: \"t0\", \"nothing\"\r\n"),
    STEP("head", GET, "/v1/tenants/acme", NULL, 200, NULL, .verb = "HEAD",
         .json = {"@ETag == present"}),
    STEP("create-again", POST, "/v1/tenants", "{'id':'acme'}", 409, "TENANT_EXISTS",
         .json = {"/retryable == false"}),
    STEP("dry run of one that exists", POST, "/v1/tenants?dry_run=true", "{'id':'acme'}", 200, NULL,
         .json = {"/exists == true"}),
    STEP("update", PATCH, "/v1/tenants/acme",
         "{'display_name':null,'labels':{'plan':null,'region':'eu'}}", 200, NULL,
         .type = "application/merge-patch+json", .headers = "If-Match: {etag}\r\n",
         .json = {"/display_name == null", "/labels == {'region':'eu'}",
                  "/created_at == '{created}'"}),
    STEP("update, the old tag", PATCH, "/v1/tenants/acme", "{'display_name':'x'}", 412,
         "ETAG_MISMATCH", .headers = "If-Match: {etag}\r\n"),
    STEP("update nothing", PATCH, "/v1/tenants/acme", "{}", 200, NULL,
         .json = {"/labels == {'region':'eu'}"}),
    STEP("update, two mistakes at once", PATCH, "/v1/tenants/acme",
         "{'display_name':7,'colour':'red'}", 422, "VALIDATION_FAILED",
         .json = {"/errors# == 2", "/errors ~ '/display_name'", "/errors ~ '/colour'"}),
    STEP("update, a bad label", PATCH, "/v1/tenants/acme", "{'labels':{'UP':'x'}}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/labels/UP'"}),
    STEP("update, a label that is no text", PATCH, "/v1/tenants/acme", "{'labels':{'a':[]}}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/labels/a'"}),
    STEP("update, no object", PATCH, "/v1/tenants/acme", "[]", 422, "VALIDATION_FAILED"),
    STEP("update none", PATCH, "/v1/tenants/none", "{}", 404, "TENANT_NOT_FOUND"),
    STEP("suspend", POST, "/v1/tenants/acme/suspend", NULL, 200, NULL,
         .json = {"/state == 'suspended'", "/suspended_at != null"}),
    STEP("suspend again", POST, "/v1/tenants/acme/suspend", "{}", 409, "INVALID_STATE"),
    STEP("suspend none", POST, "/v1/tenants/none/suspend", NULL, 404, "TENANT_NOT_FOUND"),
    STEP("resume", POST, "/v1/tenants/acme/resume", NULL, 200, NULL, .keep = "etag=@ETag",
         .json = {"/state == 'active'", "/suspended_at == null"}),
    STEP("resume again", POST, "/v1/tenants/acme/resume", NULL, 409, "INVALID_STATE"),
    STEP("resume none", POST, "/v1/tenants/none/resume", NULL, 404, "TENANT_NOT_FOUND"),
};

static const struct step end_of_life[] = {
    STEP("create", POST, "/v1/tenants", "{'id':'brief'}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'succeeded'"}),
    STEP("get", GET, "/v1/tenants/brief", NULL, 200, NULL, .keep = "etag=@ETag"),
    STEP("delete unconditionally", DELETE, "/v1/tenants/brief", NULL, 428, "PRECONDITION_REQUIRED"),
    STEP("delete, another tag", DELETE, "/v1/tenants/brief", NULL, 412, "ETAG_MISMATCH",
         .headers = "If-Match: \"t999\"\r\n"),
    STEP("delete in no way", DELETE, "/v1/tenants/brief?mode=burn", NULL, 400, "INVALID_PARAMETER",
         .json = {"/errors/0/parameter == 'mode'"}),
    STEP("delete, force what", DELETE, "/v1/tenants/brief?force=yes", NULL, 400,
         "INVALID_PARAMETER"),
    STEP("delete none", DELETE, "/v1/tenants/none?force=true", NULL, 404, "TENANT_NOT_FOUND"),
    STEP("archive", DELETE, "/v1/tenants/brief", NULL, 200, NULL, .headers = "If-Match: {etag}\r\n",
         .json = {"/state == 'archived'", "/archived_at != null", "/purge_at != null"}),
    STEP("archive again", DELETE, "/v1/tenants/brief?force=true", NULL, 409, "INVALID_STATE"),
    STEP("suspend an archived one", POST, "/v1/tenants/brief/suspend", NULL, 409, "INVALID_STATE"),
    STEP("migrate an archived one", POST, "/v1/tenants/brief/migrate", NULL, 409, "INVALID_STATE"),
    STEP("resume an archived one", POST, "/v1/tenants/brief/resume", NULL, 200, NULL,
         .json = {"/state == 'active'", "/archived_at == null", "/purge_at == null"}),
    STEP("purge unconditionally", DELETE, "/v1/tenants/brief?mode=purge", NULL, 428,
         "PRECONDITION_REQUIRED"),
    STEP("purge", DELETE, "/v1/tenants/brief?mode=purge&force=true", NULL, 200, NULL,
         .headers = STEP_WAIT,
         .json = {"/kind == 'tenant.purge'", "/state == 'succeeded'", "/subject/id == 'brief'"}),
    STEP("gone", GET, "/v1/tenants/brief", NULL, 404, "TENANT_NOT_FOUND"),
    STEP("create again", POST, "/v1/tenants", "{'id':'brief'}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'succeeded'"}),
    STEP("purge at once", DELETE, "/v1/tenants/brief?mode=purge&force=true", NULL, 200, NULL,
         .headers = STEP_WAIT),
};

START_TEST(a_life)
{
    struct pg *pg = pg_fixture_connect();

    STEPS_RUN(life);
    STEPS_RUN(end_of_life);
    CLEANUP(freep) char *left = pg_fixture_value(
        pg, "SELECT count(*) AS v FROM pg_namespace WHERE nspname = 'tenant_brief'");
    ck_assert_str_eq(left, "0");
    pg_close(pg);
}
END_TEST

#define LONG_63 "a23456789b123456789c123456789d123456789e123456789f123456789g123"
static const struct step bad_creations[] = {
    STEP("no body", POST, "/v1/tenants", NULL, 415, "UNSUPPORTED_MEDIA_TYPE"),
    STEP("empty", POST, "/v1/tenants", "{}", 422, "VALIDATION_FAILED",
         .json = {"/errors/0/pointer == '/id'", "/errors/0/code == 'REQUIRED'"}),
    STEP("a number", POST, "/v1/tenants", "{'id':7}", 422, "VALIDATION_FAILED"),
    STEP("null", POST, "/v1/tenants", "{'id':null}", 422, "VALIDATION_FAILED"),
    STEP("quotes", POST, "/v1/tenants", "{\"id\":\"a\\\"; DROP SCHEMA public; --\"}", 422,
         "INVALID_TENANT_ID", .raw = true),
    STEP("an apostrophe", POST, "/v1/tenants", "{\"id\":\"o'neil\"}", 422, "INVALID_TENANT_ID",
         .raw = true),
    STEP("upper case", POST, "/v1/tenants", "{'id':'Acme'}", 422, "INVALID_TENANT_ID",
         .json = {"/errors/0/pointer == '/id'"}),
    STEP("empty id", POST, "/v1/tenants", "{'id':''}", 422, "INVALID_TENANT_ID"),
    STEP("a blank", POST, "/v1/tenants", "{'id':'a b'}", 422, "INVALID_TENANT_ID"),
    STEP("a hyphen first", POST, "/v1/tenants", "{'id':'-a'}", 422, "INVALID_TENANT_ID"),
    STEP("a slash", POST, "/v1/tenants", "{'id':'a/b'}", 422, "INVALID_TENANT_ID"),
    STEP("not ASCII", POST, "/v1/tenants", "{'id':'caf\u00e9'}", 422, "INVALID_TENANT_ID"),
    STEP("64 bytes", POST, "/v1/tenants", "{'id':'" LONG_63 "4'}", 422, "INVALID_TENANT_ID"),
    STEP("63 bytes and the prefix", POST, "/v1/tenants", "{'id':'" LONG_63 "'}", 422,
         "SCHEMA_NAME_TOO_LONG"),
    STEP("a path of ours", POST, "/v1/tenants", "{'id':'batch'}", 422, "RESERVED_NAME"),
    STEP("another", POST, "/v1/tenants", "{'id':'import'}", 422, "RESERVED_NAME"),
    STEP("no such server", POST, "/v1/tenants", "{'id':'far','server':'moon'}", 404,
         "SERVER_NOT_FOUND"),
    STEP("a long name", POST, "/v1/tenants", "{'id':'x','display_name':''}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/display_name'"}),
    STEP("an unknown member", POST, "/v1/tenants", "{'id':'x','a/b~c':1}", 422, "VALIDATION_FAILED",
         .json = {"/errors/0/pointer == '/a~1b~0c'", "/errors/0/code == 'UNKNOWN_FIELD'"}),
    STEP("labels of the wrong type", POST, "/v1/tenants", "{'id':'x','labels':[1]}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/labels'"}),
    STEP("an unknown parameter", POST, "/v1/tenants?dryrun=true", "{'id':'x'}", 400,
         "UNKNOWN_PARAMETER", .json = {"/errors/0/parameter == 'dryrun'"}),
    STEP("a parameter twice", POST, "/v1/tenants?dry_run=true&dry_run=false", "{'id':'x'}", 400,
         "INVALID_PARAMETER"),
    STEP("a parameter of another type", POST, "/v1/tenants?dry_run=1", "{'id':'x'}", 400,
         "INVALID_PARAMETER"),
    STEP("none of it came to be", GET, "/v1/tenants?id_prefix=x", NULL, 200, NULL,
         .json = {"/tenants == []"}),
};

START_TEST(bad_ids_and_bodies)
{
    STEPS_RUN(bad_creations);
}
END_TEST

static const struct step batch[] = {
    STEP("batch", POST, "/v1/tenants/batch",
         "{'items':[{'id':'b1','labels':{'team':'red'}},{'id':'b2','labels':{'team':'red'}},"
         "{'id':'b3','labels':{'team':'blue'}},{'id':'b4'},{'id':'b5'}],'max_parallel':2}",
         200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'succeeded'", "/progress/succeeded == 5", "/subject == null"}),
    STEP("one exists", POST, "/v1/tenants/batch", "{'items':[{'id':'b5'},{'id':'b6'}]}", 200, NULL,
         .headers = STEP_WAIT, .keep = "job=/id",
         .json = {"/state == 'partial'", "/progress/succeeded == 1", "/progress/failed == 1",
                  "/failures/0/item == 0", "/failures/0/outcome/code == 'TENANT_EXISTS'"}),
    STEP("all exist", POST, "/v1/tenants/batch", "{'items':[{'id':'b5'},{'id':'b6'}]}", 200, NULL,
         .headers = STEP_WAIT, .json = {"/state == 'failed'", "/progress/failed == 2"}),
    STEP("its tasks", GET, "/v1/jobs/{job}/tasks", NULL, 200, NULL, .json = {"/tasks# == 2"}),
    STEP("bad items, all told", POST, "/v1/tenants/batch",
         "{'items':[{'id':'ok'},{'id':'No'},{},{'id':'ok'},7]}", 422, "VALIDATION_FAILED",
         .json = {"/errors# == 4", "/errors ~ '/items/1/id'", "/errors ~ '/items/2/id'",
                  "/errors ~ '/items/3/id'", "/errors ~ '/items/4'"}),
    STEP("nothing of it came to be", GET, "/v1/tenants/ok", NULL, 404, "TENANT_NOT_FOUND"),
    STEP("no items", POST, "/v1/tenants/batch", "{'items':[]}", 422, "VALIDATION_FAILED"),
    STEP("items of another type", POST, "/v1/tenants/batch", "{'items':{}}", 422,
         "VALIDATION_FAILED"),
    STEP("too parallel", POST, "/v1/tenants/batch", "{'items':[{'id':'ok'}],'max_parallel':65}",
         422, "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/max_parallel'"}),
    STEP("no such server", POST, "/v1/tenants/batch", "{'items':[{'id':'far','server':'moon'}]}",
         200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'failed'", "/failures/0/outcome/code == 'SERVER_NOT_FOUND'"}),
};

static const struct step pages[] = {
    STEP("page 1", GET, "/v1/tenants?id_prefix=b&page_size=2", NULL, 200, NULL,
         .keep = "next=/next_page_token",
         .json = {"/tenants# == 2", "/tenants/0/id == 'b1'", "/tenants/1/id == 'b2'"}),
    STEP("page 2", GET, "/v1/tenants?id_prefix=b&page_size=2&page_token={next}", NULL, 200, NULL,
         .keep = "third=/next_page_token", .json = {"/tenants/0/id == 'b3'", "/tenants# == 2"}),
    STEP("page 3", GET, "/v1/tenants?id_prefix=b&page_size=2&page_token={third}", NULL, 200, NULL,
         .json = {"/tenants/0/id == 'b5'", "/tenants# == 2", "/next_page_token == absent"}),
    STEP("with other filters", GET, "/v1/tenants?id_prefix=c&page_token={next}", NULL, 400,
         "PAGE_TOKEN_INVALID"),
    STEP("of another list", GET, "/v1/jobs?page_token={next}", NULL, 400, "PAGE_TOKEN_INVALID"),
    STEP("forged", GET, "/v1/tenants?id_prefix=b&page_token=A{next}", NULL, 400,
         "PAGE_TOKEN_INVALID"),
    STEP("cut", GET, "/v1/tenants?id_prefix=b&page_token=abc", NULL, 400, "PAGE_TOKEN_INVALID"),
    STEP("empty", GET, "/v1/tenants?page_token=", NULL, 400, "PAGE_TOKEN_INVALID"),
    STEP("size 0", GET, "/v1/tenants?page_size=0", NULL, 400, "INVALID_PARAMETER",
         .json = {"/errors/0/parameter == 'page_size'"}),
    STEP("size abc", GET, "/v1/tenants?page_size=abc", NULL, 400, "INVALID_PARAMETER"),
    STEP("a size that is too large", GET, "/v1/tenants?page_size=1000000", NULL, 200, NULL),
    STEP("by label", GET, "/v1/tenants?label=team%3Dred", NULL, 200, NULL,
         .json = {"/tenants# == 2"}),
    STEP("by two labels", GET, "/v1/tenants?label=team%3Dred&label=team2%3Dx", NULL, 200, NULL,
         .json = {"/tenants == []"}),
    STEP("a label without value", GET, "/v1/tenants?label=team", NULL, 400, "INVALID_PARAMETER"),
    STEP("by states", GET, "/v1/tenants?state=active,suspended&id_prefix=b", NULL, 200, NULL,
         .json = {"/tenants# == 6"}),
    STEP("by another state", GET, "/v1/tenants?state=archived&id_prefix=b", NULL, 200, NULL,
         .json = {"/tenants == []"}),
    STEP("no such state", GET, "/v1/tenants?state=dead", NULL, 400, "INVALID_PARAMETER"),
    STEP("by migrations: ok", GET, "/v1/tenants?migration_state=ok&id_prefix=b", NULL, 200, NULL,
         .json = {"/tenants# == 6"}),
    STEP("by migrations: behind", GET, "/v1/tenants?migration_state=behind", NULL, 200, NULL,
         .json = {"/tenants == []"}),
    STEP("by migrations: what", GET, "/v1/tenants?migration_state=late", NULL, 400,
         "INVALID_PARAMETER"),
    STEP("a prefix is no pattern", GET, "/v1/tenants?id_prefix=%25", NULL, 200, NULL,
         .json = {"/tenants == []"}),
};

START_TEST(batches_and_pages)
{
    STEPS_RUN(batch);
    STEPS_RUN(pages);
}
END_TEST

/* A page token as the service would have made it ms ago, signed with its own key. */
static void make_page_token(struct pg *pg, int64_t ms, char out[256])
{
    CLEANUP(freep) char *hex = pg_fixture_value(
        pg, "SELECT encode(value, 'hex') AS v FROM tenantd.secret WHERE name = 'page_token'");
    unsigned char key[64], mac[SHA256_SIZE], raw[96];
    char payload[48], signed_text[128];
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(sscanf(hex + 2 * i, "%2hhx", &key[i]), 1);
    int len = snprintf(payload, sizeof payload, "%lld b2", (long long)(clock_unix_ms() - ms));
    int all = snprintf(signed_text, sizeof signed_text, "%s\nlistTenants/v1/tenants", payload);
    hmac_sha256(key, n, signed_text, (size_t)all, mac);
    memcpy(raw, mac, 16);
    memcpy(raw + 16, payload, (size_t)len);
    base64_encode(raw, 16 + (size_t)len, out);
    out[strcspn(out, "=")] = '\0';
    for (char *p = out; *p; p++)
        *p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
}

START_TEST(page_tokens_expire)
{
    static const struct step steps[] = {
        STEP("fresh", GET, "/v1/tenants?page_token={fresh}", NULL, 200, NULL,
             .json = {"/tenants/0/id == 'b3'"}),
        STEP("four days old", GET, "/v1/tenants?page_token={old}", NULL, 410, "PAGE_TOKEN_EXPIRED"),
    };
    const int64_t day = INT64_C(24) * 3600 * 1000;
    struct pg *pg = pg_fixture_connect();
    struct steps run;
    char token[256];

    steps_open(&run);
    make_page_token(pg, 2 * day, token);
    steps_keep(&run, "fresh", token);
    make_page_token(pg, 4 * day, token);
    steps_keep(&run, "old", token);
    steps_run_all(&run, steps, ARRAY_LEN(steps));
    steps_close(&run);
    pg_close(pg);
}
END_TEST

static const struct step failing[] = {
    STEP("a migration that fails", PUT, "/v1/catalogs/tenant/migrations/0002_bad",
         "CREATE TABLE half (id int);\nINSERT INTO nowhere VALUES (1);", 201, NULL,
         .type = "application/sql"),
    STEP("provisioning fails", POST, "/v1/tenants", "{'id':'unlucky'}", 200, NULL,
         .headers = STEP_WAIT,
         .json = {"/state == 'failed'", "/failures/0/outcome/code == 'MIGRATION_FAILED'",
                  "/failures/0/outcome/version == '0002_bad'",
                  "/failures/0/outcome/sqlstate == '42P01'", "/failures/0/outcome/statement == 2",
                  "/failures/0/outcome/line == 2", "/failures/0/outcome/message ~ 'nowhere'"}),
    STEP("in error", GET, "/v1/tenants/unlucky", NULL, 200, NULL,
         .json = {"/state == 'error'", "/last_error/code == 'MIGRATION_FAILED'"}),
    STEP("suspend it", POST, "/v1/tenants/unlucky/suspend", NULL, 409, "INVALID_STATE"),
    STEP("take the migration back", DELETE, "/v1/catalogs/tenant/migrations/0002_bad", NULL, 204,
         NULL),
    STEP("create it again", POST, "/v1/tenants", "{'id':'unlucky'}", 200, NULL,
         .headers = STEP_WAIT, .json = {"/state == 'succeeded'"}),
    STEP("active", GET, "/v1/tenants/unlucky", NULL, 200, NULL,
         .json = {"/state == 'active'", "/last_error == null"}),
};

static const struct step foreign[] = {
    STEP("the schema is somebody's", POST, "/v1/tenants", "{'id':'theirs'}", 200, NULL,
         .headers = STEP_WAIT,
         .json = {"/state == 'failed'", "/failures/0/outcome/code == 'SCHEMA_EXISTS'"}),
    STEP("in error", GET, "/v1/tenants/theirs", NULL, 200, NULL,
         .json = {"/state == 'error'", "/last_error/code == 'SCHEMA_EXISTS'"}),
    STEP("a name that another tenant has", POST, "/v1/tenants", "{'id':'taken'}", 409,
         "SCHEMA_NAME_TAKEN"),
    STEP("in a batch", POST, "/v1/tenants/batch", "{'items':[{'id':'taken'}]}", 200, NULL,
         .headers = STEP_WAIT, .json = {"/failures/0/outcome/code == 'SCHEMA_NAME_TAKEN'"}),
    STEP("to purge one in error", DELETE, "/v1/tenants/theirs?mode=purge&force=true", NULL, 200,
         NULL, .headers = STEP_WAIT, .json = {"/state == 'succeeded'"}),
};

START_TEST(provisioning_that_fails_leaves_nothing)
{
    struct pg *pg = pg_fixture_connect();

    steps_run_table(failing, 2);
    CLEANUP(freep) char *left = pg_fixture_value(
        pg, "SELECT count(*) AS v FROM pg_namespace WHERE nspname = 'tenant_unlucky'");
    ck_assert_str_eq(left, "0");
    steps_run_table(failing + 2, ARRAY_LEN(failing) - 2);
    pg_fixture_sql(pg, "CREATE SCHEMA tenant_theirs; CREATE TABLE tenant_theirs.precious (id int);"
                       "UPDATE tenantd.tenant SET schema_name = 'tenant_taken' WHERE id = 'b1'");
    STEPS_RUN(foreign);
    CLEANUP(freep) char *kept =
        pg_fixture_value(pg, "SELECT to_regclass('tenant_theirs.precious')::text AS v");
    ck_assert_str_eq(kept, "tenant_theirs.precious");
    pg_fixture_sql(pg, "UPDATE tenantd.tenant SET schema_name = 'tenant_b1' WHERE id = 'b1'");
    pg_close(pg);
}
END_TEST

enum { RIVALS = 8 };

static void *rival(void *arg)
{
    static const char request[] = "{\"id\":\"contested\"}";
    struct http_client client;

    http_client_open(&client, daemon_port());
    http_client_sendf(&client,
                      "POST /v1/tenants HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                      "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                      daemon_token(), strlen(request), request);
    *(int *)arg = http_client_read(&client);
    http_client_close(&client);
    return NULL;
}

START_TEST(one_id_at_the_same_time)
{
    pthread_t threads[RIVALS];
    int statuses[RIVALS], made = 0, refused = 0;

    for (int i = 0; i < RIVALS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, rival, &statuses[i]), 0);
    for (int i = 0; i < RIVALS; i++) {
        (void)pthread_join(threads[i], NULL);
        made += statuses[i] == 202;
        refused += statuses[i] == 409;
    }
    ck_assert_int_eq(made, 1);
    ck_assert_int_eq(refused, RIVALS - 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api tenants");
    TCase *tc = tcase_create("tenants");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, a_catalog_to_begin_with);
    tcase_add_test(tc, a_life);
    tcase_add_test(tc, bad_ids_and_bodies);
    tcase_add_test(tc, batches_and_pages);
    tcase_add_test(tc, page_tokens_expire);
    tcase_add_test(tc, provisioning_that_fails_leaves_nothing);
    tcase_add_test(tc, one_id_at_the_same_time);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, NULL);
}
