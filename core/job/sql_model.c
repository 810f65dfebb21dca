/* SPDX-License-Identifier: MIT */
#include "core/job/sql_model.h"

#include <stdio.h>
#include <string.h>

#include "core/base/str.h"
#include "core/job/scratch.h"
#include "core/migrate/lane_target.h"
#include "core/migrate/sqlscan.h"
#include "core/schema/introspect.h"

struct request {
    const struct migration *migration;
    const struct sql_model_options *options;
    char schema[SCRATCH_NAME_SIZE];
    struct schema *out;
};

static err_code at_statement(struct err *err, const struct statement *s)
{
    err->code = ERR_IMPORT_UNSUPPORTED;
    err->line = s->line;
    err->column = s->column;
    return err->code;
}

static bool is_definition(const char *sql, size_t length)
{
    static const char *const words[] = {"create", "alter", "drop", "comment", "grant", "revoke"};
    struct sql_token token;

    (void)sql_scan(sql, 0, length, &token);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (sql_token_is(sql, &token, words[i]))
            return true;
    return false;
}

static err_code check_statements(const struct migration *m, struct err *err)
{
    for (size_t i = 0; i < m->statement_count; i++) {
        const struct statement *s = &m->statements[i];
        if (is_definition(m->sql + s->offset, s->length))
            continue;
        (void)err_set(err, ERR_IMPORT_UNSUPPORTED,
                      "only what defines something can be imported: CREATE, ALTER, DROP, COMMENT,"
                      " GRANT and REVOKE");
        return at_statement(err, s);
    }
    return ERR_NONE;
}

static err_code make_schema(struct request *x, struct pg *pg, struct err *err)
{
    char sql[160];
    err_code rc = scratch_make(pg, x->options->shared_schema, x->schema, err);

    (void)snprintf(sql, sizeof sql,
                   "SET LOCAL lock_timeout = %d; SET LOCAL statement_timeout = %d;"
                   " SET LOCAL check_function_bodies = off",
                   x->options->lock_timeout_ms, x->options->statement_timeout_ms);
    return rc ? rc : pg_command(pg, sql, err);
}

static err_code run_statements(const struct request *x, struct pg *pg, struct err *err)
{
    const struct migration *m = x->migration;

    for (size_t i = 0; i < m->statement_count; i++) {
        CLEANUP(str_clear) struct str sql = STR_INIT;
        const struct statement *s = &m->statements[i];
        str_add_n(&sql, m->sql + s->offset, s->length);
        if (!str_ok(&sql))
            return err_set(err, ERR_INTERNAL, "out of memory");
        if (s->kind != STATEMENT_PLAIN && !lane_strip(s->kind, sql.data, sql.len))
            continue;
        err_code rc = pg_command(pg, str_text(&sql), err);
        if (rc)
            return err_is_retryable(rc) ? rc : at_statement(err, s);
    }
    return ERR_NONE;
}

static err_code read_model(struct pg *pg, void *arg, struct err *err)
{
    struct request *x = arg;
    err_code rc = make_schema(x, pg, err);

    schema_freep(&x->out); /* of an attempt whose COMMIT failed */
    x->out = NULL;
    if (!rc)
        rc = run_statements(x, pg, err);
    return rc ? rc : schema_read(pg, x->schema, NULL, &x->out, err);
}

static err_code work(struct pg *pg, void *arg, struct err *err)
{
    return pg_undone(pg, read_model, arg, err);
}

err_code sql_model_read(struct pg *pg, const struct migration *m,
                        const struct sql_model_options *options, struct schema **out,
                        struct err *err)
{
    struct request x = {.migration = m, .options = options};
    struct err own;

    err = err ? err : &own;
    err_code rc = check_statements(m, err);
    if (!rc)
        rc = pg_tx(pg, work, &x, err);
    if (rc) {
        schema_free(x.out);
        return rc;
    }
    *out = x.out;
    return ERR_NONE;
}
