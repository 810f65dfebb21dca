/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/migrate/catalog_store.h"
#include "core/migrate/down.h"

/* One loaded catalog; freed when the cache has a newer one and nobody holds it. */
struct snapshot {
    struct catalog *catalog;
    int64_t revision;
    int holders; /* the cache counts as one while it is current */
    struct snapshot *next;
};

struct catalog_cache {
    pthread_mutex_t lock;
    struct snapshot *snapshots; /* of all catalogs, newest first */
};

err_code catalog_cache_new(struct catalog_cache **out, struct err *err)
{
    struct catalog_cache *cache = calloc(1, sizeof *cache);
    if (!cache)
        return err_set(err, ERR_INTERNAL, "out of memory");
    (void)pthread_mutex_init(&cache->lock, NULL);
    *out = cache;
    return ERR_NONE;
}

static void snapshot_free(struct snapshot *s)
{
    catalog_free(s->catalog);
    free(s);
}

void catalog_cache_free(struct catalog_cache *cache)
{
    if (!cache)
        return;
    for (struct snapshot *s = cache->snapshots, *next; s; s = next) {
        next = s->next;
        snapshot_free(s);
    }
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache);
}

/* Under the lock: drops the snapshots nobody holds. */
static void sweep(struct catalog_cache *cache)
{
    for (struct snapshot **at = &cache->snapshots; *at;) {
        struct snapshot *s = *at;
        if (s->holders) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        snapshot_free(s);
    }
}

/* The snapshot in memory when it is at least as new as revision. */
static const struct catalog *find_current(struct catalog_cache *cache, const char *name,
                                          int64_t revision)
{
    const struct catalog *found = NULL;

    (void)pthread_mutex_lock(&cache->lock);
    for (struct snapshot *s = cache->snapshots; s && !found; s = s->next)
        if (s->revision >= revision && str_eq(s->catalog->name, name)) {
            s->holders++;
            found = s->catalog;
        }
    (void)pthread_mutex_unlock(&cache->lock);
    return found;
}

/* Makes a freshly loaded catalog current; an older one of its name loses the cache's hold. */
static const struct catalog *install(struct catalog_cache *cache, struct catalog *catalog,
                                     int64_t revision)
{
    struct snapshot *fresh = calloc(1, sizeof *fresh);

    if (!fresh) {
        catalog_free(catalog);
        return NULL;
    }
    (void)pthread_mutex_lock(&cache->lock);
    for (struct snapshot *s = cache->snapshots; s; s = s->next)
        if (str_eq(s->catalog->name, catalog->name) && s->revision >= 0) {
            s->holders--;
            s->revision = -1; /* never found again */
        }
    *fresh = (struct snapshot){.catalog = catalog, .revision = revision, .holders = 2};
    fresh->next = cache->snapshots;
    cache->snapshots = fresh;
    sweep(cache);
    (void)pthread_mutex_unlock(&cache->lock);
    return catalog;
}

static err_code make_items(const struct pg_rows *rows, struct migration **out, struct err *err)
{
    size_t n = pg_rows_count(rows);
    struct migration *items = calloc(n ? n : 1, sizeof *items);
    err_code rc = items ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");

    for (size_t i = 0; i < n && !rc; i++) {
        const char *sql = pg_text(rows, i, "sql"), *down = pg_text(rows, i, "down_sql");
        rc = migration_make_by(&sql_policy_registered, pg_text(rows, i, "version"), sql,
                               strlen(sql), pg_bigint(rows, i, "when_ms"), &items[i], err);
        if (!rc && down)
            rc = migration_set_down_by(&items[i], &sql_policy_registered, down, strlen(down), err);
        if (rc)
            migrations_free(items, i + 1);
    }
    if (!rc)
        *out = items;
    return rc;
}

static err_code load(struct pg *pg, const char *name, struct catalog **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "catalog_load",
        .sql = "SELECT version, when_ms, convert_from(sql, 'UTF8') AS sql,"
               " convert_from(down_sql, 'UTF8') AS down_sql FROM tenantd.migration"
               " WHERE catalog = $1 ORDER BY number, version",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct migration *items = NULL;
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(name)), &rows, err);

    if (!rc)
        rc = make_items(rows, &items, err);
    return rc ? rc : catalog_new(name, items, pg_rows_count(rows), out, err);
}

err_code catalog_acquire(struct catalog_cache *cache, struct pg *pg, const char *name,
                         int64_t min_revision, const struct catalog **out, struct err *err)
{
    struct catalog *fresh = NULL;
    struct catalog_info info;
    const struct catalog *current = min_revision ? find_current(cache, name, min_revision) : NULL;

    if (current) {
        *out = current;
        return ERR_NONE;
    }
    err_code rc = catalog_info(pg, name, &info, err);
    if (rc)
        return rc;
    current = find_current(cache, name, info.revision);
    if (!current) {
        /* what is registered between the two statements is in it under the older number, and is
         * simply loaded once more */
        rc = load(pg, name, &fresh, err);
        if (rc)
            return rc;
        current = install(cache, fresh, info.revision);
    }
    if (!current)
        return err_set(err, ERR_INTERNAL, "out of memory");
    *out = current;
    return ERR_NONE;
}

void catalog_release(struct catalog_cache *cache, const struct catalog *catalog)
{
    if (!catalog)
        return;
    (void)pthread_mutex_lock(&cache->lock);
    for (struct snapshot *s = cache->snapshots; s; s = s->next)
        if (s->catalog == catalog)
            s->holders--;
    sweep(cache);
    (void)pthread_mutex_unlock(&cache->lock);
}
