/* SPDX-License-Identifier: MIT */
#include "core/job/engine.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/job/expected.h"
#include "core/job/kinds.h"
#include "core/job/snapshot.h"
#include "core/migrate/applied_store.h"
#include "core/tenant/server_store.h"

enum {
    SETS_MAX = 512,        /* distinct contents kept in memory; a fleet has a handful */
    OPEN_REPLY_MS = 30000, /* of a query's own statements; what it was sent with has its own time */
};

struct set_entry {
    int64_t id;
    struct applied_set *set;
};

struct engine {
    struct engine_settings settings;
    struct budget_set *budgets;
    struct pool_manager *pools;
    struct catalog_cache *catalogs;
    struct expected_cache *expected;
    struct snapshot_cache *snapshots;
    pthread_mutex_t sets_lock;
    struct set_entry sets[SETS_MAX]; /* a ring: the oldest is overwritten */
    size_t set_count, set_next;
};

const struct job_kind engine_kinds[] = {
    {.name = "tenant.create", .chunk = 16, .max_attempts = 5, .max_snoozes = 600, .flush = true,
     .run = kind_create},
    {.name = "tenant.clone", .chunk = 1, .max_attempts = 5, .max_snoozes = 600, .run = kind_clone},
    {.name = "tenant.import", .chunk = 64, .max_attempts = 5, .max_snoozes = 600,
     .run = kind_import},
    {.name = "tenant.purge", .chunk = 4, .max_attempts = 5, .max_snoozes = 600, .run = kind_purge},
    {.name = "migration.run", .chunk = 128, .max_attempts = 5, .max_snoozes = 600, .flush = true,
     .run = kind_migrate, .run_many = kind_migrate_many},
    {.name = "migration.refresh", .chunk = 128, .max_attempts = 5, .max_snoozes = 600,
     .run = kind_refresh},
    {.name = "shared.migrate", .chunk = 1, .max_attempts = 5, .max_snoozes = 600, .flush = true,
     .run = kind_migrate},
    {.name = "migration.sync", .chunk = 64, .max_attempts = 5, .max_snoozes = 600,
     .run = kind_repair},
    {.name = "migration.baseline", .chunk = 16, .max_attempts = 5, .max_snoozes = 600,
     .run = kind_repair},
    {.name = "migration.convert", .chunk = 32, .max_attempts = 5, .max_snoozes = 600,
     .run = kind_repair},
    {.name = "migration.adopt", .chunk = 32, .max_attempts = 5, .max_snoozes = 600,
     .run = kind_repair},
    {.name = "migration.resolve", .chunk = 1, .max_attempts = 5, .max_snoozes = 600,
     .run = kind_repair},
    {.name = "pool.warmup", .chunk = 8, .max_attempts = 3, .max_snoozes = 10, .run = kind_warmup},
    {.name = "seed.apply", .chunk = 16, .max_attempts = 5, .max_snoozes = 600, .flush = true,
     .run = kind_seed},
    {.name = "warm.fill", .chunk = 2, .max_attempts = 3, .max_snoozes = 20, .flush = true,
     .run = kind_warm_fill},
    {.name = "warm.drain", .chunk = 2, .max_attempts = 5, .max_snoozes = 600,
     .run = kind_warm_drain},
    {.name = "drift.scan", .chunk = 64, .least = 32, .max_attempts = 5, .max_snoozes = 600, .run = kind_drift,
     .run_many = kind_drift_many},
};
const size_t engine_kind_count = ARRAY_LEN(engine_kinds);

err_code engine_new(const struct engine_settings *settings, struct budget_set *budgets,
                    struct pool_manager *pools, struct engine **out, struct err *err)
{
    struct engine *e = calloc(1, sizeof *e);

    if (!e)
        return err_set(err, ERR_INTERNAL, "out of memory");
    e->settings = *settings;
    e->budgets = budgets;
    e->pools = pools;
    (void)pthread_mutex_init(&e->sets_lock, NULL);
    e->expected = expected_cache_new();
    e->snapshots = snapshot_cache_new();
    err_code rc = e->expected && e->snapshots ? catalog_cache_new(&e->catalogs, err)
                              : err_set(err, ERR_INTERNAL, "out of memory");
    if (rc) {
        engine_free(e);
        return rc;
    }
    *out = e;
    return ERR_NONE;
}

void engine_free(struct engine *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->set_count; i++)
        applied_set_free(e->sets[i].set);
    catalog_cache_free(e->catalogs);
    expected_cache_free(e->expected);
    snapshot_cache_free(e->snapshots);
    (void)pthread_mutex_destroy(&e->sets_lock);
    free(e);
}

const struct engine_settings *engine_settings(const struct engine *e)
{
    return &e->settings;
}

struct catalog_cache *engine_catalogs(struct engine *e)
{
    return e->catalogs;
}

struct pool_manager *engine_pools(struct engine *e)
{
    return e->pools;
}

struct expected_cache *engine_expected(struct engine *e)
{
    return e->expected;
}

struct snapshot_cache *engine_snapshots(struct engine *e)
{
    return e->snapshots;
}

err_code engine_server_url(struct engine *e, struct pg *control, const char *server, char **url,
                           struct err *err)
{
    char *found = NULL;
    err_code rc = server_url(control, server, &found, err);

    if (rc)
        return rc;
    *url = found ? found : strdup(e->settings.control_url);
    return *url ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}

err_code engine_open_server(void *engine, struct pg *control, const char *server, struct pg **out,
                            struct err *err)
{
    return engine_open_server_with(engine, control, server, NULL, out, err);
}

/* A connection that counts against the server's budget. */
static err_code open_counted(struct engine *e, const char *server, const struct pg_options *options,
                             struct pg **out, struct err *err)
{
    struct budget *budget = NULL;
    err_code rc = budget_set_get(e->budgets, server, &budget, err);

    if (rc)
        return rc;
    if (!budget_take(budget, e->settings.acquire_timeout_ms))
        return err_set(err, ERR_POOL_EXHAUSTED,
                       "all connections of server %s are in use (server.max_connections)", server);
    rc = pg_open(options, out, err);
    if (rc)
        budget_give(budget);
    return rc;
}

err_code engine_open_server_with(struct engine *e, struct pg *control, const char *server,
                                 const char *startup, struct pg **out, struct err *err)
{
    CLEANUP(freep) char *url = NULL;
    err_code rc = engine_server_url(e, control, server, &url, err);

    if (rc)
        return rc;
    return open_counted(e, server,
                        &(struct pg_options){.url = url,
                                             .application_name = "tenantd worker",
                                             .connect_timeout_s = e->settings.connect_timeout_s,
                                             .startup = startup},
                        out, err);
}

err_code engine_open_as(void *engine, const char *server, const char *url, const char *user,
                        const char *password, struct pg **out, struct err *err)
{
    struct engine *e = engine;

    return open_counted(e, server,
                        &(struct pg_options){.url = url,
                                             .user = user,
                                             .password = password,
                                             .application_name = "tenantd query",
                                             .connect_timeout_s = e->settings.connect_timeout_s,
                                             .reply_timeout_ms = OPEN_REPLY_MS},
                        out, err);
}

void engine_close_server(void *engine, const char *server, struct pg *pg)
{
    struct engine *e = engine;
    struct budget *budget = NULL;

    if (!pg)
        return;
    pg_close(pg);
    if (!budget_set_get(e->budgets, server, &budget, NULL))
        budget_give(budget);
}

static struct applied_set *recall(struct engine *e, int64_t id)
{
    struct applied_set *copy = NULL;

    (void)pthread_mutex_lock(&e->sets_lock);
    for (size_t i = 0; i < e->set_count && !copy; i++)
        if (e->sets[i].id == id)
            copy = applied_set_copy(e->sets[i].set);
    (void)pthread_mutex_unlock(&e->sets_lock);
    return copy;
}

/* Keeps a copy; without memory it is just not kept. */
static void remember(struct engine *e, int64_t id, const struct applied_set *set)
{
    struct applied_set *copy = applied_set_copy(set);

    if (!copy)
        return;
    (void)pthread_mutex_lock(&e->sets_lock);
    struct set_entry *slot = &e->sets[e->set_next];
    applied_set_free(slot->set);
    *slot = (struct set_entry){.id = id, .set = copy};
    e->set_next = (e->set_next + 1) % SETS_MAX;
    if (e->set_count < SETS_MAX)
        e->set_count++;
    (void)pthread_mutex_unlock(&e->sets_lock);
}

err_code engine_applied_set(struct engine *e, struct pg *control, int64_t id,
                            struct applied_set **out, struct err *err)
{
    *out = id ? recall(e, id) : NULL;
    if (*out || !id)
        return ERR_NONE;
    err_code rc = applied_store_get(control, id, out, err);
    if (!rc && *out)
        remember(e, id, *out);
    return rc;
}

static int64_t recall_id(struct engine *e, const struct applied_set *set)
{
    int64_t id = 0;

    (void)pthread_mutex_lock(&e->sets_lock);
    for (size_t i = 0; i < e->set_count && !id; i++) {
        const struct applied_set *known = e->sets[i].set;
        if (known->format == set->format && known->has_table == set->has_table &&
            str_eq(known->digest, set->digest) &&
            (known->begun ? str_eq(known->begun, set->begun) : !set->begun))
            id = e->sets[i].id;
    }
    (void)pthread_mutex_unlock(&e->sets_lock);
    return id;
}

err_code engine_intern_set(struct engine *e, struct pg *control, const struct applied_set *set,
                           int64_t *id, struct err *err)
{
    *id = recall_id(e, set);
    if (*id)
        return ERR_NONE;
    err_code rc = applied_store_intern(control, set, id, err);
    if (!rc)
        remember(e, *id, set);
    return rc;
}
