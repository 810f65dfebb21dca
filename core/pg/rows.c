/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/pg/pg_internal.h"

static int column_of(const struct pg_rows *rows, const char *name)
{
    for (int i = 0; i < PQnfields(rows->result); i++)
        if (strcmp(PQfname(rows->result, i), name) == 0)
            return i;
    (void)fprintf(stderr, "the statement has no column %s\n", name);
    abort(); /* our bug: statement and reader stand next to each other */
}

size_t pg_rows_count(const struct pg_rows *rows)
{
    return (size_t)PQntuples(rows->result);
}

void pg_rows_free(struct pg_rows *rows)
{
    if (!rows)
        return;
    PQclear(rows->result);
    free(rows);
}

void pg_rows_freep(struct pg_rows **rows)
{
    pg_rows_free(*rows);
}

bool pg_is_null(const struct pg_rows *rows, size_t row, const char *column)
{
    return PQgetisnull(rows->result, (int)row, column_of(rows, column));
}

const char *pg_text(const struct pg_rows *rows, size_t row, const char *column)
{
    int i = column_of(rows, column);
    return PQgetisnull(rows->result, (int)row, i) ? NULL : PQgetvalue(rows->result, (int)row, i);
}

int64_t pg_bigint(const struct pg_rows *rows, size_t row, const char *column)
{
    const char *text = pg_text(rows, row, column);
    return text ? strtoll(text, NULL, 10) : 0;
}

int pg_int(const struct pg_rows *rows, size_t row, const char *column)
{
    return (int)pg_bigint(rows, row, column);
}

bool pg_bool(const struct pg_rows *rows, size_t row, const char *column)
{
    return str_eq(pg_text(rows, row, column), "t");
}

unsigned char *pg_bytes(const struct pg_rows *rows, size_t row, const char *column, size_t *n)
{
    const char *text = pg_text(rows, row, column);
    if (!text)
        return NULL;
    unsigned char *raw = PQunescapeBytea((const unsigned char *)text, n);
    if (!raw)
        return NULL;
    unsigned char *copy = malloc(*n + 1); /* libpq's memory is freed by PQfreemem alone */
    if (copy) {
        memcpy(copy, raw, *n);
        copy[*n] = '\0';
    }
    PQfreemem(raw);
    return copy;
}
