/* SPDX-License-Identifier: MIT */
#include "core/job/claim.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/job/job_internal.h"

/* Whether task t of job j may start now. A tenant with a running exclusive task is passed over. */
#define READY                                                                                      \
    " t.state = 'queued' AND t.wave <= j.open_wave AND t.run_after <= statement_timestamp()"       \
    " AND NOT (t.exclusive AND EXISTS (SELECT FROM tenantd.task b WHERE b.tenant_id = t.tenant_id" \
    "  AND b.state = 'running' AND b.exclusive))"
/* Whether server s takes work, and of how many slots by the default $n, where 0 leaves it to the
 * server's pace. */
#define TAKES_WORK                                                                                 \
    " s.state = 'online' AND coalesce(s.probe_at <= statement_timestamp(), true)"
#define SLOTS(n)                                                                                   \
    " CASE WHEN s.probe_at IS NULL THEN"                                                           \
    "  coalesce(s.max_parallel, nullif(" n ", 0), s.pace) ELSE 1 END"
#define LIVE                                                                                       \
    " j.state IN ('queued', 'running') AND j.cancel_requested_at IS NULL"                          \
    " AND coalesce(j.claim_from <= statement_timestamp()"                                          \
    "  AND statement_timestamp() < j.claim_until, true)"                                           \
    " AND coalesce(statement_timestamp() < j.deadline_at, true)"

enum { SHARE_MIN = 8 }; /* tasks that are claimed together however few are left */

void chunk_clear(struct chunk *chunk)
{
    for (size_t i = 0; i < chunk->count; i++)
        task_clear(&chunk->tasks[i]);
    free(chunk->tasks);
    free(chunk->server);
    job_clear(&chunk->job);
    *chunk = (struct chunk){.count = 0};
}

/*
 * Pairs of job and server with work that may start, by a look without locks. The oldest jobs are
 * looked at first and the look ends at the limit, so that thousands of small jobs cost no more than
 * a few; among those found, the job with the fewest slots at work comes first: a job of one task
 * does not wait for a job of thousands.
 */
static err_code find_candidates(struct pg *pg, const struct claimer *c, struct pg_rows **out,
                                struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "claim_candidates",
        .sql = "WITH busy AS MATERIALIZED (SELECT DISTINCT server, job_id, claimed_by, slot"
               "  FROM tenantd.task WHERE state = 'running'),"
               " room AS MATERIALIZED (SELECT s.id FROM tenantd.server s WHERE" TAKES_WORK
               "  AND" SLOTS("$2") " > (SELECT count(DISTINCT (b.claimed_by, b.slot))"
               "   FROM busy b WHERE b.server = s.id))"
               " SELECT c.id, c.kind, c.server FROM ("
               "  SELECT j.id, j.kind, j.priority, s.id AS server, n.slots"
               "  FROM (SELECT * FROM tenantd.job WHERE finished_at IS NULL"
               "   AND kind = ANY ($1::text[]) ORDER BY priority, created_at) j"
               "  CROSS JOIN LATERAL (SELECT count(DISTINCT (b.claimed_by, b.slot)) AS slots"
               "   FROM busy b WHERE b.job_id = j.id OFFSET 0) n"
               "  CROSS JOIN LATERAL (SELECT r.id FROM room r WHERE EXISTS (SELECT"
               "   FROM tenantd.task t WHERE t.job_id = j.id AND t.server = r.id"
               "   AND" READY ") OFFSET 0) s"
               "  WHERE" LIVE " AND n.slots < j.max_parallel LIMIT 64) c"
               " ORDER BY c.priority, c.slots, random()",
    };
    return pg_query(pg, &stmt, PG_ARGS(PG_ARG(c->kinds), PG_ARG(c->default_max_parallel)), out,
                    err);
}

struct claim {
    const struct claimer *claimer;
    const char *job_id, *server;
    int limit;
    claim_answer answer;
    struct chunk chunk;
};

/*
 * NO KEY: inserts of tasks and tenants, which refer to these rows, go on beside it. The claim's
 * commit does not wait for the disk: after a crash that forgets it the tasks are queued as before,
 * what a worker stores for them finds them so and is dropped, and who runs them again meets the lock
 * on the schema and the tracking table.
 */
static err_code lock_pair(struct pg *pg, struct claim *c, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "claim_lock",
        .sql = "SELECT" JOB_COLUMNS ", s.url IS NULL AS is_control,"
               " s.probe_at IS NOT NULL AS probing,"
               " set_config('synchronous_commit', 'off', true)"
               " FROM tenantd.job j, tenantd.server s WHERE j.id = $1 AND s.id = $2"
               " AND" TAKES_WORK " AND" LIVE " FOR NO KEY UPDATE OF j, s SKIP LOCKED",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(c->job_id), PG_ARG(c->server)), &rows, err);

    if (rc)
        return rc;
    c->answer = pg_rows_count(rows) ? CLAIM_NOTHING : CLAIM_BUSY;
    if (!pg_rows_count(rows))
        return ERR_NONE;
    c->chunk.server_is_control = pg_bool(rows, 0, "is_control");
    c->chunk.probing = pg_bool(rows, 0, "probing");
    c->chunk.server = strdup(c->server);
    if (!c->chunk.server)
        return err_set(err, ERR_INTERNAL, "out of memory");
    return job_read(rows, 0, &c->chunk.job, err);
}

/*
 * A statement of its own, hence a new snapshot: under the locks its counts are exact. A task whose
 * worker was lost comes alone from then on: those that only waited behind it in a chunk shall not
 * be blamed for a second and third loss with it. The chunks become smaller towards the end of a job,
 * a slot's share of what is left, so that the slots come to the end together (guided
 * self-scheduling, Polychronopoulos and Kuck 1987); but not so small that claiming costs more than it
 * saves.
 */
static err_code take_tasks(struct pg *pg, struct claim *c, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "claim_take",
        .sql = "WITH room AS MATERIALIZED (SELECT j.open_wave,"
               "   least(j.max_parallel," SLOTS("$6") ") AS slots"
               "  FROM tenantd.job j, tenantd.server s WHERE j.id = $1 AND s.id = $2"
               "  AND j.max_parallel > (SELECT count(DISTINCT (b.claimed_by, b.slot))"
               "   FROM tenantd.task b WHERE b.job_id = j.id AND b.state = 'running')"
               "  AND" SLOTS("$6") " > (SELECT count(DISTINCT (b.claimed_by, b.slot))"
               "   FROM tenantd.task b WHERE b.server = s.id AND b.state = 'running')"
               "  AND EXISTS (SELECT FROM tenantd.worker w WHERE w.id = $3 AND NOT w.draining)),"
               " share AS MATERIALIZED (SELECT (count(*) + j.slots - 1) / j.slots AS tasks"
               "  FROM room j, LATERAL (SELECT t.id FROM tenantd.task t WHERE t.job_id = $1"
               "   AND t.server = $2 AND t.state = 'queued' AND t.wave <= j.open_wave"
               "   AND t.run_after <= statement_timestamp() LIMIT $5 * j.slots) t"
               "  GROUP BY j.slots),"
               " pick AS MATERIALIZED (SELECT t.id, t.wave, t.run_after, t.rescues"
               "  FROM room j, tenantd.task t"
               "  WHERE t.job_id = $1 AND t.server = $2 AND" READY
               "  ORDER BY t.wave, t.run_after, t.id"
               "  LIMIT least($5, greatest($7, (SELECT tasks FROM share)))"
               "  FOR UPDATE OF t SKIP LOCKED),"
               " first AS MATERIALIZED (SELECT id, rescues FROM pick ORDER BY wave, run_after, id"
               "  LIMIT 1)"
               " UPDATE tenantd.task t SET state = 'running', attempt = t.attempt + 1,"
               " claimed_by = $3, slot = $4, claimed_at = clock_timestamp()"
               " FROM pick, first WHERE t.id = pick.id"
               "  AND (pick.id = first.id OR pick.rescues + first.rescues = 0)"
               " RETURNING" TASK_COLUMNS,
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    const struct claimer *by = c->claimer;
    int limit = c->chunk.probing ? 1 : c->limit;
    err_code rc =
        pg_query(pg, &stmt,
                 PG_ARGS(PG_ARG(c->job_id), PG_ARG(c->server), PG_ARG(by->worker), PG_ARG(by->slot),
                         PG_ARG(limit), PG_ARG(by->default_max_parallel),
                         PG_ARG((int)SHARE_MIN)),
                 &rows, err);
    if (rc)
        return rc;
    return tasks_read(rows, &c->chunk.tasks, &c->chunk.count, err);
}

static err_code begin_job(struct pg *pg, struct claim *c, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "claim_begin_job",
        .sql = "UPDATE tenantd.job SET state = 'running', row_version = row_version + 1,"
               " started_at = coalesce(started_at, clock_timestamp())"
               " WHERE id = $1 AND (state = 'queued' OR started_at IS NULL)",
    };
    c->chunk.job_began = c->chunk.job.state == JOB_QUEUED;
    c->chunk.job.state = JOB_RUNNING;
    return pg_exec(pg, &stmt, PG_ARGS(PG_ARG(c->job_id)), NULL, err);
}

static err_code claim_work(struct pg *pg, void *arg, struct err *err)
{
    struct claim *c = arg;
    chunk_clear(&c->chunk); /* of an attempt before */
    err_code rc = lock_pair(pg, c, err);

    if (rc || c->answer == CLAIM_BUSY)
        return rc;
    rc = take_tasks(pg, c, err);
    if (rc || !c->chunk.count)
        return rc;
    c->answer = CLAIM_GOT;
    memcpy(c->chunk.worker, c->claimer->worker, strlen(c->claimer->worker) + 1);
    if (c->chunk.job.state == JOB_QUEUED || !c->chunk.job.started_at)
        rc = begin_job(pg, c, err);
    return rc;
}

/* One transaction, committed before anybody touches the tenants' server. */
static err_code try_pair(struct pg *pg, struct claim *c, struct err *err)
{
    err_code rc = pg_tx(pg, claim_work, c, err);

    if (rc == ERR_CONFLICT) { /* task_tenant_exclusive: another replica took the tenant just now */
        c->answer = CLAIM_BUSY;
        rc = ERR_NONE;
    }
    if (rc || c->answer != CLAIM_GOT)
        chunk_clear(&c->chunk);
    return rc;
}

err_code claim_chunk(struct pg *pg, const struct claimer *claimer, claim_answer *answer,
                     struct chunk *out, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *pairs = NULL;
    claim_answer result = CLAIM_NOTHING;
    err_code rc = find_candidates(pg, claimer, &pairs, err);

    if (rc)
        return rc;
    for (size_t i = 0; i < pg_rows_count(pairs); i++) {
        struct claim c = {
            .claimer = claimer,
            .job_id = pg_text(pairs, i, "id"),
            .server = pg_text(pairs, i, "server"),
            .limit = claimer->chunk_size(claimer->arg, pg_text(pairs, i, "kind")),
        };
        rc = try_pair(pg, &c, err);
        if (rc)
            return rc;
        if (c.answer == CLAIM_GOT) {
            *out = c.chunk; /* now the caller's */
            *answer = CLAIM_GOT;
            return ERR_NONE;
        }
        if (c.answer == CLAIM_BUSY)
            result = CLAIM_BUSY;
    }
    *answer = result;
    return ERR_NONE;
}
