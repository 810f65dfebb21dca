/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/str.h"
#include "core/migrate/source.h"
#include "service/api/background.h"

enum { FOLDERS = 2 };

struct folder_watch {
    char seen[FOLDERS][SHA256_HEX_SIZE]; /* digest of what was registered, or refused, last */
};

struct folder_watch *folder_watch_new(void)
{
    return calloc(1, sizeof(struct folder_watch));
}

void folder_watch_free(struct folder_watch *watch)
{
    free(watch);
}

static void digest_of(const struct source *source, char out[SHA256_HEX_SIZE])
{
    CLEANUP(str_clear) struct str text = STR_INIT;
    char one[SHA256_HEX_SIZE];

    for (size_t i = 0; i < source->count; i++) {
        sha256_hex(source->files[i].content, source->files[i].len, one);
        str_addf(&text, "%s %s\n", one, source->files[i].path);
    }
    sha256_hex(str_text(&text), text.len, out);
}

static err_code register_source(struct app *app, const char *catalog, const struct source *source,
                                struct err *err)
{
    struct register_options options = {.by = "folder"};
    struct register_result result = {.added = NULL};
    struct migration *items = NULL;
    struct pg *pg = NULL;
    size_t count = 0;
    err_code rc = source_migrations(source, &items, &count, err);

    if (rc)
        return rc;
    rc = pg_pool_borrow(app->control, &pg, err);
    if (!rc)
        rc = catalog_register(pg, catalog, items, count, &options, &result, err);
    pg_pool_return(app->control, pg);
    migrations_free(items, count);
    free(result.added);
    if (!rc && result.added_count)
        log_event(app->log, LOG_LEVEL_INFO, "catalog.registered", LOG_STR("catalog", catalog),
                  LOG_INT("added", (int64_t)result.added_count),
                  LOG_INT("unchanged", (int64_t)result.unchanged));
    return rc;
}

static err_code run_folder(struct folder_watch *watch, size_t i, struct app *app,
                           const char *catalog, const char *folder, struct err *err)
{
    CLEANUP(source_clear) struct source source = {.files = NULL};
    char digest[SHA256_HEX_SIZE];

    if (!*folder)
        return ERR_NONE;
    err_code rc = source_read_folder(folder, &source, err);
    if (rc)
        return rc;
    digest_of(&source, digest);
    if (!source.count || str_eq(digest, watch->seen[i]))
        return ERR_NONE;
    source.policy = engine_settings(app->engine)->policy;
    rc = register_source(app, catalog, &source, err);
    if (!rc || !err_is_retryable(rc)) /* what was refused is refused again until it changes */
        memcpy(watch->seen[i], digest, sizeof digest);
    return rc;
}

err_code folder_watch_run(struct folder_watch *watch, struct app *app, struct err *err)
{
    const struct config *c = app->config;
    err_code shared =
        run_folder(watch, 0, app, "shared", c->shared.migrations_folder, err);
    err_code tenant =
        run_folder(watch, 1, app, "tenant", c->migrations.folder, shared ? NULL : err);
    return shared ? shared : tenant;
}
