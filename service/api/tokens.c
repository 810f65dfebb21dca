/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/access/token_store.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "service/api/fields.h"
#include "service/api/handlers.h"
#include "service/api/page.h"

enum { SCOPES_LISTED_MAX = 64 };

static json_t *scopes_json(uint32_t set)
{
    json_t *list = json_array();
    for (int s = 0; s < SCOPE_END; s++)
        if (set & SCOPE_BIT(s))
            (void)json_array_append_new(list, json_string(scope_name((scope)s)));
    return list;
}

static json_t *time_or_null(int64_t ms)
{
    return ms ? json_time(ms) : json_null();
}

static json_t *token_json(const struct token_record *r)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", r->token.id, "name",
                     json_text(r->name), "scopes", scopes_json(r->scopes), "created_by",
                     json_text(r->created_by), "created_at", time_or_null(r->created_at),
                     "expires_at", time_or_null(r->expires_at), "revoked_at",
                     time_or_null(r->revoked_at), "last_used_at", time_or_null(r->last_used_at));
}

/* RFC 3339 in UTC, "Z" or "+00:00"; 0: it is none. */
static int64_t parse_time(const char *text)
{
    struct tm tm = {.tm_mday = 0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

    if (rest && *rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789");
    if (!rest || (strcmp(rest, "Z") != 0 && strcmp(rest, "+00:00") != 0))
        return 0;
    int day = tm.tm_mday;
    time_t seconds = timegm(&tm); /* makes the 31st of February a day of March */
    return tm.tm_mday == day ? (int64_t)seconds * 1000 : 0;
}

struct token_wish {
    const char *name, *role, *expires_at;
    const json_t *scopes;
    uint32_t set;
};

static void read_scopes(struct token_wish *wish, struct problems *problems)
{
    const char *names[SCOPES_LISTED_MAX];
    size_t n = 0;
    struct err err;

    if (!wish->scopes == !wish->role) {
        problems_add(problems, "/scopes", "REQUIRED", "give either scopes or role");
        return;
    }
    if (wish->role)
        names[n++] = wish->role;
    for (size_t i = 0; i < json_array_size(wish->scopes); i++) {
        const char *name = json_string_value(json_array_get(wish->scopes, i));
        names[n++] = name ? name : "";
    }
    if (scopes_parse(names, n, &wish->set, &err))
        problems_add_err(problems, wish->role ? "/role" : "/scopes", &err);
}

static void read_token(const struct call *call, struct token_wish *wish,
                       struct problems *problems)
{
    static const char *const roles[] = {"viewer", "ci", "operator", "admin", NULL};
    const struct field fields[] = {
        {.name = "name", .kind = FIELD_TEXT, .required = true, .min = 1, .max = 100,
         .out = &wish->name},
        {.name = "role", .kind = FIELD_TEXT, .words = roles, .out = &wish->role},
        {.name = "scopes", .kind = FIELD_ARRAY, .min = 1, .max = SCOPES_LISTED_MAX,
         .out = &wish->scopes},
        {.name = "expires_at", .kind = FIELD_TEXT, .nullable = true, .out = &wish->expires_at},
    };

    fields_read(call->body, "", fields, ARRAY_LEN(fields), problems);
    if (!problems->list)
        read_scopes(wish, problems);
    if (wish->expires_at && parse_time(wish->expires_at) <= clock_unix_ms())
        problems_add(problems, "/expires_at", "OUT_OF_RANGE",
                     "must be a time in the future, as 2026-01-05T10:00:00Z");
}

/* Nobody grants what he lacks. */
static err_code check_grant(const struct call *call, uint32_t set, struct err *err)
{
    CLEANUP(str_clear) struct str names = STR_INIT;
    uint32_t missing = set & ~call->who.scopes;

    if (!missing)
        return ERR_NONE;
    scopes_format(missing, ", ", &names);
    return err_set(err, ERR_PERMISSION_DENIED, "this token cannot grant %s", str_text(&names));
}

static err_code store(struct call *call, const struct token_wish *wish,
                      char secret[TOKEN_TEXT_SIZE], struct token_record *out, struct err *err)
{
    struct token_record record = {.name = (char *)(uintptr_t)wish->name,
                                  .created_by = call->who.id,
                                  .scopes = wish->set,
                                  .expires_at =
                                      wish->expires_at ? parse_time(wish->expires_at) : 0};
    err_code rc;

    token_make(secret);
    rc = token_parse(secret, &record.token, err);
    if (!rc)
        rc = token_store_insert(call->pg, &record, err);
    return rc ? rc : token_store_find(call->pg, record.token.id, out, err);
}

struct reply tokens_create(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    CLEANUP(token_record_clear) struct token_record record = {.name = NULL};
    struct token_wish wish = {.name = NULL};
    char secret[TOKEN_TEXT_SIZE];
    struct err err;

    read_token(call, &wish, &problems);
    if (problems.list)
        return problems_reply(call, &problems);
    if (check_grant(call, wish.set, &err) || store(call, &wish, secret, &record, &err))
        return call_fail(call, &err);
    json_t *out = token_json(&record);
    (void)json_object_set_new(out, "token", json_string(secret));
    return reply_json(201, out);
}

struct reply tokens_list(struct call *call)
{
    CLEANUP(token_list_clear) struct token_list list = {.rows = NULL};
    struct page page;
    struct err err;

    if (page_read(call, &page, &err) ||
        token_store_list(call->pg, page.after, page.size + 1, &list, &err))
        return call_fail(call, &err);
    size_t shown = list.count > (size_t)page.size ? (size_t)page.size : list.count;
    json_t *tokens = json_array(), *out = json_pack("{s:o}", "tokens", tokens);
    for (size_t i = 0; i < shown; i++)
        (void)json_array_append_new(tokens, token_json(&list.rows[i]));
    if (list.count > shown && page_next(call, list.rows[shown - 1].token.id, out, &err)) {
        json_decref(out);
        return call_fail(call, &err);
    }
    return reply_json(200, out);
}

struct reply tokens_get(struct call *call)
{
    CLEANUP(token_record_clear) struct token_record record = {.name = NULL};
    struct err err;

    if (token_store_find(call->pg, call->req->params[0], &record, &err))
        return call_fail(call, &err);
    return reply_json(200, token_json(&record));
}

struct reply tokens_revoke(struct call *call)
{
    struct err err;

    if (token_store_revoke(call->pg, call->req->params[0], &err))
        return call_fail(call, &err);
    access_forget(call->app->access, call->req->params[0]);
    return reply_empty(204);
}

struct reply whoami_get(struct call *call)
{
    CLEANUP(token_record_clear) struct token_record record = {.name = NULL};
    struct err err;

    if (token_store_find(call->pg, call->who.id, &record, &err))
        return call_fail(call, &err);
    return reply_json(200, json_pack("{s:s, s:o, s:o, s:o}", "token_id", record.token.id, "name",
                                     json_text(record.name), "scopes", scopes_json(record.scopes),
                                     "expires_at", time_or_null(record.expires_at)));
}
