/* SPDX-License-Identifier: MIT */
#include "core/schema/export/ts_case.h"

#include <string.h>

#include "core/schema/export/ts_names.h"

ts_casing ts_casing_of(const char *name, ts_casing fallback)
{
    return !name                   ? fallback
           : str_eq(name, "camel") ? TS_CAMEL
           : str_eq(name, "snake") ? TS_SNAKE
                                   : TS_PRESERVE;
}

bool ts_list_add(struct name_list *list, const char *name)
{
    char **slot = list_grow((void **)&list->items, list->n, sizeof *slot);

    if (!slot)
        return false;
    *slot = strdup(name);
    list->n += *slot != NULL;
    return *slot;
}

static bool is_taken(const struct name_list *list, const char *name, const char *const *taken)
{
    for (; taken && *taken; taken++)
        if (str_eq(*taken, name))
            return true;
    return name_list_has(list, name);
}

bool ts_list_add_free(struct name_list *list, const char *base, const char *const *taken)
{
    for (unsigned i = 1;; i++) {
        CLEANUP(str_clear) struct str name = STR_INIT;
        str_add(&name, base);
        if (i > 1)
            str_addf(&name, "%u", i);
        if (!str_ok(&name))
            return false;
        if (!is_taken(list, str_text(&name), taken))
            return ts_list_add(list, str_text(&name));
    }
}

static void add_cased(struct str *out, const char *name, ts_casing casing)
{
    switch (casing) {
    case TS_PRESERVE:
        str_add(out, name);
        return;
    case TS_CAMEL:
        ts_add_camel(out, name);
        return;
    case TS_SNAKE:
        ts_add_snake(out, name);
        return;
    }
}

err_code ts_fields_init(struct name_list *fields, const struct schema_table *t, ts_casing casing,
                        const char *const *taken, struct err *err)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        CLEANUP(str_clear) struct str name = STR_INIT;
        add_cased(&name, t->columns[i].name, casing);
        if (!str_ok(&name) || !ts_list_add_free(fields, str_text(&name), taken))
            return err_set(err, ERR_INTERNAL, "no memory for an export");
    }
    return ERR_NONE;
}
