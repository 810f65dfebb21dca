/* SPDX-License-Identifier: MIT */
/* Collects changes and statements, and puts the statements in their order. */
#include "core/schema/change.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/schema/change_internal.h"
#include "core/schema/normal.h"
#include "core/schema/schema_json.h"

#define EXCLUSIVE "ACCESS EXCLUSIVE"

/* The lock that a phase's statements take on their table. */
static const char *const phase_locks[] = {
    [PHASE_RENAME] = EXCLUSIVE,
    [PHASE_DETACH] = EXCLUSIVE,
    [PHASE_DROP_VIEW] = EXCLUSIVE,
    [PHASE_DROP_FOREIGN_KEY] = EXCLUSIVE,
    [PHASE_DROP_TABLE] = EXCLUSIVE,
    [PHASE_DROP_INDEX] = EXCLUSIVE,
    [PHASE_DROP_CHECK] = EXCLUSIVE,
    [PHASE_DROP_KEY] = EXCLUSIVE,
    [PHASE_LOOSEN] = EXCLUSIVE,
    [PHASE_DROP_COLUMN] = EXCLUSIVE,
    [PHASE_RETYPE_COLUMN] = EXCLUSIVE,
    [PHASE_ADD_COLUMN] = EXCLUSIVE,
    [PHASE_TIGHTEN] = EXCLUSIVE,
    [PHASE_ADD_KEY] = EXCLUSIVE,
    [PHASE_ADD_CHECK] = EXCLUSIVE,
    [PHASE_VALIDATE_CHECK] = "SHARE UPDATE EXCLUSIVE",
    [PHASE_CREATE_INDEX] = "SHARE",
    [PHASE_ADD_FOREIGN_KEY] = "SHARE ROW EXCLUSIVE",
    [PHASE_VALIDATE] = "SHARE UPDATE EXCLUSIVE",
    [PHASE_ATTACH] = EXCLUSIVE,
    [PHASE_COMMENT] = "SHARE UPDATE EXCLUSIVE",
};

static void statement_clear(struct change_statement *s)
{
    free(s->sql);
    free(s->table);
}

void schema_changes_free(struct schema_changes *changes)
{
    if (!changes)
        return;
    for (size_t i = 0; i < changes->n_changes; i++) {
        free(changes->changes[i].path);
        json_decref(changes->changes[i].expected);
        json_decref(changes->changes[i].actual);
    }
    for (size_t i = 0; i < changes->n_statements; i++)
        statement_clear(&changes->statements[i]);
    free(changes->changes);
    free(changes->statements);
    free(changes);
}

void schema_changes_freep(struct schema_changes **changes)
{
    schema_changes_free(*changes);
}

/* With the schema's own name, or without it, where the model has its mark. */
static char *PRINTF_LIKE(2, 0) write_sql(const struct changing *c, const char *fmt, va_list args)
{
    char *text = NULL;

    if (vasprintf(&text, fmt, args) < 0)
        return NULL;
    if (!strstr(text, SCHEMA_MARK))
        return text;
    char *named = schema_requalify(text, c->schema);
    free(text);
    return named;
}

void add_step(struct changing *c, const struct doing *doing, const char *fmt, ...)
{
    struct change_step *step = list_grow((void **)&c->steps, c->n_steps, sizeof *step);
    /* a table that is made on the way is nobody's yet */
    const char *table =
        doing->table && schema_find_table(c->from, doing->table) ? doing->table : NULL;
    va_list args;

    if (!step) {
        c->no_memory = true;
        return;
    }
    *step = (struct change_step){.phase = doing->phase, .rank = doing->rank, .seq = c->n_steps++};
    step->statement.change = c->change;
    if (table) {
        step->statement.table = strdup(table);
        step->statement.lock = doing->lock ? doing->lock : phase_locks[doing->phase];
        step->statement.hazards = doing->hazards;
    }
    step->statement.hazards |= doing->hazards & (CHANGE_NEW_LABEL | CHANGE_DESTRUCTIVE);
    va_start(args, fmt);
    step->statement.sql = write_sql(c, fmt, args);
    va_end(args);
    if (step->statement.sql && strstr(step->statement.sql, SCHEMA_MARK)) {
        statement_clear(&step->statement); /* it cannot be said without the schema's name */
        c->n_steps--;
        return;
    }
    c->no_memory |= !step->statement.sql || (table && !step->statement.table);
    if (c->change < c->out->n_changes)
        c->out->changes[c->change].expressible = true;
}

/* Of two objects, what the first has otherwise than the second; else the whole. */
static json_t *differing(const json_t *of, const json_t *other)
{
    json_t *out;
    const char *key;
    json_t *value;

    if (!of)
        return json_null();
    if (!json_is_object(of) || !json_is_object(other))
        return json_deep_copy(of);
    out = json_object();
    json_object_foreach((json_t *)(uintptr_t)of, key,
                        value) if (!json_equal(value, json_object_get(other, key)))(void)
        json_object_set_new(out, key, json_deep_copy(value));
    return out;
}

void add_change(struct changing *c, change_class class, const char *kind, const char *path,
                const json_t *expected, const json_t *actual)
{
    struct schema_changes *out = c->out;
    struct schema_change *change =
        list_grow((void **)&out->changes, out->n_changes, sizeof *change);

    if (!change) {
        c->no_memory = true;
        return;
    }
    *change = (struct schema_change){.class = class,
                                     .kind = kind,
                                     .path = strdup(path),
                                     .expected = differing(expected, actual),
                                     .actual = differing(actual, expected)};
    c->no_memory |= !change->path || !change->expected || !change->actual;
    c->change = out->n_changes++;
}

void end_change(struct changing *c)
{
    c->change = SIZE_MAX;
}

static int by_place(const void *a, const void *b)
{
    const struct change_step *x = a, *y = b;

    if (x->phase != y->phase)
        return x->phase < y->phase ? -1 : 1;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

static err_code take_steps(struct changing *c)
{
    struct schema_changes *out = c->out;

    if (c->n_steps)
        qsort(c->steps, c->n_steps, sizeof *c->steps, by_place);
    out->statements = calloc(c->n_steps + 1, sizeof *out->statements);
    if (c->no_memory || !out->statements)
        return err_set(c->err, ERR_INTERNAL, "no memory for the changes of a schema");
    for (size_t i = 0; i < c->n_steps; i++) {
        out->statements[i] = c->steps[i].statement;
        out->hazards |= out->statements[i].hazards;
        if (out->statements[i].change > out->n_changes)
            out->statements[i].change = out->n_changes;
    }
    out->n_statements = c->n_steps;
    c->n_steps = 0; /* they are the changes' now */
    return ERR_NONE;
}

static void changing_clear(struct changing *c)
{
    schema_changes_free(c->out);
    for (size_t i = 0; i < c->n_steps; i++)
        statement_clear(&c->steps[i].statement);
    free(c->steps);
    for (size_t i = 0; i < c->n_kept; i++)
        free(c->kept[i]);
    free(c->kept);
    json_decref(c->from_json);
    json_decref(c->to_json);
    json_decref(c->loose);
    json_decref(c->touched);
    json_decref(c->replaced);
    json_decref(c->remade);
    json_decref(c->loose_functions);
    json_decref(c->from_heights);
    json_decref(c->to_heights);
}

/* Types, columns, views and functions stand on each other, so until nothing more is found. */
static void find_all_touched(struct changing *c)
{
    size_t before, after = 0;

    do {
        before = after;
        find_loose_types(c);
        find_touched(c);
        find_remade_views(c);
        after = json_object_size(c->loose) + json_object_size(c->loose_functions) +
                json_object_size(c->remade);
    } while (after > before);
}

/* Who may make an extension is not for a migration to say. */
static void tell_extensions(struct changing *c)
{
    const json_t *must = json_object_get(c->to_json, "extensions");
    const json_t *is = json_object_get(c->from_json, "extensions");

    if (!json_equal(must, is))
        add_change(c, CHANGE_CHANGED, "extension", "extensions", must, is);
    end_change(c);
}

static err_code find_all(struct changing *c)
{
    c->from_json = schema_json(c->from, false);
    c->to_json = schema_json(c->to, false);
    if (!c->from_json || !c->to_json)
        return err_set(c->err, ERR_INTERNAL, "no memory for the changes of a schema");
    find_all_touched(c);
    change_enums(c);
    change_domains(c);
    change_objects(c);
    change_tables(c);
    change_attached(c);
    tell_extensions(c);
    return c->rc ? c->rc : take_steps(c);
}

err_code schema_changes(const struct schema *from, const struct schema *to,
                        const struct change_options *options, struct schema_changes **out,
                        struct err *err)
{
    struct err own;
    CLEANUP(schema_freep) struct schema *renamed = NULL;
    CLEANUP(changing_clear)
    struct changing c = {.from = from,
                         .to = to,
                         .safe = options && options->safe,
                         .schema = options ? options->schema : NULL,
                         .out = calloc(1, sizeof *c.out),
                         .change = SIZE_MAX,
                         .loose = json_object(),
                         .touched = json_object(),
                         .replaced = json_object(),
                         .remade = json_object(),
                         .loose_functions = json_object(),
                         .from_heights = json_object(),
                         .to_heights = json_object(),
                         .err = err ? err : &own};
    err_code rc = ERR_NONE;

    if (!c.out || !c.loose || !c.touched || !c.replaced || !c.remade || !c.loose_functions ||
        !c.from_heights || !c.to_heights)
        return err_set(err, ERR_INTERNAL, "no memory for the changes of a schema");
    if (options && json_object_size(options->renames))
        rc = apply_renames(&c, from, options->renames, &renamed, c.err);
    if (renamed)
        c.from = renamed;
    if (!rc)
        rc = find_all(&c);
    if (rc)
        return rc;
    *out = c.out;
    c.out = NULL;
    return ERR_NONE;
}
