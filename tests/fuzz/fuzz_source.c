/* SPDX-License-Identifier: MIT */
/* Any bytes as an archive or as JSON: no crash, and what is accepted is ordered and well named. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/migrate/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static err_code read_json(const char *bytes, size_t n, struct source *out, struct err *err)
{
    json_auto_t *body = NULL;
    err_code rc = json_parse(bytes, n, &body, err);
    return rc ? rc : source_read_json(body, out, err);
}

static void check_source(const struct source *source)
{
    struct migration *made = NULL;
    size_t count = 0;
    struct err err;

    for (size_t i = 1; i < source->count; i++)
        check(strcmp(source->files[i - 1].path, source->files[i].path) < 0);
    if (source_migrations(source, &made, &count, &err))
        return;
    check(count > 0);
    for (size_t i = 0; i < count; i++) {
        check(i == 0 || migration_compare(&made[i - 1], &made[i]) < 0);
        check(strlen(made[i].sql) == made[i].sql_len);
    }
    for (size_t i = 0; i < count; i++)
        migration_clear(&made[i]);
    free(made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct source source = {.files = NULL};
    struct err err;

    err_code rc = size && data[0] == '{'
                      ? read_json((const char *)data, size, &source, &err)
                      : source_read_tar(data, size, 1024 * 1024, &source, &err);
    if (rc == ERR_NONE)
        check_source(&source);
    source_clear(&source);
    return 0;
}
