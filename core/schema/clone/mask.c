/* SPDX-License-Identifier: MIT */
/*
 * What stands in place of a value, as an expression of PostgreSQL's own functions, so that no value
 * ever leaves the server.
 *
 * All fakes come from HMAC-SHA256 of the value as text (RFC 2104): H(outer pad || H(inner pad ||
 * value)), the pads being the key xor 0x5c and 0x36, made here and passed as $1 (inner) and $2
 * (outer). The same value gives the same fake wherever it stands, and without the key nobody can
 * try values out.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/pg/literal.h"
#include "core/schema/clone/clone_parts.h"
#include "core/schema/normal.h"
#include "core/schema/script/script_parts.h"

typedef enum rule_kind {
    RULE_NULL,
    RULE_CONSTANT,
    RULE_EMAIL,
    RULE_NAME,
    RULE_PHONE,
    RULE_DIGITS,
    RULE_HASH,
    RULE_UNKNOWN,
} rule_kind;

static const char *const rule_names[] = {"null",  "constant", "email", "name",
                                         "phone", "digits",   "hash"};

enum {
    HEX_EXACT = 12,  /* digits that have to fit: 48 bits still tell the rows of a tenant apart */
    HEX_EMAIL = 24,  /* that an email has where there is room */
    EMAIL_ROOM = 21, /* user_ and @example.invalid */
    NAME_ROOM = 16,  /* of the longest name */
};

static rule_kind kind_of(const json_t *rule)
{
    const char *name = json_string_value(json_object_get(rule, "rule"));

    for (size_t i = 0; i < ARRAY_LEN(rule_names); i++)
        if (str_eq(rule_names[i], name))
            return (rule_kind)i;
    return RULE_UNKNOWN;
}

bool clone_mask_is_keyed(const json_t *rule)
{
    return kind_of(rule) >= RULE_EMAIL;
}

static bool is_number(const struct schema_column *c)
{
    type_class class = c->type.class;
    return class == TYPE_SMALLINT || class == TYPE_INTEGER || class == TYPE_BIGINT ||
           class == TYPE_NUMERIC;
}

static bool fits_type(const struct schema_column *c, rule_kind kind)
{
    bool text = c->type.class == TYPE_TEXT;

    if (kind == RULE_NULL || kind == RULE_CONSTANT)
        return true;
    if (c->type.dimensions)
        return false;
    return text || (kind == RULE_DIGITS && is_number(c)) ||
           (kind == RULE_HASH && c->type.class == TYPE_UUID);
}

/* The least that a fake takes; where length is 0 there is room. */
static int room_of(rule_kind kind, bool exact)
{
    switch (kind) {
    case RULE_EMAIL:
        return EMAIL_ROOM + (exact ? HEX_EXACT : 1);
    case RULE_NAME:
    case RULE_HASH:
        return exact ? HEX_EXACT : 1;
    default:
        return 0;
    }
}

static bool refuse(char why[160], const char *text)
{
    (void)snprintf(why, 160, "%s", text);
    return true;
}

bool clone_mask_refused(const struct schema_column *c, const json_t *rule, bool exact,
                        char why[160])
{
    rule_kind kind = kind_of(rule);

    if (kind == RULE_UNKNOWN)
        return refuse(why, "\"rule\" is one of null, constant, email, name, phone, digits, hash");
    if (json_object_size(rule) != (kind == RULE_CONSTANT ? 2 : 1) ||
        (kind == RULE_CONSTANT && !json_object_get(rule, "value")))
        return refuse(why, "a rule has \"rule\", and a constant \"value\", and nothing else");
    if (c->generated)
        return refuse(why, "the column is generated: change what it is generated from");
    if (kind == RULE_NULL && c->not_null)
        return refuse(why, "the column is NOT NULL");
    if (!fits_type(c, kind)) {
        (void)snprintf(why, 160, "%s does not go with the type %.80s", rule_names[kind],
                       c->type.name);
        return true;
    }
    if (exact && (kind == RULE_CONSTANT || kind == RULE_PHONE || kind == RULE_DIGITS))
        return refuse(why, "the column is unique or part of a foreign key, and this rule may give "
                           "two values the same fake: hash and email do not");
    if (c->type.length && c->type.length < room_of(kind, exact)) {
        (void)snprintf(why, 160, "%s needs room for %d characters, there are %d", rule_names[kind],
                       room_of(kind, exact), c->type.length);
        return true;
    }
    return false;
}

static void add_hash(struct str *sql, const char *value)
{
    str_addf(sql,
             "pg_catalog.sha256($2::pg_catalog.bytea || pg_catalog.sha256($1::pg_catalog.bytea ||"
             " pg_catalog.convert_to((%s)::pg_catalog.text, 'UTF8')))",
             value);
}

/* The first n hexadecimal digits. */
static void add_hex(struct str *sql, const char *value, int n)
{
    str_add(sql, "pg_catalog.left(pg_catalog.encode(");
    add_hash(sql, value);
    str_addf(sql, ", 'hex'), %d)", n);
}

static int within(int wanted, int room)
{
    return room < wanted ? room : wanted;
}

static void add_email(struct str *sql, const struct schema_column *c, const char *value)
{
    int room = c->type.length ? c->type.length - EMAIL_ROOM : HEX_EMAIL;

    str_add(sql, "'user_'::pg_catalog.text || ");
    add_hex(sql, value, within(HEX_EMAIL, room));
    str_add(sql, " || '@example.invalid'::pg_catalog.text");
}

static void add_list(struct str *sql, const char *const names[16], int byte)
{
    str_add(sql, "('{");
    for (int i = 0; i < 16; i++)
        str_addf(sql, "%s%s", i ? "," : "", names[i]);
    str_addf(sql, "}'::pg_catalog.text[])[1 + pg_catalog.get_byte(k.h, %d) %% 16]", byte);
}

/* A name that nobody minds; where names are told apart by them, with digits behind. */
static void add_name(struct str *sql, const struct schema_column *c, bool exact, const char *value)
{
    static const char *const first[16] = {"Alex", "Robin", "Kim",   "Sam",   "Jona",    "Noa",
                                          "Luca", "Mika",  "Toni",  "Sasha", "Charlie", "Jules",
                                          "Remy", "Quinn", "Rowan", "Ariel"};
    static const char *const last[16] = {"Ash",     "Birch",  "Cedar",  "Elm", "Fir",  "Hazel",
                                         "Juniper", "Larch",  "Maple",  "Oak", "Pine", "Rowan",
                                         "Spruce",  "Walnut", "Willow", "Yew"};
    int length = c->type.length;

    if (exact && length && length < NAME_ROOM + HEX_EXACT) {
        add_hex(sql, value, within(64, length));
        return;
    }
    str_addf(sql, "(SELECT pg_catalog.left(");
    add_list(sql, first, 0);
    str_add(sql, " || ' '::pg_catalog.text || ");
    add_list(sql, last, 1);
    if (exact)
        str_add(sql, " || ' '::pg_catalog.text || pg_catalog.left(pg_catalog.encode(k.h, 'hex'),"
                     " 12)");
    str_addf(sql, ", %d) FROM (SELECT ", length ? length : 1000);
    add_hash(sql, value);
    str_add(sql, " AS h OFFSET 0) k)");
}

/* The digit that begins a number keeps it as long as it is, and within its type. */
static void add_first_digit(struct str *sql, const struct schema_column *c, const char *value)
{
    int most = c->type.class == TYPE_SMALLINT  ? 5
               : c->type.class == TYPE_INTEGER ? 10
               : c->type.class == TYPE_BIGINT  ? 19
                                               : 0;

    str_addf(sql,
             "WHEN d.digit AND d.n = 1 THEN (1 + CASE WHEN %d > 0 AND "
             "pg_catalog.length(pg_catalog.ltrim("
             "(%s)::pg_catalog.text, '-')) >= %d THEN 0 ELSE pg_catalog.get_byte(d.h, 0) %% 9"
             " END)::pg_catalog.text ",
             most, value, most);
}

/*
 * Digit for digit and letter for letter; what is neither stays. A phone number begins with 000,
 * which no country and no network gives out. In a number only digits are changed.
 */
static void add_digits(struct str *sql, const struct schema_column *c, rule_kind kind,
                       const char *value)
{
    str_add(sql, "(SELECT pg_catalog.string_agg(CASE ");
    if (is_number(c))
        add_first_digit(sql, c, value);
    if (kind == RULE_PHONE)
        str_add(sql, "WHEN d.digit AND d.n <= 3 THEN '0' ");
    str_add(sql, "WHEN d.digit THEN (pg_catalog.get_byte(d.h, (d.i % 32)::pg_catalog.int4) % 10)"
                 "::pg_catalog.text ");
    if (!is_number(c))
        str_add(sql,
                "WHEN pg_catalog.strpos(' -+()[]{}.,:;/#_*', d.ch) = 0 THEN pg_catalog.chr(97 +"
                " pg_catalog.get_byte(d.h, (d.i % 32)::pg_catalog.int4) % 26) ");
    str_addf(
        sql,
        "ELSE d.ch END, ''::pg_catalog.text ORDER BY d.i) FROM (SELECT c.ch, c.i, k.h, g.digit,"
        " pg_catalog.sum(g.digit::pg_catalog.int4) OVER (ORDER BY c.i) AS n"
        " FROM pg_catalog.regexp_split_to_table((%s)::pg_catalog.text, ''::pg_catalog.text)"
        " WITH ORDINALITY c (ch, i), LATERAL (SELECT c.ch <> ''::pg_catalog.text AND"
        " pg_catalog.strpos('0123456789', c.ch) > 0 AS digit) g, (SELECT ",
        value);
    add_hash(sql, value);
    str_add(sql, " AS h OFFSET 0) k) d)");
    if (is_number(c))
        str_addf(sql, "::pg_catalog.%s", c->type.class == TYPE_NUMERIC ? "numeric" : "int8");
}

/* A uuid of version 8, which says that its bits are the maker's own (RFC 9562, 5.8). */
static void add_uuid(struct str *sql, const char *value)
{
    str_add(sql, "pg_catalog.overlay(pg_catalog.overlay(");
    add_hex(sql, value, 32);
    str_add(sql, ", '8', 13, 1), 'a', 17, 1)::pg_catalog.uuid");
}

/* As the column's type, which may be one of the schema's own. */
static void add_typed(struct str *sql, const struct schema_column *c, const char *target)
{
    CLEANUP(freep) char *type = schema_requalify(c->type.name, target);

    if (type)
        str_addf(sql, "::%s", type);
    else
        sql->failed = true;
}

static void add_constant(struct str *sql, const struct schema_column *c, const json_t *value,
                         const char *target)
{
    CLEANUP(freep) char *dump = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);

    if (json_is_null(value))
        str_add(sql, "NULL");
    else
        pg_literal_add(sql, dump ? dump : json_string_value(value));
    add_typed(sql, c, target);
}

void clone_mask(struct str *sql, const struct schema_column *c, const json_t *rule, bool exact,
                const char *value, const char *target)
{
    switch (kind_of(rule)) {
    case RULE_CONSTANT:
        add_constant(sql, c, json_object_get(rule, "value"), target);
        return;
    case RULE_EMAIL:
        add_email(sql, c, value);
        return;
    case RULE_NAME:
        add_name(sql, c, exact, value);
        return;
    case RULE_PHONE:
    case RULE_DIGITS:
        add_digits(sql, c, kind_of(rule), value);
        return;
    case RULE_HASH:
        if (c->type.class == TYPE_UUID)
            add_uuid(sql, value);
        else
            add_hex(sql, value, within(64, c->type.length ? c->type.length : 64));
        return;
    case RULE_NULL:
    case RULE_UNKNOWN:
        break;
    }
    str_add(sql, "NULL");
    add_typed(sql, c, target);
}
