/* SPDX-License-Identifier: MIT */
#include "core/job/warm.h"

#include "core/base/str.h"
#include "core/job/job_store.h"

enum {
    FILL_MAX = 100,    /* schemas of one job */
    WARM_PRIORITY = 9, /* behind everything else */
};

/* A schema that a fill would do something about; c is the tenants' catalog. Somebody may have
 * dropped one: it is in this database. One that failed rests while the catalog is the same. */
#define FILLABLE                                                                                   \
    " (w.state = 'filling' OR (w.state IN ('ready', 'unfit') AND w.revision <> c.revision)"        \
    "  OR (w.state = 'ready' AND to_regnamespace(w.schema_name) IS NULL)"                          \
    "  OR (w.state = 'failed' AND (w.revision <> c.revision"                                       \
    "   OR w.updated_at < now() - interval '60 s')))"
/* A server that may have a pool. What a catalog made unfit once it makes unfit again. */
#define SERVER_OF_POOL " s.url IS NULL AND s.state = 'online'"
#define NOTHING_UNFIT                                                                              \
    " NOT EXISTS (SELECT FROM tenantd.warm_schema u WHERE u.server = s.id AND u.state = 'unfit'"   \
    "  AND u.revision = c.revision)"

/* A burst of new tenants is not made to wait for the schemas of those after it: what was taken is
 * replaced once nobody has taken one for a moment, or half of the pool is gone. */
#define MAY_REFILL                                                                                 \
    " (2 * h.n <= $1 OR NOT EXISTS (SELECT FROM tenantd.warm_count k WHERE k.server = s.id"        \
    "  AND k.claimed_at > now() - interval '2 s'))"

/* One statement a second is what a pool costs that is as it should be. */
static err_code needs_work(struct pg *pg, int size, bool *out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "warm_needs_work",
        .sql =
            "SELECT NOT EXISTS (SELECT FROM tenantd.job WHERE finished_at IS NULL"
            "  AND kind IN ('warm.fill', 'warm.drain'))"
            " AND (EXISTS (SELECT FROM tenantd.warm_schema w WHERE w.state = 'dropping' OR" FILLABLE
            " ) OR EXISTS (SELECT FROM tenantd.server s CROSS JOIN LATERAL"
            "   (SELECT count(*) AS n FROM tenantd.warm_schema w WHERE w.server = s.id) h"
            "   WHERE" SERVER_OF_POOL " AND (h.n > $1 OR (h.n < $1 AND" NOTHING_UNFIT
            " AND" MAY_REFILL "))))"
            "  AS needed FROM tenantd.catalog c WHERE c.name = 'tenant'",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(size)), &rows, err);

    if (!rc)
        *out = pg_bool(rows, 0, "needed");
    return rc;
}

/* Two who believe that they lead must not both start a job. */
static err_code try_lock(struct pg *pg, bool *got, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "warm_try_lock",
        .sql = "SELECT pg_try_advisory_xact_lock(hashtextextended('tenantd.warm', 0)) AS got",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_NO_ARGS, &rows, err);

    if (!rc)
        *got = pg_bool(rows, 0, "got");
    return rc;
}

/* The useful ones are kept. */
static err_code mark_excess(struct pg *pg, int size, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "warm_mark_excess",
        .sql =
            "UPDATE tenantd.warm_schema w SET state = 'dropping', updated_at = now() FROM ("
            "  SELECT w.id, row_number() OVER (PARTITION BY w.server"
            "   ORDER BY w.state <> 'dropping' DESC, w.state = 'ready' DESC, w.revision DESC, w.id)"
            "   AS place FROM tenantd.warm_schema w) p"
            " WHERE p.id = w.id AND p.place > $1 AND w.state <> 'dropping'",
    };
    return pg_exec(pg, &stmt, PG_ARGS(PG_ARG(size)), NULL, err);
}

static err_code add_missing(struct pg *pg, int size, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "warm_add_missing",
        .sql =
            "INSERT INTO tenantd.warm_schema (server) SELECT s.id"
            " FROM tenantd.server s, tenantd.catalog c, generate_series(1, least($2::int, $1::int"
            "  - (SELECT count(*) FROM tenantd.warm_schema w WHERE w.server = s.id)))"
            " WHERE c.name = 'tenant' AND" SERVER_OF_POOL " AND" NOTHING_UNFIT,
    };
    return pg_exec(pg, &stmt, PG_ARGS(PG_ARG(size), PG_ARG((int)FILL_MAX)), NULL, err);
}

/* What there is to do; schemas are dropped before others are made. */
static err_code look(struct pg *pg, bool *drain, bool *fill, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "warm_look",
        .sql = "SELECT EXISTS (SELECT FROM tenantd.warm_schema WHERE state = 'dropping') AS drain,"
               " EXISTS (SELECT FROM tenantd.warm_schema w, tenantd.catalog c"
               "  WHERE c.name = 'tenant' AND" FILLABLE ") AS fill",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_NO_ARGS, &rows, err);

    if (rc)
        return rc;
    *drain = pg_bool(rows, 0, "drain");
    *fill = pg_bool(rows, 0, "fill");
    return ERR_NONE;
}

#define TASKS                                                                                      \
    "INSERT INTO tenantd.task (job_id, item, server, args)"                                        \
    " SELECT $1::uuid, row_number() OVER (ORDER BY w.id) - 1, w.server,"                           \
    "  jsonb_build_object('warm', w.id, 'schema', w.schema_name) FROM tenantd.warm_schema w"

static err_code add_drain_tasks(struct pg *pg, const char *job_id, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "warm_drain_tasks",
        .sql = TASKS " WHERE w.state = 'dropping'",
    };
    return pg_exec(pg, &stmt, PG_ARGS(PG_ARG(job_id)), NULL, err);
}

static err_code add_fill_tasks(struct pg *pg, const char *job_id, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "warm_fill_tasks",
        .sql = TASKS ", tenantd.catalog c WHERE c.name = 'tenant' AND" FILLABLE
                     " ORDER BY w.id LIMIT $2",
    };
    return pg_exec(pg, &stmt, PG_ARGS(PG_ARG(job_id), PG_ARG((int)FILL_MAX)), NULL, err);
}

static err_code put_last(struct pg *pg, const char *job_id, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "warm_put_last",
        .sql = "UPDATE tenantd.job SET priority = $2 WHERE id = $1",
    };
    return pg_exec(pg, &stmt, PG_ARGS(PG_ARG(job_id), PG_ARG((int)WARM_PRIORITY)), NULL, err);
}

/* A job of the pool; one schema at a time, so that the server is the tenants' for the most part. */
static err_code start_job(struct pg *pg, bool drain, const char *created_by, const char *request_id,
                          char id[UUID_TEXT_SIZE], struct err *err)
{
    struct job_spec spec = {.kind = drain ? "warm.drain" : "warm.fill",
                            .max_parallel = 1,
                            .wave_count = 1,
                            .created_by = created_by,
                            .request_id = request_id};
    err_code rc = job_insert(pg, &spec, id, err);

    if (!rc)
        rc = put_last(pg, id, err);
    if (!rc)
        rc = drain ? add_drain_tasks(pg, id, err) : add_fill_tasks(pg, id, err);
    return rc ? rc : job_enqueued(pg, id, err);
}

struct keeping {
    int size;
    bool started;
};

static err_code keep_work(struct pg *pg, void *arg, struct err *err)
{
    struct keeping *k = arg;
    char id[UUID_TEXT_SIZE];
    bool go = false, drain = false, fill = false;
    err_code rc = try_lock(pg, &go, err);

    k->started = false;
    if (!rc && go)
        rc = needs_work(pg, k->size, &go, err);
    if (rc || !go)
        return rc;
    rc = mark_excess(pg, k->size, err);
    if (!rc)
        rc = add_missing(pg, k->size, err);
    if (!rc)
        rc = look(pg, &drain, &fill, err);
    if (rc || !(drain || fill))
        return rc;
    rc = start_job(pg, drain, "warm-pool", NULL, id, err);
    k->started = !rc;
    return rc;
}

err_code warm_keep(struct pg *pg, int size, bool *started, struct err *err)
{
    struct keeping k = {.size = size};
    bool needed = false;
    err_code rc = needs_work(pg, size, &needed, err);

    if (!rc && needed)
        rc = pg_tx(pg, keep_work, &k, err);
    *started = !rc && k.started;
    return rc;
}

struct draining {
    const char *created_by, *request_id;
    char *job_id;
};

/* A request that takes one at this moment has its row: this waits for it, and finds it gone. */
static err_code drain_work(struct pg *pg, void *arg, struct err *err)
{
    const struct draining *d = arg;
    err_code rc = mark_excess(pg, 0, err);

    return rc ? rc : start_job(pg, true, d->created_by, d->request_id, d->job_id, err);
}

err_code warm_drain(struct pg *pg, const char *created_by, const char *request_id,
                    char job_id[UUID_TEXT_SIZE], struct err *err)
{
    struct draining d = {.created_by = created_by, .request_id = request_id, .job_id = job_id};
    return pg_tx(pg, drain_work, &d, err);
}

err_code warm_status(struct pg *pg, struct pg_rows **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "warm_status",
        .sql = "SELECT s.id AS server, s.url IS NULL AS has_pool, w.*, n.* FROM tenantd.server s"
               " CROSS JOIN LATERAL (SELECT"
               "  count(*) FILTER (WHERE w.state = 'ready' AND w.revision = c.revision) AS ready,"
               "  count(*) FILTER (WHERE w.state = 'ready' AND w.revision <> c.revision) AS behind,"
               "  count(*) FILTER (WHERE w.state = 'filling') AS filling,"
               "  count(*) FILTER (WHERE w.state = 'unfit') AS unfit,"
               "  count(*) FILTER (WHERE w.state = 'failed') AS failed,"
               "  count(*) FILTER (WHERE w.state = 'dropping') AS dropping,"
               "  (array_agg(w.problem ORDER BY w.updated_at DESC)"
               "   FILTER (WHERE w.problem IS NOT NULL))[1] AS problem"
               "  FROM tenantd.catalog c LEFT JOIN tenantd.warm_schema w ON w.server = s.id"
               "  WHERE c.name = 'tenant') w"
               " CROSS JOIN LATERAL (SELECT coalesce(sum(n.claimed), 0)::bigint AS claimed,"
               "  coalesce(sum(n.missed), 0)::bigint AS missed FROM tenantd.warm_count n"
               "  WHERE n.server = s.id) n ORDER BY s.id",
    };
    return pg_query(pg, &stmt, PG_NO_ARGS, out, err);
}
