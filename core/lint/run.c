/* SPDX-License-Identifier: MIT */
/* Files one after the other, statement by statement; then the tables that came of them. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/json.h"
#include "core/lint/issues.h"
#include "core/migrate/down.h"
#include "core/migrate/sqlcheck.h"
#include "core/migrate/sqlnode.h"
#include "core/migrate/sqlscan.h"
#include "core/migrate/sqltree.h"

enum {
    LOOK_MAX = 1024 * 1024, /* of a statement that is looked into */
    PLAIN_MAX = 64 * 1024,  /* of one that only reads or writes rows: the rest is data */
    NAME_MAX_BYTES = 63,    /* PostgreSQL's NAMEDATALEN - 1 */
};

static struct fact_origin here(const struct lint_run *run, size_t offset)
{
    return (struct fact_origin){.file = run->file, .statement = run->statement, .offset = offset};
}

/* What err says of a file, as an issue at its place; no comment of the file can say to leave it. */
static void add_error(struct lint_run *run, const char *rule, const struct err *err)
{
    const struct lint_rule *r = lint_rule_find(rule);
    lint_level level = lint_config_level(run->config, r);

    if (run->parsed[run->file].file->context || level == LINT_OFF)
        return;
    json_t *shown = json_pack("{s:s, s:s, s:o}", "rule", rule, "severity", lint_level_name(level),
                              "message", json_text(err->msg));
    issues_add(run->issues,
               &(struct issue){
                   .file = run->file, .line = err->line, .column = err->column, .shown = shown},
               level);
}

/* The statements that run upwards; what cannot be read is an issue, and has none. */
static err_code parse(struct lint_run *run, struct err *err)
{
    struct lint_parsed *parsed = &run->parsed[run->file];
    const struct lint_file *file = parsed->file;
    struct down_section section = {.up_len = file->len};
    struct sql_facts facts = {.statements = NULL};
    struct err why = {.code = ERR_NONE};
    err_code rc = down_section_find(file->sql, file->len, &section, &why);

    if (!rc)
        rc = sql_check_by(run->input->policy, file->sql, section.up_len, &facts, &why);
    if (rc == ERR_STATEMENT_NOT_ALLOWED) {
        add_error(run, LINT_NOT_ALLOWED, &why);
        rc = sql_check_by(&sql_policy_look, file->sql, section.up_len, &facts, &why);
    }
    if (rc == ERR_SQL_SYNTAX_ERROR)
        add_error(run, LINT_SYNTAX_ERROR, &why);
    if (rc == ERR_SQL_SYNTAX_ERROR || rc == ERR_STATEMENT_NOT_ALLOWED)
        return ERR_NONE;
    if (rc)
        return err_set(err, rc, "%s", why.msg);
    parsed->statements = facts.statements;
    parsed->count = facts.count;
    parsed->alone = facts.no_transaction;
    ignores_read(&parsed->ignores, file->sql, section.up_len, facts.statements, facts.count);
    return parsed->ignores.failed ? err_set(err, ERR_INTERNAL, "out of memory") : ERR_NONE;
}

static void look_at_act(struct lint_run *run, const struct lint_act *act)
{
    bool fresh = facts_is_fresh(&run->facts, act->table);

    for (size_t i = 0; i < lint_rule_count; i++) {
        const struct lint_rule *rule = &lint_rules[i];
        if (!rule->matches[0].kind || lint_config_level(run->config, rule) == LINT_OFF)
            continue;
        for (const struct lint_match *m = rule->matches; m->kind; m++) {
            if (!str_eq(m->kind, act->kind) || (fresh && !m->anywhere) ||
                (m->when && !m->when(run, act)))
                continue;
            lint_add_said(run, rule,
                          &(struct lint_subject){here(run, act->offset), act->table, act->column});
            break;
        }
    }
}

/* BEGIN and its end, for what may not stand between them. */
static void follow_transaction(struct lint_run *run, const json_t *node)
{
    const char *kind = node_text(json_object_get(node, "TransactionStmt"), "kind");

    if (str_eq(kind, "TRANS_STMT_BEGIN") || str_eq(kind, "TRANS_STMT_START")) {
        run->in_transaction = true;
        run->begun = here(run, 0);
    } else if (str_eq(kind, "TRANS_STMT_COMMIT") || str_eq(kind, "TRANS_STMT_ROLLBACK")) {
        run->in_transaction = false;
    }
}

/* The parser cuts long names, so they are looked for in the text. */
static void look_at_names(struct lint_run *run, const char *sql, size_t len)
{
    struct sql_token token = {.kind = SQL_OTHER};

    for (size_t at = 0; token.kind != SQL_END;) {
        at = sql_scan(sql, at, len, &token);
        size_t quotes = token.kind == SQL_QUOTED ? 2 : 0;
        if (sql_token_is_name(&token) && token.length - quotes > NAME_MAX_BYTES)
            lint_add(run, lint_rule_find(LINT_TOO_LONG),
                     &(struct lint_subject){here(run, token.offset), NULL, NULL},
                     "A name has %zu bytes, of which PostgreSQL keeps %d", token.length - quotes,
                     NAME_MAX_BYTES);
    }
}

/* Of a file that runs outside of transactions: what could run in one. */
static void look_at_company(struct lint_run *run, const struct statement *s)
{
    const struct lint_parsed *parsed = &run->parsed[run->file];

    if (parsed->alone && parsed->count > 1 && s->kind == STATEMENT_PLAIN)
        lint_add_said(run, lint_rule_find("isolate-concurrent-statements"),
                      &(struct lint_subject){here(run, 0), NULL, NULL});
}

/* Of statements that only read or write rows, few are of interest, and there may be very many. */
static bool is_data(const char *sql, size_t len)
{
    bool writes = strncasecmp(sql, "update", 6) == 0 || strncasecmp(sql, "delete", 6) == 0 ||
                  strcasestr(sql, "conflict");
    return sql_is_plain(sql) && (len > PLAIN_MAX || !writes);
}

static void look_at_statement(struct lint_run *run, const struct statement *s)
{
    const struct lint_file *file = run->parsed[run->file].file;
    CLEANUP(freep)
    char *sql = s->length > LOOK_MAX ? NULL : strndup(file->sql + s->offset, s->length);

    if (!sql || is_data(sql, s->length))
        return;
    json_auto_t *node = node_parse(sql);
    if (!file->context) {
        lint_acts(run, node, look_at_act);
        look_at_names(run, sql, s->length);
        look_at_company(run, s);
    }
    follow_transaction(run, node);
    facts_read_statement(&run->facts, node, here(run, 0));
}

static void look_at_file(struct lint_run *run)
{
    const struct lint_parsed *parsed = &run->parsed[run->file];
    bool was_context = run->file && run->parsed[run->file - 1].file->context;

    if (run->input->separate || was_context != parsed->file->context)
        run->facts.batch++;
    run->in_transaction = false;
    for (run->statement = 0; run->statement < parsed->count && !run->facts.failed; run->statement++)
        look_at_statement(run, &parsed->statements[run->statement]);
    if (run->in_transaction)
        lint_add_said(run, lint_rule_find(LINT_UNCOMMITTED),
                      &(struct lint_subject){run->begun, NULL, NULL});
}

static void *look_at_files(void *arg)
{
    struct lint_run *run = arg;
    for (run->file = 0; run->file < run->input->count; run->file++)
        look_at_file(run);
    return NULL;
}

static void look_at_tables(struct lint_run *run)
{
    for (size_t i = 0; i < run->facts.n_tables && !run->facts.failed; i++) {
        const struct fact_table *t = &run->facts.tables[i];
        if (t->dropped || t->temporary)
            continue;
        for (size_t r = 0; r < lint_rule_count; r++)
            if (lint_rules[r].table && lint_config_level(run->config, &lint_rules[r]) != LINT_OFF)
                lint_rules[r].table(run, t);
    }
}

static void look_at_list(struct lint_run *run, const struct ignore_list *list)
{
    const struct lint_rule *unused = lint_rule_find(LINT_UNUSED_IGNORE);

    for (size_t i = 0; i < list->n; i++) {
        const struct ignore *ignore = &list->items[i];
        const struct lint_rule *rule = lint_rule_find(ignore->rule);
        const struct fact_origin at = {run->file, SIZE_MAX, ignore->offset};
        if (ignore->used || (rule && lint_config_level(run->config, rule) == LINT_OFF))
            continue;
        lint_add(run, unused, &(struct lint_subject){at, NULL, NULL},
                 rule || !ignore->rule[0] ? "There is nothing to ignore here%s%s"
                                          : "There is no rule to ignore%s%s",
                 ignore->rule[0] ? ": " : "", ignore->rule);
    }
}

static void look_at_ignores(struct lint_run *run)
{
    for (run->file = 0; run->file < run->input->count; run->file++) {
        const struct lint_parsed *parsed = &run->parsed[run->file];
        if (!parsed->count)
            continue;
        look_at_list(run, &parsed->ignores.next);
        look_at_list(run, &parsed->ignores.file);
    }
}

static err_code run_files(struct lint_run *run, json_t **out, struct err *err)
{
    size_t shown = 0;
    err_code rc = ERR_NONE;

    for (run->file = 0; run->file < run->input->count && !rc; run->file++) {
        run->parsed[run->file].file = &run->input->files[run->file];
        shown += !run->input->files[run->file].context;
        rc = parse(run, err);
    }
    if (!rc)
        rc = sql_run_deep(look_at_files, run, err);
    if (rc)
        return rc;
    look_at_tables(run);
    look_at_ignores(run);
    return issues_result(run, shown, out, err);
}

static void run_clear(struct lint_run *run)
{
    for (size_t i = 0; run->parsed && i < run->input->count; i++) {
        free(run->parsed[i].statements);
        ignores_clear(&run->parsed[i].ignores);
    }
    free(run->parsed);
    facts_clear(&run->facts);
    issues_clear(run->issues);
}

err_code lint_files(const struct lint_config *config, const struct lint_input *input, json_t **out,
                    struct err *err)
{
    struct issues issues = {.items = NULL};
    CLEANUP(run_clear)
    struct lint_run run = {.config = config, .input = input, .issues = &issues};

    facts_init(&run.facts);
    run.parsed = calloc(input->count ? input->count : 1, sizeof *run.parsed);
    return run.parsed ? run_files(&run, out, err) : err_set(err, ERR_INTERNAL, "out of memory");
}

err_code lint_schema(const struct lint_config *config, const struct schema *schema, json_t **out,
                     struct err *err)
{
    struct issues issues = {.items = NULL};
    CLEANUP(run_clear) struct lint_run run = {.config = config, .issues = &issues};

    facts_init(&run.facts);
    facts_read_schema(&run.facts, schema);
    look_at_tables(&run);
    return issues_result(&run, 1, out, err);
}
