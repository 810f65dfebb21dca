/* SPDX-License-Identifier: MIT */
#include "core/job/expected.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/job/scratch.h"
#include "core/migrate/repair.h"
#include "core/schema/diff.h"
#include "core/schema/introspect.h"
#include "core/schema/schema_json.h"

enum {
    SLOTS = 16,           /* distinct states kept; a fleet has a handful */
    DIFFERENCES_MAX = 50, /* shown */
};

struct expected_cache {
    pthread_mutex_t lock;
    struct {
        char key[SHA256_HEX_SIZE];
        char *text; /* the model as canonical JSON */
    } slots[SLOTS]; /* a ring: the oldest is overwritten */
    size_t next;
};

struct expected_cache *expected_cache_new(void)
{
    struct expected_cache *cache = calloc(1, sizeof *cache);
    if (cache)
        (void)pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

void expected_cache_free(struct expected_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < SLOTS; i++)
        free(cache->slots[i].text);
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache);
}

void expecting_clear(struct expecting *e)
{
    json_decref(e->differences);
    e->differences = NULL;
}

static char *recall(struct expected_cache *cache, const char *key)
{
    char *text = NULL;

    (void)pthread_mutex_lock(&cache->lock);
    for (size_t i = 0; i < SLOTS && !text; i++)
        if (cache->slots[i].text && str_eq(cache->slots[i].key, key))
            text = strdup(cache->slots[i].text);
    (void)pthread_mutex_unlock(&cache->lock);
    return text;
}

/* Keeps a copy; without memory it is just not kept. */
static void remember(struct expected_cache *cache, const char *key, const char *text)
{
    (void)pthread_mutex_lock(&cache->lock);
    free(cache->slots[cache->next].text);
    cache->slots[cache->next].text = strdup(text);
    memcpy(cache->slots[cache->next].key, key, SHA256_HEX_SIZE);
    cache->next = (cache->next + 1) % SLOTS;
    (void)pthread_mutex_unlock(&cache->lock);
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

/* The model as canonical JSON, without the tables of migration tools. free() *out. */
static err_code read_model(struct pg *pg, const char *schema, const char *tracking_table,
                           char **out, struct err *err)
{
    CLEANUP(schema_freep) struct schema *model = NULL;
    struct schema_options options = {.tracking_table = tracking_table};
    err_code rc = schema_read(pg, schema, &options, &model, err);

    if (rc)
        return rc;
    json_auto_t *json = schema_json(model, false);
    (void)expected_leave_out_trackers(json);
    *out = json ? json_canonical(json) : NULL;
    return *out ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}

/* The savepoint is gone back to whatever happens, and all of it with it. */
static err_code make_expected(const struct expecting *e, struct pg *pg,
                              const struct catalog *catalog, const bool *applied, char **out,
                              struct err *err)
{
    const struct engine_settings *s = engine_settings(e->engine);
    char scratch[SCRATCH_NAME_SIZE];

    err_code rc = pg_command(pg, "SAVEPOINT tenantd_replay", err);
    if (rc)
        return rc;
    rc = scratch_make(pg, s->shared_schema, scratch, err);
    if (!rc)
        rc = scratch_replay(pg, catalog, applied, err);
    if (!rc)
        rc = read_model(pg, scratch, s->tracking_table, out, err);
    err_code back =
        pg_command(pg, "ROLLBACK TO SAVEPOINT tenantd_replay; RELEASE SAVEPOINT tenantd_replay",
                   rc ? NULL : err);
    return rc ? rc : back;
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
    char key[SHA256_HEX_SIZE];
    err_code rc = ERR_NONE;

    key_of(e->server, catalog, applied, key);
    expected = recall(cache, key);
    if (!expected) {
        rc = make_expected(e, pg, catalog, applied, &expected, err);
        if (!rc)
            remember(cache, key, expected);
    }
    if (!rc)
        rc = read_model(pg, e->schema, engine_settings(e->engine)->tracking_table, &found, err);
    if (rc || str_eq(expected, found))
        return rc;
    return compare(e, expected, found, err);
}
