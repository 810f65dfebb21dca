/* SPDX-License-Identifier: MIT */
/*
 * A Mermaid entity-relationship diagram (mermaid 11, erDiagram.jison). A table's name is a quoted
 * entity; what the quotes or Mermaid's preprocessing would trip over is an entity code (#34;). A
 * column's name and type must be a word there, in a smaller alphabet in the early 11s: a name that
 * is none is written with underscores and stands in full in the comment behind it.
 */
#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "core/schema/export/exporter.h"

static size_t char_len(const char *p)
{
    size_t n = 1;

    while (((unsigned char)p[n] & 0xc0) == 0x80)
        n++;
    return n;
}

/* White space and line ends beyond ASCII (ECMAScript, 12.2 and 12.3), as codes. */
static unsigned exotic_blank(const char *p)
{
    static const struct {
        const char *bytes;
        unsigned code;
    } blanks[] = {
        {"\xc2\x85", 0x85},       {"\xc2\xa0", 0xa0},       {"\xe1\x9a\x80", 0x1680},
        {"\xe2\x80\xa8", 0x2028}, {"\xe2\x80\xa9", 0x2029}, {"\xe2\x80\xaf", 0x202f},
        {"\xe2\x81\x9f", 0x205f}, {"\xe3\x80\x80", 0x3000}, {"\xef\xbb\xbf", 0xfeff},
    };

    for (size_t i = 0; i < ARRAY_LEN(blanks); i++)
        if (str_starts(p, blanks[i].bytes))
            return blanks[i].code;
    if (str_starts(p, "\xe2\x80") && (unsigned char)p[2] <= 0x8a) /* U+2000 .. U+200A */
        return 0x2000u + ((unsigned char)p[2] - 0x80u);
    return 0;
}

/* Appends text as it may stand between double quotes anywhere in a diagram. "direction TB" is a
 * statement for the lexer wherever on a line it stands, so blanks after that word are codes. */
static void add_quotable(struct str *out, const char *text)
{
    bool after_direction = false;

    for (size_t n; *text; text += n) {
        unsigned code = exotic_blank(text);
        n = char_len(text);
        if (code)
            str_addf(out, "#%u;", code);
        else if (n > 1 || isalnum((unsigned char)*text) || strchr("_-.,;()[]'/*+=!?@$|^", *text))
            str_add_n(out, text, n);
        else if (*text == ' ' && !after_direction)
            str_add_char(out, ' ');
        else
            str_addf(out, "#%u;", (unsigned)(unsigned char)*text);
        after_direction = str_ok(out) && out->len >= strlen("direction") &&
                          strcasecmp(out->data + out->len - strlen("direction"), "direction") == 0;
    }
}

static void add_quoted(struct str *out, const char *text)
{
    str_add_char(out, '"');
    add_quotable(out, text);
    str_add_char(out, '"');
}

/* Whether the lexer takes the beginning of word for a key: PK, FK or UK at a word's end. */
static bool reads_as_key(const char *word)
{
    bool key = strchr("PFUpfu", word[0]) && word[0] && (word[1] == 'K' || word[1] == 'k');

    return key && !isalnum((unsigned char)word[2]) && word[2] != '_';
}

/* Appends text with an underscore for what may not stand in a word; returns whether it is the same.
 */
static bool add_word_chars(struct str *out, const char *text)
{
    bool same = true;

    for (size_t n; *text; text += n) {
        n = char_len(text);
        bool fits = n == 1 && (isalnum((unsigned char)*text) || strchr("_-()[]", *text));
        str_add_char(out, fits ? *text : '_');
        same = same && fits;
    }
    return same;
}

/* Appends text as a word; returns whether it is the same. */
static bool add_word(struct str *out, const char *text)
{
    bool starts = (isalpha((unsigned char)text[0]) || text[0] == '_') && !reads_as_key(text);

    if (!starts)
        str_add_char(out, '_');
    return add_word_chars(out, text) && starts;
}

/* The usual short names: format_type() writes the standard's long ones. */
static const struct {
    const char *from, *to;
} short_types[] = {
    {"character varying", "varchar"},
    {"timestamp with time zone", "timestamptz"},
    {"timestamp without time zone", "timestamp"},
    {"time with time zone", "timetz"},
    {"time without time zone", "time"},
    {"double precision", "float8"},
    {"bit varying", "varbit"},
};

static void add_type(struct str *out, const char *type)
{
    for (size_t i = 0; i < ARRAY_LEN(short_types); i++)
        if (str_starts(type, short_types[i].from)) {
            str_add(out, short_types[i].to);
            (void)add_word_chars(out, type + strlen(short_types[i].from));
            return;
        }
    (void)add_word(out, type);
}

static bool is_foreign_key(const struct schema_table *t, const char *column)
{
    for (size_t i = 0; i < t->n_foreign_keys; i++)
        if (name_list_has(&t->foreign_keys[i].columns, column))
            return true;
    return false;
}

/* Whether it alone is unique; a key over several columns says nothing of one. */
static bool is_unique(const struct schema_table *t, char *column)
{
    const struct name_list alone = {.items = &column, .n = 1};

    return schema_columns_are_unique(t, &alone);
}

static void add_keys(struct str *out, const struct schema_table *t, char *column)
{
    const char *between = " ";

    if (t->primary_key && name_list_has(&t->primary_key->columns, column)) {
        str_addf(out, "%sPK", between);
        between = ", ";
    } else if (is_unique(t, column)) {
        str_addf(out, "%sUK", between);
        between = ", ";
    }
    if (is_foreign_key(t, column))
        str_addf(out, "%sFK", between);
}

static bool index_has(const struct schema_index *x, const char *column)
{
    for (size_t i = 0; i < x->n_keys; i++)
        if (!x->keys[i].expression && str_eq(x->keys[i].text, column))
            return true;
    return false;
}

static void add_part(struct str *out, const char *before, const char *text)
{
    str_addf(out, "%s%s%s", out->len ? "; " : "", before, text);
}

/* The name where the word is not it, the comment, the indexes. */
static void add_comment(struct str *out, const struct schema_table *t,
                        const struct schema_column *c, bool same, bool indexes)
{
    CLEANUP(str_clear) struct str text = STR_INIT;

    if (!same)
        add_part(&text, "", c->name);
    if (c->comment)
        add_part(&text, "", c->comment);
    for (size_t i = 0; indexes && i < t->n_indexes; i++)
        if (!t->indexes[i].of_constraint && index_has(&t->indexes[i], c->name))
            add_part(&text, t->indexes[i].unique ? "unique index " : "index ", t->indexes[i].name);
    if (!text.len)
        return;
    str_add_char(out, ' ');
    add_quoted(out, str_text(&text));
}

/* Indexes over expressions belong to no attribute: a comment line each. */
static void add_expression_indexes(struct str *out, const struct schema_table *t)
{
    for (size_t i = 0; i < t->n_indexes; i++) {
        const struct schema_index *x = &t->indexes[i];
        bool expression = false;
        for (size_t k = 0; k < x->n_keys; k++)
            expression |= x->keys[k].expression;
        if (!expression || x->of_constraint)
            continue;
        str_add(out, "    %% ");
        add_quotable(out, x->definition);
        str_add_char(out, '\n');
    }
}

static void add_table(struct str *out, const struct schema_table *t, bool indexes)
{
    if (indexes)
        add_expression_indexes(out, t);
    str_add(out, "    ");
    add_quoted(out, t->name);
    str_add(out, t->n_columns ? " {\n" : "\n");
    for (size_t i = 0; i < t->n_columns; i++) {
        const struct schema_column *c = &t->columns[i];
        str_add(out, "        ");
        add_type(out, c->type.name);
        str_add_char(out, ' ');
        bool same = add_word(out, c->name);
        add_keys(out, t, c->name);
        add_comment(out, t, c, same, indexes);
        str_add_char(out, '\n');
    }
    if (t->n_columns)
        str_add(out, "    }\n");
}

/* Whether every row has the row the key points to: MATCH FULL has all of the columns or none. */
static bool is_mandatory(const struct schema_table *t, const struct schema_foreign_key *k)
{
    size_t not_null = 0;

    for (size_t i = 0; i < k->columns.n; i++) {
        const struct schema_column *c = schema_find_column(t, k->columns.items[i]);
        not_null += c && c->not_null;
    }
    return k->match_full ? not_null > 0 : not_null == k->columns.n;
}

/* Whether the key is part of what identifies the row. */
static bool is_identifying(const struct schema_table *t, const struct schema_foreign_key *k)
{
    for (size_t i = 0; i < k->columns.n; i++)
        if (!t->primary_key || !name_list_has(&t->primary_key->columns, k->columns.items[i]))
            return false;
    return k->columns.n > 0;
}

static void add_relation(const struct export_view *view, const struct schema_table *t,
                         const struct schema_foreign_key *k, struct str *out)
{
    if (!k->ref_schema && !export_has_table(view, k->ref_table))
        return; /* not among the tables asked for */
    str_add(out, "    \"");
    if (k->ref_schema) {
        add_quotable(out, k->ref_schema);
        str_add_char(out, '.');
    }
    add_quotable(out, k->ref_table);
    str_addf(out, "\" %s%s%s ", is_mandatory(t, k) ? "||" : "|o",
             is_identifying(t, k) ? "--" : "..",
             schema_columns_are_unique(t, &k->columns) ? "o|" : "o{");
    add_quoted(out, t->name);
    str_add(out, " : ");
    add_quoted(out, k->name);
    str_add_char(out, '\n');
}

err_code export_mermaid(const struct export_view *view, const struct export_options *options,
                        struct str *out, struct err *err)
{
    (void)err;
    if (options->theme)
        str_addf(out, "---\nconfig:\n  theme: %s\n---\n", options->theme);
    str_add(out, "erDiagram\n");
    for (size_t i = 0; i < view->n_tables; i++)
        add_table(out, view->tables[i], options->indexes);
    for (size_t i = 0; i < view->n_tables; i++)
        for (size_t k = 0; k < view->tables[i]->n_foreign_keys; k++)
            add_relation(view, view->tables[i], &view->tables[i]->foreign_keys[k], out);
    return ERR_NONE;
}
