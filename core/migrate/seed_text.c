/* SPDX-License-Identifier: MIT */
#include "core/migrate/seed_text.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/migrate/place.h"
#include "core/migrate/seed_internal.h"
#include "core/migrate/sqlcheck.h"
#include "core/pg/ident.h"
#include "core/pg/literal.h"

/* As long as the longest name in quotes. */
#define COVER "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"

/* The parser takes no variables: each is covered by a literal or a name of the same length, so that
 * every place stays where it is. */
static void cover(const struct seed_text *seed, char *sql)
{
    for (size_t i = 0; i < seed->variable_count; i++) {
        const struct seed_variable *v = &seed->variables[i];
        char quote = v->identifier ? '"' : '\'';
        memset(sql + v->offset, 'v', v->length);
        sql[v->offset] = sql[v->offset + v->length - 1] = quote;
    }
}

/* What a configuration may allow to migrations and what a seed cannot have: it runs in one
 * transaction on a session that goes on to the next tenant. */
enum { NOT_IN_A_SEED = SQL_LEAVES_SESSION | SQL_PREPARED | SQL_TEMPORARY_TABLE };

static err_code refuse_alone(const struct sql_facts *facts, struct err *err)
{
    int line = 1, column = 1;

    for (size_t i = facts->count; i-- > 0;)
        if (facts->statements[i].kind != STATEMENT_PLAIN &&
            facts->statements[i].kind != STATEMENT_CALL) {
            line = facts->statements[i].line;
            column = facts->statements[i].column;
        }
    (void)err_set(err, ERR_STATEMENT_NOT_ALLOWED,
                  "line %d, column %d: a seed runs in one transaction, where this is not possible",
                  line, column);
    if (err) {
        err->line = line;
        err->column = column;
    }
    return ERR_STATEMENT_NOT_ALLOWED;
}

/* Holds a text against the seed's rules; it may name these n schemas, too. */
static err_code check_text(const struct seed_text *seed, const char *sql, size_t len,
                           const char *const *more, size_t n, struct sql_facts *facts,
                           struct err *err)
{
    const struct sql_policy *base = seed->policy ? seed->policy : &sql_policy_strict;
    CLEANUP(freep) char *memory = calloc(base->schema_count + n + 1, sizeof(char *));
    char **schemas = (char **)(void *)memory;
    struct sql_policy policy = {.allow = base->allow & ~(unsigned)NOT_IN_A_SEED,
                                .schemas = schemas,
                                .names_public = base->names_public};

    if (!memory)
        return err_set(err, ERR_INTERNAL, "out of memory");
    for (size_t i = 0; i < base->schema_count; i++)
        schemas[policy.schema_count++] = base->schemas[i];
    for (size_t i = 0; i < n; i++)
        schemas[policy.schema_count++] = (char *)(uintptr_t)more[i]; /* only read */
    err_code rc = sql_check_by(&policy, sql, len, facts, err);
    if (rc || !facts->no_transaction)
        return rc;
    rc = refuse_alone(facts, err);
    free(facts->statements);
    return rc;
}

/* The names that cover() puts in the place of identifiers may be those of schemas. */
static err_code check(struct seed_text *seed, struct err *err)
{
    static const char vs[SEED_VARIABLE_MAX + 4] = COVER;
    CLEANUP(freep) char *covered = strdup(seed->sql);
    CLEANUP(freep) char *memory = calloc(seed->variable_count + 1, sizeof(char *));
    const char **names = (const char **)(void *)memory;
    struct sql_facts facts = {.statements = NULL};
    size_t n = 0;

    if (!covered || !memory)
        return err_set(err, ERR_INTERNAL, "out of memory");
    cover(seed, covered);
    for (size_t i = 0; i < seed->variable_count; i++)
        if (seed->variables[i].identifier)
            names[n++] = vs + strlen(vs) - (seed->variables[i].length - 2);
    err_code rc = check_text(seed, covered, seed->len, names, n, &facts, err);
    seed->statements = rc ? NULL : facts.statements;
    seed->statement_count = rc ? 0 : facts.count;
    return rc;
}

static err_code fill(const char *sql, size_t len, struct seed_text *seed, struct err *err)
{
    seed->sql = malloc(len + 1);
    if (!seed->sql)
        return err_set(err, ERR_INTERNAL, "out of memory");
    if (len)
        memcpy(seed->sql, sql, len);
    seed->sql[len] = '\0';
    seed->len = len;
    sha256_hex(seed->sql, len, seed->sha256);
    err_code rc = sql_check_bytes(seed->sql, len, err);
    if (!rc)
        rc = seed_scan(seed, err);
    return rc ? rc : check(seed, err);
}

err_code seed_text_make(const struct sql_policy *policy, const char *sql, size_t len,
                        struct seed_text *out, struct err *err)
{
    struct seed_text seed = {.policy = policy};

    if (len > SEED_MAX)
        return err_set(err, ERR_BODY_TOO_LARGE, "a seed may be %d MiB long",
                       SEED_MAX / 1024 / 1024);
    err_code rc = fill(sql, len, &seed, err);
    if (rc)
        seed_text_clear(&seed);
    else
        *out = seed; /* now the caller's */
    return rc;
}

void seed_text_clear(struct seed_text *seed)
{
    free(seed->sql);
    free(seed->statements);
    free(seed->variables);
    *seed = (struct seed_text){.sql = NULL};
}

static int compare_names(const void *a, const void *b)
{
    const struct seed_variable *x = a, *y = b;
    return strcmp(x->name, y->name);
}

json_t *seed_text_names(const struct seed_text *seed)
{
    size_t n = seed->variable_count, size = n * sizeof *seed->variables;
    struct seed_variable *sorted = malloc(size ? size : 1);
    json_t *names = json_array();

    if (sorted && n) {
        memcpy(sorted, seed->variables, size);
        qsort(sorted, n, sizeof *sorted, compare_names);
    }
    for (size_t i = 0; sorted && i < n; i++)
        if (!i || strcmp(sorted[i].name, sorted[i - 1].name) != 0)
            (void)json_array_append_new(names, json_string(sorted[i].name));
    free(sorted);
    return names;
}

static err_code fail_at(const struct seed_variable *v, err_code code, const char *what,
                        struct err *err)
{
    (void)err_set(err, code, "line %d, column %d: variable %s %s", v->line, v->column, v->name,
                  what);
    if (err) {
        err->line = v->line;
        err->column = v->column;
    }
    return code;
}

/* The text of a value; NULL: it has none. free() it. */
static char *value_text(const json_t *value)
{
    if (json_is_string(value))
        return strlen(json_string_value(value)) == json_string_length(value)
                   ? strdup(json_string_value(value))
                   : NULL;
    if (json_is_boolean(value))
        return strdup(json_is_true(value) ? "true" : "false");
    return json_is_number(value) ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
}

static err_code add_value(struct str *sql, const struct seed_variable *v, const json_t *value,
                          struct err *err)
{
    CLEANUP(freep) char *text = value_text(value);
    struct pg_ident name;

    if (!value)
        return fail_at(v, ERR_UNKNOWN_VARIABLE, "has no value", err);
    str_add_char(sql, ' '); /* a quote right after a letter or an ampersand would mean more */
    if (v->identifier) {
        if (!json_is_string(value) || !text || pg_ident_quote(text, &name, NULL))
            return fail_at(v, ERR_INVALID_VARIABLE, "is no name: 1 to 63 bytes of text are needed",
                           err);
        str_add(sql, name.sql);
        return ERR_NONE;
    }
    if (json_is_null(value))
        str_add(sql, "NULL");
    else if (!text)
        return fail_at(v, ERR_INVALID_VARIABLE,
                       "is neither text without NUL nor a number, true, false or null", err);
    else
        pg_literal_add(sql, text);
    return ERR_NONE;
}

static err_code write_bound(const struct seed_text *seed, const json_t *values, struct str *sql,
                            size_t *ends, struct err *err)
{
    size_t from = 0;
    err_code rc = ERR_NONE;

    for (size_t i = 0; i < seed->variable_count && !rc; i++) {
        const struct seed_variable *v = &seed->variables[i];
        str_add_n(sql, seed->sql + from, v->offset - from);
        rc = add_value(sql, v, json_object_get(values, v->name), err);
        ends[i] = sql->len;
        from = v->offset + v->length;
    }
    str_add_n(sql, seed->sql + from, seed->len - from);
    if (!rc && !str_ok(sql))
        return err_set(err, ERR_INTERNAL, "out of memory");
    return rc;
}

/* The offset of a line and column of text. */
static size_t offset_of(const char *text, size_t len, int line, int column)
{
    struct place at = PLACE_START(sql_bom_len(text, len));
    while (at.offset < len && (at.line < line || (at.line == line && at.column < column)))
        place_by_chars(&at, text, len, 1);
    return at.offset;
}

static err_code check_bound(const struct seed_bound *bound, const char *schema, struct err *err)
{
    struct sql_facts facts = {.statements = NULL};
    struct err why;
    err_code rc =
        check_text(bound->seed, bound->sql, bound->len, &schema, schema ? 1 : 0, &facts, &why);

    if (!rc)
        free(facts.statements);
    if (!rc && facts.count == bound->seed->statement_count)
        return ERR_NONE;
    if (!rc)
        return err_set(err, ERR_INTERNAL, "a value has changed the statements of a seed");
    const char *text = strstr(why.msg, ": ");
    struct place at = PLACE_START(sql_bom_len(bound->seed->sql, bound->seed->len));
    place_to_offset(
        &at, bound->seed->sql,
        seed_bound_origin(bound, offset_of(bound->sql, bound->len, why.line, why.column)));
    (void)err_set(err, rc, "line %d, column %d%s", at.line, at.column, text ? text : "");
    if (err) {
        err->line = at.line;
        err->column = at.column;
    }
    return rc;
}

err_code seed_bind(const struct seed_text *seed, const json_t *values, struct seed_bound *out,
                   struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    CLEANUP(seed_bound_clear) struct seed_bound bound = {.seed = seed};

    bound.ends = calloc(seed->variable_count + 1, sizeof *bound.ends);
    if (!bound.ends)
        return err_set(err, ERR_INTERNAL, "out of memory");
    err_code rc = write_bound(seed, values, &sql, bound.ends, err);
    if (rc)
        return rc;
    bound.len = sql.len;
    bound.sql = sql.len ? str_take(&sql) : strdup("");
    if (!bound.sql)
        return err_set(err, ERR_INTERNAL, "out of memory");
    rc = check_bound(&bound, json_string_value(json_object_get(values, "schema")), err);
    if (rc)
        return rc;
    *out = bound; /* now the caller's */
    bound = (struct seed_bound){.seed = NULL};
    return ERR_NONE;
}

void seed_bound_clear(struct seed_bound *bound)
{
    free(bound->sql);
    free(bound->ends);
    *bound = (struct seed_bound){.seed = NULL};
}

size_t seed_bound_origin(const struct seed_bound *bound, size_t offset)
{
    const struct seed_text *seed = bound->seed;
    size_t from = 0, moved = 0; /* the text between two variables: where it begins here and there */

    for (size_t i = 0; i < seed->variable_count; i++) {
        const struct seed_variable *v = &seed->variables[i];
        size_t value = moved + (v->offset - from);
        if (offset < value)
            break;
        if (offset < bound->ends[i])
            return v->offset;
        from = v->offset + v->length;
        moved = bound->ends[i];
    }
    return from + (offset - moved);
}
