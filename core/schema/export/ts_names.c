/* SPDX-License-Identifier: MIT */
#include "core/schema/export/ts_names.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Names the generated file uses itself, and globals that it must not hide. */
static const char *const taken[] = {"Json", "Date", "Uint8Array", "Array"};

/* Scripts whose blocks are letters throughout (Unicode, ID_Start), as inclusive ranges. */
static const struct {
    uint32_t from, to;
} letters[] = {
    {0xc0, 0xd6},     {0xd8, 0xf6},     {0xf8, 0x2af}, /* Latin */
    {0x391, 0x3a1},   {0x3a3, 0x3f5},                  /* Greek */
    {0x400, 0x481},   {0x48a, 0x52f},                  /* Cyrillic */
    {0x531, 0x556},   {0x561, 0x586},                  /* Armenian */
    {0x5d0, 0x5ea},   {0x620, 0x64a},                  /* Hebrew, Arabic */
    {0x904, 0x939},   {0xe01, 0xe30},                  /* Devanagari, Thai */
    {0x3041, 0x3096}, {0x30a1, 0x30fa},                /* Kana */
    {0x4e00, 0x9fef}, {0xac00, 0xd7a3},                /* Han, Hangul */
};

/* Bytes of the character at p; 0 at the end. Text from PostgreSQL is valid UTF-8. */
static size_t char_len(const char *p)
{
    size_t n = *p ? 1 : 0;

    while (n && ((unsigned char)p[n] & 0xc0) == 0x80)
        n++;
    return n;
}

static uint32_t code_point(const char *p, size_t n)
{
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = (unsigned char)p[0] & masks[n <= 4 ? n : 0];

    for (size_t i = 1; i < n; i++)
        c = (c << 6) | ((unsigned char)p[i] & 0x3f);
    return c;
}

static bool is_letter(const char *p, size_t n)
{
    uint32_t c = code_point(p, n);

    if (n == 1)
        return isalnum((unsigned char)*p);
    for (size_t i = 0; i < ARRAY_LEN(letters); i++)
        if (c >= letters[i].from && c <= letters[i].to)
            return true;
    return false;
}

void ts_add_pascal(struct str *out, const char *name)
{
    size_t before = out->len;
    bool starts_word = true;

    for (size_t n; (n = char_len(name)); name += n) {
        if (!is_letter(name, n)) {
            starts_word = true;
            continue;
        }
        if (out->len == before && isdigit((unsigned char)*name))
            str_add_char(out, 'T');
        if (n == 1 && starts_word)
            str_add_char(out, (char)toupper((unsigned char)*name));
        else
            str_add_n(out, name, n);
        starts_word = false;
    }
    if (out->len == before)
        str_add_char(out, 'T');
}

/* URLPath becomes urlPath: of the capitals that begin the name, the last one begins a word. */
void ts_add_camel(struct str *out, const char *name)
{
    CLEANUP(str_clear) struct str pascal = STR_INIT;
    size_t capitals = 0;

    ts_add_pascal(&pascal, name);
    const char *text = str_text(&pascal);
    while (isupper((unsigned char)text[capitals]))
        capitals++;
    size_t small = capitals > 1 && islower((unsigned char)text[capitals]) ? capitals - 1 : capitals;
    for (size_t i = 0; i < small; i++)
        str_add_char(out, (char)tolower((unsigned char)text[i]));
    str_add(out, text + small);
    out->failed |= pascal.failed;
}

void ts_add_snake(struct str *out, const char *name)
{
    size_t before = out->len;
    bool starts_word = false, small = false;

    for (size_t n; (n = char_len(name)); name += n) {
        if (!is_letter(name, n)) {
            starts_word = out->len > before;
            continue;
        }
        if (out->len == before && isdigit((unsigned char)*name))
            str_add_char(out, 't');
        if (starts_word || (small && isupper((unsigned char)*name)))
            str_add_char(out, '_');
        small = islower((unsigned char)*name) || isdigit((unsigned char)*name);
        if (n == 1)
            str_add_char(out, (char)tolower((unsigned char)*name));
        else
            str_add_n(out, name, n);
        starts_word = false;
    }
    if (out->len == before)
        str_add_char(out, 't');
}

bool ts_is_identifier(const char *name)
{
    size_t n = 0;

    while (name[n] && (isalpha((unsigned char)name[n]) || strchr("_$", name[n]) ||
                       (n && isdigit((unsigned char)name[n]))))
        n++;
    return n && !name[n];
}

void ts_add_property(struct str *out, const char *name)
{
    if (ts_is_identifier(name))
        str_add(out, name);
    else
        str_add_json(out, name);
}

void ts_add_access(struct str *out, const char *name)
{
    str_add(out, ts_is_identifier(name) ? "." : "[");
    ts_add_property(out, name);
    if (!ts_is_identifier(name))
        str_add_char(out, ']');
}

void ts_add_comment(struct str *out, const char *indent, const char *comment)
{
    if (!comment)
        return;
    bool lines = strpbrk(comment, "\r\n") != NULL;
    str_addf(out, lines ? "%s/**\n%s * " : "%s/** ", indent, indent);
    for (const char *p = comment; *p; p++) {
        if (*p == '\n')
            str_addf(out, "\n%s * ", indent);
        else if (p[0] == '*' && p[1] == '/')
            str_add(out, "*\\");
        else if (*p != '\r')
            str_add_char(out, *p);
    }
    if (lines)
        str_addf(out, "\n%s */\n", indent);
    else
        str_add(out, " */\n");
}

static bool is_used(const struct ts_names *names, const char *name)
{
    const char *plain = str_starts(name, "New") ? name + 3 : name;

    for (size_t i = 0; i < ARRAY_LEN(taken); i++)
        if (str_eq(taken[i], name))
            return true;
    for (size_t i = 0; i < names->n_tables; i++)
        if (str_eq(names->tables[i], name) || str_eq(names->tables[i], plain))
            return true;
    for (size_t i = 0; i < names->n_enums; i++)
        if (str_eq(names->enums[i], name))
            return true;
    return false;
}

/* Whether name, and for a table New and name, are free. */
static bool is_free(const struct ts_names *names, const char *name, bool table)
{
    CLEANUP(str_clear) struct str insert = STR_INIT;

    if (is_used(names, name))
        return false;
    str_addf(&insert, "New%s", name);
    return !table || !is_used(names, str_text(&insert));
}

/* The first of Name, Name2, Name3 ... that is free; NULL without memory. */
static char *free_name(const struct ts_names *names, const char *of, bool table)
{
    CLEANUP(str_clear) struct str base = STR_INIT;

    ts_add_pascal(&base, of);
    for (unsigned i = 1; str_ok(&base); i++) {
        CLEANUP(str_clear) struct str name = STR_INIT;
        str_add(&name, str_text(&base));
        if (i > 1)
            str_addf(&name, "%u", i);
        if (is_free(names, str_text(&name), table))
            return str_take(&name);
    }
    return NULL;
}

/* Names the tables whose name does, or does not, begin with New. */
static bool name_tables(struct ts_names *names, const struct schema *s, bool with_new)
{
    for (size_t i = 0; i < s->n_tables; i++) {
        CLEANUP(str_clear) struct str plain = STR_INIT;
        ts_add_pascal(&plain, s->tables[i].name);
        if (str_starts(str_text(&plain), "New") != with_new)
            continue;
        names->tables[i] = free_name(names, s->tables[i].name, true);
        if (!names->tables[i])
            return false;
    }
    return true;
}

static bool name_enums(struct ts_names *names, const struct schema *s)
{
    for (size_t i = 0; i < s->n_enums; i++) {
        names->enums[i] = free_name(names, s->enums[i].name, false);
        if (!names->enums[i])
            return false;
    }
    return true;
}

err_code ts_names_init(struct ts_names *names, const struct schema *s, struct err *err)
{
    *names = (struct ts_names){
        .tables = calloc(s->n_tables + 1, sizeof(char *)),
        .enums = calloc(s->n_enums + 1, sizeof(char *)),
        .n_tables = s->n_tables,
        .n_enums = s->n_enums,
    };
    bool ok = names->tables && names->enums;
    /* new_users must not take NewUsers from users, which has the better right to it */
    ok = ok && name_tables(names, s, false) && name_tables(names, s, true) && name_enums(names, s);
    return ok ? ERR_NONE : err_set(err, ERR_INTERNAL, "no memory for an export");
}

void ts_names_clear(struct ts_names *names)
{
    for (size_t i = 0; names->tables && i < names->n_tables; i++)
        free(names->tables[i]);
    for (size_t i = 0; names->enums && i < names->n_enums; i++)
        free(names->enums[i]);
    free(names->tables);
    free(names->enums);
}
