/* SPDX-License-Identifier: MIT */
/* PostgreSQL documentation, Appendix A: error codes, and what each means to a caller here. */
#include <stddef.h>
#include <string.h>

#include "core/base/attr.h"
#include "core/pg/pg.h"

/* The first row whose prefix fits wins. */
static const struct sqlstate_row {
    const char *prefix;
    err_code code;
    bool transient;
} rows[] = {
    {.prefix = "08", .code = ERR_DATABASE_UNAVAILABLE, .transient = true},
    {.prefix = "23505", .code = ERR_CONFLICT},
    {.prefix = "23P01", .code = ERR_CONFLICT},
    {.prefix = "42P06", .code = ERR_SCHEMA_EXISTS},
    {.prefix = "3F000", .code = ERR_SCHEMA_MISSING},
    {.prefix = "40001", .code = ERR_DATABASE_CONTENTION, .transient = true},
    {.prefix = "40P01", .code = ERR_DATABASE_CONTENTION, .transient = true},
    {.prefix = "53", .code = ERR_DATABASE_UNAVAILABLE, .transient = true},
    {.prefix = "55P03", .code = ERR_LOCK_UNAVAILABLE, .transient = true},
    {.prefix = "57014", .code = ERR_DATABASE_TIMEOUT},
    {.prefix = "57P", .code = ERR_DATABASE_UNAVAILABLE, .transient = true},
    {.prefix = "58030", .code = ERR_DATABASE_UNAVAILABLE, .transient = true},
    {.prefix = "25006", .code = ERR_DATABASE_UNAVAILABLE, .transient = true},
};

static const struct sqlstate_row *find(const char *sqlstate)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strncmp(sqlstate, rows[i].prefix, strlen(rows[i].prefix)) == 0)
            return &rows[i];
    return NULL;
}

err_code pg_err_code(const char *sqlstate)
{
    if (!sqlstate || !*sqlstate)
        return ERR_DATABASE_UNAVAILABLE;
    const struct sqlstate_row *row = find(sqlstate);
    return row ? row->code : ERR_INTERNAL;
}

bool pg_sqlstate_is_transient(const char *sqlstate)
{
    if (!sqlstate || !*sqlstate)
        return true;
    const struct sqlstate_row *row = find(sqlstate);
    return row && row->transient;
}
