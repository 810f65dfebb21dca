/* SPDX-License-Identifier: MIT */
#include "core/job/outcome.h"

#include "core/base/json.h"
#include "core/base/retry.h"
#include "core/base/str.h"

enum { SNOOZE_MS = 500, SERVER_AWAY_MS = 1000, LOCK_ATTEMPTS = 20 };

const char *args_text(const json_t *args, const char *key, const char *fallback)
{
    const char *text = json_string_value(json_object_get(args, key));
    return text ? text : fallback;
}

int64_t args_int(const json_t *args, const char *key, int64_t fallback)
{
    const json_t *value = json_object_get(args, key);
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

/* Codes that pass, and what to do about them; any other fails the task at once. */
static const struct verdict_row {
    err_code code;
    task_verdict verdict;
    int64_t retry_after_ms; /* 0: the runner's own back-off */
} verdicts[] = {
    {ERR_LOCK_UNAVAILABLE, VERDICT_SNOOZE, 0},
    {ERR_POOL_EXHAUSTED, VERDICT_SNOOZE, SNOOZE_MS},
    {ERR_DATABASE_UNAVAILABLE, VERDICT_SNOOZE, SERVER_AWAY_MS},
    {ERR_DATABASE_CONTENTION, VERDICT_RETRY, 0},
};

static void set_text(json_t *outcome, const char *key, const char *text)
{
    if (text && *text)
        (void)json_object_set_new(outcome, key, json_text(text));
}

static void set_place(json_t *outcome, const struct apply_failure *f)
{
    if (f->statement)
        (void)json_object_set_new(outcome, "statement", json_integer(f->statement));
    if (f->line) {
        (void)json_object_set_new(outcome, "line", json_integer(f->line));
        (void)json_object_set_new(outcome, "column", json_integer(f->column));
    }
}

static json_t *describe(const struct err *err, const char *step, const struct apply_failure *f)
{
    bool attributed = f && f->message[0];
    json_t *outcome = json_pack("{s:s, s:s}", "code", err_name(err->code), "step",
                                attributed && f->step ? f->step : step);

    set_text(outcome, "message", attributed ? f->message : err->msg);
    set_text(outcome, "sqlstate", attributed ? f->sqlstate : err->sqlstate);
    if (!attributed)
        return outcome;
    set_text(outcome, "version", f->version);
    set_place(outcome, f);
    set_text(outcome, "detail", f->detail);
    set_text(outcome, "hint", f->hint);
    set_text(outcome, "context", f->context);
    if (f->blocked_by)
        (void)json_object_set(outcome, "blocked_by", f->blocked_by);
    return outcome;
}

/* What concerns every tenant of the server: it is not the task that failed. */
static bool is_server_trouble(const char *sqlstate)
{
    static const char *const states[] = {
        "53100", /* disk full */
        "53200", /* out of memory, mostly out of locks */
        "25006", /* read-only: a standby after a failover */
    };
    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        if (str_eq(sqlstate, states[i]))
            return true;
    return false;
}

/* Alone on the server and still out of locks: the migration itself takes too many. */
static bool is_its_own(const struct task_run *run, const char *sqlstate)
{
    return run->probing && str_eq(sqlstate, "53200");
}

static void judge_lock(const struct task_run *run, const struct apply_failure *failure,
                       struct task_result *result)
{
    const struct engine_settings *s = engine_settings(run->ctx);
    const json_t *args = run->job ? run->job->args : NULL;
    bool ours = failure && str_eq(failure->step, "lane");

    result->snooze = ours ? SNOOZE_LANE : SNOOZE_LOCK;
    result->lock_attempts = (int)args_int(
        args, "lock_attempts", s->lock_attempts ? s->lock_attempts : LOCK_ATTEMPTS);
}

/* By SQLSTATE, where that says more than the code. */
static void judge_sqlstate(const struct task_run *run, const char *sqlstate,
                           struct task_result *result)
{
    if (is_server_trouble(sqlstate) && !is_its_own(run, sqlstate)) {
        result->verdict = VERDICT_SNOOZE;
        result->snooze = SNOOZE_SERVER;
    } else if (is_its_own(run, sqlstate)) {
        result->verdict = VERDICT_FAILED;
    } else if (str_eq(sqlstate, "57014") && run->task && run->task->attempt < 2) {
        result->verdict = VERDICT_RETRY; /* it may have been the hour: once more */
    }
}

void outcome_error(const struct task_run *run, const struct err *err, const char *step,
                   const struct apply_failure *failure, struct task_result *result)
{
    result->verdict = VERDICT_FAILED;
    for (size_t i = 0; i < ARRAY_LEN(verdicts); i++)
        if (verdicts[i].code == err->code) {
            result->verdict = verdicts[i].verdict;
            result->retry_after_ms = verdicts[i].retry_after_ms;
        }
    if (result->retry_after_ms) /* those who wait for one lock must not come back together */
        result->retry_after_ms += (int64_t)((double)result->retry_after_ms * retry_random());
    if (err->code == ERR_LOCK_UNAVAILABLE)
        judge_lock(run, failure, result);
    judge_sqlstate(run, failure && failure->sqlstate[0] ? failure->sqlstate : err->sqlstate, result);
    if (task_run_cancelled(run))
        result->verdict = VERDICT_CANCELLED;
    result->outcome = describe(err, step, failure);
}
