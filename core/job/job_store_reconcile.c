/* SPDX-License-Identifier: MIT */
/* The controller: looks at a job's tasks, lets job_decide() decide, writes what moved. */
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/job/job_internal.h"
#include "core/job/job_store.h"
#include "core/job/window.h"

/* What a reconciliation knows of its job. */
struct reconciliation {
    const char *id;
    struct job_view view;
    struct wave waves[ROLLOUT_WAVES_MAX];
    bool timed; /* it has windows, a deadline or waves: time alone may change the decision */
    bool window_closed;
    struct job_decision decision;
    struct job_move move;
};

static end_reason end_reason_of(const char *name)
{
    for (end_reason r = END_CANCELLED; name && r <= END_DEADLINE; r++)
        if (str_eq(end_reason_name(r), name))
            return r;
    return END_NONE;
}

static err_code read_rollout(struct reconciliation *r, const struct pg_rows *rows, struct err *err)
{
    struct rollout *rollout = &r->view.rollout;
    const char *text = pg_text(rows, 0, "waves");
    json_auto_t *waves = text ? json_loads(text, 0, NULL) : NULL;
    int count = 0;

    rollout->limit = (struct failure_limit){
        .by_count = !pg_is_null(rows, 0, "max_failures"),
        .by_ratio = !pg_is_null(rows, 0, "max_ratio"),
        .max_failures = pg_bigint(rows, 0, "max_failures"),
        .max_ratio = pg_is_null(rows, 0, "max_ratio") ? 0 : strtod(pg_text(rows, 0, "max_ratio"),
                                                                   NULL),
    };
    rollout->extra_failures = pg_bigint(rows, 0, "extra_failures");
    rollout->promoted_wave = pg_int(rows, 0, "promoted_wave");
    rollout->rested_ms = pg_bigint(rows, 0, "rested_ms");
    if (!on_budget_parse(pg_text(rows, 0, "on_budget"), &rollout->on_budget))
        return err_set(err, ERR_INTERNAL, "job %s has a budget this build does not know", r->id);
    err_code rc = rollout_read_waves(waves, r->waves, &count, err);
    rollout->waves = count ? r->waves : NULL;
    return rc;
}

/* Locks the row: claims and other controllers keep away until the end of the transaction. */
static err_code lock_job(struct pg *pg, struct reconciliation *r, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "job_reconcile_lock",
        .sql = "SELECT state, on_failure = 'stop' AS stop, noop, open_wave, wave_count,"
               " strict_waves, cancel_requested_at IS NOT NULL AS cancel, end_reason, waves,"
               " max_failures, max_ratio, on_budget, extra_failures, promoted_wave,"
               " coalesce(deadline_at <= clock_timestamp(), false) AS past_deadline,"
               " deadline_at IS NOT NULL OR windows IS NOT NULL OR waves IS NOT NULL AS timed,"
               " floor(1000 * extract(epoch FROM clock_timestamp() - wave_ended_at))::bigint"
               "  AS rested_ms"
               " FROM tenantd.job WHERE id = $1 FOR NO KEY UPDATE",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct job_view *view = &r->view;

    if (!uuid_is_valid(r->id))
        return err_set(err, ERR_JOB_NOT_FOUND, "there is no job \"%.80s\"", r->id);
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(r->id)), &rows, err);
    if (rc)
        return rc;
    if (!pg_rows_count(rows))
        return err_set(err, ERR_JOB_NOT_FOUND, "there is no job \"%s\"", r->id);
    *view = (struct job_view){
        .stop_on_failure = pg_bool(rows, 0, "stop"),
        .cancel_requested = pg_bool(rows, 0, "cancel"),
        .past_deadline = pg_bool(rows, 0, "past_deadline"),
        .noop = pg_bigint(rows, 0, "noop"),
        .open_wave = pg_int(rows, 0, "open_wave"),
        .wave_count = pg_int(rows, 0, "wave_count"),
        .strict_waves = pg_int(rows, 0, "strict_waves"),
        .reason = end_reason_of(pg_text(rows, 0, "end_reason")),
    };
    if (!job_state_parse(pg_text(rows, 0, "state"), &view->state))
        return err_set(err, ERR_INTERNAL, "job %s has a state this build does not know", r->id);
    r->timed = pg_bool(rows, 0, "timed");
    return read_rollout(r, rows, err);
}

static err_code count_tasks(struct pg *pg, const char *id, struct job_view *view, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "job_reconcile_count",
        .sql =
            "SELECT count(*) FILTER (WHERE state = 'queued') AS queued,"
            " count(*) FILTER (WHERE state = 'running') AS running,"
            " count(*) FILTER (WHERE state = 'succeeded') AS succeeded,"
            " count(*) FILTER (WHERE state = 'skipped') AS skipped,"
            " count(*) FILTER (WHERE state = 'failed') AS failed,"
            " count(*) FILTER (WHERE state = 'cancelled') AS cancelled,"
            " count(*) FILTER (WHERE state IN ('queued', 'running') AND wave <= $2) AS open_live,"
            " count(*) FILTER (WHERE state IN ('failed', 'cancelled') AND wave < $3)"
            "  AS strict_failed,"
            " count(*) FILTER (WHERE state IN ('succeeded', 'skipped', 'failed') AND wave = $2)"
            "  AS wave_done,"
            " count(*) FILTER (WHERE state = 'failed' AND wave = $2) AS wave_failed"
            " FROM tenantd.task WHERE job_id = $1",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt,
                           PG_ARGS(PG_ARG(id), PG_ARG(view->open_wave), PG_ARG(view->strict_waves)),
                           &rows, err);
    if (rc)
        return rc;
    view->all = (struct task_counts){
        .queued = pg_bigint(rows, 0, "queued"),
        .running = pg_bigint(rows, 0, "running"),
        .succeeded = pg_bigint(rows, 0, "succeeded"),
        .skipped = pg_bigint(rows, 0, "skipped"),
        .failed = pg_bigint(rows, 0, "failed"),
        .cancelled = pg_bigint(rows, 0, "cancelled"),
    };
    view->open_live = pg_bigint(rows, 0, "open_live");
    view->strict_failed = pg_bigint(rows, 0, "strict_failed");
    view->wave = (struct ended){.done = pg_bigint(rows, 0, "wave_done"),
                                .failed = pg_bigint(rows, 0, "wave_failed")};
    return ERR_NONE;
}

static err_code cancel_queued(struct pg *pg, const char *id, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "job_cancel_queued",
        .sql = "UPDATE tenantd.task SET state = 'cancelled', finished_at = clock_timestamp(),"
               " outcome = coalesce(outcome, '{\"code\": \"CANCELLED\"}')"
               " WHERE job_id = $1 AND state = 'queued'",
    };
    return pg_exec(pg, &stmt, PG_ARGS(PG_ARG(id)), NULL, err);
}

/* Cancelling and opening change what there is to decide about: again, until nothing moves. */
static err_code settle(struct pg *pg, struct reconciliation *r, struct err *err)
{
    struct job_view *view = &r->view;

    for (;;) {
        err_code rc = count_tasks(pg, r->id, view, err);
        if (rc)
            return rc;
        r->decision = job_decide(view);
        if (!r->decision.cancel_queued && r->decision.open_wave == view->open_wave)
            return ERR_NONE;
        if (r->decision.open_wave != view->open_wave)
            view->rollout.rested_ms = 0;
        view->open_wave = r->decision.open_wave;
        view->reason = r->decision.reason;
        if (r->decision.cancel_queued && (rc = cancel_queued(pg, r->id, err)))
            return rc;
    }
}

/* For what a job that may go on waits; NULL: for nothing but workers. */
static const char *waiting_of(const struct reconciliation *r)
{
    static const char *const names[] = {[WAVE_BAKES] = "bake", [WAVE_GATED] = "gate"};
    job_state state = r->decision.state;

    if (state != JOB_QUEUED && state != JOB_RUNNING)
        return NULL;
    if (r->decision.wait != WAVE_READY)
        return names[r->decision.wait];
    return r->window_closed && r->view.all.queued ? "window" : NULL;
}

/* The row changes only when there is something new to say: its version wakes those who wait. A pause
 * keeps the reason it began with. */
static err_code write_job(struct pg *pg, struct reconciliation *r, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "job_reconcile_write",
        .sql = "WITH p AS (SELECT jsonb_build_object('total', $4::bigint, 'queued', $5::bigint,"
               "  'running', $6::bigint, 'succeeded', $7::bigint, 'skipped', $8::bigint,"
               "  'failed', $9::bigint, 'cancelled', $10::bigint) AS progress)"
               " UPDATE tenantd.job j SET state = $2, open_wave = $3, progress = p.progress,"
               " row_version = row_version + 1, waiting = $12, end_reason = $13,"
               " pause_reason = CASE WHEN $2 = 'paused' THEN coalesce(pause_reason, 'budget') END,"
               " wave_opened_at = CASE WHEN open_wave = $3 THEN wave_opened_at"
               "  ELSE clock_timestamp() END,"
               " wave_ended_at = CASE WHEN $14 THEN NULL WHEN open_wave = $3"
               "  THEN coalesce(wave_ended_at, clock_timestamp()) ELSE clock_timestamp() END,"
               " result = CASE WHEN $11 THEN p.progress - 'queued' - 'running' END,"
               " finished_at = CASE WHEN $11 THEN clock_timestamp() END"
               " FROM p WHERE j.id = $1"
               " AND (j.state, j.open_wave, j.progress, j.waiting, j.end_reason)"
               "  IS DISTINCT FROM ($2, $3, p.progress, $12, $13)",
    };
    const struct task_counts *n = &r->view.all;
    const struct job_decision *d = &r->decision;
    int64_t skipped = n->skipped + r->view.noop, rows = 0;
    int64_t total = n->queued + n->running + n->succeeded + skipped + n->failed + n->cancelled;
    err_code rc = pg_exec(pg, &stmt,
                          PG_ARGS(PG_ARG(r->id), PG_ARG(job_state_name(d->state)),
                                  PG_ARG(d->open_wave), PG_ARG(total), PG_ARG(n->queued),
                                  PG_ARG(n->running), PG_ARG(n->succeeded), PG_ARG(skipped),
                                  PG_ARG(n->failed), PG_ARG(n->cancelled),
                                  PG_ARG(job_state_is_terminal(d->state)), PG_ARG(waiting_of(r)),
                                  PG_ARG(end_reason_name(d->reason)),
                                  PG_ARG((bool)(r->view.open_live > 0))),
                          &rows, err);
    if (!rc)
        r->move.changed = rows > 0;
    return rc;
}

/* When time alone will change the decision: the bake time is over, the window opens or closes, the
 * deadline comes. Not a change that anybody waits for. */
static err_code schedule(struct pg *pg, const struct reconciliation *r, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "job_reconcile_schedule",
        .sql = "WITH s AS (SELECT least("
               "  CASE WHEN waiting = 'bake' THEN wave_ended_at + $2 * interval '1 ms' END,"
               "  CASE WHEN claim_from > clock_timestamp() THEN claim_from ELSE claim_until END,"
               "  CASE WHEN end_reason IS NULL THEN deadline_at END) AS look_at"
               "  FROM tenantd.job WHERE id = $1)"
               " UPDATE tenantd.job j SET look_at = CASE WHEN j.finished_at IS NULL THEN s.look_at"
               " END FROM s WHERE j.id = $1 AND j.look_at IS DISTINCT FROM s.look_at",
    };
    const struct wave *waves = r->view.rollout.waves;
    int64_t bake_ms = waves ? waves[r->decision.open_wave].bake_ms : 0;
    return pg_exec(pg, &stmt, PG_ARGS(PG_ARG(r->id), PG_ARG(bake_ms)), NULL, err);
}

/* A tenant whose provisioning was cancelled, or lost with its worker, has nobody left who would say
 * what became of it. */
static err_code abandon_tenants(struct pg *pg, const char *id, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "job_abandon_tenants",
        .sql = "UPDATE tenantd.tenant t SET state = 'error', last_error = k.outcome,"
               " epoch = t.epoch + 1, updated_at = clock_timestamp()"
               " FROM tenantd.task k WHERE k.job_id = $1 AND k.tenant_id = t.id"
               "  AND k.state IN ('cancelled', 'failed') AND t.state = 'provisioning'"
               "  AND NOT EXISTS (SELECT FROM tenantd.task o WHERE o.tenant_id = t.id"
               "   AND o.state IN ('queued', 'running'))",
    };
    return pg_exec(pg, &stmt, PG_ARGS(PG_ARG(id)), NULL, err);
}

static err_code decide(struct pg *pg, struct reconciliation *r, struct err *err)
{
    err_code rc = r->timed ? window_refresh(pg, r->id, &r->window_closed, err) : ERR_NONE;

    if (!rc)
        rc = settle(pg, r, err);
    if (!rc)
        rc = write_job(pg, r, err);
    return rc || !r->timed ? rc : schedule(pg, r, err);
}

static err_code reconcile_work(struct pg *pg, void *arg, struct err *err)
{
    struct reconciliation *r = arg;
    err_code rc = lock_job(pg, r, err);

    if (rc)
        return rc;
    r->move = (struct job_move){.before = r->view.state, .after = r->view.state};
    if (job_state_is_terminal(r->view.state))
        return ERR_NONE;
    int wave = r->view.open_wave;
    rc = decide(pg, r, err);
    if (!rc && job_state_is_terminal(r->decision.state))
        rc = abandon_tenants(pg, r->id, err);
    if (rc)
        return rc;
    r->move.after = r->decision.state;
    r->move.missing_failures = r->decision.missing_failures;
    return r->decision.open_wave > wave ? job_notify(pg, err) : ERR_NONE;
}

err_code job_reconcile_move(struct pg *pg, const char *id, struct job_move *out, struct err *err)
{
    struct reconciliation r = {.id = id};
    err_code rc = pg_tx(pg, reconcile_work, &r, err);

    if (!rc)
        *out = r.move;
    return rc;
}

err_code job_reconcile(struct pg *pg, const char *id, bool *changed, job_state *state,
                       struct err *err)
{
    struct job_move move;
    err_code rc = job_reconcile_move(pg, id, &move, err);

    if (rc)
        return rc;
    if (changed)
        *changed = move.changed;
    if (state)
        *state = move.after;
    return ERR_NONE;
}

/* The decision depends on nothing but the counts, the request to cancel and the time: a job whose
 * counts are those it was last written with needs no look before its look_at. One statement for all,
 * however many there are. */
err_code job_moving(struct pg *pg, struct pg_rows **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "job_moving",
        .sql = "SELECT j.id, j.kind FROM tenantd.job j CROSS JOIN LATERAL ("
               "  SELECT count(*) AS total,"
               "   count(*) FILTER (WHERE t.state = 'queued') AS queued,"
               "   count(*) FILTER (WHERE t.state = 'running') AS running,"
               "   count(*) FILTER (WHERE t.state = 'succeeded') AS succeeded,"
               "   count(*) FILTER (WHERE t.state = 'skipped') AS skipped,"
               "   count(*) FILTER (WHERE t.state = 'failed') AS failed,"
               "   count(*) FILTER (WHERE t.state = 'cancelled') AS cancelled"
               "  FROM tenantd.task t WHERE t.job_id = j.id) n"
               " WHERE j.finished_at IS NULL AND (j.cancel_requested_at IS NOT NULL"
               "  OR j.look_at <= clock_timestamp()"
               "  OR j.progress IS DISTINCT FROM jsonb_build_object('total', n.total + j.noop,"
               "   'queued', n.queued, 'running', n.running, 'succeeded', n.succeeded,"
               "   'skipped', n.skipped + j.noop, 'failed', n.failed, 'cancelled', n.cancelled))"
               " ORDER BY j.priority, j.created_at",
    };
    return pg_query(pg, &stmt, PG_NO_ARGS, out, err);
}

err_code job_has_work(struct pg *pg, const char *id, bool *out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "job_has_work",
        .sql = "SELECT EXISTS (SELECT FROM tenantd.task WHERE job_id = $1 AND state = 'running')"
               " OR EXISTS (SELECT FROM tenantd.job j, tenantd.server s WHERE j.id = $1"
               "  AND EXISTS (SELECT FROM tenantd.task t WHERE t.job_id = j.id AND t.server = s.id"
               "   AND t.state = 'queued' AND t.wave <= j.open_wave)) AS has_work",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(id)), &rows, err);

    if (!rc)
        *out = pg_bool(rows, 0, "has_work");
    return rc;
}

err_code job_reconcile_all(struct pg *pg, int *changed, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    int moved = 0;
    err_code rc = job_moving(pg, &rows, err);

    if (rc)
        return rc;
    for (size_t i = 0; i < pg_rows_count(rows) && !rc; i++) {
        struct job_move move = {.changed = false};
        rc = job_reconcile_move(pg, pg_text(rows, i, "id"), &move, err);
        moved += move.changed;
        if (rc == ERR_JOB_NOT_FOUND) /* pruned meanwhile */
            rc = ERR_NONE;
    }
    if (!rc && changed)
        *changed = moved;
    return rc;
}
