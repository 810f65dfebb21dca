/* SPDX-License-Identifier: MIT */
/* Lint of what a plan would run, held against how many rows there are. */
#include "core/base/str.h"
#include "core/migrate/plan_store.h"
#include "core/pg/array.h"
#include "core/tenant/server_store.h"
#include "service/api/lint_run.h"

enum { SAMPLE = 500 }; /* tenants whose tables are looked at */

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static const struct migration *find(const struct catalog *catalog, const json_t *step)
{
    size_t at = catalog_find(catalog, text_of(step, "version"));
    return at < catalog->count ? &catalog->items[at] : NULL;
}

static bool is_pending(const json_t *steps, const char *version)
{
    size_t i;
    json_t *step;
    json_array_foreach (steps, i, step)
        if (str_eq(text_of(step, "version"), version))
            return true;
    return false;
}

/* The files of one cohort: what it has, as far as the order tells, then what it would get. */
static err_code gather_cohort(struct lint_gathering *g, const struct catalog *catalog,
                              const json_t *steps, bool down, struct err *err)
{
    size_t i;
    json_t *step;

    err_code rc = lint_gathering_init(g, catalog->count + json_array_size(steps), err);
    if (rc)
        return rc;
    for (size_t k = 0; k < catalog->count; k++)
        if (down || !is_pending(steps, catalog->items[k].version))
            lint_gather(g, &catalog->items[k], true);
    json_array_foreach (steps, i, step) {
        const struct migration *m = find(catalog, step);
        m = m && down ? m->down : m;
        if (m)
            lint_gather(g, m, false);
    }
    return ERR_NONE;
}

static err_code lint_cohort(struct call *call, const struct catalog *catalog, json_t *cohort,
                            bool down, struct err *err)
{
    CLEANUP(lint_gathering_clear) struct lint_gathering g = {.files = NULL};
    json_t *result = NULL;
    err_code rc = gather_cohort(&g, catalog, json_object_get(cohort, "steps"), down, err);

    if (!rc)
        rc = lint_files(call->app->lint,
                        &(struct lint_input){
                            .files = g.files, .count = g.count, .policy = &sql_policy_registered},
                        &result, err);
    if (!rc)
        (void)json_object_set_new(cohort, "lint", result);
    return rc;
}

/* The tables that issues are about, as text[]. */
static void list_tables(const json_t *cohorts, struct str *out)
{
    json_auto_t *seen = json_object();
    const char *table;
    json_t *cohort, *issue;
    size_t i, k;

    json_array_foreach (cohorts, i, cohort)
        json_array_foreach (json_object_get(json_object_get(cohort, "lint"), "issues"), k, issue)
            if (text_of(issue, "table"))
                (void)json_object_set_new(seen, text_of(issue, "table"), json_true());
    json_object_foreach (seen, table, issue)
        pg_array_add(out, table);
    pg_array_end(out);
}

static void note_rows(json_t *counts, const struct pg_rows *rows)
{
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        const char *table = pg_text(rows, i, "name");
        int64_t n = pg_bigint(rows, i, "most");
        if (n > json_integer_value(json_object_get(counts, table)))
            (void)json_object_set_new(counts, table, json_integer(n));
    }
}

/* What one server is asked. */
struct counting {
    const char *schemas, *tables; /* text[] */
    json_t *counts;
};

/* The planner's estimates and the statistics' counts: neither waits for a lock. */
static err_code count_work(struct pg *pg, void *arg, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "lint_plan_rows",
        .sql = "SELECT c.relname AS name, max(greatest(c.reltuples, pg_stat_get_live_tuples(c.oid),"
               "  0))::bigint AS most FROM pg_catalog.pg_class c"
               " WHERE c.relname = ANY ($2::text[]) AND c.relkind IN ('r', 'p', 'm')"
               "  AND c.relnamespace IN (SELECT n.oid FROM pg_catalog.pg_namespace n"
               "   WHERE n.nspname = ANY ($1::text[]))"
               " GROUP BY c.relname",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct counting *c = arg;
    err_code rc = pg_command(pg, "SET LOCAL statement_timeout = '5s'", err);

    if (!rc)
        rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(c->schemas), PG_ARG(c->tables)), &rows, err);
    if (!rc)
        note_rows(c->counts, rows);
    return rc;
}

/* Nobody waits for a server that is known to be in trouble. */
static bool is_paused(struct call *call, const char *server)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    return server_list(call->pg, server, &rows, NULL) || str_eq(pg_text(rows, 0, "state"), "paused");
}

/* Whether the server could be asked. */
static bool count_server(struct call *call, const char *server, struct counting *c)
{
    struct pg *pg = NULL;

    if (is_paused(call, server) || engine_open_server(call->app->engine, call->pg, server, &pg, NULL))
        return false;
    bool asked = !pg_tx(pg, count_work, c, NULL);
    engine_close_server(call->app->engine, server, pg);
    return asked;
}

/* {"server": "text[] of schemas"}: of the plan's first tenants. */
static err_code list_schemas(struct call *call, const char *plan_id, json_t *out, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = plan_targets(call->pg, plan_id, "", SAMPLE, &rows, err);

    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++) {
        const char *server = pg_text(rows, i, "server");
        json_t *list = json_object_get(out, server);
        if (!list) {
            list = json_array();
            (void)json_object_set_new(out, server, list);
        }
        (void)json_array_append_new(list, json_string(pg_text(rows, i, "schema_name")));
    }
    return rc;
}

static bool count_all(struct call *call, const json_t *servers, const char *tables, json_t *counts)
{
    bool asked = false;
    const char *server;
    json_t *schemas, *schema;
    size_t i;

    json_object_foreach ((json_t *)(uintptr_t)servers, server, schemas) {
        CLEANUP(str_clear) struct str list = STR_INIT;
        json_array_foreach (schemas, i, schema)
            pg_array_add(&list, json_string_value(schema));
        pg_array_end(&list);
        struct counting c = {.schemas = str_text(&list), .tables = tables, .counts = counts};
        asked |= count_server(call, server, &c);
    }
    return asked;
}

static err_code weigh_all(struct call *call, const char *plan_id, json_t *cohorts, struct err *err)
{
    CLEANUP(str_clear) struct str tables = STR_INIT;
    json_auto_t *servers = json_object(), *counts = json_object();
    size_t i;
    json_t *cohort;

    list_tables(cohorts, &tables);
    if (str_eq(str_text(&tables), "{}"))
        return ERR_NONE;
    err_code rc = list_schemas(call, plan_id, servers, err);
    if (rc || !count_all(call, servers, str_text(&tables), counts))
        return rc;
    json_array_foreach (cohorts, i, cohort)
        lint_weigh(call->app->lint, json_object_get(cohort, "lint"), counts);
    return ERR_NONE;
}

err_code lint_plan(struct call *call, const char *plan_id, bool down, json_t *cohorts,
                   struct err *err)
{
    struct catalog_cache *catalogs = engine_catalogs(call->app->engine);
    const struct catalog *catalog = NULL;
    size_t i;
    json_t *cohort;
    err_code rc = catalog_acquire(catalogs, call->pg, "tenant", 0, &catalog, err);

    json_array_foreach (cohorts, i, cohort)
        if (!rc)
            rc = lint_cohort(call, catalog, cohort, down, err);
    catalog_release(catalogs, catalog);
    return rc ? rc : weigh_all(call, plan_id, cohorts, err);
}
