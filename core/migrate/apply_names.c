/* SPDX-License-Identifier: MIT */
/* A script and one schema's names: how it is written for the schema, and where in it something is. */
#include <string.h>

#include "core/migrate/apply_script.h"
#include "core/migrate/place.h"
#include "core/migrate/sqlcheck.h"
#include "core/migrate/tracking_internal.h"
#include "core/pg/literal.h"

void apply_names_clear(struct apply_names *names)
{
    for (size_t i = 0; i < HOLE_KINDS; i++)
        str_clear(&names->values[i]);
}

static void add_search_path(struct str *path, const char *schema, const char *shared)
{
    str_add(path, schema);
    if (shared[0] && strcmp(shared, schema) != 0)
        str_addf(path, ", %s", shared);
    str_add(path, ", pg_temp");
}

static err_code fill(const struct apply_options *o, struct str *values, struct err *err)
{
    struct pg_ident schema, shared = {.sql = ""};
    err_code rc = pg_ident_quote(o->schema, &schema, err);

    if (!rc && o->shared_schema)
        rc = pg_ident_quote(o->shared_schema, &shared, err);
    if (!rc)
        rc = tracking_name(o->schema, o->table, &values[HOLE_TABLE - HOLE_FIRST], err);
    if (rc)
        return rc;
    add_search_path(&values[HOLE_SEARCH_PATH - HOLE_FIRST], schema.sql, shared.sql);
    str_add(&values[HOLE_SCHEMA - HOLE_FIRST], schema.sql);
    pg_literal_add(&values[HOLE_TABLE_TEXT - HOLE_FIRST], str_text(&values[HOLE_TABLE - HOLE_FIRST]));
    str_addf(&values[HOLE_LOCK_KEY - HOLE_FIRST], "%lld", (long long)apply_lock_key(o->schema));
    pg_literal_add(&values[HOLE_COMMENT - HOLE_FIRST], o->schema_comment ? o->schema_comment : "");
    for (size_t i = 0; i < HOLE_KINDS; i++)
        if (!str_ok(&values[i]))
            return err_set(err, ERR_INTERNAL, "out of memory");
    return ERR_NONE;
}

err_code apply_names_make(const struct apply_options *options, struct apply_names *out,
                          struct err *err)
{
    struct apply_names names = {.values = {{.data = NULL}}};
    err_code rc = fill(options, names.values, err);

    if (rc)
        apply_names_clear(&names);
    else
        *out = names; /* now the caller's */
    return rc;
}

void apply_script_write(const struct apply_script *script, const struct apply_names *names,
                        struct str *sql)
{
    size_t from = 0;

    for (size_t i = 0; i < script->hole_count; i++) {
        const struct apply_hole *hole = &script->holes[i];
        str_add_n(sql, str_text(&script->sql) + from, hole->at - from);
        str_add(sql, str_text(&names->values[hole->kind - HOLE_FIRST]));
        from = hole->at + 1;
    }
    str_add_n(sql, str_text(&script->sql) + from, script->sql.len - from);
}

/* The byte of the script where the character `position` of what was written from it comes from. */
static size_t origin_of(const struct apply_script *script, const struct apply_names *names,
                        size_t position)
{
    const char *sql = str_text(&script->sql);
    struct place at = PLACE_START(0);
    size_t left = position - 1;

    for (size_t i = 0; i < script->hole_count; i++) {
        const struct apply_hole *hole = &script->holes[i];
        const struct str *value = &names->values[hole->kind - HOLE_FIRST];
        size_t before = utf8_chars(sql + at.offset, hole->at - at.offset);
        size_t inside = utf8_chars(str_text(value), value->len);
        if (left < before)
            break;
        if (left < before + inside)
            return hole->at;
        left -= before + inside;
        at.offset = hole->at + 1;
    }
    place_by_chars(&at, sql, script->sql.len, left);
    return at.offset;
}

const struct apply_step *apply_script_step(const struct apply_script *script,
                                           const struct apply_names *names, size_t results,
                                           const char *sqlstate, size_t position)
{
    size_t at = results < script->count ? results : script->count - 1;

    /* the whole script is parsed before anything runs: only the position tells where */
    if (results == 0 && position && strcmp(sqlstate, "42601") == 0) {
        size_t origin = origin_of(script, names, position);
        for (size_t i = 0; i < script->count; i++)
            if (script->steps[i].kind == STEP_STATEMENT && script->steps[i].at <= origin)
                at = i;
    }
    return &script->steps[at];
}

/* The statement that the byte is in; the one before when it is between two. */
static size_t statement_at(const struct migration *m, size_t offset)
{
    size_t i = 0;
    while (i + 1 < m->statement_count && m->statements[i + 1].offset <= offset)
        i++;
    return i;
}

size_t apply_script_place(const struct apply_script *script, const struct apply_names *names,
                          const struct apply_step *step, size_t position)
{
    const struct migration *m = step->migration;

    if (!position || step->kind != STEP_STATEMENT)
        return APPLY_NO_PLACE;
    size_t origin = origin_of(script, names, position);
    size_t inside = origin > step->at ? origin - step->at : 0;
    if (origin < step->at || m->run_from + inside >= m->run_to)
        return APPLY_NO_PLACE;
    return m->run_from + inside;
}

void apply_locate(const struct apply_step *step, size_t offset, struct apply_failure *failure)
{
    const struct migration *m = step->migration;
    const struct statement *s = &m->statements[step->statement - 1];
    struct place at = PLACE_START(sql_bom_len(m->sql, m->sql_len));

    failure->statement = step->statement;
    failure->line = s->line;
    failure->column = s->column;
    if (offset == APPLY_NO_PLACE)
        return;
    place_to_offset(&at, m->sql, offset);
    failure->statement = (int)statement_at(m, at.offset) + 1;
    failure->line = at.line;
    failure->column = at.column;
}
