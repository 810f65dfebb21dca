/* SPDX-License-Identifier: MIT */
/* Triggers, rules, policies, statistics and grants: taken off while what they name changes. */
#include <string.h>

#include "core/schema/change_internal.h"
#include "core/schema/normal.h"

/* "name ON table" of what has its name from its table only. */
static const char *place_sql(struct changing *c, const struct schema_object *o)
{
    const char *name = quoted(c, o->name);

    return o->kind == OBJECT_STATISTICS ? name : path_of(c, "%s ON %s", name, quoted(c, o->on));
}

/* Whether the table that it is on goes, and it with it. */
static bool goes_with_table(const struct changing *c, const struct schema_object *o)
{
    const struct schema_table *t = o->on ? schema_find_table(c->from, o->on) : NULL;

    return t && (!counterpart(c->to, t) || set_has(c->remade, t->name));
}

static bool must_be_remade(const struct changing *c, const struct schema_object *o)
{
    return goes_with_table(c, o) || mentions_touched(c, o->on, o->definition) ||
           mentions_any(o->definition, c->remade);
}

/* A definition may be two statements: the second one switches it off. */
static void attach(struct changing *c, const struct schema_object *o)
{
    const struct doing doing = {.phase = PHASE_ATTACH,
                                .table = o->on,
                                .lock = o->kind == OBJECT_TRIGGER      ? "SHARE ROW EXCLUSIVE"
                                        : o->kind == OBJECT_STATISTICS ? "SHARE UPDATE EXCLUSIVE"
                                                                       : "ACCESS EXCLUSIVE"};
    const char *second = strstr(o->definition, ";\nALTER TABLE ");

    if (!second) {
        add_step(c, &doing, "%s", o->definition);
    } else {
        add_step(c, &doing, "%.*s", (int)(second - o->definition), o->definition);
        add_step(c, &doing, "%s", second + 2);
    }
    if (o->comment)
        add_comment(c, object_sql_word(o), place_sql(c, o), o->comment);
}

static void detach(struct changing *c, const struct schema_object *o)
{
    if (!goes_with_table(c, o))
        add_step(c,
                 &(struct doing){.phase = PHASE_DETACH, .table = o->on, .lock = "ACCESS EXCLUSIVE"},
                 "DROP %s %s", object_sql_word(o), place_sql(c, o));
}

static void change_attached_one(struct changing *c, const struct schema_object *a,
                                const struct schema_object *b)
{
    bool remade = !a || !b || !same_text(a->definition, b->definition) || must_be_remade(c, a);

    tell_object(c, b ? b : a);
    if (a && remade)
        detach(c, a);
    if (b && b->definition && remade)
        attach(c, b);
    else if (b && !same_text(a->comment, b->comment))
        add_comment(c, object_sql_word(b), place_sql(c, b), b->comment);
}

/* GRANT ... TO ... taken back, or REVOKE ... FROM ... given again. */
static const char *undone(struct changing *c, const char *definition)
{
    CLEANUP(str_clear) struct str out = STR_INIT;
    const char *to = NULL, *option = strstr(definition, " WITH GRANT OPTION");

    if (str_starts(definition, "REVOKE ALL ON ")) {
        const char *from = strstr(definition, " FROM PUBLIC");
        bool type = str_starts(definition, "REVOKE ALL ON TYPE ");
        return path_of(c, "GRANT %s ON %.*s TO PUBLIC", type ? "USAGE" : "EXECUTE",
                       from ? (int)(from - definition - 14) : 0, definition + 14);
    }
    for (const char *at = definition; (at = strstr(at, " TO ")); at++)
        to = at;
    if (!to || !str_starts(definition, "GRANT "))
        return NULL;
    str_add(&out, "REVOKE ");
    str_add_n(&out, definition + 6, (size_t)(to - definition - 6));
    str_add(&out, " FROM ");
    str_add_n(&out, to + 4, option ? (size_t)(option - to - 4) : strlen(to + 4));
    return keep_text(c, str_take(&out));
}

/* Whether what the rights are on is made anew, and has none then. */
static bool loses_grants(const struct changing *c, const struct schema_object *o)
{
    const struct schema_table *t = o->on ? schema_find_table(c->from, o->on) : NULL;

    return o->on && ((t && goes_with_table(c, o)) || set_has(c->loose, o->on) ||
                     set_has(c->loose_functions, o->on));
}

/* They are part of the change that it goes by. */
static bool is_gone(const struct changing *c, const struct schema_object *o)
{
    return o->on && !schema_find_table(c->to, o->on) && !is_type_of(c->to, o->on) &&
           !find_object(c->to, OBJECT_SEQUENCE, o->on, NULL) &&
           !find_object(c->to, OBJECT_FUNCTION, o->on, NULL);
}

static void change_grant(struct changing *c, const struct schema_object *a,
                         const struct schema_object *b)
{
    const struct doing doing = {.phase = PHASE_GRANT};
    const struct doing before = {.phase = PHASE_GRANT, .rank = -1};
    bool anew = a && loses_grants(c, a);
    bool same = a && b && same_text(a->definition, b->definition);
    const char *undo = a ? undone(c, a->definition) : NULL;

    if (a && !b && is_gone(c, a))
        return;
    tell_object(c, b ? b : a);
    if (a && !same && !anew && undo)
        add_step(c, &before, "%s", undo);
    if (b && (!same || anew))
        add_step(c, &doing, "%s", b->definition);
}

static bool is_attached(const struct schema_object *o)
{
    return o->kind == OBJECT_TRIGGER || o->kind == OBJECT_RULE || o->kind == OBJECT_POLICY ||
           o->kind == OBJECT_STATISTICS;
}

static void change_one(struct changing *c, const struct schema_object *a,
                       const struct schema_object *b)
{
    const struct schema_object *o = b ? b : a;

    end_change(c);
    if (is_attached(o))
        change_attached_one(c, a, b);
    else if (o->kind == OBJECT_GRANT)
        change_grant(c, a, b);
    else if (o->kind == OBJECT_OTHER)
        tell_object(c, o); /* it is named and no more */
}

/* What goes with its table is part of that change. */
static bool is_told(const struct changing *c, const struct schema_object *a)
{
    return a->on && schema_find_table(c->from, a->on) && !schema_find_table(c->to, a->on);
}

void change_attached(struct changing *c)
{
    for (size_t i = 0; i < c->to->n_objects; i++) {
        const struct schema_object *b = &c->to->objects[i];
        change_one(c, find_object(c->from, b->kind, b->name, b->on), b);
    }
    for (size_t i = 0; i < c->from->n_objects; i++) {
        const struct schema_object *a = &c->from->objects[i];
        if (!find_object(c->to, a->kind, a->name, a->on) && !is_told(c, a))
            change_one(c, a, NULL);
    }
    end_change(c);
}
