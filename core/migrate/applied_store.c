/* SPDX-License-Identifier: MIT */
#include "core/migrate/applied_store.h"

#include <jansson.h>

err_code applied_store_intern(struct pg *pg, const struct applied_set *set, int64_t *id,
                              struct err *err)
{
    /* looked up first: nearly always it is there, and an INSERT would burn an id each time */
    static const struct pg_stmt find = {
        .name = "applied_set_find",
        .sql = "SELECT id FROM tenantd.applied_set"
               " WHERE format = $1 AND has_table = $2 AND digest = $3",
    };
    static const struct pg_stmt insert = {
        .name = "applied_set_insert",
        .sql = "INSERT INTO tenantd.applied_set (format, has_table, digest, content)"
               " VALUES ($1, $2, $3, $4::jsonb) ON CONFLICT (format, has_table, digest)"
               " DO UPDATE SET digest = excluded.digest RETURNING id",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL, *made = NULL;
    const char *format = tracking_format_name(set->format);
    char key[APPLIED_SET_KEY_SIZE];

    applied_set_key(set, key);
    err_code rc = pg_query(pg, &find,
                           PG_ARGS(PG_ARG(format), PG_ARG(set->has_table),
                                   PG_ARG((const char *)key)),
                           &rows, err);
    if (rc)
        return rc;
    if (pg_rows_count(rows)) {
        *id = pg_bigint(rows, 0, "id");
        return ERR_NONE;
    }
    json_auto_t *content = applied_set_to_json(set);
    CLEANUP(freep) char *text = content ? json_dumps(content, JSON_COMPACT) : NULL;
    if (!text)
        return err_set(err, ERR_INTERNAL, "out of memory");
    rc = pg_query(pg, &insert,
                  PG_ARGS(PG_ARG(format), PG_ARG(set->has_table),
                          PG_ARG((const char *)key), PG_ARG(text)),
                  &made, err);
    if (!rc)
        *id = pg_bigint(made, 0, "id");
    return rc;
}

err_code applied_store_get(struct pg *pg, int64_t id, struct applied_set **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "applied_set_get",
        .sql = "SELECT content FROM tenantd.applied_set WHERE id = $1",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;

    *out = NULL;
    if (!id)
        return ERR_NONE;
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(id)), &rows, err);
    if (rc)
        return rc;
    if (!pg_rows_count(rows)) /* tenants refer to it, so nobody can have deleted it */
        return err_set(err, ERR_INTERNAL, "there is no stored tracking table %lld", (long long)id);
    json_auto_t *content = json_loads(pg_text(rows, 0, "content"), 0, NULL);
    if (!content)
        return err_set(err, ERR_INTERNAL, "the stored tracking table %lld cannot be read",
                       (long long)id);
    return applied_set_from_json(content, out, err);
}
