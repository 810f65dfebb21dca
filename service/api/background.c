/* SPDX-License-Identifier: MIT */
#include "service/api/background.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/job/retention.h"
#include "core/job/warm.h"
#include "core/pg/array.h"
#include "service/api/gauges.h"

enum { ROUND_MS = 1000, WATCHED_MAX = 512, PRUNE_EVERY = 600, PURGE_EVERY = 60 };

/* A job that parked requests wait for, and its version when they were last woken. */
struct watched {
    char key[HTTP_ID_SIZE];
    int64_t version;
    bool live; /* still waited for in this round */
};

struct background {
    struct app *app;
    struct folder_watch *folders;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stop_asked;
    bool stop;
    struct watched watched[WATCHED_MAX];
    size_t watched_count;
    int64_t next_folders_ms;
    char folder_trouble[512]; /* told already; "" while all is well */
    int rounds;
};

static void add_key(void *ctx, const char *key)
{
    struct background *b = ctx;

    for (size_t i = 0; i < b->watched_count; i++)
        if (str_eq(b->watched[i].key, key)) {
            b->watched[i].live = true;
            return;
        }
    if (b->watched_count == WATCHED_MAX)
        return; /* they run again at their deadline */
    struct watched *w = &b->watched[b->watched_count++];
    *w = (struct watched){.version = -1, .live = true};
    (void)snprintf(w->key, sizeof w->key, "%s", key);
}

static void forget_the_rest(struct background *b)
{
    size_t kept = 0;
    for (size_t i = 0; i < b->watched_count; i++)
        if (b->watched[i].live)
            b->watched[kept++] = b->watched[i];
    b->watched_count = kept;
}

static void note_version(struct background *b, const char *id, int64_t version)
{
    for (size_t i = 0; i < b->watched_count; i++) {
        struct watched *w = &b->watched[i];
        if (!str_eq(w->key, id) || w->version == version)
            continue;
        w->version = version;
        app_wake(b->app, id);
    }
}

/* Jobs that moved on another replica: this one's own are woken by the runner's observer. */
static err_code wake_waiting(struct background *b, struct pg *pg, struct err *err)
{
    CLEANUP(str_clear) struct str ids = STR_INIT;
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;

    for (size_t i = 0; i < b->watched_count; i++)
        b->watched[i].live = false;
    server_parked(b->app->server, add_key, b);
    forget_the_rest(b);
    if (!b->watched_count)
        return ERR_NONE;
    for (size_t i = 0; i < b->watched_count; i++)
        pg_array_add(&ids, b->watched[i].key);
    pg_array_end(&ids);
    err_code rc = job_versions(pg, str_text(&ids), &rows, err);
    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++)
        note_version(b, pg_text(rows, i, "id"), pg_bigint(rows, i, "row_version"));
    return rc;
}

static err_code forget_old_keys(struct pg *pg, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "idempotency_prune",
        .sql = "DELETE FROM tenantd.idempotency WHERE created_at < now() - interval '24 hours'",
    };
    return pg_exec(pg, &stmt, PG_NO_ARGS, NULL, err);
}

static err_code purge_due(struct background *b, struct pg *pg, struct err *err)
{
    int tenants = 0;
    err_code rc = retention_purge(pg, &tenants, err);

    if (!rc && tenants) {
        log_event(b->app->log, LOG_LEVEL_INFO, "tenants.purge_due", LOG_INT("tenants", tenants));
        runner_wake(b->app->runner);
    }
    return rc;
}

/* The leader keeps the warm pool full; any other would do no harm. */
static err_code keep_warm(struct background *b, struct pg *pg, struct err *err)
{
    struct app *app = b->app;
    bool started = false;

    if (!runner_is_leader(app->runner))
        return ERR_NONE;
    err_code rc = warm_keep(pg, app->config->warm.size, &started, err);
    if (!rc && started)
        runner_wake(app->runner);
    return rc;
}

static err_code with_control(struct background *b, struct err *err)
{
    struct app *app = b->app;
    struct pg *pg = NULL;
    err_code rc = pg_pool_borrow(app->control, &pg, err);

    if (!rc)
        rc = pg_command(pg, "SELECT 1", err);
    if (!rc) {
        atomic_store(&app->control_seen_ms, clock_mono_ms());
        rc = wake_waiting(b, pg, err);
    }
    if (!rc)
        rc = gauges_fleet(app, pg, err);
    if (!rc)
        rc = keep_warm(b, pg, err);
    if (!rc && b->rounds % PRUNE_EVERY == 0)
        rc = forget_old_keys(pg, err);
    if (!rc && b->rounds % PURGE_EVERY == 0)
        rc = purge_due(b, pg, err);
    pg_pool_return(app->control, pg);
    return rc;
}

/* A folder that stays as wrong as it is is told once, not every round. */
static void tell_trouble(struct background *b, err_code rc, const struct err *err)
{
    const char *trouble = rc ? err->msg : "";

    if (rc && !str_eq(trouble, b->folder_trouble))
        log_event(b->app->log, LOG_LEVEL_ERROR, "catalog.folder", LOG_ERR(err));
    (void)snprintf(b->folder_trouble, sizeof b->folder_trouble, "%s", trouble);
}

static void round_once(struct background *b)
{
    struct app *app = b->app;
    struct err err;

    if (with_control(b, &err))
        log_event(app->log, LOG_LEVEL_WARN, "background.control_database", LOG_ERR(&err));
    pool_sweep(engine_pools(app->engine));
    gauges_local(app);
    if (clock_mono_ms() >= b->next_folders_ms) {
        tell_trouble(b, folder_watch_run(b->folders, app, &err), &err);
        b->next_folders_ms = clock_mono_ms() + app->config->migrations.watch_interval_ms;
    }
    b->rounds++;
    atomic_store(&app->background_ms, clock_mono_ms());
}

/* false: the thread shall end */
static bool pause_round(struct background *b)
{
    struct timespec until = clock_mono_in(ROUND_MS);

    (void)pthread_mutex_lock(&b->lock);
    while (!b->stop && !pthread_cond_timedwait(&b->stop_asked, &b->lock, &until)) {
    }
    bool go_on = !b->stop;
    (void)pthread_mutex_unlock(&b->lock);
    return go_on;
}

static void *run(void *arg)
{
    struct background *b = arg;
    do
        round_once(b);
    while (pause_round(b));
    return NULL;
}

static void init_lock(struct background *b)
{
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&b->stop_asked, &attr);
    (void)pthread_condattr_destroy(&attr);
    (void)pthread_mutex_init(&b->lock, NULL);
}

static void release(struct background *b)
{
    folder_watch_free(b->folders);
    (void)pthread_cond_destroy(&b->stop_asked);
    (void)pthread_mutex_destroy(&b->lock);
    free(b);
}

err_code background_start(struct app *app, struct background **out, struct err *err)
{
    struct background *b = calloc(1, sizeof *b);

    if (!b)
        return err_set(err, ERR_INTERNAL, "out of memory");
    b->app = app;
    init_lock(b);
    b->folders = folder_watch_new();
    if (!b->folders || pthread_create(&b->thread, NULL, run, b)) {
        release(b);
        return err_set(err, ERR_SYSTEM_FAILED, "cannot start a thread");
    }
    *out = b;
    return ERR_NONE;
}

void background_stop(struct background *b)
{
    if (!b)
        return;
    (void)pthread_mutex_lock(&b->lock);
    b->stop = true;
    (void)pthread_cond_signal(&b->stop_asked);
    (void)pthread_mutex_unlock(&b->lock);
    (void)pthread_join(b->thread, NULL);
    release(b);
}
