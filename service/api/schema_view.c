/* SPDX-License-Identifier: MIT */
#include "service/api/schema_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "core/schema/export.h"
#include "core/schema/introspect.h"
#include "core/schema/schema_json.h"
#include "core/tenant/tenant_store.h"
#include "service/api/fields.h"
#include "service/api/render.h"
#include "service/version.h"

static json_t *entry_json(const struct plan_entry *entry)
{
    const struct applied_row *row = entry->row;
    const char *sha256 = entry->migration ? entry->migration->sha256 : row ? row->hash : NULL;

    return json_pack("{s:o, s:s, s:o, s:o}", "version", json_text(entry->version), "state",
                     migration_state_name(entry->state), "applied_at",
                     row && row->at_ms ? json_time(row->at_ms) : json_null(), "sha256",
                     json_text(sha256));
}

static json_t *view_json(const struct schema_view *view, const struct plan *plan,
                         tracking_format format)
{
    json_t *out = plan_json(plan, format), *list = json_array();

    for (size_t i = 0; i < plan->count; i++)
        (void)json_array_append_new(list, entry_json(&plan->entries[i]));
    (void)json_object_set_new(out, "tenant_id", json_text(view->tenant_id));
    (void)json_object_set_new(out, "schema", json_text(view->schema));
    (void)json_object_set_new(out, "catalog", json_string(view->catalog));
    (void)json_object_set_new(out, "migrations", list);
    (void)json_object_set_new(out, "checked_at", json_time(clock_unix_ms()));
    return out;
}

static err_code note_seen(const struct schema_view *view, const struct applied_set *set,
                          struct err *err)
{
    struct call *call = view->call;
    int64_t id = 0;
    err_code rc = view->tenant_id
                      ? engine_intern_set(call->app->engine, call->pg, set, &id, err)
                      : ERR_NONE;
    return rc || !view->tenant_id ? rc : tenant_seen(call->pg, view->tenant_id, id, err);
}

static err_code read_view(const struct schema_view *view, struct pg *pg,
                          const struct catalog *catalog, json_t **out, struct err *err)
{
    CLEANUP(applied_set_freep) struct applied_set *set = NULL;
    struct plan plan;
    err_code rc = tracking_read(pg, view->schema, view->table, view->fallback, &set, err);

    if (!rc)
        rc = note_seen(view, set, err);
    if (!rc)
        rc = plan_make(catalog, set, NULL, &plan, err);
    if (rc)
        return rc;
    *out = view_json(view, &plan, set->format);
    plan_clear(&plan);
    return ERR_NONE;
}

struct reply schema_view_migrations(const struct schema_view *view, struct pg *pg)
{
    struct catalog_cache *catalogs = engine_catalogs(view->call->app->engine);
    const struct catalog *catalog = NULL;
    json_t *body = NULL;
    struct err err;
    err_code rc =
        catalog_acquire(catalogs, view->call->pg, view->catalog, 0, &catalog, &err);

    if (!rc)
        rc = read_view(view, pg, catalog, &body, &err);
    catalog_release(catalogs, catalog);
    return rc ? call_fail(view->call, &err) : reply_json(200, body);
}

enum { TABLES_MAX = 200, TAG_SIZE = 80 };

/* What the query asks for; words are borrowed, the split list of tables is owned. */
struct wanted {
    struct export_options options;
    char *list;
    const char *tables[TABLES_MAX];
};

static void wanted_clear(struct wanted *w)
{
    free(w->list);
}

static err_code split_tables(const char *text, struct wanted *w, struct err *err)
{
    char *rest = NULL;

    w->list = strdup(text);
    if (!w->list)
        return err_set(err, ERR_INTERNAL, "out of memory");
    for (char *t = strtok_r(w->list, ",", &rest); t;
         t = strtok_r(NULL, ",", &rest)) {
        if (w->options.n_tables == TABLES_MAX) {
            (void)err_set(err, ERR_INVALID_PARAMETER, "tables names more than %d", TABLES_MAX);
            return err_in(err, "tables");
        }
        w->tables[w->options.n_tables++] = t;
    }
    if (!w->options.n_tables) {
        (void)err_set(err, ERR_INVALID_PARAMETER, "tables names no table");
        return err_in(err, "tables");
    }
    w->options.tables = w->tables;
    return ERR_NONE;
}

static err_code read_wanted(const struct call *call, struct wanted *w, struct err *err)
{
    const char *tables = request_query(call->req, "tables");
    struct export_options *o = &w->options;
    const struct {
        const char *name;
        bool *out;
    } flags[] = {{"zod", &o->zod}, {"indexes", &o->indexes}, {"lenient", &o->lenient}};
    err_code rc = ERR_NONE;

    o->format = request_query(call->req, "format");
    o->theme = request_query(call->req, "theme");
    o->casing = request_query(call->req, "casing");
    if (!o->format) {
        (void)err_set(err, ERR_INVALID_PARAMETER, "format is required");
        return err_in(err, "format");
    }
    for (size_t i = 0; i < ARRAY_LEN(flags) && !rc; i++)
        rc = query_bool(call, flags[i].name, false, flags[i].out, err);
    if (!rc && tables)
        rc = split_tables(tables, w, err);
    return rc;
}

/* The same schema exported in the same way by the same program has the same tag (RFC 9110, 8.8.3).
 */
static void tag_of(const struct export_options *o, const char *fingerprint, char out[TAG_SIZE])
{
    CLEANUP(str_clear) struct str text = STR_INIT;
    char digest[SHA256_HEX_SIZE];

    str_addf(&text, "%s\n%s\n%s\n%s\n%s\n%d%d%d", TENANTD_VERSION, fingerprint, o->format,
             o->theme ? o->theme : "", o->casing ? o->casing : "", o->zod, o->indexes, o->lenient);
    for (size_t i = 0; i < o->n_tables; i++)
        str_addf(&text, "\n%s", o->tables[i]);
    sha256_hex(str_text(&text), text.len, digest);
    (void)snprintf(out, TAG_SIZE, "%.32s-%.16s", fingerprint, digest);
}

/* Whether the client names this very tag: then it had it from us, and nothing needs to be made
 * again to see that its question makes sense. */
static bool client_has(const struct call *call, const char *tag)
{
    return !str_eq(request_header(call->req, "If-None-Match"), "*") &&
           call_has_tag(call, "If-None-Match", tag);
}

static struct reply export(const struct call *call, const struct schema *schema,
                           const struct export_options *options, const char *tag)
{
    struct export_result result;
    struct err err;
    char header[160];

    if (client_has(call, tag))
        return reply_tagged(call, tag, NULL);
    if (schema_export(schema, options, &result, &err))
        return call_fail(call, &err);
    if (call_has_tag(call, "If-None-Match", tag)) {
        export_result_clear(&result);
        return reply_tagged(call, tag, NULL);
    }
    struct reply reply = reply_text(200, result.content_type, result.body);
    (void)snprintf(header, sizeof header, "attachment; filename=\"%s\"", result.filename);
    reply_header(&reply, "Content-Disposition", header);
    (void)snprintf(header, sizeof header, "\"%s\"", tag);
    reply_header(&reply, "ETag", header);
    return reply;
}

static err_code read_model(const struct schema_view *view, struct pg *pg, struct schema **out,
                           char fingerprint[SHA256_HEX_SIZE], struct err *err)
{
    struct schema_options options = {.tracking_table = view->table};
    err_code rc = schema_read(pg, view->schema, &options, out, err);

    return rc ? rc : schema_fingerprint(*out, fingerprint, err);
}

struct reply schema_view_export(const struct schema_view *view, struct pg *pg)
{
    CLEANUP(wanted_clear) struct wanted wanted = {.list = NULL};
    CLEANUP(schema_freep) struct schema *schema = NULL;
    char fingerprint[SHA256_HEX_SIZE], tag[TAG_SIZE];
    struct err err = {.code = ERR_NONE};

    if (read_wanted(view->call, &wanted, &err) || read_model(view, pg, &schema, fingerprint, &err))
        return call_fail(view->call, &err);
    tag_of(&wanted.options, fingerprint, tag);
    return export(view->call, schema, &wanted.options, tag);
}

struct reply schema_view_model(const struct schema_view *view, struct pg *pg)
{
    CLEANUP(schema_freep) struct schema *schema = NULL;
    char fingerprint[SHA256_HEX_SIZE];
    struct err err = {.code = ERR_NONE};

    if (read_model(view, pg, &schema, fingerprint, &err))
        return call_fail(view->call, &err);
    bool same = call_has_tag(view->call, "If-None-Match", fingerprint);
    return reply_tagged(view->call, fingerprint, same ? NULL : schema_json(schema, true));
}
