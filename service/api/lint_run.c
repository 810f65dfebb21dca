/* SPDX-License-Identifier: MIT */
#include "service/api/lint_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "service/api/fields.h"

err_code lint_gathering_init(struct lint_gathering *g, size_t room, struct err *err)
{
    g->files = calloc(room ? room : 1, sizeof *g->files);
    return g->files ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}

void lint_gathering_clear(struct lint_gathering *g)
{
    free(g->files);
}

void lint_gather(struct lint_gathering *g, const struct migration *m, bool context)
{
    g->files[g->count++] = (struct lint_file){
        .path = m->version, .sql = m->sql, .len = m->sql_len, .context = context};
}

static err_code find_version(const struct catalog *catalog, const char *version, const char *field,
                             size_t *out, struct err *err)
{
    *out = catalog_find(catalog, version);
    if (*out < catalog->count)
        return ERR_NONE;
    (void)err_set(err, ERR_UNKNOWN_TARGET, "catalog %s has no migration \"%.100s\"", catalog->name,
                  version);
    return err ? err_in(err, field) : ERR_UNKNOWN_TARGET;
}

/* The first migration that is looked at, and the one after the last. */
static err_code find_range(const struct catalog *catalog, const struct lint_range *range,
                           size_t *first, size_t *end, struct err *err)
{
    err_code rc = ERR_NONE;

    *first = 0;
    *end = catalog->count;
    if (range->version) {
        rc = find_version(catalog, range->version, "/version", first, err);
        *end = *first + 1;
    } else if (range->from) {
        rc = find_version(catalog, range->from, "/from", first, err);
        *first += 1;
    }
    return rc;
}

static err_code run_catalog(const struct lint_config *config, const struct catalog *catalog,
                            const struct lint_range *range, json_t **out, struct err *err)
{
    CLEANUP(lint_gathering_clear) struct lint_gathering g = {.files = NULL};
    size_t first = 0, end = 0;
    err_code rc = find_range(catalog, range, &first, &end, err);

    if (!rc)
        rc = lint_gathering_init(&g, end, err);
    for (size_t i = 0; i < end && !rc; i++)
        lint_gather(&g, &catalog->items[i], i < first);
    return rc ? rc
              : lint_files(config,
                           &(struct lint_input){.files = g.files,
                                                .count = g.count,
                                                .separate = !range->from,
                                                .policy = &sql_policy_registered},
                           out, err);
}

err_code lint_catalog(struct call *call, const struct lint_config *config, const char *name,
                      const struct lint_range *range, json_t **out, struct err *err)
{
    struct catalog_cache *catalogs = engine_catalogs(call->app->engine);
    const struct catalog *catalog = NULL;
    err_code rc = catalog_acquire(catalogs, call->pg, name, 0, &catalog, err);

    if (!rc)
        rc = run_catalog(config, catalog, range, out, err);
    catalog_release(catalogs, catalog);
    return rc;
}

/* What is registered is known; what is new would run as one batch. */
static err_code run_new(struct call *call, const struct catalog *catalog,
                        const struct migration *items, size_t count, json_t **out, struct err *err)
{
    CLEANUP(lint_gathering_clear) struct lint_gathering g = {.files = NULL};
    err_code rc = lint_gathering_init(&g, catalog->count + count, err);

    for (size_t i = 0; i < catalog->count && !rc; i++)
        lint_gather(&g, &catalog->items[i], true);
    for (size_t i = 0; i < count && !rc; i++)
        if (catalog_find(catalog, items[i].version) == catalog->count)
            lint_gather(&g, &items[i], false);
    return rc ? rc
              : lint_files(call->app->lint,
                           &(struct lint_input){.files = g.files,
                                                .count = g.count,
                                                .policy = &sql_policy_registered},
                           out, err);
}

err_code lint_gate(struct call *call, const char *name, const struct migration *items, size_t count,
                   json_t **out, struct err *err)
{
    struct catalog_cache *catalogs = engine_catalogs(call->app->engine);
    const char *gate = call->app->config->lint.gate;
    const struct catalog *catalog = NULL;

    *out = NULL;
    if (str_eq(gate, "off"))
        return ERR_NONE;
    err_code rc = catalog_acquire(catalogs, call->pg, name, 0, &catalog, err);
    if (!rc)
        rc = run_new(call, catalog, items, count, out, err);
    catalog_release(catalogs, catalog);
    if (rc || str_eq(gate, "warn") || json_is_true(json_object_get(*out, "success")))
        return rc;
    return err_set(err, ERR_LINT_FAILED, "%lld lint errors; a comment \"-- lint-ignore RULE\" before"
                   " a statement says that it is meant so",
                   (long long)json_integer_value(json_object_get(*out, "errors")));
}

/* Whether the bundle's file is the migration: VERSION.sql, VERSION.up.sql, VERSION/migration.sql. */
static bool is_file_of(const char *path, const char *version)
{
    const char *at = strrchr(path, '/');
    size_t n = strlen(version);

    if (at && str_eq(at + 1, "migration.sql")) {
        while (at > path && at[-1] != '/')
            at--;
        return strncmp(at, version, n) == 0 && at[n] == '/';
    }
    at = at ? at + 1 : path;
    return strncmp(at, version, n) == 0 &&
           (str_eq(at + n, ".sql") || str_eq(at + n, ".up.sql"));
}

static void pointer_to(const json_t *files, const char *version, char out[64])
{
    size_t i;
    json_t *file;

    out[0] = '\0';
    json_array_foreach (files, i, file) {
        const char *path = json_string_value(json_object_get(file, "path"));
        if (path && is_file_of(path, version))
            (void)snprintf(out, 64, "/files/%zu/content", i);
    }
}

struct reply lint_refusal(const struct call *call, const struct err *err, const json_t *result)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    const json_t *files = json_object_get(call->body, "files");
    char pointer[64];
    size_t i;
    json_t *issue;

    json_array_foreach (json_object_get(result, "issues"), i, issue) {
        const char *file = json_string_value(json_object_get(issue, "file"));
        if (!str_eq(json_string_value(json_object_get(issue, "severity")), "error"))
            continue;
        pointer_to(files, file, pointer);
        problems_add(&problems, pointer, err_name(err->code), "%s, line %lld, column %lld: %s (%s)",
                     file, (long long)json_integer_value(json_object_get(issue, "line")),
                     (long long)json_integer_value(json_object_get(issue, "column")),
                     json_string_value(json_object_get(issue, "message")),
                     json_string_value(json_object_get(issue, "rule")));
    }
    return reply_problem(call->req, err,
                         json_pack("{s:O*, s:{s:O}}", "errors", problems.list, "metadata", "lint",
                                   result));
}
