/* SPDX-License-Identifier: MIT */
/* Which snapshots there are; how one is made is in snapshot_make.c. */
#include "core/job/snapshot.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/job/snapshot_internal.h"

enum {
    SLOTS = 16,     /* catalogs as they were at a time, on a server each */
    REPLAYS = 2,    /* before it is worth making */
    MIGRATIONS = 2, /* a single one is its own snapshot */
};

struct slot {
    char key[SHA256_HEX_SIZE]; /* "": free */
    int replays;
    bool making, known;
    struct snapshot snapshot; /* once known */
};

struct snapshot_cache {
    pthread_mutex_t lock;
    struct slot slots[SLOTS]; /* a ring: the oldest is overwritten */
    size_t next;
};

void baseline_clear(struct apply_baseline *baseline)
{
    freep(&baseline->sql);
    freep(&baseline->version);
    baseline->statements = 0;
}

void snapshot_clear(struct snapshot *s)
{
    baseline_clear(&s->baseline);
    freep(&s->text);
    *s = (struct snapshot){.migrations = 0};
}

struct snapshot_cache *snapshot_cache_new(void)
{
    struct snapshot_cache *cache = calloc(1, sizeof *cache);
    if (cache)
        (void)pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

void snapshot_cache_free(struct snapshot_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < SLOTS; i++)
        snapshot_clear(&cache->slots[i].snapshot);
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache);
}

/* Servers differ in version and extensions. */
static void key_of(const char *server, const struct catalog *catalog, char out[SHA256_HEX_SIZE])
{
    CLEANUP(str_clear) struct str text = STR_INIT;

    str_add(&text, server);
    for (size_t i = 0; i < catalog->count; i++)
        str_addf(&text, "\n%s %s", catalog->items[i].version, catalog->items[i].sha256);
    sha256_hex(str_text(&text), text.len, out);
}

/* Under the lock. One that is being made is not overwritten; NULL: not there, or no room. */
static struct slot *find_slot(struct snapshot_cache *cache, const char *key, bool add)
{
    for (size_t i = 0; i < SLOTS; i++)
        if (str_eq(cache->slots[i].key, key))
            return &cache->slots[i];
    for (size_t i = 0; add && i < SLOTS; i++) {
        struct slot *slot = &cache->slots[cache->next];
        cache->next = (cache->next + 1) % SLOTS;
        if (slot->making)
            continue;
        snapshot_clear(&slot->snapshot);
        *slot = (struct slot){.replays = 0};
        memcpy(slot->key, key, SHA256_HEX_SIZE);
        return slot;
    }
    return NULL;
}

static void copy_baseline(const struct apply_baseline *from, struct apply_baseline *to)
{
    if (!from->sql)
        return;
    *to = (struct apply_baseline){
        .sql = strdup(from->sql), .statements = from->statements, .version = strdup(from->version)};
    if (!to->sql || !to->version)
        baseline_clear(to); /* without memory it is replayed */
}

/* Whether the caller is to make it. */
static bool look(struct snapshot_cache *cache, const char *key, bool now,
                 struct apply_baseline *out)
{
    (void)pthread_mutex_lock(&cache->lock);
    struct slot *slot = find_slot(cache, key, true);
    bool make = slot && !slot->known && !slot->making && (now || slot->replays >= REPLAYS);
    if (slot && out)
        copy_baseline(&slot->snapshot.baseline, out);
    if (slot && !slot->known)
        slot->replays++;
    if (make)
        slot->making = true;
    (void)pthread_mutex_unlock(&cache->lock);
    return make;
}

/* Of what made, nothing is known where rc says that it may be otherwise another time. */
static void end_making(struct snapshot_cache *cache, const char *key, struct snapshot *made,
                       bool known, struct apply_baseline *out)
{
    (void)pthread_mutex_lock(&cache->lock);
    struct slot *slot = find_slot(cache, key, false);
    if (slot) {
        slot->making = false;
        slot->known = known;
        slot->snapshot = *made;
        *made = (struct snapshot){.migrations = 0};
        if (out)
            copy_baseline(&slot->snapshot.baseline, out);
    }
    (void)pthread_mutex_unlock(&cache->lock);
    snapshot_clear(made);
}

static err_code make(struct engine *engine, struct pg *pg, const char *key,
                     const struct catalog *catalog, struct apply_baseline *out, struct err *err)
{
    struct snapshot made = {.migrations = 0};
    err_code rc = snapshot_build(engine_settings(engine), pg, catalog, &made, err);

    end_making(engine_snapshots(engine), key, &made, rc == ERR_NONE, out);
    return rc;
}

static bool is_worth_it(struct engine *engine, const struct catalog *catalog)
{
    return engine_settings(engine)->baseline && catalog->count >= MIGRATIONS;
}

void snapshot_find(struct engine *engine, struct pg *pg, const char *server,
                   const struct catalog *catalog, struct apply_baseline *out)
{
    char key[SHA256_HEX_SIZE];
    struct err err;

    *out = (struct apply_baseline){.sql = NULL};
    if (!is_worth_it(engine, catalog))
        return;
    key_of(server, catalog, key);
    if (look(engine_snapshots(engine), key, false, out))
        (void)!make(engine, pg, key, catalog, out, &err); /* else it is replayed, and made later */
}

err_code snapshot_make(struct engine *engine, struct pg *pg, const char *server,
                       const struct catalog *catalog, struct err *err)
{
    char key[SHA256_HEX_SIZE];

    if (!is_worth_it(engine, catalog))
        return ERR_NONE;
    key_of(server, catalog, key);
    return look(engine_snapshots(engine), key, true, NULL)
               ? make(engine, pg, key, catalog, NULL, err)
               : ERR_NONE;
}

void snapshot_refuse(struct engine *engine, const char *server, const struct catalog *catalog,
                     const char *why)
{
    struct snapshot_cache *cache = engine_snapshots(engine);
    char key[SHA256_HEX_SIZE];

    key_of(server, catalog, key);
    (void)pthread_mutex_lock(&cache->lock);
    struct slot *slot = find_slot(cache, key, true);
    if (slot && !slot->making) {
        snapshot_clear(&slot->snapshot);
        slot->known = true;
        (void)snprintf(slot->snapshot.reason, sizeof slot->snapshot.reason, "%s", why);
    }
    (void)pthread_mutex_unlock(&cache->lock);
}

static json_t *known_json(const struct snapshot *s, bool with_sql)
{
    bool ready = s->baseline.sql != NULL;
    json_t *out = json_pack("{s:s, s:o, s:s?, s:I, s:I, s:s?}", "state", ready ? "ready" : "replay",
                            "reason", ready ? json_null() : json_text(s->reason), //
                            "version", s->baseline.version,                       //
                            "migrations", (json_int_t)s->migrations,              //
                            "statements", (json_int_t)s->baseline.statements,     //
                            "fingerprint", ready ? s->fingerprint : NULL);

    if (out && with_sql)
        (void)json_object_set_new(out, "sql", ready ? json_text(s->text) : json_null());
    return out;
}

json_t *snapshot_json(struct engine *engine, const char *server, const struct catalog *catalog,
                      bool with_sql)
{
    struct snapshot_cache *cache = engine_snapshots(engine);
    struct snapshot none = {.migrations = 0};
    char key[SHA256_HEX_SIZE];

    if (!is_worth_it(engine, catalog)) {
        (void)snprintf(none.reason, sizeof none.reason, "%s",
                       engine_settings(engine)->baseline
                           ? "there are too few migrations for it to be worth it"
                           : "migrations.baseline is off");
        return known_json(&none, with_sql);
    }
    key_of(server, catalog, key);
    (void)pthread_mutex_lock(&cache->lock);
    const struct slot *slot = find_slot(cache, key, false);
    (void)snprintf(none.reason, sizeof none.reason, "it is made with the third new tenant");
    json_t *out = known_json(slot && slot->known ? &slot->snapshot : &none, with_sql);
    if (out && (!slot || !slot->known))
        (void)json_object_set_new(out, "state", json_string("unknown"));
    (void)pthread_mutex_unlock(&cache->lock);
    return out;
}
