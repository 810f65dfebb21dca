/* SPDX-License-Identifier: MIT */
/* The order: what needs what, and among the rest what is easier to read. */
#include "core/schema/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/pg/ident.h"
#include "core/schema/normal.h"
#include "core/schema/script/script_parts.h"

void schema_script_clear(struct schema_script *script)
{
    for (size_t i = 0; i < script->n; i++)
        free(script->statements[i].sql);
    free(script->statements);
    *script = (struct schema_script){.n = 0};
}

void writer_end(struct writer *w, struct str *sql)
{
    struct script_statement *s = list_grow((void **)&w->out->statements, w->out->n, sizeof *s);

    if (s && str_ok(sql))
        *s = (struct script_statement){.sql = schema_requalify(str_text(sql), w->name),
                                       .part = w->part};
    if (!s || !s->sql)
        w->failed = true;
    else
        w->out->n++;
    str_reset(sql);
}

void write_name(struct str *sql, const char *name)
{
    struct pg_ident ident;

    if (pg_ident_quote(name, &ident, NULL))
        sql->failed = true; /* a name of PostgreSQL's is none too long */
    else
        str_add(sql, ident.sql);
}

/* One thing that others may need. Those of a higher rank come later where the needs leave it open.
 */
struct unit {
    char *name; /* "table/users" */
    int rank;
    const struct name_list *needs; /* NULL: none */
    const struct schema_enum *enumeration;
    const struct schema_domain *domain;
    const struct schema_object *object;
    const struct schema_table *table;
    const struct schema_key *key; /* of table; with check, that one's */
    const struct schema_check *exclusion;
    bool done;
};

enum {
    RANK_ENUM,
    RANK_TYPE,
    RANK_DOMAIN,
    RANK_SEQUENCE,
    RANK_FUNCTION,
    RANK_TABLE,
    RANK_KEY,
    RANK_VIEW
};

struct units {
    struct unit *items;
    size_t n;
    bool failed;
};

static void units_clear(struct units *units)
{
    for (size_t i = 0; i < units->n; i++)
        free(units->items[i].name);
    free(units->items);
}

static void add_unit(struct units *units, const struct unit *unit, const char *kind,
                     const char *name, const char *part)
{
    CLEANUP(str_clear) struct str text = STR_INIT;
    struct unit *u = list_grow((void **)&units->items, units->n, sizeof *u);

    str_addf(&text, "%s/%s", kind, name);
    if (part)
        str_addf(&text, "/%s", part);
    units->failed = units->failed || !u || !str_ok(&text);
    if (units->failed)
        return;
    *u = *unit;
    u->name = str_take(&text);
    units->failed = !u->name;
    units->n += u->name != NULL;
}

static void add_table_units(struct units *units, const struct schema_table *t)
{
    struct unit unit = {
        .rank = schema_table_is_view(t) ? RANK_VIEW : RANK_TABLE, .needs = &t->needs, .table = t};

    add_unit(units, &unit, "table", t->name, NULL);
    unit.rank = RANK_KEY;
    unit.needs = NULL;
    unit.key = t->primary_key;
    if (unit.key)
        add_unit(units, &unit, "key", t->name, unit.key->name);
    for (size_t i = 0; i < t->n_uniques; i++) {
        unit.key = &t->uniques[i];
        add_unit(units, &unit, "key", t->name, unit.key->name);
    }
    unit.key = NULL;
    for (size_t i = 0; i < t->n_checks; i++)
        if (t->checks[i].exclude) {
            unit.exclusion = &t->checks[i];
            add_unit(units, &unit, "key", t->name, unit.exclusion->name);
        }
}

static bool is_unit(object_kind kind)
{
    return kind == OBJECT_COMPOSITE || kind == OBJECT_RANGE || kind == OBJECT_SEQUENCE ||
           kind == OBJECT_FUNCTION;
}

static void add_object_unit(struct units *units, const struct schema_object *o)
{
    int rank = o->kind == OBJECT_SEQUENCE   ? RANK_SEQUENCE
               : o->kind == OBJECT_FUNCTION ? RANK_FUNCTION
                                            : RANK_TYPE;
    const char *kind = o->kind == OBJECT_SEQUENCE   ? "sequence"
                       : o->kind == OBJECT_FUNCTION ? "function"
                                                    : "type";
    struct unit unit = {.rank = rank, .needs = &o->needs, .object = o};

    if (is_unit(o->kind))
        add_unit(units, &unit, kind, o->name, NULL);
}

static void collect(struct units *units, const struct schema *s)
{
    for (size_t i = 0; i < s->n_enums; i++)
        if (!s->enums[i].schema)
            add_unit(units, &(struct unit){.rank = RANK_ENUM, .enumeration = &s->enums[i]}, "type",
                     s->enums[i].name, NULL);
    for (size_t i = 0; i < s->n_domains; i++)
        add_unit(units,
                 &(struct unit){
                     .rank = RANK_DOMAIN, .needs = &s->domains[i].needs, .domain = &s->domains[i]},
                 "type", s->domains[i].name, NULL);
    for (size_t i = 0; i < s->n_objects; i++)
        add_object_unit(units, &s->objects[i]);
    for (size_t i = 0; i < s->n_tables; i++)
        add_table_units(units, &s->tables[i]);
}

static int by_rank(const void *a, const void *b)
{
    const struct unit *x = a, *y = b;
    return x->rank != y->rank ? (x->rank > y->rank) - (x->rank < y->rank)
                              : strcmp(x->name, y->name);
}

static void write_key(struct writer *w, const struct unit *u)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;

    str_add(&sql, "ALTER TABLE ONLY ");
    write_name(&sql, u->table->name);
    str_add(&sql, " ADD CONSTRAINT ");
    write_name(&sql, u->key ? u->key->name : u->exclusion->name);
    str_addf(&sql, " %s", u->key ? u->key->definition : u->exclusion->definition);
    writer_end(w, &sql);
}

static void write_unit(struct writer *w, struct unit *u)
{
    u->done = true;
    if (u->rank >= RANK_KEY)
        w->part = SCRIPT_AFTER_DATA;
    if (u->enumeration)
        write_enum(w, u->enumeration);
    else if (u->domain)
        write_domain(w, u->domain);
    else if (u->object)
        write_object(w, u->object);
    else if (u->key || u->exclusion)
        write_key(w, u);
    else if (u->rank == RANK_VIEW)
        write_view(w, u->table);
    else
        write_table(w, u->table);
}

static int by_name(const void *a, const void *b)
{
    const struct unit *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* What follows from the needs, found once. */
struct ordering {
    struct units *units;
    struct unit **named; /* sorted by name */
};

static bool is_ready(const struct ordering *o, const struct unit *u)
{
    for (size_t i = 0; u->needs && i < u->needs->n; i++) {
        struct unit key = {.name = u->needs->items[i]};
        const struct unit *wanted = &key;
        struct unit **found = bsearch(&wanted, o->named, o->units->n, sizeof *o->named, by_name);
        if (found && !(*found)->done && *found != u)
            return false;
    }
    return true;
}

/* The first that may come; where there is a circle, the first that is left. */
static struct unit *next_unit(const struct ordering *o)
{
    struct unit *left = NULL;

    for (size_t i = 0; i < o->units->n; i++) {
        struct unit *u = &o->units->items[i];
        if (u->done)
            continue;
        if (is_ready(o, u))
            return u;
        left = left ? left : u;
    }
    return left;
}

static void write_units(struct writer *w, struct units *units)
{
    CLEANUP(freep) char *memory = calloc(units->n + 1, sizeof(struct unit *));
    struct ordering o = {.units = units, .named = (void *)memory};

    if (!memory || units->failed) {
        w->failed = true;
        return;
    }
    if (units->n)
        qsort(units->items, units->n, sizeof *units->items, by_rank);
    for (size_t i = 0; i < units->n; i++)
        o.named[i] = &units->items[i];
    if (units->n)
        qsort(o.named, units->n, sizeof *o.named, by_name);
    for (struct unit *u; (u = next_unit(&o));)
        write_unit(w, u);
}

static void write_owner_of_sequence(struct writer *w, const struct schema_object *o)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;

    str_add(&sql, "ALTER SEQUENCE ");
    write_name(&sql, o->name);
    str_addf(&sql, " OWNED BY %s", o->on);
    writer_end(w, &sql);
}

static void write_objects(struct writer *w, object_kind kind)
{
    const struct schema *s = w->schema;

    for (size_t i = 0; i < s->n_objects; i++)
        if (s->objects[i].kind == kind && kind != OBJECT_SEQUENCE)
            write_object(w, &s->objects[i]);
        else if (s->objects[i].kind == kind && s->objects[i].on)
            write_owner_of_sequence(w, &s->objects[i]);
}

static void write_after(struct writer *w)
{
    static void (*const of_tables[])(struct writer *, const struct schema_table *) = {
        write_late_checks,  write_indexes,      write_attachments,
        write_foreign_keys, write_row_security, write_table_comments,
    };
    static const object_kind kinds[] = {
        OBJECT_SEQUENCE, OBJECT_STATISTICS, OBJECT_TRIGGER,
        OBJECT_RULE,     OBJECT_POLICY,     OBJECT_GRANT,
    };

    w->part = SCRIPT_AFTER_DATA;
    for (size_t k = 0; k < ARRAY_LEN(of_tables); k++)
        for (size_t i = 0; i < w->schema->n_tables; i++)
            of_tables[k](w, &w->schema->tables[i]);
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
        write_objects(w, kinds[k]);
    for (size_t i = 0; i < w->schema->n_objects; i++)
        write_object_comment(w, &w->schema->objects[i]);
}

static err_code check_objects(const struct schema *s, struct err *err)
{
    for (size_t i = 0; i < s->n_objects; i++) {
        const struct schema_object *o = &s->objects[i];
        if (o->definition)
            continue;
        (void)err_set(err, ERR_UNSUPPORTED_OBJECT, "the %s %s cannot be made from a model",
                      o->on ? o->on : object_kind_name(o->kind), o->name);
        if (err)
            (void)snprintf(err->subject, sizeof err->subject, "%s", o->name);
        return ERR_UNSUPPORTED_OBJECT;
    }
    return ERR_NONE;
}

err_code schema_script(const struct schema *s, const char *schema, struct schema_script *out,
                       struct err *err)
{
    CLEANUP(units_clear) struct units units = {.n = 0};
    CLEANUP(schema_script_clear) struct schema_script script = {.n = 0};
    struct writer w = {.schema = s, .name = schema, .out = &script};
    err_code rc = check_objects(s, err);

    if (rc)
        return rc;
    collect(&units, s);
    write_units(&w, &units);
    write_after(&w);
    if (w.failed)
        return err_set(err, ERR_INTERNAL, "no memory for the script of a schema");
    *out = script; /* now the caller's */
    script = (struct schema_script){.n = 0};
    return ERR_NONE;
}

void schema_script_text(const struct schema_script *script, struct str *out)
{
    for (size_t i = 0; i < script->n; i++)
        str_addf(out, "%s;\n\n", script->statements[i].sql);
}
