/* SPDX-License-Identifier: MIT */
/* Columns: what of pg-core a type is, and what stands behind it. */
#include <ctype.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/schema/export/drizzle.h"
#include "core/schema/export/ts_names.h"
#include "core/schema/literal.h"

/* By format_type()'s name without what is in brackets, which the options' %s stand for. */
static const struct native {
    const char *type, *function;
    const char *bare;      /* options without arguments; NULL: none */
    const char *one, *two; /* with one, with two; NULL: not taken */
    const char *serial;    /* with a sequence of its own */
} natives[] = {
    {.type = "boolean", .function = "boolean"},
    {.type = "smallint", .function = "smallint", .serial = "smallserial"},
    {.type = "integer", .function = "integer", .serial = "serial"},
    {.type = "bigint", .function = "bigint", .bare = "{ mode: \"bigint\" }", .serial = "bigserial"},
    {.type = "numeric",
     .function = "numeric",
     .one = "{ precision: %s }",
     .two = "{ precision: %s, scale: %s }"},
    {.type = "real", .function = "real"},
    {.type = "double precision", .function = "doublePrecision"},
    {.type = "text", .function = "text"},
    {.type = "character varying", .function = "varchar", .one = "{ length: %s }"},
    {.type = "character", .function = "char", .one = "{ length: %s }"},
    {.type = "uuid", .function = "uuid"},
    {.type = "json", .function = "json"},
    {.type = "jsonb", .function = "jsonb"},
    {.type = "date", .function = "date"},
    {.type = "time without time zone", .function = "time", .one = "{ precision: %s }"},
    {.type = "time with time zone",
     .function = "time",
     .bare = "{ withTimezone: true }",
     .one = "{ precision: %s, withTimezone: true }"},
    {.type = "timestamp without time zone", .function = "timestamp", .one = "{ precision: %s }"},
    {.type = "timestamp with time zone",
     .function = "timestamp",
     .bare = "{ withTimezone: true }",
     .one = "{ precision: %s, withTimezone: true }"},
    {.type = "interval", .function = "interval", .one = "{ precision: %s }"},
    {.type = "inet", .function = "inet"},
    {.type = "cidr", .function = "cidr"},
    {.type = "macaddr", .function = "macaddr"},
    {.type = "macaddr8", .function = "macaddr8"},
    {.type = "vector", .function = "vector", .one = "{ dimensions: %s }"},
};

/* A type's name taken apart. */
struct parsed {
    char base[128]; /* "timestamp with time zone"; "" when it is too long to be one of ours */
    char arguments[2][24];
    size_t count;
};

static void parse_arguments(const char *from, const char *to, struct parsed *out)
{
    while (from < to && out->count < ARRAY_LEN(out->arguments)) {
        size_t n = strcspn(from, ",)");
        if (n >= sizeof out->arguments[0] || strspn(from, "-0123456789") != n) {
            out->base[0] = '\0'; /* a model may come from anywhere */
            return;
        }
        memcpy(out->arguments[out->count], from, n);
        out->arguments[out->count++][n] = '\0';
        from += n + 1;
    }
}

static void parse_type(const char *name, struct parsed *out)
{
    size_t len = strlen(name);
    const char *open = strchr(name, '('), *close = open ? strchr(open, ')') : NULL;

    *out = (struct parsed){.count = 0};
    while (len > 2 && name[len - 1] == ']' && name[len - 2] == '[')
        len -= 2;
    if (len >= sizeof out->base || name[0] == '"')
        return;
    if (!close || close >= name + len) {
        memcpy(out->base, name, len);
        return;
    }
    size_t before = (size_t)(open - name), after = len - (size_t)(close + 1 - name);
    memcpy(out->base, name, before);
    memcpy(out->base + before, close + 1, after);
    parse_arguments(open + 1, close, out);
}

/* NULL: pg-core has no function for it, or it is a type of the schema that is called like one. */
static const struct native *find_native(type_class class, const struct parsed *p)
{
    if (class == TYPE_ENUM || class == TYPE_COMPOSITE)
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(natives); i++) {
        const struct native *n = &natives[i];
        bool takes = p->count == 0 || (p->count == 1 && n->one) || (p->count == 2 && n->two);
        if (takes && str_eq(n->type, p->base))
            return n;
    }
    return NULL;
}

static void add_options(struct str *out, const struct native *n, const struct parsed *p)
{
    const char *text = p->count == 2 ? n->two : p->count == 1 ? n->one : n->bare;

    for (size_t at = 0; text && *text; text++)
        if (str_starts(text, "%s"))
            str_add(out, p->arguments[at++]), text++;
        else
            str_add_char(out, *text);
}

/* What the driver gives for a type that Drizzle does not know. */
static const char *driver_type(type_class class)
{
    switch (class) {
    case TYPE_BOOL:
        return "boolean";
    case TYPE_SMALLINT:
    case TYPE_INTEGER:
    case TYPE_FLOAT:
        return "number";
    case TYPE_BYTES:
        return "Uint8Array";
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        return "Date";
    case TYPE_JSON:
    case TYPE_COMPOSITE:
        return "unknown";
    case TYPE_BIGINT:
    case TYPE_NUMERIC:
    case TYPE_TEXT:
    case TYPE_BITS:
    case TYPE_UUID:
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMETZ:
    case TYPE_ENUM:
    case TYPE_OTHER:
        return "string";
    }
    return "string";
}

static bool is_domain(const struct schema *s, const char *name)
{
    for (size_t i = 0; i < s->n_domains; i++)
        if (str_eq(s->domains[i].name, name))
            return true;
    return false;
}

/* The type's name without [], and without the quotes that drizzle-kit writes itself. */
static char *plain_name(const char *type)
{
    size_t n = strlen(type);

    while (n > 2 && memcmp(type + n - 2, "[]", 2) == 0)
        n -= 2;
    if (n > 2 && type[0] == '"' && memchr(type + 1, '"', n - 1) == type + n - 1)
        return strndup(type + 1, n - 2);
    return strndup(type, n);
}

/* The constant of a type that is not pg-core's, which is declared at its first use. */
static const char *custom_constant(struct drizzle *d, const struct schema_type *t, int inner)
{
    for (size_t i = 0; i < d->n_customs; i++)
        if (str_eq(d->customs[i].type, t->name))
            return d->constants.items[d->customs[i].constant];
    struct drizzle_custom *custom = list_grow((void **)&d->customs, d->n_customs, sizeof *custom);
    CLEANUP(freep) char *name = plain_name(t->name);
    size_t constant = name ? drizzle_new_constant(d, name) : SIZE_MAX;
    if (!custom || constant == SIZE_MAX)
        return "";
    *custom = (struct drizzle_custom){.type = t->name, .constant = constant};
    d->n_customs++;
    if (is_domain(d->view->schema, name))
        drizzle_lose(d, "the domain %s", name);
    else if (t->class == TYPE_COMPOSITE)
        drizzle_lose(d, "the composite type %s", name);
    str_addf(&d->custom_text, "const %s = %s<{ data: %s", d->constants.items[constant],
             drizzle_use(d, "customType"), driver_type(t->class));
    for (int i = 0; i < inner; i++)
        str_add(&d->custom_text, "[]");
    str_add(&d->custom_text, " }>({ dataType: () => ");
    str_add_json(&d->custom_text, name);
    str_add(&d->custom_text, " });\n");
    return d->constants.items[constant];
}

static bool is_enum(const struct drizzle *d, const struct schema_type *t)
{
    return t->class == TYPE_ENUM && d->view->schema->enums[t->enumeration].labels.n > 0 &&
           !is_domain(d->view->schema, t->name);
}

/* Appends function("name", options) and .array(); the serial form where that is wanted. */
static void add_type(struct drizzle *d, struct str *out, const struct schema_column *c,
                     const char *name, bool serial)
{
    const struct schema_type *t = &c->type;
    const struct schema *s = d->view->schema;
    struct parsed parsed;
    int arrays = t->dimensions;

    parse_type(t->name, &parsed);
    const struct native *native = find_native(t->class, &parsed);
    if (native) {
        str_add(out, drizzle_use(d, serial ? native->serial : native->function));
    } else if (is_enum(d, t)) {
        str_add(out, d->constants.items[s->n_tables + t->enumeration]);
    } else {
        arrays = str_ends(t->name, "[]") ? 1 : 0;
        str_add(out, custom_constant(d, t, t->dimensions - arrays));
    }
    str_add_char(out, '(');
    str_add_json(out, name);
    if (native && (parsed.count || native->bare)) {
        str_add(out, ", ");
        add_options(out, native, &parsed);
    }
    str_add_char(out, ')');
    for (int i = 0; i < arrays; i++)
        str_add(out, ".array()");
}

void drizzle_add_type(struct drizzle *d, struct str *out, const struct schema_column *c,
                      const char *name)
{
    add_type(d, out, c, name, false);
}

/* Text that reads the same as PostgreSQL's literal and as TypeScript's. */
static bool is_plain(const json_t *value)
{
    for (const char *p = json_string_value(value); p && *p; p++)
        if (iscntrl((unsigned char)*p) || strchr("'\\", *p))
            return false;
    return true;
}

/* A default that is said better than in SQL; false: it is not. */
static bool add_plain_default(struct drizzle *d, const struct schema_column *c)
{
    const struct schema_type *t = &c->type;
    bool integer = t->class == TYPE_SMALLINT || t->class == TYPE_INTEGER;
    bool moment = t->class == TYPE_TIMESTAMP || t->class == TYPE_TIMESTAMPTZ;
    bool word = t->class == TYPE_TEXT || t->class == TYPE_ENUM || t->class == TYPE_BOOL;
    struct parsed parsed;

    parse_type(t->name, &parsed);
    if (t->dimensions || !(find_native(t->class, &parsed) || is_enum(d, t)))
        return false;
    if ((moment && str_eq(c->default_expr, "now()"))) {
        str_add(&d->body, ".defaultNow()");
        return true;
    }
    if (t->class == TYPE_UUID && str_eq(c->default_expr, "gen_random_uuid()")) {
        str_add(&d->body, ".defaultRandom()");
        return true;
    }
    json_auto_t *value =
        word || (integer && c->default_expr[0] != '\'') ? column_default_json(c) : NULL;
    CLEANUP(freep)
    char *text =
        value && is_plain(value) ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    if (text)
        str_addf(&d->body, ".default(%s)", text);
    return text;
}

bool drizzle_is_own_key(const struct schema_table *t, const struct schema_column *c)
{
    const struct schema_key *k = t->primary_key;
    CLEANUP(str_clear) struct str usual = STR_INIT;

    str_addf(&usual, "%s_pkey", t->name);
    return k && k->columns.n == 1 && str_eq(k->columns.items[0], c->name) &&
           str_eq(k->name, str_text(&usual)) && str_ends(k->definition, ")") &&
           !strstr(k->definition, " INCLUDE (");
}

static void add_value(struct drizzle *d, const struct schema_column *c)
{
    if (c->identity != IDENTITY_NONE) {
        str_add(&d->body, c->identity == IDENTITY_ALWAYS ? ".generatedAlwaysAsIdentity()"
                                                         : ".generatedByDefaultAsIdentity()");
    } else if (c->generated) {
        str_add(&d->body, ".generatedAlwaysAs(");
        drizzle_add_sql(d, &d->body, c->default_expr);
        str_add_char(&d->body, ')');
    } else if (c->default_expr && !add_plain_default(d, c)) {
        str_add(&d->body, ".default(");
        drizzle_add_sql(d, &d->body, c->default_expr);
        str_add_char(&d->body, ')');
    }
}

void drizzle_add_column(struct drizzle *d, const struct schema_table *t,
                        const struct schema_column *c)
{
    struct parsed parsed;
    bool own_key = drizzle_is_own_key(t, c);

    parse_type(c->type.name, &parsed);
    const struct native *native = find_native(c->type.class, &parsed);
    bool serial = native && native->serial && column_is_serial(t, c);
    ts_add_comment(&d->body, "    ", c->comment);
    str_add(&d->body, "    ");
    ts_add_property(&d->body, drizzle_fields(d, t)->items[c - t->columns]);
    str_add(&d->body, ": ");
    add_type(d, &d->body, c, c->name, serial);
    if (own_key)
        str_add(&d->body, ".primaryKey()");
    else if (c->not_null)
        str_add(&d->body, ".notNull()");
    if (!serial)
        add_value(d, c);
    str_add(&d->body, ",\n");
}
