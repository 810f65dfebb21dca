/* SPDX-License-Identifier: MIT */
#include "service/api/gauges.h"

#include <string.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/job/drift_store.h"
#include "core/job/warm.h"
#include "core/tenant/tenant_store.h"
#include "service/api/event_hub.h"

static void set(struct app *app, metric id, const char *label, int64_t value)
{
    metrics_set(app->metrics, id, METRICS_SERIES(app->metrics, id, label), value);
}

static void set_one(struct app *app, metric id, int64_t value)
{
    metrics_set(app->metrics, id, 0, value);
}

static void server_gauges(struct app *app)
{
    struct server_stats s = app_server_stats(app);

    set_one(app, METRIC_HTTP_IN_FLIGHT, s.in_flight);
    set_one(app, METRIC_HTTP_QUEUED, s.queued);
    set_one(app, METRIC_HTTP_CONNECTIONS, s.connections);
    set_one(app, METRIC_LONGPOLL_WAITERS, s.parked);
    set(app, METRIC_HTTP_REJECTED, "malformed", s.rejected_malformed);
    set(app, METRIC_HTTP_REJECTED, "overload", s.rejected_overload);
    set(app, METRIC_HTTP_REJECTED, "body_size", s.rejected_body_size);
    set(app, METRIC_HTTP_REJECTED, "slow", s.rejected_slow);
}

static void event_gauges(struct app *app)
{
    struct event_hub_stats s = event_hub_stats(app->events);

    set_one(app, METRIC_EVENT_STREAMS, s.streams);
    set_one(app, METRIC_EVENT_STREAMS_DROPPED, s.dropped);
}

static void control_gauges(struct app *app)
{
    struct pg_pool_stats s = pg_pool_stats(app->control);

    set(app, METRIC_CONTROL_CONNECTIONS, "idle", s.idle);
    set(app, METRIC_CONTROL_CONNECTIONS, "used", s.total - s.idle);
    set_one(app, METRIC_CONTROL_WAITERS, s.waiting);
}

/* There is one server as yet, so all pools count for it. */
static void pool_gauges(struct app *app)
{
    struct pool_manager *pools = engine_pools(app->engine);
    struct pool_counters c = pool_counters(pools);
    struct pool_metrics m;
    struct pool_connections sum = {.total = 0};

    if (pool_metrics(pools, &m, NULL))
        return;
    for (size_t i = 0; i < m.total; i++) {
        sum.total += m.tenants[i].connections.total;
        sum.idle += m.tenants[i].connections.idle;
        sum.waiting += m.tenants[i].connections.waiting;
    }
    set_one(app, METRIC_POOLS, (int64_t)m.total);
    set_one(app, METRIC_POOLS_LIMIT, m.max_pools);
    pool_metrics_clear(&m);
    metrics_set(app->metrics, METRIC_POOL_CONNECTIONS,
                METRICS_SERIES(app->metrics, METRIC_POOL_CONNECTIONS, "default", "idle"), sum.idle);
    metrics_set(app->metrics, METRIC_POOL_CONNECTIONS,
                METRICS_SERIES(app->metrics, METRIC_POOL_CONNECTIONS, "default", "used"),
                sum.total - sum.idle);
    set(app, METRIC_POOL_WAITERS, "default", sum.waiting);
    set(app, METRIC_POOL_ACQUIRES, "ok", c.acquired);
    set(app, METRIC_POOL_ACQUIRES, "exhausted", c.exhausted);
    set(app, METRIC_POOL_CONNECTS, "ok", c.opened);
    set(app, METRIC_POOL_CONNECTS, "error", c.open_failed);
    for (int i = 0; i < POOL_EVICT_REASONS; i++)
        set(app, METRIC_POOL_EVICTIONS, pool_evict_reason_name((pool_evict_reason)i),
            c.evicted[i]);
}

void gauges_local(struct app *app)
{
    server_gauges(app);
    event_gauges(app);
    control_gauges(app);
    pool_gauges(app);
    set_one(app, METRIC_LEADER, runner_is_leader(app->runner));
    set_one(app, METRIC_HEARTBEAT, clock_unix_ms() - runner_heartbeat_age_ms(app->runner));
}

static err_code live_gauges(struct app *app, struct pg *pg, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "gauges_live",
        .sql = "SELECT (SELECT count(*) FROM tenantd.job WHERE finished_at IS NULL"
               "         AND state = 'queued') AS jobs_queued,"
               " (SELECT count(*) FROM tenantd.job WHERE finished_at IS NULL"
               "   AND state = 'running') AS jobs_running,"
               " (SELECT count(*) FROM tenantd.job WHERE finished_at IS NULL"
               "   AND state = 'paused') AS jobs_paused,"
               " (SELECT count(*) FROM tenantd.job WHERE finished_at IS NULL"
               "   AND state = 'cancelling') AS jobs_cancelling,"
               " count(*) FILTER (WHERE k.state = 'queued') AS tasks_queued,"
               " count(*) FILTER (WHERE k.state = 'running') AS tasks_running,"
               " coalesce(extract(epoch FROM max(now() - k.run_after)"
               "   FILTER (WHERE k.state = 'queued' AND j.state IN ('queued', 'running')"
               "    AND coalesce(j.claim_from <= now() AND now() < j.claim_until, true)))"
               "  * 1000, 0)::bigint AS oldest_ms"
               " FROM tenantd.job j JOIN tenantd.task k ON k.job_id = j.id"
               "  AND k.wave <= j.open_wave AND k.state IN ('queued', 'running')"
               " WHERE j.finished_at IS NULL",
    };
    static const struct {
        metric id;
        const char *label, *column;
    } gauges[] = {{METRIC_JOBS, "queued", "jobs_queued"},
                  {METRIC_JOBS, "running", "jobs_running"},
                  {METRIC_JOBS, "paused", "jobs_paused"},
                  {METRIC_JOBS, "cancelling", "jobs_cancelling"},
                  {METRIC_TASKS, "queued", "tasks_queued"},
                  {METRIC_TASKS, "running", "tasks_running"}};
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_NO_ARGS, &rows, err);

    if (rc)
        return rc;
    for (size_t i = 0; i < ARRAY_LEN(gauges); i++)
        set(app, gauges[i].id, gauges[i].label, pg_bigint(rows, 0, gauges[i].column));
    int64_t oldest = pg_bigint(rows, 0, "oldest_ms");
    set_one(app, METRIC_QUEUE_OLDEST_AGE, oldest > 0 ? oldest : 0);
    return ERR_NONE;
}

static err_code warm_gauges(struct app *app, struct pg *pg, struct err *err)
{
    static const char *const states[] = {"ready", "behind", "filling", "unfit", "failed", "dropping"};
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = warm_status(pg, &rows, err);

    for (size_t s = 0; !rc && s < ARRAY_LEN(states); s++) {
        int64_t sum = 0;
        for (size_t i = 0; i < pg_rows_count(rows); i++)
            sum += pg_bigint(rows, i, states[s]);
        set(app, METRIC_WARM_SCHEMAS, states[s], sum);
    }
    return rc;
}

static err_code drift_gauges(struct app *app, struct pg *pg, struct err *err)
{
    static const char *const states[] = {"ok", "drifted", "accepted", "unknown", "error"};
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    int64_t seen_ms = 0, unscanned = 0, counts[ARRAY_LEN(states)] = {0};
    err_code rc = drift_counts(pg, &rows, err);

    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++) {
        int64_t last = pg_bigint(rows, i, "last_ms"), n = pg_bigint(rows, i, "tenants");
        seen_ms = last > seen_ms ? last : seen_ms;
        unscanned += pg_is_null(rows, i, "state") ? n : 0;
        for (size_t s = 0; s < ARRAY_LEN(states); s++)
            if (str_eq(pg_text(rows, i, "state"), states[s]))
                counts[s] = n;
    }
    if (rc)
        return rc;
    for (size_t s = 0; s < ARRAY_LEN(states); s++)
        set(app, METRIC_TENANTS_DRIFT, states[s], counts[s]);
    set(app, METRIC_TENANTS_DRIFT, "unscanned", unscanned);
    set_one(app, METRIC_DRIFT_SCANNED, seen_ms);
    return ERR_NONE;
}

err_code gauges_fleet(struct app *app, struct pg *pg, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = tenant_count_by_state(pg, &rows, err);

    if (rc)
        return rc;
    for (int s = TENANT_PROVISIONING; s <= TENANT_ERROR; s++) {
        int64_t n = 0;
        for (size_t i = 0; i < pg_rows_count(rows); i++)
            if (str_eq(pg_text(rows, i, "state"), tenant_state_name((tenant_state)s)))
                n = pg_bigint(rows, i, "tenants");
        metrics_set(app->metrics, METRIC_TENANTS,
                    METRICS_SERIES(app->metrics, METRIC_TENANTS,
                                   tenant_state_name((tenant_state)s), "default"),
                    n);
    }
    set_one(app, METRIC_SNAPSHOT, clock_unix_ms());
    rc = warm_gauges(app, pg, err);
    if (!rc)
        rc = drift_gauges(app, pg, err);
    return rc ? rc : live_gauges(app, pg, err);
}

static const char *verdict_name(task_verdict verdict)
{
    switch (verdict) {
    case VERDICT_SUCCEEDED:
        return "succeeded";
    case VERDICT_SKIPPED:
        return "skipped";
    case VERDICT_FAILED:
        return "failed";
    case VERDICT_CANCELLED:
        return "cancelled";
    case VERDICT_RETRY:
        return "retry";
    case VERDICT_SNOOZE:
        return "snooze";
    }
    return "failed";
}

static void count_migration(struct app *app, const struct task_result *result)
{
    static const char *const outcomes[] = {
        [VERDICT_SUCCEEDED] = "applied", [VERDICT_SKIPPED] = "noop",
        [VERDICT_FAILED] = "failed",     [VERDICT_CANCELLED] = "cancelled",
    };
    const char *sqlstate = json_string_value(json_object_get(result->outcome, "sqlstate"));
    char class[3] = "";

    if (result->verdict > VERDICT_CANCELLED)
        return;
    metrics_count(app->metrics, METRIC_MIGRATION_TASKS, outcomes[result->verdict]);
    if (result->verdict != VERDICT_FAILED || !sqlstate)
        return;
    memcpy(class, sqlstate, strnlen(sqlstate, 2));
    metrics_count(app->metrics, METRIC_MIGRATION_FAILURES, class);
}

static void on_task(void *ctx, const struct job *job, const struct task *task,
                    const struct task_result *result, int64_t duration_ms)
{
    struct app *app = ctx;
    const char *verdict = verdict_name(result->verdict);
    size_t series = METRICS_SERIES(app->metrics, METRIC_TASK_DURATION, job->kind);
    log_level level = result->verdict == VERDICT_FAILED ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG;

    metrics_count(app->metrics, METRIC_TASKS_FINISHED, job->kind, verdict);
    metrics_observe(app->metrics, METRIC_TASK_DURATION, series, duration_ms * 1000);
    if (str_eq(job->kind, "migration.run"))
        count_migration(app, result);
    const json_t *o = result->outcome;
    log_event(app->log, level, "task.finished", LOG_STR("job", job->id),
              LOG_STR("kind", job->kind), LOG_INT("task", task->id),
              LOG_STR("tenant", task->tenant_id), LOG_STR("verdict", verdict),
              LOG_INT("ms", duration_ms),
              LOG_STR("code", json_string_value(json_object_get(o, "code"))),
              LOG_STR("sqlstate", json_string_value(json_object_get(o, "sqlstate"))),
              LOG_STR("message", json_string_value(json_object_get(o, "message"))));
}

static void on_job(void *ctx, const char *job_id, const char *kind, job_state state)
{
    struct app *app = ctx;

    app_wake(app, job_id);
    if (job_state_is_terminal(state))
        metrics_count(app->metrics, METRIC_JOBS_FINISHED, kind, job_state_name(state));
    log_event(app->log, LOG_LEVEL_INFO, "job.changed", LOG_STR("job", job_id),
              LOG_STR("kind", kind), LOG_STR("state", job_state_name(state)));
}

static void on_claim(void *ctx, int tasks, int64_t duration_us)
{
    struct app *app = ctx;
    metrics_count(app->metrics, METRIC_CLAIMS, tasks ? "work" : "empty");
    metrics_observe(app->metrics, METRIC_CLAIM_DURATION, 0, duration_us);
}

static void on_rescue(void *ctx, int tasks)
{
    struct app *app = ctx;
    metrics_inc(app->metrics, METRIC_TASKS_RESCUED, 0, tasks);
    log_event(app->log, LOG_LEVEL_WARN, "tasks.rescued", LOG_INT("tasks", tasks));
}

static void on_fence(void *ctx, int tasks)
{
    struct app *app = ctx;
    metrics_inc(app->metrics, METRIC_TASKS_FENCED, 0, tasks);
    log_event(app->log, LOG_LEVEL_WARN, "tasks.fenced", LOG_INT("tasks", tasks));
}

static void on_relay(void *ctx, int64_t events, int64_t lag_ms)
{
    struct app *app = ctx;
    metrics_inc(app->metrics, METRIC_EVENTS_RELAYED, 0, events);
    set_one(app, METRIC_EVENTS_LAG, lag_ms);
}

static void on_leader(void *ctx, bool is_leader)
{
    struct app *app = ctx;
    metrics_inc(app->metrics, METRIC_LEADER_TRANSITIONS, 0, 1);
    log_event(app->log, LOG_LEVEL_INFO, "leader", LOG_BOOL("leading", is_leader));
}

static void on_failure(void *ctx, const char *what, const struct err *err)
{
    struct app *app = ctx;
    log_event(app->log, LOG_LEVEL_WARN, "runner.failed", LOG_STR("what", what), LOG_ERR(err));
}

const struct runner_observer app_runner_observer = {
    .task_finished = on_task,
    .job_changed = on_job,
    .claimed = on_claim,
    .rescued = on_rescue,
    .fenced = on_fence,
    .leader = on_leader,
    .relayed = on_relay,
    .failed = on_failure,
};
