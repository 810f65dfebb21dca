/* SPDX-License-Identifier: MIT */
/* Who may do what: tokens made, listed, revoked; missing, wrong, expired and weak ones refused. */
#include <stdio.h>
#include <string.h>

#include "core/access/token.h"
#include "core/base/clock.h"
#include "core/base/str.h"
#include "service/api/api.h"
#include "tests/support/daemon.h"
#include "tests/support/pg_fixture.h"
#include "tests/support/step.h"

#define TOKENS "/v1/tokens"

static const struct step tokens[] = {
    STEP("who am I", GET, "/v1/whoami", NULL, 200, NULL, .keep = "me=/token_id",
         .json = {"/expires_at == null", "/scopes ~ 'tokens:admin'"}),
    STEP("create by role", POST, TOKENS, "{'name':'dashboard','role':'viewer'}", 201, NULL,
         .keep = "viewer=/token id=/id",
         .json = {"/name == 'dashboard'", "/created_by == '{me}'", "/revoked_at == null",
                  "/last_used_at == null", "/scopes ~ 'tenants:read'", "/token ~ 'tnd_'"}),
    STEP("shown once", GET, TOKENS "/{id}", NULL, 200, NULL,
         .json = {"/token == absent", "/id == '{id}'"}),
    STEP("it works", GET, "/v1/tenants", NULL, 200, NULL, .token = "{viewer}"),
    STEP("who is it", GET, "/v1/whoami", NULL, 200, NULL, .token = "{viewer}",
         .json = {"/token_id == '{id}'", "/name == 'dashboard'"}),
    STEP("it may not write", POST, "/v1/tenants", "{'id':'x'}", 403, "PERMISSION_DENIED",
         .token = "{viewer}", .json = {"/detail ~ 'tenants:write'"}),
    STEP("nor ask for what is not there", DELETE, "/v1/tenants/none", NULL, 403,
         "PERMISSION_DENIED", .token = "{viewer}"),
    STEP("nor make tokens", POST, TOKENS, "{'name':'x','role':'admin'}", 403, "PERMISSION_DENIED",
         .token = "{viewer}"),
    STEP("create by scopes, with an end", POST, TOKENS,
         "{'name':'ci','scopes':['tokens:admin','jobs:read'],"
         "'expires_at':'2099-01-05T10:00:00Z'}",
         201, NULL, .keep = "minter=/token",
         .json = {"/expires_at == '2099-01-05T10:00:00.000Z'", "/scopes# == 2"}),
    STEP("nobody grants what he lacks", POST, TOKENS, "{'name':'x','scopes':['tenants:delete']}",
         403, "PERMISSION_DENIED", .token = "{minter}", .json = {"/detail ~ 'tenants:delete'"}),
    STEP("but what he has", POST, TOKENS, "{'name':'y','scopes':['jobs:read']}", 201, NULL,
         .token = "{minter}", .keep = "weak=/token"),
    STEP("which is not more", GET, "/v1/tenants", NULL, 403, "PERMISSION_DENIED",
         .token = "{weak}"),
    STEP("any token will do", GET, "/v1/version", NULL, 200, NULL, .token = "{weak}"),
    STEP("page 1", GET, TOKENS "?page_size=2", NULL, 200, NULL, .keep = "t=/next_page_token",
         .json = {"/tokens# == 2", "/tokens ~ 'scopes'"}),
    STEP("page 2", GET, TOKENS "?page_size=2&page_token={t}", NULL, 200, NULL,
         .json = {"/tokens# == 2", "/next_page_token == absent"}),
    STEP("revoke", DELETE, TOKENS "/{id}", NULL, 204, NULL),
    STEP("refused at once", GET, "/v1/tenants", NULL, 401, "UNAUTHENTICATED", .token = "{viewer}",
         .json = {"@WWW-Authenticate ~ 'Bearer'"}),
    STEP("still known", GET, TOKENS "/{id}", NULL, 200, NULL, .json = {"/revoked_at != null"}),
    STEP("revoke again", DELETE, TOKENS "/{id}", NULL, 204, NULL),
    STEP("revoke none", DELETE, TOKENS "/0123456789abcdef", NULL, 404, "TOKEN_NOT_FOUND"),
    STEP("no such token", GET, TOKENS "/0123456789abcdef", NULL, 404, "TOKEN_NOT_FOUND"),
    STEP("no id of one", GET, TOKENS "/%27--", NULL, 404, "TOKEN_NOT_FOUND"),
};

static const struct step bad_tokens[] = {
    STEP("neither scopes nor role", POST, TOKENS, "{'name':'x'}", 422, "VALIDATION_FAILED"),
    STEP("both", POST, TOKENS, "{'name':'x','role':'viewer','scopes':['jobs:read']}", 422,
         "VALIDATION_FAILED"),
    STEP("no such scope", POST, TOKENS, "{'name':'x','scopes':['jobs:fly']}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer ~ '/scopes'"}),
    STEP("a scope that is a number", POST, TOKENS, "{'name':'x','scopes':[7]}", 422,
         "VALIDATION_FAILED"),
    STEP("no such role", POST, TOKENS, "{'name':'x','role':'root'}", 422, "VALIDATION_FAILED"),
    STEP("no name", POST, TOKENS, "{'name':'','role':'viewer'}", 422, "VALIDATION_FAILED"),
    STEP("over before it begins", POST, TOKENS,
         "{'name':'x','role':'viewer','expires_at':'2001-01-05T10:00:00Z'}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/expires_at'"}),
    STEP("not a time", POST, TOKENS, "{'name':'x','role':'viewer','expires_at':'tomorrow'}", 422,
         "VALIDATION_FAILED"),
    STEP("not a day", POST, TOKENS, "{'name':'x','role':'viewer','expires_at':'2099-02-31T10:00:00Z'}",
         422, "VALIDATION_FAILED"),
    STEP("no token", GET, "/v1/tenants", NULL, 401, "UNAUTHENTICATED", .token = "",
         .json = {"@WWW-Authenticate ~ 'Bearer'"}),
    STEP("an empty one", GET, "/v1/tenants", NULL, 401, "UNAUTHENTICATED", .token = "",
         .headers = "Authorization: Bearer \r\n"),
    STEP("of another scheme", GET, "/v1/tenants", NULL, 401, "UNAUTHENTICATED", .token = "",
         .headers = "Authorization: Basic YTpi\r\n"),
    STEP("nonsense", GET, "/v1/tenants", NULL, 401, "UNAUTHENTICATED", .token = "hunter2"),
    STEP("one that nobody has", GET, "/v1/tenants", NULL, 401, "UNAUTHENTICATED",
         .token = "{stranger}"),
    STEP("mistyped", GET, "/v1/tenants", NULL, 401, "UNAUTHENTICATED", .token = "{stranger}x"),
    STEP("with another secret", GET, "/v1/tenants", NULL, 401, "UNAUTHENTICATED",
         .token = "{forged}"),
    STEP("before anything else", POST, "/v1/tenants?nonsense=1", "{", 401, "UNAUTHENTICATED",
         .token = "", .raw = true),
    STEP("the contract is public", GET, "/openapi.json", NULL, 200, NULL, .token = ""),
};

START_TEST(a_token_and_its_life)
{
    STEPS_RUN(tokens);
}
END_TEST

START_TEST(bad_ones_are_refused)
{
    char stranger[TOKEN_TEXT_SIZE], forged[TOKEN_TEXT_SIZE];
    struct steps steps;

    token_make(stranger);
    token_make(forged); /* our id with the secret of another; the checksum no longer fits either */
    memcpy(forged, daemon_token(), strlen("tnd_") + TOKEN_ID_LEN);
    steps_open(&steps);
    steps_keep(&steps, "stranger", stranger);
    steps_keep(&steps, "forged", forged);
    steps_run_all(&steps, bad_tokens, ARRAY_LEN(bad_tokens));
    steps_close(&steps);
}
END_TEST

/* Two headers, of which a proxy might look at the other. */
START_TEST(two_authorizations)
{
    const struct step twice = STEP("twice", GET, "/v1/tenants", NULL, 400, "BAD_REQUEST",
                                   .headers = "Authorization: Bearer other\r\n");
    steps_run_table(&twice, 1);
}
END_TEST

START_TEST(an_expired_token)
{
    static const struct step steps[] = {
        STEP("create", POST, TOKENS,
             "{'name':'brief','role':'viewer','expires_at':'2098-01-05T10:00:00Z'}", 201, NULL,
             .keep = "token=/token"),
        STEP("too late", GET, "/v1/tenants", NULL, 401, "UNAUTHENTICATED", .token = "{token}"),
    };
    struct pg *pg = pg_fixture_connect();
    struct steps run;

    steps_open(&run);
    steps_run_one(&run, &steps[0]);
    pg_fixture_sql(pg, "UPDATE tenantd.token SET expires_at = now() - interval '1 s'"
                       " WHERE name = 'brief'");
    steps_run_one(&run, &steps[1]);
    steps_close(&run);
    pg_close(pg);
}
END_TEST

/* A path with something in the place of each parameter. */
static void fill_path(const char *pattern, char out[128])
{
    size_t n = 0;
    for (const char *p = pattern; *p; p++) {
        if (*p == '{') {
            out[n++] = 'x';
            p += strcspn(p, "}");
        } else
            out[n++] = *p;
    }
    out[n] = '\0';
}

START_TEST(every_operation_needs_a_token_and_its_scope)
{
    const struct api_route *route = &api_routes[_i];
    struct steps steps;
    const struct step weak = STEP("a token that may nothing here", POST, TOKENS,
                                  "{'name':'weak','scopes':['jobs:operate']}", 201, NULL,
                                  .keep = "weak=/token");
    const struct step weaker = STEP("another", POST, TOKENS,
                                    "{'name':'weak','scopes':['schema:read']}", 201, NULL,
                                    .keep = "weak=/token");
    char path[128];
    struct step step = {.label = route->op, .method = route->pattern.method, .path = path};

    if (route->public)
        return;
    fill_path(route->pattern.path, path);
    steps_open(&steps);
    steps_run_one(&steps, route->scope == SCOPE_JOBS_OPERATE ? &weaker : &weak);
    step.status = 401;
    step.code = "UNAUTHENTICATED";
    step.token = "";
    steps_run_one(&steps, &step);
    step.status = 403;
    step.code = "PERMISSION_DENIED";
    step.token = "{weak}";
    if (!route->open)
        steps_run_one(&steps, &step);
    steps_close(&steps);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api access");
    TCase *tc = tcase_create("access");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_token_and_its_life);
    tcase_add_test(tc, bad_ones_are_refused);
    tcase_add_test(tc, two_authorizations);
    tcase_add_test(tc, an_expired_token);
    tcase_add_loop_test(tc, every_operation_needs_a_token_and_its_scope, 0, (int)api_route_count);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, NULL);
}
