/* SPDX-License-Identifier: MIT */
#include "core/migrate/sqlcheck.h"

#include <ctype.h>
#include <pg_query.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/migrate/lane_target.h"
#include "core/migrate/place.h"
#include "core/migrate/sqlnames.h"
#include "core/migrate/sqlrules.h"
#include "core/migrate/sqlscan.h"
#include "core/migrate/sqltree.h"

enum {
    SQL_MAX = 256 * 1024 * 1024,     /* the parser counts in int */
    INSPECT_MAX = 1024 * 1024,       /* of a statement whose tree is looked at; see PARSE_STACK */
    PARSE_STACK = 256 * 1024 * 1024, /* the tree is printed by recursion: 1M terms fit (measured) */
    SLOW_RUN_MAX = 128,              /* see find_slow_run() */
    TREE_DEPTH = 12,                 /* of the JSON: deeper than any rule looks */
};

/* Everything the parsing thread works on. */
struct checking {
    const struct sql_policy *policy;
    char *sql; /* a copy, NUL-terminated; statements are cut out of it in place */
    size_t len;
    struct place at;
    struct sql_facts facts;
    struct place tied; /* the first statement that makes sense in a transaction only; line 0: none */
    struct err *err;
    err_code rc;
};

size_t sql_bom_len(const char *sql, size_t len)
{
    return len >= 3 && memcmp(sql, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

static err_code fail_at(struct checking *c, err_code code, struct place at, const char *message)
{
    char text[300];
    (void)snprintf(text, sizeof text, "%s", message);
    text[utf8_valid_len(text, strlen(text))] = '\0';
    (void)err_set(c->err, code, "line %d, column %d: %s", at.line, at.column, text);
    if (c->err) {
        c->err->line = at.line;
        c->err->column = at.column;
    }
    return code;
}

static err_code fail_at_offset(struct checking *c, err_code code, size_t offset,
                               const char *message)
{
    struct place at = PLACE_START(sql_bom_len(c->sql, c->len));
    place_to_offset(&at, c->sql, offset);
    return fail_at(c, code, at, message);
}

/* Offset of a run of operator characters that would keep PostgreSQL's lexer busy for ever, or len:
 * it takes the whole run for each + or - at its end, and again for each comment opened in it. */
static size_t find_slow_run(const char *sql, size_t len)
{
    size_t signs = 0, opened = 0;
    for (size_t i = 0; i < len; i++) {
        char next = i + 1 < len ? sql[i + 1] : '\0';
        bool sign = sql[i] == '+' || (sql[i] == '-' && next != '-');
        signs = sign ? signs + 1 : 0;
        if (!strchr("~!@#^&|`?+-*/%<>=", sql[i]))
            opened = 0;
        else if (sql[i] == '/' && next == '*')
            opened++;
        if (signs > SLOW_RUN_MAX || opened > SLOW_RUN_MAX)
            return i;
    }
    return len;
}

static err_code check_bytes(struct checking *c)
{
    const char *nul = memchr(c->sql, '\0', c->len);
    size_t good = utf8_valid_len(c->sql, nul ? (size_t)(nul - c->sql) : c->len);

    if (good < c->len && c->sql[good])
        return fail_at_offset(c, ERR_SQL_SYNTAX_ERROR, good, "the file is not valid UTF-8");
    if (nul)
        return fail_at_offset(c, ERR_SQL_SYNTAX_ERROR, good, "the file contains a NUL byte");
    size_t run = find_slow_run(c->sql, c->len);
    if (run < c->len)
        return fail_at_offset(c, ERR_SQL_SYNTAX_ERROR, run,
                              "too many operator signs or comments without a blank between");
    return ERR_NONE;
}

static err_code syntax_error(struct checking *c, const PgQueryError *error)
{
    char message[300];
    struct place at = c->at;

    if (error->cursorpos > 0)
        place_by_chars(&at, c->sql, c->len, (size_t)error->cursorpos - 1);
    if (c->sql[at.offset] == '\\')
        (void)snprintf(message, sizeof message,
                       "a backslash command is psql's, not SQL; leave it out");
    else
        (void)snprintf(message, sizeof message, "%s (by the grammar of PostgreSQL %s)",
                       error->message, PG_MAJORVERSION);
    return fail_at(c, ERR_SQL_SYNTAX_ERROR, at, message);
}

/* Length of the JSON string at p, with its quotes. */
static size_t json_string_size(const char *p)
{
    size_t n = 1;
    while (p[n] && p[n] != '"')
        n += p[n] == '\\' && p[n + 1] ? 2 : 1;
    return p[n] ? n + 1 : n;
}

static bool is_kept(char c, bool whole)
{
    return (unsigned char)c >= 0x80 ? whole : c >= ' ' && c < 0x7f;
}

char *sql_prune(const char *json, int most)
{
    CLEANUP(str_clear) struct str out = STR_INIT;
    bool whole = utf8_valid_len(json, strlen(json)) == strlen(json);
    int depth = 0;

    for (size_t n; *json; json += n) {
        n = *json == '"' ? json_string_size(json) : 1;
        if ((*json == '{' || *json == '[') && ++depth == most + 1)
            str_add(&out, "null");
        for (size_t i = 0; i < n && depth <= most; i++)
            str_add_char(&out, is_kept(json[i], whole) ? json[i] : '?');
        if (*json == '}' || *json == ']')
            depth--;
    }
    return str_take(&out);
}

/* Calls of set_config() that do what a statement of a class does; 0: none. */
static unsigned set_config_classes(const char *tree)
{
    static const struct {
        const char *call;
        sql_class class;
    } calls[] = {
#define CALL(name)                                                                                 \
    "{\"String\":{\"sval\":\"set_config\"}}],\"args\":[{\"A_Const\":{\"sval\":{\"sval\":\"" name   \
    "\"}"
        {CALL("search_path"), SQL_SEARCH_PATH},
        {CALL("role"), SQL_ROLE},
        {CALL("session_authorization"), SQL_ROLE},
#undef CALL
    };
    unsigned classes = 0;
    for (size_t i = 0; i < ARRAY_LEN(calls); i++)
        if (strstr(tree, calls[i].call))
            classes |= calls[i].class;
    return classes;
}

/* Refuses, and says what would allow it. */
static err_code refuse(struct checking *c, struct place at, sql_class class, const char *message)
{
    char text[300];

    if (c->policy->look_only)
        return ERR_NONE;
    if (class)
        (void)snprintf(text, sizeof text, "%s (\"%s\" in migrations.allow would allow it)", message,
                       sql_class_name(class));
    else
        (void)snprintf(text, sizeof text, "%s", message);
    return fail_at(c, ERR_STATEMENT_NOT_ALLOWED, at, text);
}

static err_code refuse_schema(struct checking *c, const struct sql_name *name)
{
    char text[200];
    struct place at = c->at;

    place_to_offset(&at, c->sql, c->at.offset + name->offset);
    (void)snprintf(text, sizeof text,
                   "schema \"%s\" is named; a migration works in its tenant's schema, whose name is"
                   " left out",
                   name->schema);
    return refuse(c, at, SQL_FOREIGN_SCHEMA, text);
}

static err_code judge(struct checking *c, const char *tree, struct statement *s)
{
    struct sql_name name = {.offset = 0};
    unsigned called = set_config_classes(tree), lacking = called & ~c->policy->allow;
    CLEANUP(freep) char *pruned = sql_prune(tree, TREE_DEPTH);
    json_auto_t *root = pruned ? json_loads(pruned, 0, NULL) : NULL;

    if (!root)
        return refuse(c, c->at, SQL_NEVER, "the statement's tree could not be read");
    if (lacking)
        return refuse(c, c->at, lacking & SQL_SEARCH_PATH ? SQL_SEARCH_PATH : SQL_ROLE,
                      "the search path and the role are set by tenantd; a migration must not"
                      " change them");
    const json_t *first = json_array_get(json_object_get(root, "stmts"), 0);
    struct sql_verdict verdict = sql_judge(json_object_get(first, "stmt"), c->policy->allow);
    s->kind = verdict.kind;
    if (verdict.refusal)
        return refuse(c, c->at, verdict.class, verdict.refusal);
    if (!(verdict.class & SQL_SCHEMA) && sql_names_foreign(c->policy, tree, &name))
        return refuse_schema(c, &name);
    c->facts.classes |= called | verdict.class;
    if (verdict.needs_transaction && !c->tied.line)
        c->tied = c->at;
    return ERR_NONE;
}

bool sql_is_plain(const char *statement)
{
    static const char *const verbs[] = {"insert", "update", "delete", "select",
                                        "with",   "values", "merge",  "("};
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        if (strncasecmp(statement, verbs[i], strlen(verbs[i])) == 0)
            return strcasestr(statement, "set_config") == NULL;
    return false;
}

static err_code inspect_words(struct checking *c, const char *statement, size_t length)
{
    struct sql_name name = {.offset = 0};
    return sql_words_foreign(c->policy, statement, length, &name) ? refuse_schema(c, &name)
                                                                  : ERR_NONE;
}

static err_code inspect(struct checking *c, const char *statement, struct statement *s)
{
    bool plain = sql_is_plain(statement);

    if (plain && (c->policy->allow & SQL_FOREIGN_SCHEMA ||
                  !sql_has_dotted_name(statement, s->length)))
        return ERR_NONE;
    if (plain && s->length > INSPECT_MAX)
        return inspect_words(c, statement, s->length);
    if (s->length > INSPECT_MAX)
        return fail_at(c, ERR_STATEMENT_NOT_ALLOWED, c->at,
                       "a statement that is not INSERT, UPDATE, DELETE or SELECT may be 1 MiB long");
    PgQueryParseResult parsed = pg_query_parse(statement);
    err_code rc = parsed.error ? fail_at(c, ERR_SQL_SYNTAX_ERROR, c->at, parsed.error->message)
                               : judge(c, parsed.parse_tree, s);
    pg_query_free_parse_result(parsed);
    return rc;
}

/* What a retry has to look for must be told by the statement itself. */
static err_code check_target(struct checking *c, const char *statement, const struct statement *s)
{
    struct lane_target target;

    if (s->kind == STATEMENT_PLAIN || s->kind == STATEMENT_CALL || s->kind == STATEMENT_VACUUM)
        return ERR_NONE;
    c->facts.no_transaction = true;
    if (lane_target_read(s->kind, statement, s->length, &target))
        return ERR_NONE;
    return refuse(c, c->at, SQL_NEVER,
                  s->kind == STATEMENT_CREATE_INDEX
                      ? "give the index a name: without one a retry after a crash cannot tell"
                        " whether it is there"
                      : "write the name of the object plainly, without U&");
}

static err_code take_statement(struct checking *c, size_t from, size_t end)
{
    size_t start = sql_skip_blanks(c->sql, from, end);

    while (end > start && isspace((unsigned char)c->sql[end - 1]))
        end--;
    place_to_offset(&c->at, c->sql, start);
    struct statement *s = &c->facts.statements[c->facts.count++];
    *s = (struct statement){.offset = start,
                            .length = end - start,
                            .line = c->at.line,
                            .column = c->at.column};
    char after = c->sql[end];
    c->sql[end] = '\0';
    err_code rc = inspect(c, c->sql + start, s);
    if (!rc)
        rc = check_target(c, c->sql + start, s);
    c->facts.no_transaction |= s->kind == STATEMENT_VACUUM;
    c->sql[end] = after;
    return rc;
}

/* "-- tenantd: no-transaction" among the comments before the first statement. */
static bool has_directive(const char *sql, size_t at, size_t len)
{
    static const char mark[] = "tenantd:", word[] = "no-transaction";

    for (size_t end; at < len; at = end) {
        end = at + 1;
        if (isspace((unsigned char)sql[at]))
            continue;
        end = sql_skip_comment(sql, at, len);
        if (end == at)
            return false;
        const char *p = sql + at + 2;
        p += strspn(p, " \t");
        if (sql[at] != '-' || strncmp(p, mark, strlen(mark)) != 0)
            continue;
        p += strlen(mark);
        p += strspn(p, " \t");
        if (strncmp(p, word, strlen(word)) == 0 && !isgraph((unsigned char)p[strlen(word)]))
            return true;
    }
    return false;
}

/* Where each statement runs by itself, what is tied to a transaction would be undone at once. */
static err_code check_tied(struct checking *c)
{
    if (!c->facts.no_transaction || !c->tied.line)
        return ERR_NONE;
    return refuse(c, c->tied, SQL_NEVER,
                  "each statement of this file runs by itself, since one of them is not possible in"
                  " a transaction; move what belongs to a transaction to another file");
}

static err_code take_statements(struct checking *c, const PgQuerySplitResult *split, size_t base)
{
    size_t n = (size_t)split->n_stmts;
    struct sql_facts *facts = &c->facts;

    facts->no_transaction = has_directive(c->sql, base, c->len);
    facts->statements = n ? calloc(n, sizeof *facts->statements) : NULL;
    if (n && !facts->statements)
        return err_set(c->err, ERR_INTERNAL, "out of memory");
    for (size_t i = 0; i < n; i++) {
        size_t from = base + (size_t)split->stmts[i]->stmt_location;
        err_code rc = take_statement(c, from, from + (size_t)split->stmts[i]->stmt_len);
        if (rc)
            return rc;
    }
    return check_tied(c);
}

static void *check_on_thread(void *arg)
{
    struct checking *c = arg;

    c->rc = check_bytes(c);
    if (c->rc)
        return NULL;
    size_t bom = sql_bom_len(c->sql, c->len);
    c->at = PLACE_START(bom);
    PgQuerySplitResult split = pg_query_split_with_parser(c->sql + bom);
    c->rc = split.error ? syntax_error(c, split.error) : take_statements(c, &split, bom);
    pg_query_free_split_result(split);
    return NULL;
}

/* The parser's recursion needs more stack than a caller's thread may have; it is only reserved. */
err_code sql_run_deep(void *(*fn)(void *arg), void *arg, struct err *err)
{
    pthread_attr_t attr;
    pthread_t thread;

    int failed = pthread_attr_init(&attr);
    if (failed)
        return err_set(err, ERR_SYSTEM_FAILED, "cannot start the parser: %s", strerror(failed));
    failed = pthread_attr_setstacksize(&attr, PARSE_STACK);
    if (!failed)
        failed = pthread_create(&thread, &attr, fn, arg);
    (void)pthread_attr_destroy(&attr);
    if (failed)
        return err_set(err, ERR_SYSTEM_FAILED, "cannot start the parser: %s", strerror(failed));
    (void)pthread_join(thread, NULL);
    return ERR_NONE;
}

err_code sql_check_bytes(const char *sql, size_t len, struct err *err)
{
    struct checking c = {.sql = (char *)(uintptr_t)sql, .len = len, .err = err}; /* only read */
    return check_bytes(&c);
}

err_code sql_check_by(const struct sql_policy *policy, const char *sql, size_t len,
                      struct sql_facts *out, struct err *err)
{
    if (len > SQL_MAX)
        return err_set(err, ERR_SQL_SYNTAX_ERROR, "the file is larger than %d MiB",
                       SQL_MAX / 1024 / 1024);
    CLEANUP(freep) char *copy = malloc(len + 1);
    if (!copy)
        return err_set(err, ERR_INTERNAL, "out of memory");
    if (len)
        memcpy(copy, sql, len);
    copy[len] = '\0';
    struct checking c = {
        .policy = policy ? policy : &sql_policy_strict, .sql = copy, .len = len, .err = err};
    err_code rc = sql_run_deep(check_on_thread, &c, err);
    if (!rc)
        rc = c.rc;
    if (rc)
        free(c.facts.statements);
    else
        *out = c.facts; /* now the caller's */
    return rc;
}

err_code sql_check(const char *sql, size_t len, struct statement **out, size_t *count,
                   struct err *err)
{
    struct sql_facts facts;
    err_code rc = sql_check_by(NULL, sql, len, &facts, err);

    if (rc)
        return rc;
    *out = facts.statements; /* now the caller's */
    *count = facts.count;
    return ERR_NONE;
}
