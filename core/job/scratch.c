/* SPDX-License-Identifier: MIT */
#include "core/job/scratch.h"

#include <stdio.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/str.h"
#include "core/migrate/lane_target.h"
#include "core/pg/ident.h"

enum { SCRATCH_BYTES = 8 };

/* First on the path, then the shared one. */
static err_code use(struct pg *pg, const char *scratch, const char *shared, struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    struct pg_ident ident;
    err_code rc = pg_ident_quote(shared, &ident, err);

    if (rc)
        return rc;
    str_addf(&sql, "SET LOCAL search_path = %s, ", scratch);
    str_add(&sql, ident.sql);
    str_add(&sql, ", pg_temp");
    return str_ok(&sql) ? pg_command(pg, str_text(&sql), err)
                        : err_set(err, ERR_INTERNAL, "out of memory");
}

err_code scratch_make(struct pg *pg, const char *shared, char name[SCRATCH_NAME_SIZE],
                      struct err *err)
{
    unsigned char bytes[SCRATCH_BYTES];
    char sql[SCRATCH_NAME_SIZE + 32];

    (void)snprintf(name, SCRATCH_NAME_SIZE, "tenantd_scratch_");
    random_bytes(bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, name + strlen(name));
    (void)snprintf(sql, sizeof sql, "CREATE SCHEMA %s", name);
    err_code rc = pg_command(pg, sql, err);
    return rc ? rc : use(pg, name, shared, err);
}

/* What runs of it, in one transaction: in a scratch schema there is nothing that CONCURRENTLY would
 * spare. */
static err_code replay_one(struct pg *pg, const struct migration *m, struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    size_t left = 0;

    str_add_n(&sql, m->sql + m->run_from, m->run_to - m->run_from);
    if (!str_ok(&sql))
        return err_set(err, ERR_INTERNAL, "out of memory");
    for (size_t i = 0; i < m->statement_count; i++) {
        const struct statement *s = &m->statements[i];
        left += !m->no_transaction ||
                lane_strip(s->kind, sql.data + s->offset - m->run_from, s->length);
    }
    return left ? pg_command(pg, str_text(&sql), err) : ERR_NONE;
}

err_code scratch_replay(struct pg *pg, const struct catalog *catalog, const bool *applied,
                        struct err *err)
{
    for (size_t i = 0; i < catalog->count; i++) {
        const struct migration *m = &catalog->items[i];
        struct err why = {.code = ERR_NONE};
        if (applied && !applied[i])
            continue;
        err_code rc = replay_one(pg, m, &why);
        if (rc && err_is_retryable(rc)) {
            *err = why;
            return rc;
        }
        if (rc)
            return err_set(err, ERR_MIGRATION_FAILED,
                           "%.200s cannot be replayed to verify the schema: %.250s", m->version,
                           why.msg);
    }
    return ERR_NONE;
}
