/* SPDX-License-Identifier: MIT */
/* What scans for drift have found: by group, by tenant, and what was accepted of it. */
#include <stdlib.h>

#include "core/base/str.h"
#include "core/tenant/tenant_store.h"
#include "service/api/drift_view.h"
#include "service/api/fields.h"
#include "service/api/handlers.h"
#include "service/api/page.h"
#include "service/api/tenants.h"

enum { REASON_MAX = 1000 };

static const char *const states[] = {"ok", "drifted", "accepted", "unknown", "error", NULL};

static err_code query_fingerprint(const struct call *call, const char *name, const char **out,
                                  struct err *err)
{
    *out = request_query(call->req, name);
    if (!*out || drift_is_fingerprint(*out))
        return ERR_NONE;
    (void)err_set(err, ERR_INVALID_PARAMETER, "%s must be 64 hexadecimal digits", name);
    return err_in(err, name);
}

static err_code read_filter(const struct call *call, struct drift_filter *filter, struct page *page,
                            struct err *err)
{
    err_code rc = page_read(call, page, err);

    if (!rc)
        rc = query_word(call, "state", states, NULL, &filter->state, err);
    if (!rc)
        rc = query_fingerprint(call, "fingerprint", &filter->fingerprint, err);
    if (!rc)
        rc = query_fingerprint(call, "reference", &filter->reference, err);
    if (!rc)
        rc = query_bool(call, "warnings", false, &filter->warned, err);
    filter->after = page->first ? NULL : page->after;
    filter->limit = page->size + 1;
    return rc;
}

/* A page of rows as out.member; key names the column that the next page continues after. */
static struct reply reply_rows(struct call *call, json_t *out, const char *member,
                               const struct pg_rows *rows, int size, const char *key,
                               json_t *(*row_json)(const struct pg_rows *rows, size_t row))
{
    size_t n = pg_rows_count(rows), shown = n > (size_t)size ? (size_t)size : n;
    json_t *list = json_array();
    struct err err;

    for (size_t i = 0; i < shown; i++)
        (void)json_array_append_new(list, row_json(rows, i));
    (void)json_object_set_new(out, member, list);
    if (n > shown && page_next(call, pg_text(rows, shown - 1, key), out, &err)) {
        json_decref(out);
        return call_fail(call, &err);
    }
    return reply_json(200, out);
}

/* {"tenants", "ok", …}: how many there are of each; "unscanned" were never looked at. */
static json_t *counts_json(const struct pg_rows *rows)
{
    json_t *out = json_pack("{s:i, s:i, s:i}", "tenants", 0, "unscanned", 0, "warned", 0);
    json_int_t all = 0, warned = 0;

    for (size_t i = 0; states[i]; i++)
        (void)json_object_set_new(out, states[i], json_integer(0));
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        const char *state = pg_text(rows, i, "state");
        all += pg_bigint(rows, i, "tenants");
        warned += pg_bigint(rows, i, "warned");
        (void)json_object_set_new(out, state ? state : "unscanned",
                                  json_integer(pg_bigint(rows, i, "tenants")));
    }
    (void)json_object_set_new(out, "tenants", json_integer(all));
    (void)json_object_set_new(out, "warned", json_integer(warned));
    return out;
}

struct reply drift_get(struct call *call)
{
    CLEANUP(pg_rows_freep) struct pg_rows *counts = NULL;
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct drift_filter filter = {.state = NULL};
    struct page page;
    struct err err;

    if (read_filter(call, &filter, &page, &err) || drift_counts(call->pg, &counts, &err) ||
        drift_groups(call->pg, &filter, &rows, &err))
        return call_fail(call, &err);
    return reply_rows(call, counts_json(counts), "groups", rows, page.size, "key",
                      drift_group_json);
}

struct reply drift_tenants_list(struct call *call)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct drift_filter filter = {.state = NULL};
    struct page page;
    struct err err;

    if (read_filter(call, &filter, &page, &err) || drift_tenants(call->pg, &filter, &rows, &err))
        return call_fail(call, &err);
    return reply_rows(call, json_object(), "tenants", rows, page.size, "tenant_id",
                      drift_tenant_json);
}

struct reply drift_acceptances_list(struct call *call)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct page page;
    struct err err;

    if (page_read(call, &page, &err) ||
        drift_acceptances(call->pg, request_query(call->req, "tenant_id"),
                          strtoll(page.after, NULL, 10), page.size + 1, &rows, &err))
        return call_fail(call, &err);
    return reply_rows(call, json_object(), "acceptances", rows, page.size, "id",
                      drift_acceptance_json);
}

struct reply drift_acceptances_delete(struct call *call)
{
    struct err err;

    if (drift_unaccept(call->pg, call->req->params[0], &err))
        return call_fail(call, &err);
    return reply_empty(204);
}

static void check_fingerprint(const char *text, const char *pointer, struct problems *problems)
{
    if (text && !drift_is_fingerprint(text))
        problems_add(problems, pointer, "UNKNOWN_VALUE", "must be 64 hexadecimal digits");
}

/* Somebody must look like that: what is accepted was seen. */
static err_code check_seen(struct call *call, const struct drift_acceptance *a, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct drift_filter filter = {
        .fingerprint = a->fingerprint, .reference = a->reference, .limit = 1};
    err_code rc = drift_tenants(call->pg, &filter, &rows, err);

    if (rc || pg_rows_count(rows))
        return rc;
    return err_set(err, ERR_DRIFT_NOT_FOUND, "no tenant was seen to look like that");
}

struct reply drift_accept_group(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    struct drift_acceptance a = {.by = call->who.id};
    struct err err;
    const struct field fields[] = {
        {.name = "fingerprint",
         .kind = FIELD_TEXT,
         .required = true,
         .out = &a.fingerprint,
         .max = SHA256_HEX_SIZE},
        {.name = "reference",
         .kind = FIELD_TEXT,
         .required = true,
         .out = &a.reference,
         .max = SHA256_HEX_SIZE},
        {.name = "reason",
         .kind = FIELD_TEXT,
         .required = true,
         .min = 1,
         .max = REASON_MAX,
         .out = &a.reason},
    };

    fields_read(call->body, "", fields, ARRAY_LEN(fields), &problems);
    check_fingerprint(a.fingerprint, "/fingerprint", &problems);
    check_fingerprint(a.reference, "/reference", &problems);
    if (problems.list)
        return problems_reply(call, &problems);
    if (check_seen(call, &a, &err))
        return call_fail(call, &err);
    return drift_reply_accepted(call, &a);
}

/* The last scan must have seen it drifted, and the same as the caller has seen. */
static err_code check_drifted(const char *id, const struct pg_rows *rows,
                              const struct drift_acceptance *a, struct err *err)
{
    const char *state = pg_rows_count(rows) ? pg_text(rows, 0, "state") : "not looked at yet";

    if (!str_eq(state, "drifted") && !str_eq(state, "accepted"))
        return err_set(err, ERR_INVALID_STATE, "tenant %s has not drifted: it is %s", id, state);
    if ((a->fingerprint && !str_eq(a->fingerprint, pg_text(rows, 0, "fingerprint"))) ||
        (a->reference && !str_eq(a->reference, pg_text(rows, 0, "reference"))))
        return err_set(err, ERR_CONFLICT, "the last scan saw tenant %s look otherwise", id);
    return ERR_NONE;
}

struct reply tenants_drift_accept(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    CLEANUP(tenant_clear) struct tenant t = {.id = NULL};
    struct drift_acceptance a = {.by = call->who.id};
    struct err err;
    const struct field fields[] = {
        {.name = "fingerprint", .kind = FIELD_TEXT, .out = &a.fingerprint, .max = SHA256_HEX_SIZE},
        {.name = "reference", .kind = FIELD_TEXT, .out = &a.reference, .max = SHA256_HEX_SIZE},
        {.name = "reason",
         .kind = FIELD_TEXT,
         .required = true,
         .min = 1,
         .max = REASON_MAX,
         .out = &a.reason},
    };

    if (tenant_find(call->pg, call->req->params[0], false, &t, &err))
        return call_fail(call, &err);
    fields_read(call->body, "", fields, ARRAY_LEN(fields), &problems);
    check_fingerprint(a.fingerprint, "/fingerprint", &problems);
    check_fingerprint(a.reference, "/reference", &problems);
    if (problems.list)
        return problems_reply(call, &problems);
    if (drift_of_tenant(call->pg, t.id, &rows, &err) || check_drifted(t.id, rows, &a, &err))
        return call_fail(call, &err);
    a.tenant_id = t.id;
    a.fingerprint = pg_text(rows, 0, "fingerprint");
    a.reference = pg_text(rows, 0, "reference");
    return drift_reply_accepted(call, &a);
}
