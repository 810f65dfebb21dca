/* SPDX-License-Identifier: MIT */
#include "core/job/finish.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/job/job_internal.h"

enum {
    RETRY_MAX_MS = 600000,
    SNOOZE_MAX_MS = 60000,
    FIRST_DELAY_MS = 1000,
    LOCK_DELAY_MS = 500, /* before a lock is tried for the second time */
    LANE_MIN_MS = 500,   /* a turn of the lane takes about as long as an index takes */
    LANE_MAX_MS = 4000,
};

void task_result_clear(struct task_result *result)
{
    json_decref(result->outcome);
    json_decref(result->last_error);
    *result = (struct task_result){.verdict = VERDICT_FAILED};
}

void finished_clear(struct finished *item)
{
    task_result_clear(&item->result);
}

/* min(max, first * 2^n) * (1/2 + 1/2 * random): half of it fixed, half of it spreads the herd. */
static int64_t backoff_from(int64_t first, int n, int64_t max, double random)
{
    int64_t delay = first;
    for (int i = 0; i < n && delay < max; i++)
        delay *= 2;
    delay = delay < max ? delay : max;
    return (int64_t)((double)delay * (0.5 + 0.5 * random));
}

static int64_t backoff_ms(int n, int64_t max, double random)
{
    return backoff_from(FIRST_DELAY_MS, n, max, random);
}

static void give_up(struct finished *item)
{
    item->state = TASK_FAILED;
    item->result.verdict = VERDICT_FAILED;
}

static void decide_retry(const struct job_kind *kind, struct finished *item, double random)
{
    int64_t wanted = item->result.retry_after_ms;

    if (item->task->attempt >= kind->max_attempts) {
        give_up(item);
        return;
    }
    item->state = TASK_QUEUED;
    item->delay_ms = wanted ? wanted : backoff_ms(item->task->attempt, RETRY_MAX_MS, random);
}

/* A snoozer that waited for ever did so for a lock, unless it says otherwise. */
static void name_the_lock(struct task_result *result)
{
    if (json_object_get(result->outcome, "code"))
        return;
    json_t *outcome =
        json_is_object(result->outcome) ? json_incref(result->outcome) : json_object();
    (void)json_object_set_new(outcome, "code", json_string(err_name(ERR_LOCK_UNAVAILABLE)));
    json_decref(result->outcome);
    result->outcome = outcome;
}

/* The time until it is tried again; -1: it has been tried often enough. */
static int64_t snooze_ms(const struct job_kind *kind, const struct finished *item, double random)
{
    const struct task_result *r = &item->result;

    switch (r->snooze) {
    case SNOOZE_LOCK:
        return item->task->lock_waits + 1 >= r->lock_attempts
                   ? -1
                   : backoff_from(LOCK_DELAY_MS, item->task->lock_waits, SNOOZE_MAX_MS, random);
    case SNOOZE_LANE:
        return LANE_MIN_MS + (int64_t)((LANE_MAX_MS - LANE_MIN_MS) * random);
    case SNOOZE_SERVER: /* the server's own pause keeps it longer */
        return backoff_ms(0, SNOOZE_MAX_MS, random);
    case SNOOZE_ELSE:
        break;
    }
    if (item->task->snoozes >= kind->max_snoozes)
        return -1;
    return r->retry_after_ms ? r->retry_after_ms
                             : backoff_ms(item->task->snoozes, SNOOZE_MAX_MS, random);
}

static void decide_snooze(const struct job_kind *kind, struct finished *item, double random)
{
    int64_t delay = snooze_ms(kind, item, random);

    item->lock_wait = item->result.snooze == SNOOZE_LOCK;
    item->snoozed = item->result.snooze != SNOOZE_LANE; /* a turn of our own is no trouble */
    if (delay < 0) {
        give_up(item);
        name_the_lock(&item->result);
        return;
    }
    item->state = TASK_QUEUED;
    item->refund = true;
    item->delay_ms = delay;
}

void finish_decide(const struct job_kind *kind, struct finished *item, double random)
{
    switch (item->result.verdict) {
    case VERDICT_SUCCEEDED:
        item->state = TASK_SUCCEEDED;
        return;
    case VERDICT_SKIPPED:
        item->state = TASK_SKIPPED;
        return;
    case VERDICT_FAILED:
        item->state = TASK_FAILED;
        return;
    case VERDICT_CANCELLED:
        item->state = TASK_CANCELLED;
        return;
    case VERDICT_RETRY:
        decide_retry(kind, item, random);
        return;
    case VERDICT_SNOOZE:
        decide_snooze(kind, item, random);
        return;
    }
}

void finish_give_back(struct finished *item)
{
    task_result_clear(&item->result);
    item->state = TASK_QUEUED;
    item->delay_ms = 0;
    item->refund = true;
    item->snoozed = item->lock_wait = false;
    item->given_back = true;
}

void finish_again(struct finished *item, int64_t delay_ms)
{
    finish_give_back(item);
    item->delay_ms = delay_ms;
}

void finish_spoil(struct finished *item, const struct err *why)
{
    task_result_clear(&item->result);
    item->state = TASK_FAILED;
    item->refund = item->snoozed = item->lock_wait = false;
    item->result.outcome =
        json_pack("{s:s, s:o}", "code", err_name(ERR_INTERNAL), "detail", json_text(why->msg));
}

/* What the statement below reads of one item; NULL: no memory. */
static json_t *item_json(const struct finished *item)
{
    const struct task_result *r = &item->result;
    bool touches = r->tenant_state || r->applied_set || r->last_error;

    return json_pack("{s:I, s:i, s:s, s:i, s:i, s:i, s:I, s:O?, s:b, s:s?, s:I, s:O?, s:b}",     //
                     "id", (json_int_t)item->task->id, "attempt", item->task->attempt,           //
                     "state", task_state_name(item->state), "refund", (int)item->refund,         //
                     "snoozed", (int)item->snoozed, "lock_waited", (int)item->lock_wait,         //
                     "delay", (json_int_t)item->delay_ms,                                        //
                     "outcome", r->outcome, "touches", (int)touches,                             //
                     "tenant_state", r->tenant_state, "applied_set", (json_int_t)r->applied_set, //
                     "last_error", r->last_error, "drop", (int)r->delete_tenant);
}

static char *items_text(const struct finished *items, size_t n)
{
    json_auto_t *array = json_array();

    for (size_t i = 0; i < n; i++)
        if (json_array_append_new(array, item_json(&items[i])))
            return NULL;
    return json_dumps(array, JSON_COMPACT);
}

static void note_stored(const struct pg_rows *rows, struct finished *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        items[i].stored = false;
    for (size_t row = 0; row < pg_rows_count(rows); row++) {
        int64_t id = pg_bigint(rows, row, "id");
        for (size_t i = 0; i < n; i++)
            if (items[i].task->id == id) {
                items[i].stored = true;
                (void)task_state_parse(pg_text(rows, row, "state"), &items[i].state);
            }
    }
}

/*
 * One statement outside a transaction is one round trip and atomic. Its commit is durable whatever
 * the server's synchronous_commit says ("off" is raised, stricter settings stay): it writes WAL, so
 * it also puts on disk what tasks committed asynchronously before on the same cluster.
 */
static const struct pg_stmt store_stmt = {
    .name = "finish_store",
    .sql = "WITH r AS MATERIALIZED (SELECT * FROM jsonb_to_recordset($3::jsonb) AS r(id bigint,"
           "  attempt int, state text, refund int, snoozed int, lock_waited int, delay bigint, outcome jsonb,"
           "  touches boolean, tenant_state text, applied_set bigint, last_error jsonb,"
           "  \"drop\" boolean)),"
           " done AS (UPDATE tenantd.task t SET"
           "  state = CASE WHEN r.state = 'queued' AND j.cancel_requested_at IS NOT NULL"
           "   THEN 'cancelled' ELSE r.state END,"
           "  finished_at = CASE WHEN r.state <> 'queued' OR j.cancel_requested_at IS NOT NULL"
           "   THEN clock_timestamp() END,"
           "  run_after = CASE WHEN r.state = 'queued'"
           "   THEN clock_timestamp() + r.delay * interval '1 ms' ELSE t.run_after END,"
           "  attempt = t.attempt - r.refund, snoozes = t.snoozes + r.snoozed,"
           "  lock_waits = t.lock_waits + r.lock_waited,"
           "  outcome = CASE WHEN r.state = 'queued' AND j.cancel_requested_at IS NOT NULL"
           "   THEN coalesce(r.outcome, '{\"code\": \"CANCELLED\"}') ELSE r.outcome END,"
           "  claimed_by = NULL, slot = NULL"
           "  FROM r, tenantd.job j WHERE t.id = r.id AND j.id = t.job_id AND t.state = 'running'"
           "  AND t.claimed_by = $1 AND t.slot = $2 AND t.attempt = r.attempt"
           "  RETURNING t.id, t.job_id, t.state, t.tenant_id, t.outcome, r.attempt,"
           "   r.refund = 0 AS spent, r.touches, r.tenant_state,"
           "   nullif(r.applied_set, 0) AS applied_set, r.last_error, r.\"drop\"),"
           " changed AS (UPDATE tenantd.tenant n SET state = coalesce(d.tenant_state, n.state),"
           "  applied_set = coalesce(d.applied_set, n.applied_set), last_error = d.last_error,"
           "  checked_at = CASE WHEN d.applied_set IS NULL THEN n.checked_at"
           "   ELSE clock_timestamp() END,"
           "  suspended_at = CASE d.tenant_state WHEN 'active' THEN NULL"
           "   WHEN 'suspended' THEN coalesce(n.suspended_at, now()) ELSE n.suspended_at END,"
           "  archived_at = CASE d.tenant_state WHEN 'active' THEN NULL"
           "   WHEN 'archived' THEN coalesce(n.archived_at, now()) ELSE n.archived_at END,"
           "  purge_at = CASE d.tenant_state WHEN 'active' THEN NULL ELSE n.purge_at END,"
           "  epoch = n.epoch + 1, updated_at = now()"
           "  FROM done d WHERE n.id = d.tenant_id AND d.touches AND NOT d.\"drop\"),"
           " gone AS (DELETE FROM tenantd.tenant n USING done d"
           "  WHERE n.id = d.tenant_id AND d.\"drop\"),"
           " told AS (INSERT INTO tenantd.event (type, job_id, subject, data)"
           "  SELECT CASE d.state WHEN 'queued' THEN 'task.retried' ELSE 'task.' || d.state END,"
           "   d.job_id, d.tenant_id, " TASK_TOLD("d") " FROM done d"
           "  WHERE d.state IN ('failed', 'skipped') OR (d.state = 'queued' AND d.spent))"
           " SELECT id, state, CASE current_setting('synchronous_commit') WHEN 'off'"
           "  THEN set_config('synchronous_commit', 'on', true) END FROM done",
};

err_code finish_store(struct pg *pg, const char *worker, int slot, struct finished *items, size_t n,
                      struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    CLEANUP(freep) char *text = items_text(items, n);

    if (!text)
        return err_set(err, ERR_INTERNAL, "the results of tasks cannot be encoded");
    err_code rc =
        pg_query(pg, &store_stmt, PG_ARGS(PG_ARG(worker), PG_ARG(slot), PG_ARG((const char *)text)),
                 &rows, err);
    if (!rc)
        note_stored(rows, items, n);
    return rc;
}
