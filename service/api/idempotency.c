/* SPDX-License-Identifier: MIT */
/*
 * Idempotency-Key (IETF httpapi draft, as Stripe has it): the key's row, what the request does and
 * the answer commit together or not at all, so a failed request leaves nothing behind and may be
 * sent again with the same key. Only successes are remembered.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "service/api/dispatch.h"
#include "service/api/render.h"

struct idempotent {
    struct call *call;
    char key[256], fingerprint[SHA256_HEX_SIZE];
    struct reply reply; /* valid once the transaction's work ran */
};

/* Accepts "key" (a structured-field string) and the bare form. */
static err_code read_key(const char *value, char out[256], struct err *err)
{
    size_t n = strlen(value);
    bool quoted = n >= 2 && value[0] == '"' && value[n - 1] == '"';
    const char *key = quoted ? value + 1 : value;

    n -= quoted ? 2 : 0;
    bool ok = n >= 1 && n <= 255;
    for (size_t i = 0; i < n && ok; i++)
        ok = key[i] > ' ' && key[i] < 0x7f && key[i] != '"';
    if (!ok) {
        (void)err_set(err, ERR_INVALID_PARAMETER,
                      "Idempotency-Key must be 1 to 255 visible ASCII characters");
        return err_in(err, "Idempotency-Key");
    }
    (void)snprintf(out, 256, "%.*s", (int)n, key);
    return ERR_NONE;
}

/* What makes two requests the same: route, path, query and body, but no headers. */
static bool take_fingerprint(struct idempotent *idem)
{
    const struct call *call = idem->call;
    CLEANUP(freep) char *body = call->body ? json_canonical(call->body) : NULL;
    CLEANUP(str_clear) struct str text = STR_INIT;

    str_addf(&text, "%s %s\n", call->route->op, call->req->path);
    for (size_t i = 0; i < call->req->query_count; i++)
        str_addf(&text, "%s=%s\n", call->req->query[i].name, call->req->query[i].value);
    if (body)
        str_add(&text, body);
    else
        str_add_n(&text, call->req->body ? call->req->body : "", call->req->body_len);
    if (str_ok(&text))
        sha256_hex(text.data, text.len, idem->fingerprint);
    return str_ok(&text);
}

static err_code claim_key(struct pg *pg, const struct idempotent *idem, bool *fresh,
                          struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "idempotency_claim",
        .sql = "INSERT INTO tenantd.idempotency (principal, key, fingerprint) VALUES ($1, $2, $3)"
               " ON CONFLICT (principal, key) DO NOTHING RETURNING 1",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_command(pg, "SET LOCAL lock_timeout = '2s'", err);

    if (!rc)
        rc = pg_query(pg, &stmt,
                      PG_ARGS(PG_ARG((const char *)idem->call->who.id),
                              PG_ARG((const char *)idem->key),
                              PG_ARG((const char *)idem->fingerprint)),
                      &rows, err);
    if (rc == ERR_LOCK_UNAVAILABLE)
        return err_set(err, ERR_IDEMPOTENCY_IN_PROGRESS,
                       "a request with this Idempotency-Key has not ended yet");
    if (!rc)
        *fresh = pg_rows_count(rows) == 1;
    return rc ? rc : pg_command(pg, "SET LOCAL lock_timeout = 0", err);
}

static err_code remember(struct pg *pg, const struct idempotent *idem, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "idempotency_remember",
        .sql = "UPDATE tenantd.idempotency SET status = $3, body = $4, location = nullif($5, '')"
               " WHERE principal = $1 AND key = $2",
    };
    const struct call *call = idem->call;
    return pg_exec(pg, &stmt,
                   PG_ARGS(PG_ARG((const char *)call->who.id), PG_ARG((const char *)idem->key),
                           PG_ARG(idem->reply.status),
                           PG_ARG(call->route->secret ? NULL : idem->reply.body),
                           PG_ARG((const char *)call->job_id)),
                   NULL, err);
}

/* What a resource is tagged with stands in it, too. */
static void tag_reply(struct reply *reply)
{
    json_auto_t *value = reply->body ? json_loads(reply->body, 0, NULL) : NULL;
    const char *etag = json_string_value(json_object_get(value, "etag"));
    char quoted[64];

    if (!etag)
        return;
    (void)snprintf(quoted, sizeof quoted, "\"%s\"", etag);
    reply_header(reply, "ETag", quoted);
}

static err_code replay(struct pg *pg, struct idempotent *idem, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "idempotency_find",
        .sql = "SELECT fingerprint, status, body, location FROM tenantd.idempotency"
               " WHERE principal = $1 AND key = $2",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt,
                           PG_ARGS(PG_ARG((const char *)idem->call->who.id),
                                   PG_ARG((const char *)idem->key)),
                           &rows, err);
    if (rc)
        return rc;
    if (!pg_rows_count(rows) || pg_is_null(rows, 0, "status"))
        return err_set(err, ERR_IDEMPOTENCY_IN_PROGRESS,
                       "a request with this Idempotency-Key has not ended yet");
    if (!str_eq(pg_text(rows, 0, "fingerprint"), idem->fingerprint))
        return err_set(err, ERR_IDEMPOTENCY_KEY_REUSED,
                       "this Idempotency-Key was used with another request");
    if (idem->call->route->secret)
        return err_set(err, ERR_CONFLICT,
                       "this request was carried out; its answer held a secret and is not kept");
    if (pg_text(rows, 0, "location")) {
        idem->reply = reply_job(idem->call, pg_text(rows, 0, "location"));
    } else {
        const char *body = pg_text(rows, 0, "body");
        idem->reply = body ? reply_text(pg_int(rows, 0, "status"), "application/json", strdup(body))
                           : reply_empty(pg_int(rows, 0, "status"));
        tag_reply(&idem->reply);
    }
    reply_header(&idem->reply, "Idempotent-Replayed", "true");
    return ERR_NONE;
}

static err_code work(struct pg *pg, void *arg, struct err *err)
{
    struct idempotent *idem = arg;
    bool fresh = false;

    reply_clear(&idem->reply);
    err_code rc = claim_key(pg, idem, &fresh, err);
    if (rc || !fresh)
        return rc ? rc : replay(pg, idem, err);
    idem->reply = idem->call->route->fn(idem->call);
    if (idem->reply.status / 100 != 2) /* the code only makes the transaction roll back */
        return err_set(err, idem->reply.code ? idem->reply.code : ERR_INTERNAL, "refused");
    return remember(pg, idem, err);
}

struct reply run_idempotently(struct call *call)
{
    const char *value = request_header(call->req, "Idempotency-Key");
    struct idempotent idem = {.call = call};
    struct err err = {.code = ERR_NONE};

    bool pure = call->route->pure && call->route->pure(call);
    if (call->route->pattern.method != HTTP_POST || !value || pure)
        return call->route->fn(call);
    if (read_key(value, idem.key, &err))
        return call_fail(call, &err);
    if (!take_fingerprint(&idem)) {
        (void)err_set(&err, ERR_INTERNAL, "out of memory");
        return call_fail(call, &err);
    }
    if (!pg_tx(call->pg, work, &idem, &err) || idem.reply.status / 100 > 2)
        return idem.reply;
    reply_clear(&idem.reply);
    call->job_id[0] = '\0';
    return call_fail(call, &err);
}
