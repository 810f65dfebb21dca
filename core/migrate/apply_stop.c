/* SPDX-License-Identifier: MIT */
/* A script that stopped: what it left, whose fault it was, and where. */
#include <stdio.h>
#include <string.h>

#include "core/migrate/apply_internal.h"
#include "core/migrate/blockers.h"
#include "core/migrate/plan_down.h"

struct applied_set *apply_set_after(const struct applied_set *set, const struct plan *plan,
                                    size_t count, bool has_table)
{
    CLEANUP(applied_set_freep) struct applied_set *now = applied_set_copy(set);
    size_t done = 0;

    if (!now)
        return NULL;
    for (size_t i = 0; i < plan->count && done < count; i++) {
        const struct plan_entry *entry = plan_nth(plan, i);
        if (!entry->in_target)
            continue;
        if (!plan_entry_done(plan, entry, now))
            return NULL;
        done++;
    }
    now->has_table = now->has_table || has_table || count > 0;
    applied_set_digest(now);
    struct applied_set *out = now;
    now = NULL; /* now the caller's */
    return out;
}

static const char *step_name(apply_step_kind kind)
{
    switch (kind) {
    case STEP_BEGIN:
    case STEP_LOCK:
    case STEP_GUARD:
        return "lock";
    case STEP_CREATE_SCHEMA:
    case STEP_CREATE_TABLE:
        return "create_schema";
    case STEP_BASELINE:
        return "baseline";
    case STEP_STATEMENT:
    case STEP_NONCE:
    case STEP_RECORD:
        return "migrate";
    case STEP_COMMIT:
        return "commit";
    }
    return "";
}

/* Whether a check of ours, a cast that fails, stopped the script. */
static bool is_check(const struct apply_step *step, apply_step_kind kind,
                     const struct pg_failure *f)
{
    return step->kind == kind && strcmp(f->sqlstate, "22P02") == 0;
}

/* Somebody has changed the tracking table since it was read: plan again. */
static bool is_stale(const struct apply_step *step, const struct pg_failure *f)
{
    static const char *const states[] = {"22P02", "42P01", "42703", "3F000"};
    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        if (step->kind == STEP_GUARD && strcmp(f->sqlstate, states[i]) == 0)
            return true;
    return step->kind == STEP_CREATE_TABLE && strcmp(f->sqlstate, "42P07") == 0;
}

/* Whether the set was seen to be true in the transaction that failed. */
static bool has_passed_guard(apply_step_kind kind)
{
    return kind != STEP_BEGIN && kind != STEP_LOCK && kind != STEP_GUARD;
}

static err_code code_of(const struct apply_step *step, const struct pg_failure *f)
{
    err_code code = pg_err_code(f->sqlstate);

    if (is_check(step, STEP_LOCK, f))
        return ERR_LOCK_UNAVAILABLE;
    if (step->kind == STEP_CREATE_SCHEMA && code == ERR_CONFLICT)
        return ERR_SCHEMA_EXISTS; /* made by somebody at the same moment */
    if (step->kind == STEP_CREATE_SCHEMA && code == ERR_SCHEMA_EXISTS)
        return code;
    if (step->kind == STEP_CREATE_TABLE && code == ERR_SCHEMA_MISSING)
        return code;
    if (step->kind == STEP_STATEMENT && strcmp(f->sqlstate, "57014") == 0)
        return ERR_MIGRATION_FAILED; /* the statement took too long, not the server */
    if (strcmp(f->sqlstate, "53200") == 0)
        return ERR_MIGRATION_FAILED; /* out of locks: the same script would fail again */
    return err_is_retryable(code) ? code : ERR_MIGRATION_FAILED;
}

void apply_copy_text(char *out, size_t size, const char *text)
{
    (void)snprintf(out, size, "%s", text);
    out[utf8_valid_len(out, strlen(out))] = '\0';
}

/* All but the place in the migration's file. */
static void fill_failure(struct apply_failure *out, const struct apply_step *step,
                         const struct pg_failure *f)
{
    *out = (struct apply_failure){.step = step_name(step->kind)};
    if (step->migration)
        apply_copy_text(out->version, sizeof out->version, step->migration->version);
    apply_copy_text(out->sqlstate, sizeof out->sqlstate, f->sqlstate);
    apply_copy_text(out->message, sizeof out->message, f->message);
    apply_copy_text(out->detail, sizeof out->detail, f->detail);
    apply_copy_text(out->hint, sizeof out->hint, f->hint);
    apply_copy_text(out->context, sizeof out->context, f->context);
    if (is_check(step, STEP_LOCK, f))
        apply_copy_text(out->message, sizeof out->message, "another session works on the schema");
    if (is_check(step, STEP_NONCE, f)) {
        apply_copy_text(out->sqlstate, sizeof out->sqlstate, "2D000");
        apply_copy_text(out->message, sizeof out->message, "the migration ended its transaction");
    }
    if (strcmp(f->sqlstate, "53200") == 0 && !f->hint[0])
        apply_copy_text(out->hint, sizeof out->hint,
                  "Raise max_locks_per_transaction, or split the migration.");
}

static err_code set_error(struct err *err, err_code code, const struct apply_failure *f)
{
    if (f->statement)
        (void)err_set(err, code, "%s, line %d, column %d (statement %d): %.250s", f->version,
                      f->line, f->column, f->statement, f->message);
    else
        (void)err_set(err, code, "%s%s%.400s", f->version, f->version[0] ? ": " : "", f->message);
    if (!err)
        return code;
    err->msg[utf8_valid_len(err->msg, strlen(err->msg))] = '\0';
    err->line = f->line;
    err->column = f->column;
    memcpy(err->sqlstate, f->sqlstate, sizeof err->sqlstate);
    (void)snprintf(err->subject, sizeof err->subject, "%.*s", (int)sizeof err->subject - 1,
                   f->version);
    return code;
}

err_code apply_fail(const struct apply_step *step, const struct pg_failure *f, size_t place,
                    bool lost, struct apply_failure *failure, struct err *err)
{
    fill_failure(failure, step, f);
    if (step->kind == STEP_STATEMENT)
        apply_locate(step, place, failure);
    return set_error(err, lost ? ERR_DATABASE_UNAVAILABLE : code_of(step, f), failure);
}

err_code apply_stop(struct applying *a, const struct sent *sent, const struct pg_failure *f,
                    bool *stale)
{
    const struct apply_step *step =
        apply_script_step(sent->script, sent->names, f->statement, f->sqlstate, f->position);
    size_t committed = apply_script_committed(sent->script, f->statement);
    bool lost = !pg_alive(a->pg);

    a->result->applied += committed;
    *stale = !lost && is_stale(step, f);
    if (*stale)
        return ERR_NONE;
    bool seen = committed || (f->statement && has_passed_guard(step->kind));
    if (!lost && seen && !a->options->create_schema)
        a->result->now = apply_set_after(sent->set, sent->plan, committed, false);
    size_t place = apply_script_place(sent->script, sent->names, step, f->position);
    err_code code = apply_fail(step, f, place, lost, &a->result->failure, a->err);
    if (code == ERR_LOCK_UNAVAILABLE)
        a->result->failure.blocked_by =
            blockers_read(a->pg, a->options->schema, a->options->shared_schema,
                          apply_lock_key(a->options->schema));
    return code;
}
