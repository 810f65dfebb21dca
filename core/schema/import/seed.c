/* SPDX-License-Identifier: MIT */
/*
 * What drizzle-multitenant's SchemaExporter writes ("version": "1.0.0"). Its types are PostgreSQL's
 * names, or, where it looked at Drizzle's columns, JavaScript's: those say less, so something has
 * to be taken for them. Defaults that it has as "[object Object]" are lost.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/pg/literal.h"
#include "core/schema/import/reader.h"

static const struct {
    const char *written, *type;
} scripted[] = {
    {"string", "text"},     {"number", "integer"}, {"date", "timestamptz"}, {"bigint", "bigint"},
    {"boolean", "boolean"}, {"json", "jsonb"},     {"buffer", "bytea"},
};

/* What JavaScript's names stand for; sequences are the column's default. */
static const char *type_of(struct reader *r, const char *written, const char *pointer,
                           const char **sequence)
{
    static const char *const serials[][2] = {
        {"serial", "integer"}, {"serial4", "integer"},      {"bigserial", "bigint"},
        {"serial8", "bigint"}, {"smallserial", "smallint"}, {"serial2", "smallint"},
    };

    for (size_t i = 0; i < ARRAY_LEN(serials); i++)
        if (str_eq(serials[i][0], written)) {
            *sequence = written;
            return serials[i][1];
        }
    for (size_t i = 0; i < ARRAY_LEN(scripted); i++)
        if (str_eq(scripted[i].written, written)) {
            if (!str_eq(written, "boolean") && !str_eq(written, "bigint"))
                import_warning(r->notes, pointer, "%s may be several types: %s is taken", written,
                               scripted[i].type);
            return scripted[i].type;
        }
    if (str_eq(written, "array") || str_eq(written, "custom") || str_eq(written, "unknown") ||
        !written[0]) {
        import_problem(r->notes, pointer, "\"%.40s\" is no type of PostgreSQL's", written);
        return "text";
    }
    return written;
}

static bool is_number(const char *text)
{
    char *end = NULL;

    (void)strtod(text, &end);
    return end != text && !*end;
}

static void read_default(struct reader *r, const json_t *j, const char *pointer,
                         struct schema_column *c)
{
    const char *text = json_string_value(json_object_get(j, "defaultValue"));
    bool word = text && (str_eq(text, "true") || str_eq(text, "false"));
    bool call = text && str_ends(text, ")") && strchr(text, '(');
    bool quoted = text && text[0] == '\'' && strlen(text) > 1 && str_ends(text, "'");

    if (json_is_true(json_object_get(j, "hasDefault")) && (!text || text[0] == '['))
        import_warning(r->notes, pointer,
                       "there is a default, but the document does not say which");
    if (!text || text[0] == '[' || !text[0])
        return;
    if (word || call || quoted || is_number(text) || str_eq(text, "CURRENT_TIMESTAMP")) {
        c->default_expr = model_text(&r->b, text);
        return;
    }
    CLEANUP(freep) char *literal = pg_literal(text);
    r->b.failed |= !literal;
    c->default_expr = literal ? model_text(&r->b, literal) : NULL;
}

/* As an identity: the sequence of a serial column would be an object of its own. */
static void make_identity(struct schema_column *c)
{
    c->identity = IDENTITY_BY_DEFAULT;
    free(c->default_expr);
    c->default_expr = NULL;
    c->not_null = c->own_not_null = true;
}

static fk_action action_of(const char *word)
{
    return str_eq(word, "CASCADE") || str_eq(word, "cascade")           ? FK_CASCADE
           : str_eq(word, "SET NULL") || str_eq(word, "set null")       ? FK_SET_NULL
           : str_eq(word, "SET DEFAULT") || str_eq(word, "set default") ? FK_SET_DEFAULT
           : str_eq(word, "RESTRICT") || str_eq(word, "restrict")       ? FK_RESTRICT
                                                                        : FK_NO_ACTION;
}

static void read_reference(struct reader *r, struct schema_table *t, const char *column,
                           const json_t *j, const char *pointer)
{
    const char *table = json_string_value(json_object_get(j, "table"));
    const char *to = json_string_value(json_object_get(j, "column"));

    if (!table || !to || str_eq(table, "unknown")) {
        import_problem(r->notes, pointer, "does not say which table and column it refers to");
        return;
    }
    struct schema_foreign_key *k = model_foreign_key(&r->b, t, (const char *const[]){column, NULL},
                                                     table, (const char *const[]){to, NULL});
    if (!k)
        return;
    k->on_delete = action_of(json_string_value(json_object_get(j, "onDelete")));
    k->on_update = action_of(json_string_value(json_object_get(j, "onUpdate")));
}

static void read_column(struct reader *r, struct schema_table *t, const json_t *j,
                        const char *pointer)
{
    const char *name = json_string_value(json_object_get(j, "name")), *sequence = NULL;
    const char *written = json_string_value(json_object_get(j, "dataType"));
    char at[POINTER_SIZE];

    if (!name || !written) {
        import_problem(r->notes, pointer, "must have a name and a dataType");
        return;
    }
    (void)json_pointer(at, sizeof at, pointer, "dataType");
    struct schema_column *c = model_column(&r->b, t, name, type_of(r, written, at, &sequence));
    if (!c)
        return;
    c->not_null = c->own_not_null = !json_is_true(json_object_get(j, "isNullable"));
    read_default(r, j, pointer, c);
    if (sequence)
        make_identity(c);
    const json_t *reference = json_object_get(j, "references");
    if (json_is_object(reference))
        read_reference(r, t, name, reference, json_pointer(at, sizeof at, pointer, "references"));
}

enum { KEY_COLUMNS_MAX = 32 };

static void read_primary_key(struct reader *r, struct schema_table *t, const json_t *columns,
                             const char *pointer)
{
    const char *names[KEY_COLUMNS_MAX + 1] = {NULL};
    size_t n = 0;

    for (size_t i = 0; i < json_array_size(columns); i++) {
        const json_t *c = json_array_get(columns, i);
        if (!json_is_true(json_object_get(c, "isPrimaryKey")))
            continue;
        if (n == KEY_COLUMNS_MAX) {
            import_problem(r->notes, pointer, "has more than %d columns in its key",
                           KEY_COLUMNS_MAX);
            return;
        }
        names[n++] = json_string_value(json_object_get(c, "name"));
    }
    if (n && names[0])
        model_primary_key(&r->b, t, names);
    else
        import_warning(r->notes, pointer, "has no primary key");
}

static void read_index(struct reader *r, struct schema_table *t, const json_t *j,
                       const char *pointer)
{
    const char *names[KEY_COLUMNS_MAX + 1] = {NULL};
    const json_t *columns = json_object_get(j, "columns");
    size_t n = json_array_size(columns);
    bool good = n > 0 && n <= KEY_COLUMNS_MAX;

    for (size_t i = 0; i < n && good; i++)
        good = (names[i] = json_string_value(json_array_get(columns, i))) != NULL;
    if (!good) {
        import_problem(r->notes, pointer, "does not say which columns it is over");
        return;
    }
    model_index(&r->b, t, json_string_value(json_object_get(j, "name")),
                json_is_true(json_object_get(j, "isUnique")), names);
}

static void read_table(struct reader *r, const json_t *j, const char *pointer)
{
    const char *name = json_string_value(json_object_get(j, "name"));
    const json_t *list = NULL;
    char at[POINTER_SIZE];
    size_t n;

    struct schema_table *t = name ? model_table(&r->b, name) : NULL;
    if (!t) {
        import_problem(r->notes, pointer, "must have a name");
        return;
    }
    t->replica_identity = 'd';
    list = reader_array(r, j, pointer, "columns", &n);
    for (size_t i = 0; i < n && !r->b.failed; i++) {
        reader_pointer(at, pointer, "columns", i);
        read_column(r, t, json_array_get(list, i), at);
    }
    read_primary_key(r, t, list, pointer);
    list = reader_array(r, j, pointer, "indexes", &n);
    for (size_t i = 0; i < n && !r->b.failed; i++) {
        reader_pointer(at, pointer, "indexes", i);
        read_index(r, t, json_array_get(list, i), at);
    }
}

static err_code import_seed(const json_t *document, const char *base, bool shared,
                            struct schema **out, struct import_notes *notes, struct err *err)
{
    struct reader r = {.notes = notes};
    char all[POINTER_SIZE], at[POINTER_SIZE];
    size_t n, others = 0;

    model_begin(&r.b, "");
    (void)json_pointer(all, sizeof all, base, "tables");
    if (!json_object_get(document, "tables"))
        import_problem(notes, all, "is missing");
    const json_t *list = reader_array(&r, document, base, "tables", &n);
    for (size_t i = 0; i < n && !r.b.failed; i++) {
        const json_t *t = json_array_get(list, i);
        reader_pointer(at, base, "tables", i);
        bool its = str_eq(json_string_value(json_object_get(t, "schemaType")), "shared");
        if (its == shared)
            read_table(&r, t, at);
        others += its != shared;
    }
    if (others)
        import_warning(notes, all, "%zu tables are %s and left out", others,
                       shared ? "the tenants'" : "of the shared schema");
    return reader_end(&r, base, out, err);
}

err_code import_seed_tenant(const json_t *document, const char *base, struct schema **out,
                            struct import_notes *notes, struct err *err)
{
    return import_seed(document, base, false, out, notes, err);
}

err_code import_seed_shared(const json_t *document, const char *base, struct schema **out,
                            struct import_notes *notes, struct err *err)
{
    return import_seed(document, base, true, out, notes, err);
}
