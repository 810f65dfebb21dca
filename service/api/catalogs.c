/* SPDX-License-Identifier: MIT */
/* Registering migrations: one file, or a bundle. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/migrate/down.h"
#include "core/migrate/source.h"
#include "service/api/fields.h"
#include "service/api/handlers.h"
#include "service/api/lint_run.h"
#include "service/api/page.h"

static json_t *info_json(const struct catalog_info *info)
{
    return json_pack("{s:s, s:I, s:I, s:o}", "name", info->name, "revision",
                     (json_int_t)info->revision, "migrations", (json_int_t)info->migrations,
                     "head", info->head[0] ? json_string(info->head) : json_null());
}

struct reply catalogs_list(struct call *call)
{
    static const char *const names[] = {"tenant", "shared"};
    json_t *list = json_array();
    struct catalog_info info;
    struct err err;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (catalog_info(call->pg, names[i], &info, &err)) {
            json_decref(list);
            return call_fail(call, &err);
        }
        (void)json_array_append_new(list, info_json(&info));
    }
    return reply_json(200, json_pack("{s:o}", "catalogs", list));
}

struct reply catalogs_get(struct call *call)
{
    struct catalog_info info;
    struct err err;

    if (catalog_info(call->pg, call->req->params[0], &info, &err))
        return call_fail(call, &err);
    return reply_json(200, info_json(&info));
}

/* What is known of a migration's way back; null when there is none. */
static json_t *down_json(const struct pg_rows *rows, size_t row)
{
    if (pg_is_null(rows, row, "down_sha256"))
        return json_null();
    return json_pack("{s:s, s:i, s:b, s:o, s:o}", "sha256", pg_text(rows, row, "down_sha256"),
                     "statements", pg_int(rows, row, "down_statements"), "in_file",
                     (int)pg_bool(rows, row, "down_in_file"), "registered_by",
                     json_text(pg_text(rows, row, "down_by")), "registered_at",
                     json_text(pg_text(rows, row, "down_at")));
}

static json_t *row_json(const struct pg_rows *rows, size_t row)
{
    int64_t when = pg_bigint(rows, row, "when_ms");
    return json_pack("{s:s, s:s, s:I, s:s, s:I, s:i, s:o, s:b, s:o, s:s, s:o}", "catalog",
                     pg_text(rows, row, "catalog"), "version", pg_text(rows, row, "version"),
                     "number", (json_int_t)pg_bigint(rows, row, "number"), "sha256",
                     pg_text(rows, row, "sha256"), "size_bytes",
                     (json_int_t)pg_bigint(rows, row, "size_bytes"), "statements",
                     pg_int(rows, row, "statement_count"), "when_ms",
                     when ? json_integer(when) : json_null(), "no_transaction",
                     pg_bool(rows, row, "no_transaction"), "registered_by",
                     json_text(pg_text(rows, row, "registered_by")), "registered_at",
                     pg_text(rows, row, "registered_at"), "down", down_json(rows, row));
}

struct reply migrations_list(struct call *call)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct page page;
    struct err err;

    if (page_read(call, &page, &err) || catalog_list(call->pg, call->req->params[0], page.after,
                                                     page.size + 1, &rows, &err))
        return call_fail(call, &err);
    size_t n = pg_rows_count(rows), shown = n > (size_t)page.size ? (size_t)page.size : n;
    json_t *list = json_array();
    for (size_t i = 0; i < shown; i++)
        (void)json_array_append_new(list, row_json(rows, i));
    json_t *out = json_pack("{s:o}", "migrations", list);
    if (n > shown && page_next(call, pg_text(rows, shown - 1, "version"), out, &err)) {
        json_decref(out);
        return call_fail(call, &err);
    }
    return reply_json(200, out);
}

/* The exact bytes, or 304. */
static struct reply reply_sql(const struct call *call, const char *sha256, const char *sql)
{
    char tag[SHA256_HEX_SIZE + 2];
    struct reply reply = call_has_tag(call, "If-None-Match", sha256)
                             ? reply_empty(304)
                             : reply_text(200, "application/sql", strdup(sql));
    (void)snprintf(tag, sizeof tag, "\"%s\"", sha256);
    reply_header(&reply, "ETag", tag);
    return reply;
}

struct reply migrations_get(struct call *call)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    const char *accept = request_header(call->req, "Accept");
    struct err err;

    if (catalog_get(call->pg, call->req->params[0], call->req->params[1], &rows, &err))
        return call_fail(call, &err);
    const char *sha256 = pg_text(rows, 0, "sha256"), *sql = pg_text(rows, 0, "sql");
    if (accept && strstr(accept, "application/sql"))
        return reply_sql(call, sha256, sql);
    json_t *out = row_json(rows, 0);
    (void)json_object_set_new(out, "sql", json_text(sql));
    return reply_tagged(call, sha256, out);
}

/* RFC 9530: Repr-Digest: sha-256=:base64:; other algorithms are left alone. */
static err_code check_digest(const struct call *call, struct err *err)
{
    const char *value = request_header(call->req, "Repr-Digest");
    const char *given = value ? strstr(value, "sha-256=:") : NULL;
    unsigned char digest[SHA256_SIZE], text[64];

    if (!given)
        return ERR_NONE;
    sha256(call->req->body, call->req->body_len, digest);
    int n = EVP_EncodeBlock(text, digest, SHA256_SIZE);
    given += strlen("sha-256=:");
    if (strncmp(given, (char *)text, (size_t)n) == 0 && given[n] == ':')
        return ERR_NONE;
    return err_set(err, ERR_DIGEST_MISMATCH, "the body's sha-256 is :%s:", (char *)text);
}

/* Past lint.gate; *lint as lint_gate() has it. */
static err_code register_items(struct call *call, const struct migration *items, size_t count,
                               struct register_result *result, json_t **lint, struct err *err)
{
    struct register_options options = {.by = call->who.id};
    err_code rc =
        query_bool(call, "allow_out_of_order", false, &options.allow_out_of_order, err);

    if (!rc)
        rc = lint_gate(call, call->req->params[0], items, count, lint, err);
    return rc ? rc
              : catalog_register(call->pg, call->req->params[0], items, count, &options, result,
                                 err);
}

/* Of what was not registered. */
static struct reply fail_registered(const struct call *call, const struct err *err,
                                    const json_t *lint)
{
    return err->code == ERR_LINT_FAILED ? lint_refusal(call, err, lint) : call_fail(call, err);
}

static struct reply reply_registered(const struct register_result *result, json_t *shown,
                                     json_t *lint)
{
    if (lint)
        (void)json_object_set(shown, "lint", lint);
    return reply_json(result->added_count ? 201 : 200, shown);
}

struct reply migrations_put(struct call *call)
{
    CLEANUP(migration_clear) struct migration m = {.version = NULL};
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct register_result result = {.added = NULL};
    json_auto_t *lint = NULL;
    const char *catalog = call->req->params[0], *version = call->req->params[1];
    struct catalog_info info;
    struct err err;

    if (catalog_info(call->pg, catalog, &info, &err) || check_digest(call, &err) ||
        migration_make_by(engine_settings(call->app->engine)->policy, version,
                          call->req->body ? call->req->body : "", call->req->body_len, 0, &m,
                          &err) ||
        register_items(call, &m, 1, &result, &lint, &err))
        return fail_registered(call, &err, lint);
    free(result.added);
    if (catalog_get(call->pg, catalog, version, &rows, &err))
        return call_fail(call, &err);
    return reply_registered(&result, row_json(rows, 0), lint);
}

struct reply migrations_delete(struct call *call)
{
    struct err err;
    if (catalog_unregister(call->pg, call->req->params[0], call->req->params[1], &err))
        return call_fail(call, &err);
    return reply_empty(204);
}

/* The way back as the API shows it: its bytes are those of the section, without what is before. */
static const char *down_sql(const struct pg_rows *rows)
{
    const char *sql = pg_text(rows, 0, "sql");
    struct down_section section = {.from = 0};

    if (!pg_bool(rows, 0, "down_in_file"))
        return pg_text(rows, 0, "down_sql");
    return down_section_find(sql, strlen(sql), &section, NULL) ? "" : sql + section.from;
}

static err_code find_down(struct call *call, struct pg_rows **rows, struct err *err)
{
    const char *catalog = call->req->params[0], *version = call->req->params[1];
    err_code rc = catalog_get(call->pg, catalog, version, rows, err);

    if (rc || !pg_is_null(*rows, 0, "down_sha256"))
        return rc;
    return err_set(err, ERR_MIGRATION_NOT_FOUND, "migration %s has no way back", version);
}

struct reply downs_get(struct call *call)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    const char *accept = request_header(call->req, "Accept");
    struct err err;

    if (find_down(call, &rows, &err))
        return call_fail(call, &err);
    const char *sha256 = pg_text(rows, 0, "down_sha256"), *sql = down_sql(rows);
    if (accept && strstr(accept, "application/sql"))
        return reply_sql(call, sha256, sql);
    json_t *out = down_json(rows, 0);
    (void)json_object_set_new(out, "sql", json_text(sql));
    return reply_tagged(call, sha256, out);
}

struct reply downs_put(struct call *call)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    const char *body = call->req->body ? call->req->body : "";
    bool changed = false;
    struct err err;

    if (check_digest(call, &err) ||
        catalog_put_down(call->pg, call->req->params[0], call->req->params[1], body,
                         call->req->body_len, call->who.id, &changed, &err) ||
        find_down(call, &rows, &err))
        return call_fail(call, &err);
    return reply_json(changed ? 201 : 200, down_json(rows, 0));
}

struct reply downs_delete(struct call *call)
{
    struct err err;
    if (catalog_delete_down(call->pg, call->req->params[0], call->req->params[1], &err))
        return call_fail(call, &err);
    return reply_empty(204);
}

static err_code read_bundle(const struct call *call, struct migration **items, size_t *count,
                            struct err *err)
{
    CLEANUP(source_clear) struct source source = {.files = NULL};
    size_t most = (size_t)call->app->config->http.max_bundle_bytes * 2;
    err_code rc = call->body
                      ? source_read_json(call->body, &source, err)
                      : source_read_tar(call->req->body, call->req->body_len, most, &source, err);
    source.policy = engine_settings(call->app->engine)->policy;
    return rc ? rc : source_migrations(&source, items, count, err);
}

struct reply bundles_create(struct call *call)
{
    struct migration *items = NULL;
    size_t count = 0;
    struct register_result result = {.added = NULL};
    json_auto_t *lint = NULL;
    struct catalog_info info;
    struct err err;

    if (catalog_info(call->pg, call->req->params[0], &info, &err) ||
        read_bundle(call, &items, &count, &err))
        return call_fail(call, &err);
    if (register_items(call, items, count, &result, &lint, &err)) {
        migrations_free(items, count);
        return fail_registered(call, &err, lint);
    }
    json_t *added = json_array();
    for (size_t i = 0; i < count; i++)
        if (result.added[i])
            (void)json_array_append_new(added, json_text(items[i].version));
    migrations_free(items, count);
    free(result.added);
    return reply_registered(&result,
                            json_pack("{s:s, s:o, s:I, s:I, s:I}", "catalog", info.name, "added",
                                      added, "unchanged", (json_int_t)result.unchanged, "downs",
                                      (json_int_t)result.downs, "revision",
                                      (json_int_t)result.revision),
                            lint);
}
