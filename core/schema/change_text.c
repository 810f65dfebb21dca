/* SPDX-License-Identifier: MIT */
/* Names, literals and types as they stand in generated SQL, and sets of names. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/pg/ident.h"
#include "core/pg/literal.h"
#include "core/schema/change_internal.h"
#include "core/schema/normal.h"

const char *keep_text(struct changing *c, char *owned)
{
    char **place = owned ? list_grow((void **)&c->kept, c->n_kept, sizeof *place) : NULL;

    if (!place) {
        free(owned);
        c->no_memory = true;
        return "";
    }
    c->n_kept++;
    *place = owned;
    return owned;
}

const char *path_of(struct changing *c, const char *fmt, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, fmt);
    int n = vasprintf(&text, fmt, args);
    va_end(args);
    return keep_text(c, n < 0 ? NULL : text);
}

const char *quoted(struct changing *c, const char *name)
{
    struct pg_ident ident;
    struct err err;
    err_code rc = pg_ident_quote(name, &ident, &err);

    if (rc && !c->rc) {
        c->rc = rc;
        *c->err = err;
    }
    return rc ? "" : keep_text(c, strdup(ident.sql));
}

const char *own_name(struct changing *c, const char *sql)
{
    return path_of(c, SCHEMA_MARK ".%s", sql);
}

const char *quoted_list(struct changing *c, const struct name_list *names)
{
    CLEANUP(str_clear) struct str out = STR_INIT;

    for (size_t i = 0; i < names->n; i++) {
        str_add(&out, i ? ", " : "");
        str_add(&out, quoted(c, names->items[i]));
    }
    return keep_text(c, str_take(&out));
}

const char *quoted_text(struct changing *c, const char *text)
{
    return text ? keep_text(c, pg_literal(text)) : "NULL";
}

bool same_text(const char *a, const char *b)
{
    return a ? str_eq(a, b) : !b;
}

const json_t *named(const json_t *list, const char *name)
{
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item) if (str_eq(json_string_value(json_object_get(item, "name")),
                                                 name)) return item;
    return NULL;
}

const json_t *table_json(const json_t *model, const char *table)
{
    return named(json_object_get(model, "tables"), table);
}

bool set_has(const json_t *set, const char *name)
{
    return json_object_get(set, name) != NULL;
}

void set_add(json_t *set, const char *name)
{
    (void)json_object_set_new(set, name, json_true());
}

bool set2_has(const json_t *sets, const char *name, const char *inner)
{
    return set_has(json_object_get(sets, name), inner);
}

void set2_add(json_t *sets, const char *name, const char *inner)
{
    json_t *set = json_object_get(sets, name);

    if (!set) {
        set = json_object();
        (void)json_object_set_new(sets, name, set);
    }
    set_add(set, inner);
}

bool mentions_any(const char *sql, const json_t *set)
{
    const char *name;
    json_t *value;

    if (sql)
        json_object_foreach((json_t *)(uintptr_t)set, name,
                            value) if (sql_mentions(sql, name)) return true;
    return false;
}

bool mentions_touched(const struct changing *c, const char *table, const char *sql)
{
    return mentions_any(sql, json_object_get(c->touched, table)) || mentions_any(sql, c->loose);
}

void add_comment(struct changing *c, const char *what, const char *name, const char *comment)
{
    add_step(c, &(struct doing){.phase = PHASE_COMMENT}, "COMMENT ON %s %s IS %s", what, name,
             quoted_text(c, comment));
}
