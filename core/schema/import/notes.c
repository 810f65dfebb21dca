/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>

#include "core/base/json.h"
#include "core/schema/import.h"

void import_notes_init(struct import_notes *notes)
{
    *notes = (struct import_notes){.problems = json_array(), .warnings = json_array()};
}

void import_notes_clear(struct import_notes *notes)
{
    json_decref(notes->problems);
    json_decref(notes->warnings);
    *notes = (struct import_notes){.problems = NULL};
}

PRINTF_LIKE(4, 0)
static void add(json_t *list, const char *code, const char *pointer, const char *fmt, va_list args)
{
    char detail[400];

    (void)vsnprintf(detail, sizeof detail, fmt, args);
    if (json_array_size(list) < IMPORT_PROBLEMS_MAX)
        (void)json_array_append_new(list,
                                    json_pack("{s:o, s:s, s:o}", "pointer", json_text(pointer),
                                              "code", code, "detail", json_text(detail)));
}

void import_problem(struct import_notes *notes, const char *pointer, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    add(notes->problems, err_name(ERR_IMPORT_UNSUPPORTED), pointer, fmt, args);
    va_end(args);
}

void import_warning(struct import_notes *notes, const char *pointer, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    add(notes->warnings, "ASSUMED", pointer, fmt, args);
    va_end(args);
}
