/* SPDX-License-Identifier: MIT */
#include "core/job/expected.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/job/expected_cache.h"
#include "core/job/scratch.h"
#include "core/migrate/repair.h"
#include "core/schema/diff.h"
#include "core/schema/introspect.h"
#include "core/schema/schema_json.h"

enum {
    DIFFERENCES_MAX = 50, /* shown */
};

void expecting_clear(struct expecting *e)
{
    json_decref(e->differences);
    e->differences = NULL;
}

/* Servers differ in version and extensions, so each has its own. */
static void key_of(const char *server, const struct catalog *catalog, const bool *applied,
                   char out[SHA256_HEX_SIZE])
{
    CLEANUP(str_clear) struct str text = STR_INIT;

    str_add(&text, server);
    for (size_t i = 0; i < catalog->count; i++)
        if (applied[i])
            str_addf(&text, "\n%s", catalog->items[i].sha256);
    sha256_hex(str_text(&text), text.len, out);
}

/* What hangs on a table, or is a sequence of one of its columns. */
static bool is_on(const json_t *object, const char *table)
{
    const char *on = json_string_value(json_object_get(object, "on"));
    size_t n = strlen(table);

    return on && strncmp(on, table, n) == 0 && (!on[n] || on[n] == '.');
}

static void leave_out(json_t *json, const char *table)
{
    json_t *objects = json_object_get(json, "objects");

    for (size_t i = json_array_size(objects); i-- > 0;)
        if (is_on(json_array_get(objects, i), table))
            (void)json_array_remove(objects, i);
}

bool expected_leave_out_trackers(json_t *model)
{
    json_t *tables = json_object_get(model, "tables");
    bool any = false;

    for (size_t i = json_array_size(tables); i-- > 0;) {
        const char *name = json_string_value(json_object_get(json_array_get(tables, i), "name"));
        if (!name || !foreign_is_tracker(name))
            continue;
        leave_out(model, name);
        (void)json_array_remove(tables, i);
        any = true;
    }
    return any;
}

json_t *expected_model_json(const struct schema *model)
{
    json_t *json = schema_json(model, false);

    (void)expected_leave_out_trackers(json);
    return json;
}

/* The same as canonical text, of a schema. free() *out. */
static err_code read_model(struct pg *pg, const char *schema, const char *tracking_table,
                           char **out, struct err *err)
{
    CLEANUP(schema_freep) struct schema *model = NULL;
    struct schema_options options = {.tracking_table = tracking_table};
    err_code rc = schema_read(pg, schema, &options, &model, err);

    if (rc)
        return rc;
    json_auto_t *json = expected_model_json(model);
    *out = json ? json_canonical(json) : NULL;
    return *out ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}

struct replaying {
    const struct expected_ask *ask;
    char *text; /* the model as canonical JSON; the caller's */
};

static err_code replay_and_read(struct pg *pg, void *arg, struct err *err)
{
    struct replaying *r = arg;
    const struct engine_settings *s = engine_settings(r->ask->engine);
    char scratch[SCRATCH_NAME_SIZE];
    err_code rc = scratch_make(pg, s->shared_schema, scratch, err);

    if (!rc)
        rc = scratch_replay(pg, r->ask->catalog, r->ask->applied, err);
    return rc ? rc : read_model(pg, scratch, s->tracking_table, &r->text, err);
}

static err_code compare(struct expecting *e, const char *expected, const char *found,
                        struct err *err)
{
    json_auto_t *want = json_loads(expected, 0, NULL), *is = json_loads(found, 0, NULL);

    expecting_clear(e);
    e->differences = json_array();
    size_t n = schema_diff(want, is, DIFFERENCES_MAX, e->differences);
    if (!n)
        return ERR_NONE;
    const json_t *first = json_array_get(e->differences, 0);
    return err_set(
        err, ERR_FINGERPRINT_MISMATCH,
        "schema \"%s\" differs from what the migrations make, in %zu places, the first is"
        " %.200s%s",
        e->schema, n, json_string_value(json_object_get(first, "path")),
        json_is_null(json_object_get(first, "found"))      ? ", which is missing"
        : json_is_null(json_object_get(first, "expected")) ? ", which is too much"
                                                           : "");
}

err_code expected_verify(void *ctx, struct pg *pg, const struct catalog *catalog,
                         const bool *applied, struct err *err)
{
    struct expecting *e = ctx;
    struct expected_cache *cache = engine_expected(e->engine);
    CLEANUP(freep) char *expected = NULL;
    CLEANUP(freep) char *found = NULL;
    const struct expected_ask ask = {
        .engine = e->engine, .server = e->server, .catalog = catalog, .applied = applied};
    struct replaying r = {.ask = &ask};
    char key[SHA256_HEX_SIZE];
    err_code rc = ERR_NONE;

    key_of(e->server, catalog, applied, key);
    expected = expected_recall(cache, key);
    if (!expected) {
        rc = pg_undone(pg, replay_and_read, &r, err);
        expected = r.text;
        if (!rc)
            expected_remember(cache, key, expected);
    }
    if (!rc)
        rc = read_model(pg, e->schema, engine_settings(e->engine)->tracking_table, &found, err);
    if (rc || str_eq(expected, found))
        return rc;
    return compare(e, expected, found, err);
}

static err_code replay_work(struct pg *pg, void *arg, struct err *err)
{
    struct replaying *r = arg;
    const struct engine_settings *s = engine_settings(r->ask->engine);
    char sql[128];

    freep(&r->text); /* of an attempt whose COMMIT failed */
    (void)snprintf(sql, sizeof sql, "SET LOCAL lock_timeout = %d; SET LOCAL statement_timeout = %d",
                   s->lock_timeout_ms, s->statement_timeout_ms);
    err_code rc = pg_command(pg, sql, err);
    return rc ? rc : pg_undone(pg, replay_and_read, r, err);
}

static err_code make_answer(const struct expected_ask *ask, struct pg *pg, const char *key,
                            size_t maker, char **text, struct err *err)
{
    struct replaying r = {.ask = ask};
    err_code rc = ask->run && task_run_cancelled(ask->run) ? err_set(err, ERR_CANCELLED, "stopped before the replay")
                                  : pg_tx(pg, replay_work, &r, err);

    if (rc)
        freep(&r.text);
    expected_tell(engine_expected(ask->engine), key, maker, r.text, err);
    *text = r.text;
    return rc;
}

err_code expected_get(const struct expected_ask *ask, struct pg *pg, json_t **out, struct err *err)
{
    CLEANUP(freep) char *text = NULL;
    struct err failure = {.code = ERR_NONE};
    char key[SHA256_HEX_SIZE];
    size_t maker;

    key_of(ask->server, ask->catalog, ask->applied, key);
    if (!expected_await(engine_expected(ask->engine), key, ask->run, &maker, &text, &failure))
        (void)!make_answer(ask, pg, key, maker, &text, &failure);
    *out = text ? json_loads(text, 0, NULL) : NULL;
    if (*out)
        return ERR_NONE;
    if (!failure.code)
        return err_set(err, ERR_INTERNAL, "out of memory");
    if (err)
        *err = failure;
    return failure.code;
}
