/* SPDX-License-Identifier: MIT */
#include "core/migrate/sqlnames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/attr.h"
#include "core/migrate/sqlscan.h"

/* A quote in a JSON string is written with a backslash before it, so these stand outside of one. */
static const char string_node[] = "{\"String\":{\"sval\":\"";
static const char list_node[] = "\"List\":{\"items\":[";

/* Keys whose value is a name as a list of strings: ["schema", "name"]. */
static const char *const name_keys[] = {
    "\"funcname\":[", "\"names\":[",    "\"defnames\":[",    "\"typeName\":[",     "\"domainname\":[",
    "\"objname\":[",  "\"opclass\":[",  "\"collation\":[",   "\"collname\":[",     "\"name\":[",
    "\"opername\":[", "\"opclassname\":[", "\"opfamilyname\":[", "\"cfgname\":[", "\"dictname\":[",
    "\"conversion_name\":[", "\"func_name\":[", "\"stxname\":[",
};
/* Keys whose value is the name of a schema. */
static const char *const schema_keys[] = {"\"schemaname\":\"", "\"newschema\":\"",
                                          "\"local_schema\":\""};
/* Objects of a relation: the last of their strings is their own name, what is before it the
 * relation's. */
static const char *const attached[] = {"\"OBJECT_COLUMN\"",  "\"OBJECT_TABCONSTRAINT\"",
                                       "\"OBJECT_TRIGGER\"", "\"OBJECT_RULE\"",
                                       "\"OBJECT_POLICY\""};
/* Statements that name their object by a List. */
static const char *const object_statements[] = {"DropStmt",       "CommentStmt", "RenameStmt",
                                                "AlterOwnerStmt", "SecLabelStmt",
                                                "AlterObjectSchemaStmt"};

static size_t string_len(const char *p)
{
    size_t n = 0;
    while (p[n] && p[n] != '"')
        n += p[n] == '\\' && p[n + 1] ? 2 : 1;
    return n;
}

static bool is_foreign(const struct sql_policy *policy, const char *schema, struct sql_name *out)
{
    size_t n = string_len(schema);

    if (sql_policy_has_schema(policy, schema, n))
        return false;
    (void)snprintf(out->schema, sizeof out->schema, "%.*s", (int)n, schema);
    return true;
}

/* The strings of a list, the first MAX of them; returns how many. */
enum { STRINGS_MAX = 4 };
static size_t list_strings(const char *p, const char *strings[STRINGS_MAX])
{
    size_t count = 0, skip = strlen(string_node);

    while (count < STRINGS_MAX && strncmp(p, string_node, skip) == 0) {
        strings[count++] = p + skip;
        p += skip + string_len(p + skip) + strlen("\"}}");
        p += *p == ',';
    }
    return count;
}

static bool list_is_foreign(const struct sql_policy *policy, const char *p, size_t own,
                            struct sql_name *out)
{
    const char *strings[STRINGS_MAX];
    size_t n = list_strings(p, strings);

    return n >= own + 2 && is_foreign(policy, strings[n - own - 2], out);
}

/* A node's location stands behind its name; that of a new function has none of its own. */
static void set_place(const char *tree, const char *at, struct sql_name *out)
{
    static const char key[] = "\"location\":";
    const char *found = strstr(tree, "\"CreateFunctionStmt\"") ? NULL : strstr(at, key);
    out->offset = found ? (size_t)strtoul(found + strlen(key), NULL, 10) : 0;
}

static bool find_by_key(const struct sql_policy *policy, const char *tree, struct sql_name *out)
{
    for (size_t i = 0; i < ARRAY_LEN(schema_keys); i++)
        for (const char *p = tree; (p = strstr(p, schema_keys[i]));) {
            p += strlen(schema_keys[i]);
            if (is_foreign(policy, p, out)) {
                set_place(tree, p, out);
                return true;
            }
        }
    for (size_t i = 0; i < ARRAY_LEN(name_keys); i++)
        for (const char *p = tree; (p = strstr(p, name_keys[i]));) {
            p += strlen(name_keys[i]);
            if (list_is_foreign(policy, p, 0, out)) {
                set_place(tree, p, out);
                return true;
            }
        }
    return false;
}

static bool has_any(const char *tree, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strstr(tree, words[i]))
            return true;
    return false;
}

static bool find_object(const struct sql_policy *policy, const char *tree, struct sql_name *out)
{
    size_t own = has_any(tree, attached, ARRAY_LEN(attached)) ? 1 : 0;

    out->offset = 0;
    for (const char *p = tree; (p = strstr(p, list_node));) {
        p += strlen(list_node);
        if (list_is_foreign(policy, p, own, out))
            return true;
    }
    return false;
}

/* GRANT … IN SCHEMA a, b; ALTER DEFAULT PRIVILEGES IN SCHEMA a: the strings are schemas. */
static bool find_granted(const struct sql_policy *policy, const char *tree, struct sql_name *out)
{
    bool grants = strstr(tree, "\"ACL_TARGET_ALL_IN_SCHEMA\"") || strstr(tree, "\"OBJECT_SCHEMA\"");
    const char *defaults = strstr(tree, "\"defname\":\"schemas\"");
    const char *list = defaults ? strstr(defaults, list_node) : NULL;
    const char *objects = grants ? strstr(tree, "\"objects\":[") : NULL;
    const char *strings[STRINGS_MAX];

    if (list)
        list += strlen(list_node);
    else if (objects)
        list = objects + strlen("\"objects\":[");
    size_t n = list ? list_strings(list, strings) : 0;
    out->offset = 0;
    for (size_t i = 0; i < n; i++)
        if (is_foreign(policy, strings[i], out))
            return true;
    return false;
}

bool sql_names_foreign(const struct sql_policy *policy, const char *tree, struct sql_name *out)
{
    static const char stmts[] = "\"stmts\":[{\"stmt\":{\"";
    const char *node = strstr(tree, stmts);

    if (policy->allow & SQL_FOREIGN_SCHEMA)
        return false;
    if (find_by_key(policy, tree, out))
        return true;
    if (!node)
        return false;
    node += strlen(stmts);
    for (size_t i = 0; i < ARRAY_LEN(object_statements); i++)
        if (strncmp(node, object_statements[i], strlen(object_statements[i])) == 0)
            return find_object(policy, tree, out);
    bool grant = strncmp(node, "GrantStmt", 9) == 0 || strncmp(node, "AlterDefaultPriv", 16) == 0;
    return grant && find_granted(policy, tree, out);
}

static bool is_dot(const char *sql, const struct sql_token *t)
{
    return t->kind == SQL_OTHER && sql[t->offset] == '.';
}

bool sql_has_dotted_name(const char *sql, size_t len)
{
    struct sql_token token = {.kind = SQL_OTHER}, before;

    for (size_t at = 0; token.kind != SQL_END;) {
        before = token;
        at = sql_scan(sql, at, len, &token);
        if (is_dot(sql, &token) && sql_token_is_name(&before))
            return true;
    }
    return false;
}

static bool leads_a_table(const char *sql, const struct sql_token *token)
{
    static const char *const words[] = {"into", "from", "join", "update", "only", "using"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (sql_token_is(sql, token, words[i]))
            return true;
    return false;
}

/* The name as it is kept: without its quotes, or in lower case. */
static void fold_name(const char *sql, const struct sql_token *t, struct sql_name *out)
{
    bool quoted = t->kind == SQL_QUOTED;
    size_t n = quoted ? t->length - 2 : t->length;

    (void)snprintf(out->schema, sizeof out->schema, "%.*s", (int)n,
                   sql + t->offset + (quoted ? 1 : 0));
    for (char *c = out->schema; *c && !quoted; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
    out->offset = t->offset;
}

bool sql_words_foreign(const struct sql_policy *policy, const char *sql, size_t len,
                       struct sql_name *out)
{
    struct sql_token token = {.kind = SQL_OTHER}, name, lead;

    if (policy->allow & SQL_FOREIGN_SCHEMA)
        return false;
    name = lead = token;
    for (size_t at = 0; token.kind != SQL_END;) {
        at = sql_scan(sql, at, len, &token);
        if (is_dot(sql, &token) && sql_token_is_name(&name) && leads_a_table(sql, &lead)) {
            fold_name(sql, &name, out);
            if (!sql_policy_has_schema(policy, out->schema, strlen(out->schema)))
                return true;
        }
        lead = name;
        name = token;
    }
    return false;
}
