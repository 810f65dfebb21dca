/* SPDX-License-Identifier: MIT */
#include "tests/support/random_schema.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"

enum { TABLES = 5, COLUMNS = 6, TYPES = 3 };

struct making {
    unsigned seed, change;
    struct str sql;
};

/* FNV-1a, then mixed, for its low bits are poor. */
static uint32_t mix(const char *text, unsigned seed)
{
    uint32_t h = 2166136261u ^ seed;

    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 16777619u;
    h = (h ^ (h >> 16)) * 0x7feb352du;
    h = (h ^ (h >> 15)) * 0x846ca68bu;
    return h ^ (h >> 16);
}

/* Every decision has a name, so that it is the same decision in both schemas of a seed. */
static unsigned PRINTF_LIKE(3, 4) decide(const struct making *m, unsigned n, const char *fmt, ...)
{
    char name[80];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(name, sizeof name, fmt, args);
    va_end(args);
    bool anew = mix(name, m->seed * 7919 + 1) % 100 < m->change;
    return mix(name, anew ? m->seed * 104729 + 2 : m->seed) % n;
}

#define add(m, ...) str_addf(&(m)->sql, __VA_ARGS__)

static bool has_enum(const struct making *m, unsigned i)
{
    return decide(m, 4, "e%u", i) > 0;
}

static const char *label_of(const struct making *m, unsigned e, unsigned at)
{
    static const char *const labels[] = {"a", "b", "it''s", "d d", "E", "f\\g"};
    return labels[(at + decide(m, 3, "e%u.turn", e)) % 6];
}

/* Up to six labels, some left out. */
static void make_enum(struct making *m, unsigned e)
{
    bool first = true;

    add(m, "CREATE TYPE e%u AS ENUM (", e);
    for (unsigned i = 0; i < 6; i++)
        if (!i || decide(m, 3, "e%u.label%u", e, i)) {
            add(m, "%s'%s'", first ? "" : ", ", label_of(m, e, i));
            first = false;
        }
    add(m, ");\n");
    if (!decide(m, 3, "e%u.comment", e))
        add(m, "COMMENT ON TYPE e%u IS 'of %u';\n", e, decide(m, 3, "e%u.words", e));
}

static bool has_domain(const struct making *m, unsigned i)
{
    return decide(m, 4, "d%u", i) > 0;
}

/* Over text, or over the domain before. */
static void make_domain(struct making *m, unsigned d)
{
    if (d && has_domain(m, d - 1) && !decide(m, 2, "d%u.over", d))
        add(m, "CREATE DOMAIN d%u AS d%u", d, d - 1);
    else
        add(m, "CREATE DOMAIN d%u AS %s", d, decide(m, 3, "d%u.base", d) ? "text" : "varchar(30)");
    if (!decide(m, 3, "d%u.default", d))
        add(m, " DEFAULT 'x%u'", decide(m, 3, "d%u.value", d));
    if (!decide(m, 4, "d%u.null", d))
        add(m, " NOT NULL");
    if (!decide(m, 2, "d%u.check", d))
        add(m, " CONSTRAINT short CHECK (length(VALUE) < %u)", 50 + decide(m, 3, "d%u.n", d));
    add(m, ";\n");
}

enum kind { KIND_INT, KIND_TEXT, KIND_ENUM, KIND_ANY };

static const struct {
    const char *type, *value;
    enum kind kind;
} types[] = {
    {"integer", "7", KIND_INT},
    {"bigint", "8", KIND_INT},
    {"smallint", "9", KIND_INT},
    {"numeric(10,2)", "1.5", KIND_ANY},
    {"numeric", "2.5", KIND_ANY},
    {"double precision", "0.5", KIND_ANY},
    {"text", "'te''xt\\'", KIND_TEXT},
    {"varchar(20)", "'short'", KIND_TEXT},
    {"varchar(50)", "upper('up')", KIND_TEXT},
    {"char(4)", "'abcd'", KIND_TEXT},
    {"boolean", "true", KIND_ANY},
    {"date", "'2024-02-29'", KIND_ANY},
    {"timestamp", "now()", KIND_ANY},
    {"timestamptz(3)", "CURRENT_TIMESTAMP", KIND_ANY},
    {"time", "'12:00'", KIND_ANY},
    {"interval", "'1 day'", KIND_ANY},
    {"uuid", "gen_random_uuid()", KIND_ANY},
    {"jsonb", "'{\"a\": [1]}'", KIND_ANY},
    {"bytea", "'\\x00ff'", KIND_ANY},
    {"inet", "'10.0.0.1'", KIND_ANY},
    {"bit(4)", "B'1010'", KIND_ANY},
    {"text[]", "'{a,b}'", KIND_ANY},
    {"int[][]", "'{{1}}'", KIND_ANY},
    {"int4range", "'[1,5)'", KIND_ANY},
    {"text COLLATE \"C\"", "'c'", KIND_TEXT},
};

struct column {
    char type[48], value[48];
    enum kind kind;
    unsigned e; /* of KIND_ENUM */
};

/* What a column is; the enums and domains that are not there are integers. */
static struct column column_of(const struct making *m, unsigned t, unsigned c)
{
    unsigned n = sizeof types / sizeof types[0];
    unsigned type = decide(m, n + 3 * TYPES, "t%u.c%u.type", t, c), i = (type - n) % TYPES;
    struct column out = {.kind = KIND_INT};
    const char *value = "7";

    (void)snprintf(out.type, sizeof out.type, "integer");
    if (type < n) {
        (void)snprintf(out.type, sizeof out.type, "%s", types[type].type);
        value = types[type].value;
        out.kind = types[type].kind;
    } else if (type < n + 2 * TYPES && has_enum(m, i)) {
        bool list = type >= n + TYPES;
        (void)snprintf(out.type, sizeof out.type, "e%u%s", i, list ? "[]" : "");
        (void)snprintf(out.value, sizeof out.value, list ? "'{}'" : "'%s'", label_of(m, i, 0));
        out.kind = list ? KIND_ANY : KIND_ENUM;
        out.e = i;
        return out;
    } else if (type >= n + 2 * TYPES && has_domain(m, i)) {
        (void)snprintf(out.type, sizeof out.type, "d%u", i);
        value = "'dom'";
        out.kind = KIND_TEXT;
    }
    (void)snprintf(out.value, sizeof out.value, "%s", value);
    return out;
}

static bool has_table(const struct making *m, unsigned t)
{
    return decide(m, 6, "t%u", t) > 0;
}

/* The first is in every table, so that there is something to have a key on. */
static bool has_column(const struct making *m, unsigned t, unsigned c)
{
    return c == 0 || decide(m, 4, "t%u.c%u", t, c) > 0;
}

static bool is_unlogged(const struct making *m, unsigned t)
{
    return !decide(m, 8, "t%u.unlogged", t);
}

static bool has_key(const struct making *m, unsigned t)
{
    return decide(m, 4, "t%u.pk", t) > 0;
}

static bool has_sequence(const struct making *m, unsigned t)
{
    return !decide(m, 4, "t%u.seq", t);
}

static void make_column(struct making *m, unsigned t, unsigned c)
{
    struct column column = column_of(m, t, c);
    bool identity = column.kind == KIND_INT && !decide(m, 5, "t%u.c%u.identity", t, c);

    add(m, "%s\n  c%u %s", c ? "," : "", c, column.type);
    if (identity)
        add(m, " GENERATED %s AS IDENTITY (START %u)",
            decide(m, 2, "t%u.c%u.always", t, c) ? "ALWAYS" : "BY DEFAULT",
            1 + decide(m, 2, "t%u.c%u.start", t, c));
    else if (!decide(m, 2, "t%u.c%u.default", t, c))
        add(m, " DEFAULT %s", column.value);
    if (!decide(m, 3, "t%u.c%u.null", t, c))
        add(m, " NOT NULL");
}

static void make_generated(struct making *m, unsigned t)
{
    static const char *const more[] = {"", " OR c0 IS NOT NULL", " AND true"};

    if (decide(m, 2, "t%u.generated", t))
        return;
    add(m, ",\n  g boolean GENERATED ALWAYS AS (c0 IS NULL%s) STORED",
        more[decide(m, 3, "t%u.generated.from", t)]);
    if (has_column(m, t, 1) && !decide(m, 2, "t%u.generated.two", t))
        add(m, ",\n  g2 text GENERATED ALWAYS AS (CASE WHEN c1 IS NULL THEN 'n' END) STORED");
}

static void make_keys(struct making *m, unsigned t)
{
    if (has_key(m, t))
        add(m, ",\n  CONSTRAINT t%u_%s PRIMARY KEY (c0)", t,
            decide(m, 4, "t%u.pk.name", t) ? "pkey" : "other");
    if (has_column(m, t, 1) && !decide(m, 3, "t%u.u", t))
        add(m, ",\n  CONSTRAINT t%u_u UNIQUE (c1%s)%s", t,
            has_column(m, t, 2) && decide(m, 2, "t%u.u.two", t) ? ", c2" : "",
            decide(m, 3, "t%u.u.deferrable", t) ? "" : " DEFERRABLE");
}

static void make_check(struct making *m, unsigned t, unsigned c)
{
    struct column column = column_of(m, t, c);

    if (!has_column(m, t, c) || decide(m, 4, "t%u.k%u", t, c))
        return;
    if (column.kind == KIND_INT)
        add(m, ",\n  CONSTRAINT t%u_k%u CHECK (c%u > %u)", t, c, c,
            decide(m, 3, "t%u.k%u.n", t, c));
    else if (column.kind == KIND_TEXT)
        add(m, ",\n  CONSTRAINT t%u_k%u CHECK (length(c%u) > %u)", t, c, c,
            decide(m, 3, "t%u.k%u.n", t, c));
    else if (column.kind == KIND_ENUM)
        add(m, ",\n  CONSTRAINT t%u_k%u CHECK (c%u <> '%s')", t, c, c, label_of(m, column.e, 0));
    else
        add(m, ",\n  CONSTRAINT t%u_k%u CHECK (c%u IS NOT NULL OR c0 IS NULL)", t, c, c);
}

static void make_table(struct making *m, unsigned t)
{
    add(m, "CREATE %sTABLE t%u (", is_unlogged(m, t) ? "UNLOGGED " : "", t);
    for (unsigned c = 0; c < COLUMNS; c++)
        if (has_column(m, t, c))
            make_column(m, t, c);
    make_generated(m, t);
    make_keys(m, t);
    for (unsigned c = 0; c < COLUMNS; c++)
        make_check(m, t, c);
    add(m, "\n)%s;\n", decide(m, 6, "t%u.options", t) ? "" : " WITH (fillfactor = 70)");
    if (!decide(m, 4, "t%u.comment", t))
        add(m, "COMMENT ON TABLE t%u IS 'table %u\\';\n", t, decide(m, 3, "t%u.words", t));
    if (!decide(m, 4, "t%u.c0.comment", t))
        add(m, "COMMENT ON COLUMN t%u.c0 IS 'it''s %u';\n", t, decide(m, 3, "t%u.c0.words", t));
    if (has_sequence(m, t))
        add(m,
            "CREATE SEQUENCE s%u START %u; ALTER TABLE t%u ADD n bigint DEFAULT nextval('s%u');"
            "ALTER SEQUENCE s%u OWNED BY t%u.n;\n",
            t, 1 + decide(m, 3, "t%u.seq.start", t), t, t, t, t);
}

static void make_index(struct making *m, unsigned t, unsigned c)
{
    struct column column = column_of(m, t, c);
    bool first = has_column(m, t, 1);

    if (!has_column(m, t, c) || decide(m, 3, "t%u.x%u", t, c))
        return;
    switch (decide(m, 7, "t%u.x%u.kind", t, c)) {
    case 0:
        add(m, "CREATE INDEX t%u_x%u ON t%u (c%u DESC);\n", t, c, t, c);
        break;
    case 1:
        add(m, "CREATE UNIQUE INDEX t%u_x%u ON t%u (c%u) WHERE c%u IS NOT NULL;\n", t, c, t, c, c);
        break;
    case 2:
        add(m, "CREATE INDEX t%u_x%u ON t%u ((c%u IS NULL)%s);\n", t, c, t, c, first ? ", c1" : "");
        break;
    case 3:
        add(m, "CREATE INDEX t%u_x%u ON t%u (c0) INCLUDE (c%u);\n", t, c, t, c);
        break;
    case 4:
        if (column.kind == KIND_TEXT)
            add(m, "CREATE INDEX t%u_x%u ON t%u (lower(c%u));\n", t, c, t, c);
        break;
    case 5:
        if (column.kind == KIND_ENUM)
            add(m, "CREATE INDEX t%u_x%u ON t%u (c0) WHERE c%u = '%s';\n", t, c, t, c,
                label_of(m, column.e, 0));
        break;
    default:
        add(m, "CREATE UNIQUE INDEX t%u_x%u ON t%u (c%u);\n", t, c, t, c);
        break;
    }
}

/* To a table of any number, so in circles as well; its type is that of the key. */
static void make_foreign_key(struct making *m, unsigned t)
{
    static const char *const rest[] = {"", " ON DELETE CASCADE", " ON UPDATE SET NULL",
                                       " DEFERRABLE INITIALLY DEFERRED", " NOT VALID"};
    unsigned to = decide(m, TABLES, "t%u.f.to", t);

    if (!has_table(m, to) || !has_key(m, to) || is_unlogged(m, to) != is_unlogged(m, t) ||
        decide(m, 3, "t%u.f", t) == 0)
        return;
    add(m,
        "ALTER TABLE t%u ADD r %s; ALTER TABLE t%u ADD CONSTRAINT t%u_f FOREIGN KEY (r)"
        " REFERENCES t%u%s;\n",
        t, column_of(m, to, 0).type, t, t, to, rest[decide(m, 5, "t%u.f.rest", t)]);
}

/* Over one table, and over a view. */
static void make_views(struct making *m)
{
    for (unsigned t = 0; t < TABLES; t++) {
        if (!has_table(m, t) || decide(m, 3, "v%u", t))
            continue;
        bool grouped = has_key(m, t) && !decide(m, 3, "v%u.grouped", t);
        bool kept = !decide(m, 3, "v%u.kept", t);
        bool more = has_column(m, t, 2) && decide(m, 2, "v%u.more", t);
        add(m, "CREATE %sVIEW v%u AS SELECT c0%s%s FROM t%u%s;\n", kept ? "MATERIALIZED " : "", t,
            more ? ", c2 AS x" : "", grouped ? ", count(*) AS n" : "", t,
            grouped                        ? " GROUP BY c0"
            : decide(m, 2, "v%u.where", t) ? ""
                                           : " WHERE c0 IS NOT NULL");
        if (kept && !decide(m, 2, "v%u.index", t))
            add(m, "CREATE INDEX v%u_x ON v%u (c0);\n", t, t);
        if (!decide(m, 3, "w%u", t))
            add(m, "CREATE VIEW w%u AS SELECT c0 FROM v%u WHERE c0 IS NOT NULL;\n", t, t);
    }
}

static void make_functions(struct making *m)
{
    if (!decide(m, 3, "f"))
        return;
    add(m,
        "CREATE FUNCTION f(%s int) RETURNS %s LANGUAGE sql IMMUTABLE AS 'SELECT $1 + %u';\n"
        "CREATE FUNCTION tr() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';\n",
        decide(m, 4, "f.name") ? "x" : "y", decide(m, 4, "f.type") ? "int" : "bigint",
        decide(m, 3, "f.n"));
    for (unsigned t = 0; t < TABLES; t++) {
        if (!has_table(m, t))
            continue;
        if (column_of(m, t, 0).kind == KIND_INT && !decide(m, 3, "t%u.kf", t))
            add(m, "ALTER TABLE t%u ADD CONSTRAINT t%u_kf CHECK (f(c0::int) > 0);\n", t, t);
        if (!decide(m, 3, "t%u.trigger", t))
            add(m,
                "CREATE TRIGGER tr BEFORE UPDATE OF c0 ON t%u FOR EACH ROW%s EXECUTE FUNCTION"
                " tr();\n",
                t, decide(m, 2, "t%u.trigger.when", t) ? "" : " WHEN (NEW.c0 IS NOT NULL)");
    }
}

static void make_attached(struct making *m)
{
    for (unsigned t = 0; t < TABLES; t++) {
        if (!has_table(m, t))
            continue;
        if (!decide(m, 4, "t%u.policy", t))
            add(m,
                "ALTER TABLE t%u ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t%u USING (c0 IS"
                " NOT NULL%s);\n",
                t, t, decide(m, 2, "t%u.policy.more", t) ? "" : " AND true");
        if (!decide(m, 4, "t%u.grant", t))
            add(m, "GRANT SELECT%s ON t%u TO pg_monitor;\n",
                decide(m, 2, "t%u.grant.more", t) ? "" : ", UPDATE", t);
        if (has_column(m, t, 1) && !decide(m, 5, "t%u.statistics", t))
            add(m, "CREATE STATISTICS st%u (ndistinct) ON c0, c1 FROM t%u;\n", t, t);
        if (!decide(m, 8, "t%u.rule", t))
            add(m, "CREATE RULE r AS ON DELETE TO t%u DO INSTEAD NOTHING;\n", t);
    }
}

/* A tree of its own for each shape; what hangs on it changes in place. */
static void make_partitions(struct making *m)
{
    unsigned shape = decide(m, 3, "p.shape");

    if (!decide(m, 3, "p"))
        return;
    add(m, "CREATE TABLE p%u (a int NOT NULL, b text%s) PARTITION BY RANGE (a);\n", shape,
        decide(m, 2, "p.more") ? "" : ", c date DEFAULT '2024-01-01'");
    for (unsigned i = 0; i < 3; i++)
        if (decide(m, 3, "p.part%u", i))
            add(m, "CREATE TABLE p%u_%u PARTITION OF p%u FOR VALUES FROM (%u) TO (%u);\n", shape, i,
                shape, i, i + 1);
    if (decide(m, 2, "p.key"))
        add(m, "ALTER TABLE p%u ADD CONSTRAINT p_key PRIMARY KEY (a);\n", shape);
    if (decide(m, 2, "p.index"))
        add(m, "CREATE INDEX p_x ON p%u (b%s);\n", shape, decide(m, 2, "p.index.two") ? ", a" : "");
    if (decide(m, 2, "p.check"))
        add(m, "ALTER TABLE p%u ADD CONSTRAINT p_k CHECK (a < %u);\n", shape,
            100 + decide(m, 2, "p.check.n"));
}

char *random_schema_sql(unsigned seed, unsigned change)
{
    struct making m = {.seed = seed, .change = change, .sql = STR_INIT};

    for (unsigned i = 0; i < TYPES; i++)
        if (has_enum(&m, i))
            make_enum(&m, i);
    for (unsigned i = 0; i < TYPES; i++)
        if (has_domain(&m, i))
            make_domain(&m, i);
    for (unsigned t = 0; t < TABLES; t++)
        if (has_table(&m, t))
            make_table(&m, t);
    for (unsigned t = 0; t < TABLES; t++)
        for (unsigned c = 0; c < COLUMNS && has_table(&m, t); c++)
            make_index(&m, t, c);
    for (unsigned t = 0; t < TABLES; t++)
        if (has_table(&m, t))
            make_foreign_key(&m, t);
    make_views(&m);
    make_functions(&m);
    make_attached(&m);
    make_partitions(&m);
    return str_take(&m.sql);
}
