/* SPDX-License-Identifier: MIT */
/* Any bytes: no crash, and what is accepted is cut into statements that stand by themselves. */
#include <stdint.h>
#include <stdlib.h>

#include "core/migrate/sqlcheck.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *sql = (const char *)data;
    struct statement *statements = NULL, *again = NULL;
    size_t count = 0, one = 0, end = 0;
    struct err err = {.code = ERR_NONE};

    err_code rc = sql_check(sql, size, &statements, &count, &err);
    if (rc) {
        check(rc == err.code && err.line >= 1 && err.column >= 1 && err.msg[0]);
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        const struct statement *s = &statements[i];
        check(s->offset >= end && s->length > 0 && s->offset + s->length <= size);
        check(s->line >= 1 && s->column >= 1);
        end = s->offset + s->length;
        if (i < 4) {
            check(sql_check(sql + s->offset, s->length, &again, &one, &err) == ERR_NONE);
            check(one == 1 && again[0].offset == 0 && again[0].length == s->length);
            free(again);
        }
    }
    free(statements);
    return 0;
}
