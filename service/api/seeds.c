/* SPDX-License-Identifier: MIT */
/* The seeds by name: stored, read, listed, deleted. */
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/migrate/seed_store.h"
#include "service/api/fields.h"
#include "service/api/handlers.h"
#include "service/api/page.h"

static const char *const scopes[] = {"tenant", "shared", NULL};
static const char *const modes[] = {"once", "always", NULL};

static json_t *row_json(const struct pg_rows *rows, size_t row)
{
    json_t *variables = json_loads(pg_text(rows, row, "variables"), 0, NULL);
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:I, s:i, s:o, s:o, s:s, s:s}", "name", pg_text(rows, row, "name"),
        "scope", pg_text(rows, row, "scope"), "mode", pg_text(rows, row, "mode"), "sha256",
        pg_text(rows, row, "sha256"), "size_bytes", (json_int_t)pg_bigint(rows, row, "size_bytes"),
        "statements", pg_int(rows, row, "statement_count"), "variables",
        variables ? variables : json_array(), "updated_by",
        json_text(pg_text(rows, row, "updated_by")), "created_at", pg_text(rows, row, "created_at"),
        "updated_at", pg_text(rows, row, "updated_at"));
}

struct reply seeds_list(struct call *call)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    const char *only = NULL;
    struct page page;
    struct err err;

    if (page_read(call, &page, &err) || query_word(call, "scope", scopes, NULL, &only, &err) ||
        seed_list(call->pg, only, page.after, page.size + 1, &rows, &err))
        return call_fail(call, &err);
    size_t n = pg_rows_count(rows), shown = n > (size_t)page.size ? (size_t)page.size : n;
    json_t *list = json_array();
    for (size_t i = 0; i < shown; i++)
        (void)json_array_append_new(list, row_json(rows, i));
    json_t *out = json_pack("{s:o}", "seeds", list);
    if (n > shown && page_next(call, pg_text(rows, shown - 1, "name"), out, &err)) {
        json_decref(out);
        return call_fail(call, &err);
    }
    return reply_json(200, out);
}

struct reply seeds_get(struct call *call)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    const char *accept = request_header(call->req, "Accept");
    struct err err;

    if (seed_get(call->pg, call->req->params[0], &rows, &err))
        return call_fail(call, &err);
    const char *sha256 = pg_text(rows, 0, "sha256"), *sql = pg_text(rows, 0, "sql");
    if (accept && strstr(accept, "application/sql"))
        return reply_text(200, "application/sql", strdup(sql));
    json_t *out = row_json(rows, 0);
    (void)json_object_set_new(out, "sql", json_text(sql));
    return reply_tagged(call, sha256, out);
}

struct reply seeds_put(struct call *call)
{
    CLEANUP(seed_text_clear) struct seed_text text = {.sql = NULL};
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct seed_spec spec = {.name = call->req->params[0], .text = &text, .by = call->who.id};
    seed_put_answer answer = SEED_UNCHANGED;
    struct err err;

    if (query_word(call, "scope", scopes, NULL, &spec.scope, &err) ||
        query_word(call, "mode", modes, NULL, &spec.mode, &err) ||
        seed_check_name(spec.name, &err) ||
        seed_text_make(engine_settings(call->app->engine)->policy,
                       call->req->body ? call->req->body : "", call->req->body_len, &text, &err) ||
        seed_put(call->pg, &spec, &answer, &err) || seed_get(call->pg, spec.name, &rows, &err))
        return call_fail(call, &err);
    return reply_json(answer == SEED_CREATED ? 201 : 200, row_json(rows, 0));
}

struct reply seeds_delete(struct call *call)
{
    struct err err;

    if (seed_delete(call->pg, call->req->params[0], &err))
        return call_fail(call, &err);
    return reply_empty(204);
}
