/* SPDX-License-Identifier: MIT */
#include "core/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct err_row {
    const char *name, *title;
    err_kind kind;
};

#define ERR_ROW(code, kind_, title_)                                                               \
    [ERR_##code] = {.name = #code, .title = (title_), .kind = ERR_KIND_##kind_},
static const struct err_row rows[] = {
    [ERR_NONE] = {.name = "NONE", .title = "No error", .kind = ERR_KIND_INTERNAL},
    ERR_LIST(ERR_ROW)};
#undef ERR_ROW

err_code err_set_at(struct err *err, err_code code, const char *file, int line, const char *fmt,
                    ...)
{
    if (!err)
        return code;
    *err = (struct err){.code = code, .at = file, .at_line = line};
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(err->msg, sizeof err->msg, fmt, args);
    va_end(args);
    return code;
}

err_code err_in(struct err *err, const char *field)
{
    (void)snprintf(err->field, sizeof err->field, "%s", field);
    return err->code;
}

const char *err_name(err_code code)
{
    return rows[code].name;
}

const char *err_title(err_code code)
{
    return rows[code].title;
}

err_kind err_kind_of(err_code code)
{
    return rows[code].kind;
}

bool err_is_retryable(err_code code)
{
    return rows[code].kind == ERR_KIND_UNAVAILABLE || rows[code].kind == ERR_KIND_BUSY ||
           rows[code].kind == ERR_KIND_RATE;
}
