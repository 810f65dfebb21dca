/* SPDX-License-Identifier: MIT */
#include "core/query/verdict.h"

#include <pg_query.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/migrate/sqltree.h"

/* A quote in a JSON string has a backslash before it, so these texts are nodes and nothing else. */
#define NODE(name) "\"" name "\":{"
static const char stmts[] = "\"stmts\":[{\"stmt\":{\"";

/* Nodes that change rows, where they are in a statement that reads. */
static const char *const changing[] = {NODE("InsertStmt"), NODE("UpdateStmt"), NODE("DeleteStmt"),
                                       NODE("MergeStmt")};
/* What a statement may begin as. */
static const struct {
    const char *node;
    bool writes;
} kinds[] = {
    {"SelectStmt", false}, {"ExplainStmt", false}, {"InsertStmt", true},
    {"UpdateStmt", true},  {"DeleteStmt", true},   {"MergeStmt", true},
};

/*
 * Functions whose names begin so reach beyond the rows of a schema: they run SQL that the parser
 * does not see, hold locks that tenantd works with, talk to other servers, or touch files, settings
 * and sessions. Most of them the login may not call; none has a place in a query.
 */
static const char *const functions[] = {
    "pg_advisory_",    "pg_try_advisory_",
    "query_to_xml",    "cursor_to_xml",
    "table_to_xml",    "schema_to_xml",
    "database_to_xml", "ts_stat",
    "ts_rewrite",      "crosstab",
    "connectby",       "dblink",
    "set_config",      "lo_",
    "loread",          "lowrite",
    "pg_read_",        "pg_ls_",
    "pg_stat_file",    "pg_file_",
    "pg_logical_",     "pg_create_",
    "pg_drop_",        "pg_terminate_",
    "pg_cancel_",      "pg_reload_conf",
    "pg_rotate_",      "pg_notify",
    "pg_switch_wal",   "pg_promote",
    "pg_replication_", "pg_export_",
    "pg_backup_",      "pg_start_backup",
    "pg_stop_backup",  "pg_stat_reset",
    "pg_wal_replay_",  "pg_import_",
};

struct judging {
    const char *sql;
    bool may_write;
    size_t *position;
    struct err *err;
    err_code rc;
};

static err_code refuse(struct judging *j, const char *why)
{
    *j->position = 1;
    return err_set(j->err, ERR_QUERY_NOT_ALLOWED, "%s", why);
}

static bool begins(const char *at, const char *node)
{
    size_t n = strlen(node);
    return strncmp(at, node, n) == 0 && at[n] == '"';
}

/* The byte that "location" behind p counts from 0, as a character from 1. */
static size_t place_of(const char *sql, const char *p)
{
    static const char key[] = "\"location\":";
    const char *found = strstr(p, key);
    size_t at = found ? (size_t)strtoul(found + strlen(key), NULL, 10) : 0;
    size_t len = strlen(sql);

    return utf8_chars(sql, at < len ? at : len) + 1;
}

/* The last of the strings of a function's name, its schema left out. */
static const char *last_name(const char *list)
{
    static const char string[] = "{\"String\":{\"sval\":\"";
    const char *name = "";

    while (strncmp(list, string, strlen(string)) == 0) {
        name = list + strlen(string);
        list = name;
        while (*list && *list != '"')
            list += *list == '\\' && list[1] ? 2 : 1;
        list += strncmp(list, "\"}},", 4) == 0 ? 4 : 0;
    }
    return name;
}

static err_code check_functions(struct judging *j, const char *tree)
{
    static const char call[] = "\"FuncCall\":{\"funcname\":[";

    for (const char *p = tree; (p = strstr(p, call));) {
        p += strlen(call);
        const char *name = last_name(p);
        for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
            if (!str_starts(name, functions[i]))
                continue;
            *j->position = place_of(j->sql, p);
            return err_set(j->err, ERR_QUERY_NOT_ALLOWED, "%.*s() may not stand in a query",
                           (int)strcspn(name, "\""), name);
        }
    }
    return ERR_NONE;
}

/* EXPLAIN that runs what it explains is one more way to run it. */
static err_code check_explain(struct judging *j, const char *node)
{
    static const char query[] = "ExplainStmt\":{\"query\":{\"";

    if (strstr(node, "\"defname\":\"analyze\""))
        return refuse(j, "EXPLAIN may not have ANALYZE in a query");
    if (!str_starts(node, query) || !begins(node + strlen(query), "SelectStmt"))
        return refuse(j, "only SELECT, VALUES and TABLE can be explained");
    return ERR_NONE;
}

static err_code check_reading(struct judging *j, const char *tree)
{
    for (size_t i = 0; i < ARRAY_LEN(changing) && !j->may_write; i++)
        if (strstr(tree, changing[i]))
            return refuse(j, "a query that reads may not change rows, not in WITH, either;"
                             " \"write\": true asks for leave");
    if (strstr(tree, "\"intoClause\":{"))
        return refuse(j, "SELECT INTO makes a table");
    if (strstr(tree, NODE("LockingClause")) && !j->may_write)
        return refuse(j, "a query that reads may not lock rows: leave FOR UPDATE and the like out");
    return check_functions(j, tree);
}

static err_code check_tree(struct judging *j, const char *tree)
{
    const char *node = strstr(tree, stmts);

    if (!node)
        return err_set(j->err, ERR_SQL_SYNTAX_ERROR, "the query is empty");
    node += strlen(stmts);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (!begins(node, kinds[i].node))
            continue;
        if (kinds[i].writes && !j->may_write)
            return refuse(j, "the statement changes rows: \"write\": true asks for leave");
        err_code rc = str_eq(kinds[i].node, "ExplainStmt") ? check_explain(j, node) : ERR_NONE;
        return rc ? rc : check_reading(j, tree);
    }
    return refuse(j,
                  j->may_write
                      ? "a query is SELECT, VALUES, TABLE, EXPLAIN, INSERT, UPDATE, DELETE or MERGE"
                      : "a query is SELECT, VALUES, TABLE or EXPLAIN");
}

static err_code check_one(struct judging *j)
{
    PgQueryParseResult parsed = pg_query_parse(j->sql);
    err_code rc = ERR_NONE;

    if (parsed.error) {
        *j->position = parsed.error->cursorpos > 0 ? (size_t)parsed.error->cursorpos : 0;
        rc = err_set(j->err, ERR_SQL_SYNTAX_ERROR, "%.300s", parsed.error->message);
    } else {
        rc = check_tree(j, parsed.parse_tree);
    }
    pg_query_free_parse_result(parsed);
    return rc;
}

static void *judge_on_thread(void *arg)
{
    struct judging *j = arg;
    PgQuerySplitResult split = pg_query_split_with_parser(j->sql);

    if (!split.error && split.n_stmts > 1) {
        int second = split.stmts[1]->stmt_location;
        *j->position = utf8_chars(j->sql, (size_t)second) + 1;
        j->rc = err_set(j->err, ERR_MULTIPLE_STATEMENTS, "a query is one statement, here are %d",
                        split.n_stmts);
    }
    pg_query_free_split_result(split);
    if (!j->rc)
        j->rc = check_one(j);
    return NULL;
}

err_code query_judge(const char *sql, bool may_write, size_t *position, struct err *err)
{
    struct judging j = {.sql = sql, .may_write = may_write, .position = position, .err = err};
    err_code rc = sql_run_deep(judge_on_thread, &j, err);

    return rc ? rc : j.rc;
}
