/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "core/migrate/lane_internal.h"

/* An index as the catalog has it. */
struct index_state {
    bool there, valid, in_work;
    char name[LANE_NAME_SIZE];
};

/* Somebody has the lock under which an index is built: the session of an attempt before may go on
 * for a while without its client. */
#define IN_WORK(table)                                                                             \
    "EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'relation' AND l.relation = " table         \
    " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"           \
    " AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted AND l.pid <> pg_backend_pid())"
#define FULL_NAME "quote_ident(n.nspname) || '.' || quote_ident(c.relname)"

static void take_index(const struct pg_rows *rows, struct index_state *out)
{
    *out = (struct index_state){.there = pg_rows_count(rows) > 0};
    if (!out->there)
        return;
    out->valid = pg_bool(rows, 0, "valid");
    out->in_work = pg_bool(rows, 0, "in_work");
    (void)snprintf(out->name, sizeof out->name, "%s", pg_text(rows, 0, "name"));
}

/* An index is in the schema of its table. */
static err_code find_index(struct lane *l, const struct lane_target *target,
                           struct index_state *out)
{
    static const struct pg_stmt stmt = {
        .name = "lane_index_of_table",
        .sql = "SELECT i.indisvalid AS valid, " FULL_NAME " AS name, " IN_WORK("i.indrelid")
               " AS in_work FROM pg_class t JOIN pg_class c ON c.relnamespace = t.relnamespace"
               " AND c.relname = ((parse_ident($2))[1])::name"
               " JOIN pg_namespace n ON n.oid = c.relnamespace"
               " JOIN pg_index i ON i.indexrelid = c.oid WHERE t.oid = to_regclass($1)",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(l->session, &stmt,
                           PG_ARGS(PG_ARG((const char *)target->relation),
                                   PG_ARG((const char *)target->index)),
                           &rows, l->err);
    if (!rc)
        take_index(rows, out);
    return rc;
}

static err_code find_by_name(struct lane *l, const char *name, struct index_state *out)
{
    static const struct pg_stmt stmt = {
        .name = "lane_index",
        .sql = "SELECT i.indisvalid AS valid, " FULL_NAME " AS name, " IN_WORK("i.indrelid")
               " AS in_work FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
               " JOIN pg_index i ON i.indexrelid = c.oid WHERE c.oid = to_regclass($1)",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(l->session, &stmt, PG_ARGS(PG_ARG(name)), &rows, l->err);
    if (!rc)
        take_index(rows, out);
    return rc;
}

static err_code still_in_work(struct lane *l)
{
    return lane_fail(l, ERR_LOCK_UNAVAILABLE, "lane",
                     "another session still works on the index's table");
}

static err_code drop_index(struct lane *l, const char *name)
{
    char sql[LANE_NAME_SIZE + 40];
    (void)snprintf(sql, sizeof sql, "DROP INDEX CONCURRENTLY IF EXISTS %s", name);
    return pg_command(l->session, sql, l->err);
}

static err_code prepare_create(struct lane *l, const struct lane_target *target, bool running,
                               lane_answer *answer)
{
    struct index_state index;
    err_code rc = find_index(l, target, &index);

    if (rc || !index.there)
        return rc;
    if (index.valid) {
        *answer = running ? LANE_DONE : LANE_RUN;
        return ERR_NONE;
    }
    return index.in_work ? still_in_work(l) : drop_index(l, index.name);
}

static err_code prepare_drop(struct lane *l, const struct lane_target *target, bool running,
                             lane_answer *answer)
{
    struct index_state index;
    err_code rc = find_by_name(l, target->relation, &index);

    if (!rc && index.there && index.in_work)
        return still_in_work(l);
    if (!rc && !index.there && running)
        *answer = LANE_DONE;
    return rc;
}

/* REINDEX CONCURRENTLY that was stopped leaves the new index, or the old one, beside the other. */
static err_code prepare_reindex(struct lane *l, const struct lane_target *target)
{
    static const struct pg_stmt stmt = {
        .name = "lane_reindex_leftovers",
        .sql = "SELECT " FULL_NAME " AS name, " IN_WORK("i.indrelid") " AS in_work FROM pg_index i"
               " JOIN pg_class c ON c.oid = i.indexrelid"
               " JOIN pg_namespace n ON n.oid = c.relnamespace"
               " WHERE NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$' AND i.indrelid ="
               "  coalesce((SELECT x.indrelid FROM pg_index x WHERE x.indexrelid = to_regclass($1)),"
               "   to_regclass($1))",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(l->session, &stmt, PG_ARGS(PG_ARG((const char *)target->relation)), &rows,
                           l->err);

    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++)
        rc = pg_bool(rows, i, "in_work") ? still_in_work(l)
                                         : drop_index(l, pg_text(rows, i, "name"));
    return rc;
}

static err_code prepare_detach(struct lane *l, const struct lane_target *target, bool running,
                               lane_answer *answer)
{
    static const struct pg_stmt stmt = {
        .name = "lane_partition",
        .sql = "SELECT inhdetachpending AS pending FROM pg_inherits"
               " WHERE inhparent = to_regclass($1) AND inhrelid = to_regclass($2)",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(l->session, &stmt,
                           PG_ARGS(PG_ARG((const char *)target->relation),
                                   PG_ARG((const char *)target->partition)),
                           &rows, l->err);
    if (rc)
        return rc;
    if (pg_rows_count(rows) && pg_bool(rows, 0, "pending"))
        *answer = LANE_FINALIZE;
    else if (!pg_rows_count(rows) && running)
        *answer = LANE_DONE;
    return ERR_NONE;
}

err_code lane_prepare(struct lane *l, statement_kind kind, const struct lane_target *target,
                      bool running, lane_answer *answer)
{
    *answer = LANE_RUN;
    switch (kind) {
    case STATEMENT_CREATE_INDEX:
        return prepare_create(l, target, running, answer);
    case STATEMENT_DROP_INDEX:
        return prepare_drop(l, target, running, answer);
    case STATEMENT_REINDEX:
        return running ? prepare_reindex(l, target) : ERR_NONE;
    case STATEMENT_DETACH:
        return prepare_detach(l, target, running, answer);
    case STATEMENT_PLAIN:
    case STATEMENT_VACUUM: /* to be repeated */
    case STATEMENT_CALL:
        break;
    }
    return ERR_NONE;
}

err_code lane_verify(struct lane *l, statement_kind kind, const struct lane_target *target)
{
    struct index_state index;

    if (kind != STATEMENT_CREATE_INDEX)
        return ERR_NONE;
    err_code rc = find_index(l, target, &index);
    if (rc || (index.there && index.valid))
        return rc;
    return lane_fail(l, ERR_MIGRATION_FAILED, "migrate",
                     "the index is not valid after CREATE INDEX CONCURRENTLY");
}

bool lane_left_nothing(struct lane *l, statement_kind kind, const struct lane_target *target)
{
    struct index_state index;
    struct err err, *outer = l->err;

    if (kind == STATEMENT_VACUUM)
        return true;
    if (kind != STATEMENT_CREATE_INDEX && kind != STATEMENT_DROP_INDEX)
        return false;
    l->err = &err; /* the failure that is reported is another one */
    err_code rc = kind == STATEMENT_CREATE_INDEX ? find_index(l, target, &index)
                                                 : find_by_name(l, target->relation, &index);
    l->err = outer;
    return !rc && (!index.there || index.valid);
}
