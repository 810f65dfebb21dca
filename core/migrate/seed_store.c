/* SPDX-License-Identifier: MIT */
#include "core/migrate/seed_store.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"

err_code seed_check_name(const char *name, struct err *err)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "_.-";
    size_t n = strlen(name);

    if (n && n <= SEED_NAME_MAX && strspn(name, letters) == n && !strchr("_.-", name[0]))
        return ERR_NONE;
    return err_set(err, ERR_INVALID_PARAMETER,
                   "\"%.120s\" cannot name a seed: 1 to %d letters, digits, \"_\", \".\" and \"-\","
                   " a letter or digit first",
                   name, SEED_NAME_MAX);
}

/* The row that the name has is locked, so that two who replace it come one after the other. */
static err_code find_scope(struct pg *pg, const char *name, char scope[16], struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "seed_find_scope",
        .sql = "SELECT scope FROM tenantd.seed WHERE name = $1 FOR UPDATE",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(name)), &rows, err);

    scope[0] = '\0';
    if (!rc && pg_rows_count(rows))
        (void)strncat(scope, pg_text(rows, 0, "scope"), 15);
    return rc;
}

struct putting {
    const struct seed_spec *spec;
    seed_put_answer answer;
};

static err_code write(struct pg *pg, const struct seed_spec *s, const char *variables,
                      struct pg_rows **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "seed_put",
        .sql = "INSERT INTO tenantd.seed AS s (name, scope, mode, sha256, sql, statement_count,"
               " variables, updated_by) VALUES ($1, coalesce($2, 'tenant'), coalesce($3, 'once'),"
               " $4, convert_to($5, 'UTF8'), $6, $7::jsonb, $8)"
               " ON CONFLICT (name) DO UPDATE SET mode = coalesce($3, s.mode), sha256 = $4,"
               " sql = excluded.sql, statement_count = $6, variables = excluded.variables,"
               " updated_by = $8, updated_at = now()"
               " WHERE s.scope = coalesce($2, s.scope)"
               "  AND (s.sha256, s.mode) <> ($4, coalesce($3, s.mode))"
               " RETURNING 1",
    };
    return pg_query(pg, &stmt,
                    PG_ARGS(PG_ARG(s->name), PG_ARG(s->scope), PG_ARG(s->mode),
                            PG_ARG((const char *)s->text->sha256), PG_ARG(s->text->sql),
                            PG_ARG((int)s->text->statement_count), PG_ARG(variables),
                            PG_ARG(s->by)),
                    out, err);
}

static err_code put_work(struct pg *pg, void *arg, struct err *err)
{
    struct putting *p = arg;
    const struct seed_spec *s = p->spec;
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    json_auto_t *names = seed_text_names(s->text);
    CLEANUP(freep) char *variables = names ? json_canonical(names) : NULL;
    char scope[16];

    if (!variables)
        return err_set(err, ERR_INTERNAL, "out of memory");
    err_code rc = find_scope(pg, s->name, scope, err);
    if (!rc && scope[0] && s->scope && !str_eq(scope, s->scope))
        return err_set(err, ERR_CONFLICT, "seed %s is one of scope %s; delete it first", s->name,
                       scope);
    if (!rc)
        rc = write(pg, s, variables, &rows, err);
    if (!rc)
        p->answer = !pg_rows_count(rows) ? SEED_UNCHANGED : scope[0] ? SEED_REPLACED : SEED_CREATED;
    return rc;
}

err_code seed_put(struct pg *pg, const struct seed_spec *spec, seed_put_answer *answer,
                  struct err *err)
{
    struct putting p = {.spec = spec};
    err_code rc = pg_tx(pg, put_work, &p, err);

    *answer = p.answer;
    return rc;
}

static err_code not_found(const char *name, struct err *err)
{
    return err_set(err, ERR_SEED_NOT_FOUND, "there is no seed \"%.100s\"", name);
}

err_code seed_delete(struct pg *pg, const char *name, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "seed_delete",
        .sql = "DELETE FROM tenantd.seed WHERE name = $1",
    };
    int64_t deleted = 0;
    err_code rc = pg_exec(pg, &stmt, PG_ARGS(PG_ARG(name)), &deleted, err);

    return rc || deleted ? rc : not_found(name, err);
}

#define SEED_COLUMNS                                                                               \
    "s.name, s.scope, s.mode, s.sha256, length(s.sql) AS size_bytes, s.statement_count,"           \
    " s.variables, s.updated_by, " PG_RFC3339("s.created_at") " AS created_at, " PG_RFC3339(       \
        "s.updated_at") " AS updated_at"

err_code seed_list(struct pg *pg, const char *scope, const char *after, int limit,
                   struct pg_rows **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "seed_list",
        .sql = "SELECT " SEED_COLUMNS " FROM tenantd.seed s"
               " WHERE ($1::text IS NULL OR s.scope = $1) AND s.name > $2 ORDER BY s.name LIMIT $3",
    };
    return pg_query(pg, &stmt, PG_ARGS(PG_ARG(scope), PG_ARG(after), PG_ARG(limit)), out, err);
}

err_code seed_get(struct pg *pg, const char *name, struct pg_rows **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "seed_get",
        .sql = "SELECT " SEED_COLUMNS ", convert_from(s.sql, 'UTF8') AS sql FROM tenantd.seed s"
               " WHERE s.name = $1",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(name)), &rows, err);

    if (rc)
        return rc;
    if (!pg_rows_count(rows))
        return not_found(name, err);
    *out = rows;
    rows = NULL; /* now the caller's */
    return ERR_NONE;
}
