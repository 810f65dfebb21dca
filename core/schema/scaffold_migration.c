/* SPDX-License-Identifier: MIT */
/* Drafts of migrations, written so that they hold up nobody: see the comments in them. */
#include <stdio.h>
#include <string.h>

#include "core/schema/export/ts_names.h"
#include "core/schema/scaffold_internal.h"

static const char *const templates[] = {
    [SCAFFOLD_BLANK] = "blank",
    [SCAFFOLD_CREATE_TABLE] = "create-table",
    [SCAFFOLD_ADD_COLUMN] = "add-column",
    [SCAFFOLD_ADD_INDEX] = "add-index",
    [SCAFFOLD_ADD_FOREIGN_KEY] = "add-foreign-key",
};

const char *scaffold_template_name(scaffold_template template)
{
    return (size_t) template <ARRAY_LEN(templates) ? templates[template] : NULL;
}

/* A word of a snake_case name, at its beginning, its end or between underscores. */
static const char *find_word(const char *name, const char *word)
{
    size_t n = strlen(word);

    for (const char *p = strstr(name, word); p; p = strstr(p + 1, word))
        if ((p == name || p[-1] == '_') && (p[n] == '_' || !p[n]))
            return p;
    return NULL;
}

/* The first that is in the name decides. */
static const struct {
    const char *word;
    scaffold_template template;
} hints[] = {
    {"index", SCAFFOLD_ADD_INDEX},           {"idx", SCAFFOLD_ADD_INDEX},
    {"fk", SCAFFOLD_ADD_FOREIGN_KEY},        {"foreign", SCAFFOLD_ADD_FOREIGN_KEY},
    {"reference", SCAFFOLD_ADD_FOREIGN_KEY}, {"references", SCAFFOLD_ADD_FOREIGN_KEY},
    {"column", SCAFFOLD_ADD_COLUMN},         {"create", SCAFFOLD_CREATE_TABLE},
    {"table", SCAFFOLD_CREATE_TABLE},        {"add", SCAFFOLD_ADD_COLUMN},
};

scaffold_template scaffold_guess_template(const char *name)
{
    CLEANUP(str_clear) struct str snake = STR_INIT;

    ts_add_snake(&snake, name);
    for (size_t i = 0; i < ARRAY_LEN(hints); i++)
        if (find_word(str_text(&snake), hints[i].word))
            return hints[i].template;
    return SCAFFOLD_BLANK;
}

static void cut_word(char *text, const char *suffix)
{
    if (str_ends(text, suffix))
        text[strlen(text) - strlen(suffix)] = '\0';
}

/* What comes behind to or on, or behind create or add: add_index_to_users, create_users_table. */
static void guess_table(const char *snake, char out[64])
{
    static const char *const leads[] = {"to", "on", "create", "add"};

    for (size_t i = 0; i < ARRAY_LEN(leads); i++) {
        const char *at = find_word(snake, leads[i]);
        if (!at || !at[strlen(leads[i])])
            continue;
        (void)snprintf(out, 64, "%s", at + strlen(leads[i]) + 1);
        cut_word(out, "_table");
        cut_word(out, "_column");
        if (out[0])
            return;
    }
    (void)snprintf(out, 64, "%s", snake);
}

/* What stands between add and to: add_status_to_orders. */
static void guess_column(const char *snake, const char *otherwise, char out[64])
{
    const char *add = find_word(snake, "add"), *to = find_word(snake, "to");

    (void)snprintf(out, 64, "%s", otherwise);
    if (!add || !to || to <= add + strlen("add_"))
        return;
    add += strlen("add_");
    (void)snprintf(out, 64, "%.*s", (int)(to - 1 - add), add);
    cut_word(out, "_column");
    for (size_t i = 0; i < ARRAY_LEN(hints); i++)
        if (str_eq(out, hints[i].word))
            (void)snprintf(out, 64, "%s", otherwise);
}

/* The names a draft is made of, all in snake_case. */
struct parts {
    char name[64], table[64], column[64], references[64];
};

static err_code find_parts(const struct scaffold_migration *o, struct parts *p, struct err *err)
{
    bool key = o->template == SCAFFOLD_ADD_FOREIGN_KEY;
    err_code rc = scaffold_snake(o->name, "name", p->name, err);

    if (rc)
        return rc;
    guess_table(p->name, p->table);
    guess_column(p->name,
                 key                                 ? "user_id"
                 : o->template == SCAFFOLD_ADD_INDEX ? "created_at"
                                                     : "status",
                 p->column);
    (void)snprintf(p->references, sizeof p->references, "users");
    if (o->table)
        rc = scaffold_snake(o->table, "table", p->table, err);
    if (!rc && o->column)
        rc = scaffold_snake(o->column, "column", p->column, err);
    if (!rc && o->references)
        rc = scaffold_snake(o->references, "references", p->references, err);
    return rc;
}

static const char touch[] =
    "\n"
    "CREATE OR REPLACE FUNCTION \"set_updated_at\"() RETURNS trigger LANGUAGE plpgsql AS $$\n"
    "BEGIN\n"
    "    NEW.updated_at = now();\n"
    "    RETURN NEW;\n"
    "END;\n"
    "$$;\n"
    "CREATE TRIGGER \"%s_updated_at\" BEFORE UPDATE ON \"%s\"\n"
    "    FOR EACH ROW EXECUTE FUNCTION \"set_updated_at\"();\n";

static err_code write_table(const struct parts *p, struct str *out, struct err *err)
{
    struct scaffold_schema o = {.timestamps = true, .uuid = true, .example = true};
    struct schema_builder b;
    bool built = scaffold_build(&b, p->table, &o);
    CLEANUP(schema_freep) struct schema *s = b.schema;

    if (!built)
        return err_set(err, ERR_INTERNAL, "no memory for a draft");
    scaffold_write_sql(s, out);
    str_addf(out, touch, p->table, p->table);
    return ERR_NONE;
}

static void write_column(const struct parts *p, struct str *out)
{
    bool key = str_ends(p->column, "_id");

    str_add(out,
            "-- Rows that are there need a value before the column can be NOT NULL; a constant\n"
            "-- default gives it to them without writing the table anew.\n");
    str_addf(out, "ALTER TABLE \"%s\" ADD COLUMN \"%s\" %s;\n", p->table, p->column,
             key ? "uuid" : "text");
    str_addf(out, "-- ALTER TABLE \"%s\" ADD COLUMN \"%s\" text NOT NULL DEFAULT 'pending';\n",
             p->table, p->column);
}

static void write_index(const struct parts *p, struct str *out)
{
    str_addf(out,
             "-- CONCURRENTLY does not keep writers waiting; such a migration runs outside of\n"
             "-- transactions, statement by statement, so let it do nothing else.\n"
             "CREATE INDEX CONCURRENTLY \"%.20s_%.36s_idx\" ON \"%s\" (\"%s\");\n",
             p->table, p->column, p->table, p->column);
}

static void write_foreign_key(const struct parts *p, struct str *out)
{
    str_addf(
        out,
        "-- The key has an index, since deletes in the other table look for it. It holds for new\n"
        "-- rows at once (NOT VALID), and those that are there are looked at without a lock that\n"
        "-- keeps writers waiting; such a migration runs outside of transactions.\n"
        "CREATE INDEX CONCURRENTLY \"%.20s_%.36s_idx\" ON \"%s\" (\"%s\");\n"
        "ALTER TABLE \"%s\" ADD CONSTRAINT \"%.20s_%.36s_fkey\"\n"
        "    FOREIGN KEY (\"%s\") REFERENCES \"%s\" (\"id\") NOT VALID;\n"
        "ALTER TABLE \"%s\" VALIDATE CONSTRAINT \"%.20s_%.36s_fkey\";\n",
        p->table, p->column, p->table, p->column, p->table, p->table, p->column, p->column,
        p->references, p->table, p->table, p->column);
}

static void write_blank(struct str *out)
{
    str_add(
        out,
        "-- All of it is one transaction, unless a statement cannot be (CONCURRENTLY, VACUUM).\n"
        "-- The way back goes below a line `-- migrate:down`, or into NAME.down.sql.\n"
        "SELECT 1; -- instead of this\n");
}

static err_code write_draft(const struct scaffold_migration *o, const struct parts *p,
                            struct str *out, struct err *err)
{
    switch (o->template) {
    case SCAFFOLD_CREATE_TABLE:
        return write_table(p, out, err);
    case SCAFFOLD_ADD_COLUMN:
        write_column(p, out);
        return ERR_NONE;
    case SCAFFOLD_ADD_INDEX:
        write_index(p, out);
        return ERR_NONE;
    case SCAFFOLD_ADD_FOREIGN_KEY:
        write_foreign_key(p, out);
        return ERR_NONE;
    case SCAFFOLD_BLANK:
        break;
    }
    write_blank(out);
    return ERR_NONE;
}

err_code scaffold_migration(const struct scaffold_migration *o, struct scaffold *out,
                            struct err *err)
{
    CLEANUP(str_clear) struct str path = STR_INIT;
    CLEANUP(str_clear) struct str content = STR_INIT;
    struct parts p;

    *out = (struct scaffold){.path = NULL};
    err_code rc = find_parts(o, &p, err);
    if (rc)
        return rc;
    str_addf(&path, "drizzle/%s-migrations/%s_%s.sql", o->shared ? "shared" : "tenant", o->version,
             p.name);
    str_addf(&content, "-- %s, of %s.\n", p.name,
             o->shared ? "the shared schema" : "every tenant's schema");
    rc = write_draft(o, &p, &content, err);
    if (o->template != SCAFFOLD_BLANK)
        (void)snprintf(out->table, sizeof out->table, "%s", p.table);
    return rc ? rc : scaffold_finish(&path, &content, out, err);
}
