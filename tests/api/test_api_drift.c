/* SPDX-License-Identifier: MIT */
/* Drift over the API: scans, what they found by group and by tenant, and what is accepted of it. */
#include "core/base/str.h"
#include "tests/support/daemon.h"
#include "tests/support/pg_fixture.h"
#include "tests/support/step.h"

#define M "/v1/catalogs/tenant/migrations/"
#define T "/v1/tenants/"
#define SCANS "/v1/drift-scans"
#define ALL "{'selector':{'all':true}}"
#define SQL .type = "application/sql"
#define WAIT .headers = STEP_WAIT
#define NOBODY "0000000000000000000000000000000000000000000000000000000000000000"

static const struct step fleet[] = {
    STEP("nothing yet", GET, "/v1/drift", NULL, 200, NULL,
         .json = {"/tenants == 0", "/groups == []"}),
    STEP("first", PUT, M "0001_a",
         "CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL);"
         "CREATE INDEX users_email ON users (email);",
         201, NULL, SQL),
    STEP("tenants", POST, "/v1/tenants/batch",
         "{'items':[{'id':'d1'},{'id':'d2'},{'id':'d3'},{'id':'d4'},{'id':'d5'}]}", 200, NULL, WAIT,
         .json = {"/progress/succeeded == 5"}),
    STEP("second", PUT, M "0002_b", "ALTER TABLE users ADD born date;", 201, NULL, SQL),
    STEP("some migrate", POST, "/v1/migration-runs", "{'selector':{'ids':['d4','d5']}}", 200, NULL,
         WAIT, .json = {"/progress/succeeded == 2"}),
    STEP("never looked at", GET, "/v1/drift", NULL, 200, NULL,
         .json = {"/tenants == 5", "/unscanned == 5", "/ok == 0", "/groups == []"}),
    STEP("nor this one", GET, T "d1/drift?source=scan", NULL, 404, "DRIFT_NOT_FOUND"),
    STEP("scan", POST, SCANS, ALL, 200, NULL, WAIT, .keep = "scan=/id",
         .json = {"/kind == 'drift.scan'", "/state == 'succeeded'", "/progress/succeeded == 5"}),
    STEP("all as they should", GET, "/v1/drift", NULL, 200, NULL,
         .json = {"/tenants == 5", "/unscanned == 0", "/ok == 5", "/drifted == 0", "/groups# == 2",
                  "/groups/0/tenants == 3", "/groups/0/state == 'ok'",
                  "/groups/0/sample == ['d1','d2','d3']", "/groups/0/differences == []",
                  "/groups/0/basis/reference/kind == 'own'"}),
    STEP("by the outcome", GET, "/v1/jobs/{scan}/tasks", NULL, 200, NULL,
         .json = {"/tasks/0/outcome/drift == 'ok'"}),
};

static void damage(struct pg *pg)
{
    pg_fixture_sql(pg, "ALTER TABLE tenant_d1.users ALTER email TYPE varchar(20);"
                       "CREATE INDEX by_hand ON tenant_d1.users (email);"
                       "ALTER TABLE tenant_d2.users ALTER email TYPE varchar(20);"
                       "CREATE INDEX by_hand ON tenant_d2.users (email);"
                       "CREATE INDEX by_hand ON tenant_d4.users (born)");
}

static const struct step drifted[] = {
    STEP("live", GET, T "d1/drift", NULL, 200, NULL,
         .json = {"/source == 'live'", "/state == 'drifted'", "/errors == 1", "/warnings == 1",
                  "/differences# == 2", "/differences/0/object == 'column users.email'",
                  "/differences/0/attribute == 'type'", "/differences/0/expected == 'text'",
                  "/differences/0/actual == 'character varying(20)'",
                  "/differences/1/class == 'extra'", "/differences/1/severity == 'warning'",
                  "/job_id == null"}),
    STEP("the scan knows nothing of it", GET, T "d1/drift?source=scan", NULL, 200, NULL,
         .json = {"/source == 'scan'", "/state == 'ok'", "/job_id == present"}),
    STEP("live against another", GET, T "d3/drift?reference_tenant=d1", NULL, 200, NULL,
         .json = {"/state == 'drifted'", "/basis/reference/tenant_id == 'd1'",
                  "/differences/0/expected == 'character varying(20)'"}),
    STEP("live against the next version", GET, T "d3/drift?version=0002_b", NULL, 200, NULL,
         .json = {"/state == 'drifted'", "/differences/0/class == 'missing'",
                  "/differences/0/object == 'column users.born'"}),
    STEP("against both", GET, T "d3/drift?version=0002_b&reference_tenant=d1", NULL, 400,
         "INVALID_PARAMETER"),
    STEP("against no version", GET, T "d3/drift?version=0009_x", NULL, 200, NULL,
         .json = {"/state == 'unknown'", "/problem/code == 'UNKNOWN_TARGET'"}),
    STEP("against nobody", GET, T "d3/drift?reference_tenant=none", NULL, 404, "TENANT_NOT_FOUND"),
    STEP("of nobody", GET, T "none/drift", NULL, 404, "TENANT_NOT_FOUND"),
    STEP("from elsewhere", GET, T "d1/drift?source=moon", NULL, 400, "INVALID_PARAMETER"),
    STEP("not seen drifted yet", POST, T "d1/drift/accept", "{'reason':'x'}", 409, "INVALID_STATE"),
    STEP("scan", POST, SCANS, ALL, 200, NULL, WAIT, .json = {"/state == 'succeeded'"}),
    STEP("found", GET, "/v1/drift?state=drifted", NULL, 200, NULL,
         .keep = "print=/groups/0/fingerprint",
         .json = {"/drifted == 2", "/ok == 3", "/warned == 3", "/groups# == 1",
                  "/groups/0/tenants == 2", "/groups/0/sample == ['d1','d2']",
                  "/groups/0/differences# == 2", "/groups/0/acceptance == null"}),
    STEP("those with warnings", GET, "/v1/drift?state=ok&warnings=true", NULL, 200, NULL,
         .json = {"/groups# == 1", "/groups/0/sample == ['d4']", "/groups/0/warnings == 1",
                  "/groups/0/differences/0/object == 'index users.by_hand'"}),
    STEP("its tenants, one", GET, "/v1/drift/tenants?fingerprint={print}&page_size=1", NULL, 200,
         NULL, .keep = "page=/next_page_token",
         .json = {"/tenants# == 1", "/tenants/0/tenant_id == 'd1'",
                  "/tenants/0/migrated_since == false"}),
    STEP("and the other", GET,
         "/v1/drift/tenants?fingerprint={print}&page_size=1&page_token={page}", NULL, 200, NULL,
         .json = {"/tenants/0/tenant_id == 'd2'", "/next_page_token == absent"}),
    STEP("with other filters", GET, "/v1/drift/tenants?page_size=1&page_token={page}", NULL, 400,
         "PAGE_TOKEN_INVALID"),
    STEP("groups by pages", GET, "/v1/drift?page_size=1", NULL, 200, NULL,
         .keep = "page=/next_page_token", .json = {"/groups# == 1", "/groups/0/tenants == 2"}),
    STEP("the next", GET, "/v1/drift?page_size=1&page_token={page}", NULL, 200, NULL,
         .json = {"/groups# == 1", "/groups/0/tenants == 1"}),
    STEP("no such state", GET, "/v1/drift?state=bad", NULL, 400, "INVALID_PARAMETER"),
    STEP("no fingerprint", GET, "/v1/drift/tenants?fingerprint=x", NULL, 400, "INVALID_PARAMETER"),
    STEP("what it is told as", GET, "/v1/events?types=drift.detected", NULL, 200, NULL),
};

static const struct step accepted[] = {
    STEP("what is there", GET, "/v1/drift?state=drifted", NULL, 200, NULL,
         .keep = "print=/groups/0/fingerprint ref=/groups/0/reference"),
    STEP("no reason", POST, T "d1/drift/accept", "{}", 422, "VALIDATION_FAILED"),
    STEP("an empty one, and more", POST, T "d1/drift/accept",
         "{'reason':'','fingerprint':'x','who':1}", 422, "VALIDATION_FAILED",
         .json = {"/errors# == 3"}),
    STEP("it looks otherwise", POST, T "d1/drift/accept",
         "{'reason':'x','fingerprint':'" NOBODY "'}", 409, "CONFLICT"),
    STEP("nobody", POST, T "none/drift/accept", "{'reason':'x'}", 404, "TENANT_NOT_FOUND"),
    STEP("one", POST, T "d1/drift/accept", "{'reason':'known','fingerprint':'{print}'}", 201, NULL,
         .keep = "one=/id", .json = {"/tenant_id == 'd1'", "/tenants == 1", "/reason == 'known'"}),
    STEP("again", POST, T "d1/drift/accept", "{'reason':'still'}", 200, NULL,
         .json = {"/id == '{one}'", "/reason == 'still'"}),
    STEP("the groups part", GET, "/v1/drift", NULL, 200, NULL,
         .json = {"/drifted == 1", "/accepted == 1"}),
    STEP("why", GET, "/v1/drift?state=accepted", NULL, 200, NULL,
         .json = {"/groups# == 1", "/groups/0/sample == ['d1']",
                  "/groups/0/acceptance/reason == 'still'",
                  "/groups/0/acceptance/tenant_id == 'd1'"}),
    STEP("live too", GET, T "d1/drift", NULL, 200, NULL,
         .json = {"/state == 'accepted'", "/acceptance/reason == 'still'"}),
    STEP("a group of nobody", POST, "/v1/drift/accept",
         "{'fingerprint':'" NOBODY "','reference':'{ref}','reason':'x'}", 404, "DRIFT_NOT_FOUND"),
    STEP("not one", POST, "/v1/drift/accept", "{'fingerprint':'x','reason':'x'}", 422,
         "VALIDATION_FAILED", .json = {"/errors# == 2"}),
    STEP("the group", POST, "/v1/drift/accept",
         "{'fingerprint':'{print}','reference':'{ref}','reason':'all of them'}", 201, NULL,
         .keep = "group=/id", .json = {"/tenant_id == null", "/tenants == 2"}),
    STEP("a scan changes nothing about it", POST, SCANS, ALL, 200, NULL, WAIT,
         .json = {"/state == 'succeeded'"}),
    STEP("accepted", GET, "/v1/drift", NULL, 200, NULL,
         .json = {"/drifted == 0", "/accepted == 2", "/ok == 3"}),
    STEP("listed", GET, "/v1/drift/acceptances?page_size=1", NULL, 200, NULL,
         .keep = "page=/next_page_token",
         .json = {"/acceptances# == 1", "/acceptances/0/id == '{one}'"}),
    STEP("the next", GET, "/v1/drift/acceptances?page_size=1&page_token={page}", NULL, 200, NULL,
         .json = {"/acceptances/0/id == '{group}'", "/next_page_token == absent"}),
    STEP("of one", GET, "/v1/drift/acceptances?tenant_id=d1", NULL, 200, NULL,
         .json = {"/acceptances# == 1"}),
    STEP("taken back", DELETE, "/v1/drift/acceptances/{group}", NULL, 204, NULL),
    STEP("not twice", DELETE, "/v1/drift/acceptances/{group}", NULL, 404, "DRIFT_NOT_FOUND"),
    STEP("no such thing", DELETE, "/v1/drift/acceptances/x", NULL, 404, "DRIFT_NOT_FOUND"),
    STEP("drifted again", GET, "/v1/drift", NULL, 200, NULL,
         .json = {"/drifted == 1", "/accepted == 1"}),
};

static const struct step bodies[] = {
    STEP("nothing", POST, SCANS, "{}", 422, "VALIDATION_FAILED",
         .json = {"/errors/0/pointer == '/selector'"}),
    STEP("nobody", POST, SCANS, "{'selector':{}}", 422, "EMPTY_SELECTOR"),
    STEP("a stranger", POST, SCANS, "{'selector':{'ids':['x']}}", 422, "VALIDATION_FAILED"),
    STEP("everything wrong", POST, SCANS,
         "{'selector':{'all':true},'reference':{'kind':'moon','where':1},"
         "'ignore':['commas',7],'exclude_tables':['',1],'column_order':1,'what':2}",
         422, "VALIDATION_FAILED",
         .json = {"/errors# == 8", "/errors ~ '/reference/kind'", "/errors ~ '/reference/where'",
                  "/errors ~ '/ignore/0'", "/errors ~ '/ignore/1'", "/errors ~ '/exclude_tables/0'",
                  "/errors ~ '/exclude_tables/1'", "/errors ~ '/column_order'",
                  "/errors ~ '/what'"}),
    STEP("which tenant", POST, SCANS, "{'selector':{'all':true},'reference':{'kind':'tenant'}}",
         422, "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/reference/tenant_id'"}),
    STEP("what contradicts", POST, SCANS,
         "{'selector':{'all':true},'reference':{'kind':'own','tenant_id':'d1','version':'1'}}", 422,
         "VALIDATION_FAILED", .json = {"/errors# == 2"}),
    STEP("no such tenant", POST, SCANS,
         "{'selector':{'all':true},'reference':{'kind':'tenant','tenant_id':'none'}}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/code == 'TENANT_NOT_FOUND'"}),
    STEP("no such version", POST, SCANS,
         "{'selector':{'all':true},'reference':{'kind':'catalog','version':'0009_x'}}", 422,
         "UNKNOWN_TARGET"),
    STEP("what does not count", POST, SCANS,
         "{'selector':{'ids':['d4']},'include_indexes':false,'ignore':['comments','comments']}",
         200, NULL, WAIT, .json = {"/progress/succeeded == 1"}),
    STEP("does not", GET, T "d4/drift?source=scan", NULL, 200, NULL,
         .json = {"/state == 'ok'", "/warnings == 0", "/basis/ignore == ['comments','indexes']"}),
    STEP("a tenant as the model", POST, SCANS,
         "{'selector':{'all':true},'reference':{'kind':'tenant','tenant_id':'d1'}}", 200, NULL,
         WAIT, .json = {"/progress/succeeded == 5"}),
    STEP("is what the others are not", GET, "/v1/drift", NULL, 200, NULL,
         .json = {"/ok == 2", "/drifted == 3"}),
    STEP("the catalog's head", POST, SCANS,
         "{'selector':{'all':true},'reference':{'kind':'catalog'}}", 200, NULL, WAIT,
         .json = {"/progress/succeeded == 5"}),
    STEP("who is behind", GET, "/v1/drift", NULL, 200, NULL, .json = {"/ok == 2", "/drifted == 3"}),
    STEP("two at once", POST, SCANS, ALL, 202, NULL, .keep = "a=/id"),
    STEP("", POST, SCANS, ALL, 202, NULL, .keep = "b=/id"),
    STEP("the first ends", GET, "/v1/jobs/{a}?wait=50&expect=succeeded", NULL, 200, NULL,
         .json = {"/progress/succeeded == 5"}),
    STEP("and the other", GET, "/v1/jobs/{b}?wait=50&expect=succeeded", NULL, 200, NULL,
         .json = {"/progress/succeeded == 5"}),
    STEP("repeated", POST, SCANS, ALL, 200, NULL,
         .headers = STEP_WAIT "Idempotency-Key: scan-1\r\n", .keep = "a=/id"),
    STEP("is the same", POST, SCANS, ALL, 200, NULL,
         .headers = STEP_WAIT "Idempotency-Key: scan-1\r\n", .json = {"/id == '{a}'"}),
};

static const struct step scopes[] = {
    STEP("a viewer", POST, "/v1/tokens", "{'name':'v','role':'viewer'}", 201, NULL,
         .keep = "viewer=/token"),
    STEP("reads", GET, "/v1/drift", NULL, 200, NULL, .token = "{viewer}"),
    STEP("does not scan", POST, SCANS, ALL, 403, "PERMISSION_DENIED", .token = "{viewer}"),
    STEP("does not accept", POST, T "d1/drift/accept", "{'reason':'x'}", 403, "PERMISSION_DENIED",
         .token = "{viewer}"),
    STEP("nobody", GET, "/v1/drift", NULL, 401, "UNAUTHENTICATED", .token = ""),
};

/* Who goes while scans are under way is missed by none of them. */
static const struct step leaving[] = {
    STEP("scan", POST, SCANS, ALL, 202, NULL, .keep = "a=/id"),
    STEP("one goes", DELETE, T "d3?mode=purge&force=true", NULL, 200, NULL, WAIT),
    STEP("it ends well", GET, "/v1/jobs/{a}?wait=50", NULL, 200, NULL,
         .json = {"/state == 'succeeded'"}),
    STEP("four are left", GET, "/v1/drift", NULL, 200, NULL, .json = {"/tenants == 4"}),
    STEP("its row is gone", GET, "/v1/drift/tenants", NULL, 200, NULL, .json = {"/tenants# == 4"}),
    STEP("a scan", POST, SCANS, ALL, 202, NULL, .keep = "a=/id"),
    STEP("cancelled or done", GET, "/v1/jobs/{a}", NULL, 200, NULL),
};

START_TEST(drift_is_found_and_accepted)
{
    struct pg *pg = pg_fixture_connect();

    STEPS_RUN(fleet);
    damage(pg);
    STEPS_RUN(drifted);
    STEPS_RUN(accepted);
    STEPS_RUN(bodies);
    STEPS_RUN(scopes);
    STEPS_RUN(leaving);
    pg_close(pg);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api drift");
    TCase *tc = tcase_create("drift");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, drift_is_found_and_accepted);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, NULL);
}
