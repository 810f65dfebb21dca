/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/str.h"
#include "core/migrate/seed_store.h"
#include "core/migrate/source.h"
#include "service/api/background.h"

enum { FOLDERS = 4 };

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

static err_code put_seed(struct pg *pg, const char *target, const struct source *source, size_t i,
                         bool *changed, struct err *err)
{
    const struct source_file *file = &source->files[i];
    CLEANUP(seed_text_clear) struct seed_text text = {.sql = NULL};
    CLEANUP(freep) char *name = strndup(file->path, strlen(file->path) - strlen(".sql"));
    struct seed_spec spec = {.name = name, .scope = target, .text = &text, .by = "folder"};
    seed_put_answer answer = SEED_UNCHANGED;

    if (!name)
        return err_set(err, ERR_INTERNAL, "out of memory");
    err_code rc = seed_check_name(name, err);
    if (!rc)
        rc = seed_text_make(source->policy, file->content, file->len, &text, err);
    if (!rc)
        rc = seed_put(pg, &spec, &answer, err);
    *changed = *changed || answer != SEED_UNCHANGED;
    return rc && err ? err_in(err, file->path) : rc;
}

/* Every NAME.sql of the folder itself; what is gone from it stays as it is. */
static err_code register_seeds(struct app *app, const char *target, const struct source *source,
                               struct err *err)
{
    struct pg *pg = NULL;
    bool changed = false;
    err_code rc = pg_pool_borrow(app->control, &pg, err);

    for (size_t i = 0; i < source->count && !rc; i++)
        if (!strchr(source->files[i].path, '/') && str_ends(source->files[i].path, ".sql"))
            rc = put_seed(pg, target, source, i, &changed, err);
    pg_pool_return(app->control, pg);
    if (changed)
        log_event(app->log, LOG_LEVEL_INFO, "seeds.registered", LOG_STR("scope", target),
                  LOG_INT("files", (int64_t)source->count));
    return rc;
}

/* What becomes of the files of each folder. */
static const struct watched_folder {
    const char *target;
    err_code (*read)(struct app *app, const char *target, const struct source *source,
                     struct err *err);
} watched[FOLDERS] = {
    {.target = "shared", .read = register_source},
    {.target = "tenant", .read = register_source},
    {.target = "shared", .read = register_seeds},
    {.target = "tenant", .read = register_seeds},
};

static err_code run_folder(struct folder_watch *watch, size_t i, struct app *app,
                           const struct watched_folder *what, const char *folder, struct err *err)
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
    rc = what->read(app, what->target, &source, err);
    if (!rc || !err_is_retryable(rc)) /* what was refused is refused again until it changes */
        memcpy(watch->seen[i], digest, sizeof digest);
    return rc;
}

err_code folder_watch_run(struct folder_watch *watch, struct app *app, struct err *err)
{
    const struct config *c = app->config;
    const char *const folders[FOLDERS] = {c->shared.migrations_folder, c->migrations.folder,
                                          c->shared.seeds_folder, c->seeds.folder};
    err_code first = ERR_NONE;

    for (size_t i = 0; i < FOLDERS; i++) {
        err_code rc = run_folder(watch, i, app, &watched[i], folders[i], first ? NULL : err);
        first = first ? first : rc;
    }
    return first;
}
