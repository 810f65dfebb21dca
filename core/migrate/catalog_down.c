/* SPDX-License-Identifier: MIT */
/* The way back of registered migrations. It may change at any time, with a new revision: what
 * trackers record is about the way there. */
#include <string.h>

#include "core/base/str.h"
#include "core/migrate/catalog_internal.h"
#include "core/migrate/down.h"

err_code catalog_store_down(struct pg *pg, const char *catalog, const struct migration *m,
                            const char *by, bool *changed, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "migration_set_down",
        .sql = "UPDATE tenantd.migration SET down_sql = convert_to($3, 'UTF8'), down_sha256 = $4,"
               " down_statements = $5, down_by = $6, down_at = now()"
               " WHERE catalog = $1 AND version = $2 AND down_sha256 IS DISTINCT FROM $4",
    };
    int64_t rows = 0;

    *changed = false;
    if (!m->down)
        return ERR_NONE;
    err_code rc = pg_exec(pg, &stmt,
                          PG_ARGS(PG_ARG(catalog), PG_ARG(m->version),
                                  PG_ARG((const char *)(m->down_in_file ? NULL : m->down->sql)),
                                  PG_ARG((const char *)m->down->sha256),
                                  PG_ARG((int)m->down->statement_count), PG_ARG(by)),
                          &rows, err);
    *changed = rows > 0;
    return rc;
}

/* One change of a migration's way back. */
struct changing {
    const char *catalog, *version, *sql, *by;
    size_t len;
    bool *changed;
};

/* The registered migration without its way back, unless that is a section of it. */
static err_code load_alone(struct pg *pg, const struct changing *c, struct migration *out,
                           struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = catalog_lock(pg, c->catalog, err);

    if (!rc)
        rc = catalog_get(pg, c->catalog, c->version, &rows, err);
    if (rc)
        return rc;
    const char *sql = pg_text(rows, 0, "sql");
    rc = migration_make(c->version, sql, strlen(sql), 0, out, err);
    if (rc || !out->down)
        return rc;
    migration_clear(out);
    return err_set(err, ERR_MIGRATION_IMMUTABLE,
                   "the way back of %s is a section of its file, which cannot change", c->version);
}

static err_code put_work(struct pg *pg, void *arg, struct err *err)
{
    const struct changing *c = arg;
    CLEANUP(migration_clear) struct migration m = {.version = NULL};
    err_code rc = load_alone(pg, c, &m, err);

    if (!rc)
        rc = migration_set_down(&m, c->sql, c->len, err);
    if (!rc && !m.down)
        rc = err_set(err, ERR_DOWN_MISMATCH,
                     "the script has no statement; a migration that leaves"
                     " nothing behind is taken back by SELECT 1");
    if (!rc)
        rc = catalog_store_down(pg, c->catalog, &m, c->by, c->changed, err);
    return rc || !*c->changed ? rc : catalog_bump(pg, c->catalog, NULL, err);
}

err_code catalog_put_down(struct pg *pg, const char *catalog, const char *version, const char *sql,
                          size_t len, const char *by, bool *changed, struct err *err)
{
    struct changing c = {catalog, version, sql, by, len, changed};
    return pg_tx(pg, put_work, &c, err);
}

static err_code delete_work(struct pg *pg, void *arg, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "migration_delete_down",
        .sql = "UPDATE tenantd.migration SET down_sql = NULL, down_sha256 = NULL,"
               " down_statements = NULL, down_by = NULL, down_at = NULL"
               " WHERE catalog = $1 AND version = $2 AND down_sha256 IS NOT NULL",
    };
    const struct changing *c = arg;
    CLEANUP(migration_clear) struct migration m = {.version = NULL};
    int64_t deleted = 0;
    err_code rc = load_alone(pg, c, &m, err);

    if (!rc)
        rc = pg_exec(pg, &stmt, PG_ARGS(PG_ARG(c->catalog), PG_ARG(c->version)), &deleted, err);
    if (!rc && !deleted)
        return err_set(err, ERR_MIGRATION_NOT_FOUND, "migration %s has no way back", c->version);
    return rc ? rc : catalog_bump(pg, c->catalog, NULL, err);
}

err_code catalog_delete_down(struct pg *pg, const char *catalog, const char *version,
                             struct err *err)
{
    struct changing c = {.catalog = catalog, .version = version};
    return pg_tx(pg, delete_work, &c, err);
}
