/* SPDX-License-Identifier: MIT */
#include "core/migrate/apply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/migrate/apply_script.h"
#include "core/migrate/blockers.h"
#include "core/migrate/lane.h"
#include "core/migrate/plan_down.h"
#include "core/migrate/tracking_internal.h"
#include "core/pg/script.h"

enum { ROUNDS_MAX = 4, NONCE_BYTES = 12 };

/* One call of apply_run(). */
struct applying {
    struct pg *pg;
    const struct catalog *catalog;
    const struct apply_options *options;
    struct apply_result *result;
    struct err *err;
    int64_t deadline; /* monotonic ms, 0: none */
    bool more;        /* the round did not go to the end of the plan */
};

int64_t apply_lock_key(const char *schema)
{
    CLEANUP(str_clear) struct str text = STR_INIT;
    unsigned char digest[SHA256_SIZE];
    int64_t key;

    str_add(&text, "tenantd schema ");
    str_add(&text, schema);
    sha256(str_text(&text), text.len, digest);
    memcpy(&key, digest, sizeof key);
    return key;
}

err_code apply_plan(const struct catalog *catalog, const struct applied_set *set,
                    const struct apply_options *options, struct plan *out, struct err *err)
{
    if (options->down)
        return plan_make_down(catalog, set, options->target, options->back_to, out, err);
    return plan_make(catalog, set, options->target, out, err);
}

void apply_result_clear(struct apply_result *result)
{
    applied_set_free(result->now);
    json_decref(result->failure.blocked_by);
    *result = (struct apply_result){.now = NULL};
}

/* The set as it is once the first `count` migrations that the plan wants are done. */
static struct applied_set *set_after(const struct applied_set *set, const struct plan *plan,
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

static void copy_text(char *out, size_t size, const char *text)
{
    (void)snprintf(out, size, "%s", text);
    out[utf8_valid_len(out, strlen(out))] = '\0';
}

static void fill_failure(struct apply_failure *out, const struct apply_step *step,
                         const struct pg_failure *f)
{
    *out = (struct apply_failure){.step = step_name(step->kind)};
    if (step->migration)
        copy_text(out->version, sizeof out->version, step->migration->version);
    copy_text(out->sqlstate, sizeof out->sqlstate, f->sqlstate);
    copy_text(out->message, sizeof out->message, f->message);
    copy_text(out->detail, sizeof out->detail, f->detail);
    copy_text(out->hint, sizeof out->hint, f->hint);
    copy_text(out->context, sizeof out->context, f->context);
    if (step->kind == STEP_STATEMENT)
        apply_script_locate(step, f->position, out);
    if (is_check(step, STEP_LOCK, f))
        copy_text(out->message, sizeof out->message, "another session works on the schema");
    if (is_check(step, STEP_NONCE, f)) {
        copy_text(out->sqlstate, sizeof out->sqlstate, "2D000");
        copy_text(out->message, sizeof out->message, "the migration ended its transaction");
    }
    if (strcmp(f->sqlstate, "53200") == 0 && !f->hint[0])
        copy_text(out->hint, sizeof out->hint,
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

err_code apply_fail(const struct apply_step *step, const struct pg_failure *f, bool lost,
                    struct apply_failure *failure, struct err *err)
{
    fill_failure(failure, step, f);
    return set_error(err, lost ? ERR_DATABASE_UNAVAILABLE : code_of(step, f), failure);
}

/* What the script left when it stopped. *stale: nothing is wrong but the plan. */
static err_code stop(struct applying *a, const struct applied_set *set, const struct plan *plan,
                     const struct apply_script *script, const struct pg_failure *f, bool *stale)
{
    const struct apply_step *step =
        apply_script_step(script, f->statement, f->sqlstate, f->position);
    size_t committed = apply_script_committed(script, f->statement);
    bool lost = !pg_alive(a->pg);

    a->result->applied += committed;
    *stale = !lost && is_stale(step, f);
    if (*stale)
        return ERR_NONE;
    bool seen = committed || (f->statement && has_passed_guard(step->kind));
    if (!lost && seen && !a->options->create_schema)
        a->result->now = set_after(set, plan, committed, false);
    err_code code = apply_fail(step, f, lost, &a->result->failure, a->err);
    if (code == ERR_LOCK_UNAVAILABLE)
        a->result->failure.blocked_by =
            blockers_read(a->pg, a->options->schema, a->options->shared_schema,
                          apply_lock_key(a->options->schema));
    return code;
}

static void make_nonce(char out[2 * NONCE_BYTES + 1])
{
    unsigned char bytes[NONCE_BYTES];
    random_bytes(bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, out);
}

static int64_t time_left(const struct applying *a)
{
    if (!a->deadline)
        return 0;
    int64_t left = a->deadline - clock_mono_ms();
    return left > 0 ? left : 1;
}

static err_code run_plan(struct applying *a, const struct applied_set *set,
                         const struct plan *plan, bool *stale)
{
    CLEANUP(apply_script_clear) struct apply_script script = {.steps = NULL};
    struct pg_failure failure = {.statement = 0};
    char nonce[2 * NONCE_BYTES + 1];

    make_nonce(nonce);
    err_code rc = apply_script_make(plan, set, a->options, nonce, &script, a->err);
    if (rc)
        return rc;
    rc = pg_script_run(a->pg, str_text(&script.sql), time_left(a), &failure, a->err);
    if (rc)
        return stop(a, set, plan, &script, &failure, stale);
    a->result->applied += plan->todo;
    a->result->now = set_after(set, plan, plan->todo, true);
    return a->result->now ? ERR_NONE : err_set(a->err, ERR_INTERNAL, "out of memory");
}

/* One look at a set, read or assumed. *stale: it may not be the truth, read and come again. */
static err_code attempt(struct applying *a, const struct applied_set *set, bool assumed,
                        bool *stale)
{
    CLEANUP(plan_clear) struct plan plan = {.entries = NULL};

    err_code rc = apply_plan(a->catalog, set, a->options, &plan, a->err);
    if (rc)
        return rc;
    rc = plan_check(&plan, a->options->allow, a->err);
    *stale = rc && assumed;
    if (rc)
        return rc;
    const struct migration *alone =
        a->options->create_schema ? NULL : plan_cut(&plan, &a->more);
    if (alone)
        return lane_run(alone, set, a->options, a->result, stale, a->err);
    if (plan.todo || a->options->create_schema)
        return run_plan(a, set, &plan, stale);
    a->result->now = applied_set_copy(set);
    return a->result->now ? ERR_NONE : err_set(a->err, ERR_INTERNAL, "out of memory");
}

static err_code get_set(const struct applying *a, const struct applied_set *assumed, bool first,
                        struct applied_set **out)
{
    const struct apply_options *o = a->options;
    tracking_format format = assumed && !assumed->has_table ? assumed->format : o->format;

    if (!o->create_schema && !(assumed && first))
        return tracking_read(a->pg, o->schema, o->table, format, out, a->err);
    *out = o->create_schema ? applied_set_empty(format) : applied_set_copy(assumed);
    return *out ? ERR_NONE : err_set(a->err, ERR_INTERNAL, "out of memory");
}

static err_code run_rounds(struct applying *a, const struct applied_set *assumed)
{
    for (int round = 0; round < ROUNDS_MAX; round++) {
        CLEANUP(applied_set_freep) struct applied_set *set = NULL;
        bool stale = false;
        err_code rc = get_set(a, assumed, round == 0, &set);
        if (rc)
            return rc;
        rc = attempt(a, set, assumed && round == 0, &stale);
        if (!stale)
            return rc;
    }
    return err_set(a->err, ERR_LOCK_UNAVAILABLE, "the tracking table of \"%s\" keeps changing",
                   a->options->schema);
}

/* Where migrations outside of transactions stand between others, one stretch after the other. */
static err_code run_stretches(struct applying *a, const struct applied_set *assumed)
{
    CLEANUP(applied_set_freep) struct applied_set *reached = NULL;
    err_code rc = run_rounds(a, assumed);

    while (!rc && a->more) {
        applied_set_free(reached);
        reached = a->result->now;
        a->result->now = NULL;
        rc = run_rounds(a, reached);
    }
    return rc;
}

err_code apply_run(struct pg *pg, const struct catalog *catalog, const struct applied_set *assumed,
                   const struct apply_options *options, struct apply_result *result,
                   struct err *err)
{
    int64_t deadline = options->deadline_ms ? clock_mono_ms() + options->deadline_ms : 0;
    struct err own;
    struct applying a = {.pg = pg,
                         .catalog = catalog,
                         .options = options,
                         .result = result,
                         .err = err ? err : &own,
                         .deadline = deadline};

    *result = (struct apply_result){.now = NULL};
    err_code rc = run_stretches(&a, assumed);
    if (rc && !result->failure.step) { /* before any script */
        result->failure.step = "plan";
        copy_text(result->failure.sqlstate, sizeof result->failure.sqlstate, a.err->sqlstate);
        copy_text(result->failure.message, sizeof result->failure.message, a.err->msg);
    }
    return rc;
}

/* Appends one stretch to sql, and to the set what it applies. */
static err_code preview_stretch(const struct catalog *catalog, struct applied_set *set,
                                const struct apply_options *options, struct str *sql, bool *more,
                                struct err *err)
{
    CLEANUP(plan_clear) struct plan plan = {.entries = NULL};
    CLEANUP(apply_script_clear) struct apply_script script = {.steps = NULL};

    *more = false;
    err_code rc = apply_plan(catalog, set, options, &plan, err);
    if (!rc)
        rc = plan_check(&plan, options->allow, err);
    if (rc || (!plan.todo && !options->create_schema))
        return rc;
    const struct migration *alone = options->create_schema ? NULL : plan_cut(&plan, more);
    if (alone)
        lane_preview(alone, sql);
    else
        rc = apply_script_make(&plan, set, options, "<nonce>", &script, err);
    if (rc)
        return rc;
    str_add_n(sql, script.sql.data, script.sql.len);
    for (size_t i = 0; i < plan.count && *more; i++)
        if (plan.entries[i].in_target &&
            !applied_set_record(set, plan.entries[i].migration, clock_unix_ms()))
            return err_set(err, ERR_INTERNAL, "out of memory");
    set->has_table = true;
    return *more && !applied_set_begin(set, NULL) ? err_set(err, ERR_INTERNAL, "out of memory")
                                                  : ERR_NONE;
}

err_code apply_preview(const struct catalog *catalog, const struct applied_set *set,
                       const struct apply_options *options, struct str *sql, struct err *err)
{
    CLEANUP(applied_set_freep) struct applied_set *copy = applied_set_copy(set);
    bool more = true;
    err_code rc = copy ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");

    while (!rc && more)
        rc = preview_stretch(catalog, copy, options, sql, &more, err);
    return rc;
}
