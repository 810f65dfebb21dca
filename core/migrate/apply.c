/* SPDX-License-Identifier: MIT */
#include "core/migrate/apply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/migrate/apply_internal.h"
#include "core/migrate/lane.h"
#include "core/migrate/plan_down.h"

enum { ROUNDS_MAX = 4 };

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

void apply_make_nonce(char out[APPLY_NONCE_SIZE])
{
    unsigned char bytes[APPLY_NONCE_SIZE / 2];
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
    CLEANUP(apply_names_clear) struct apply_names names = {.values = {{.data = NULL}}};
    CLEANUP(str_clear) struct str sql = STR_INIT;
    const struct sent sent = {.script = &script, .names = &names, .plan = plan, .set = set};
    struct pg_failure failure = {.statement = 0};
    char nonce[APPLY_NONCE_SIZE];

    apply_make_nonce(nonce);
    err_code rc = apply_names_make(a->options, &names, a->err);
    if (!rc)
        rc = apply_script_make(plan, set, a->options, nonce, &script, a->err);
    if (rc)
        return rc;
    apply_script_write(&script, &names, &sql);
    if (!str_ok(&sql))
        return err_set(a->err, ERR_INTERNAL, "out of memory");
    rc = pg_script_run(a->pg, str_text(&sql), time_left(a), &failure, a->err);
    if (rc)
        return apply_stop(a, &sent, &failure, stale);
    a->result->applied += plan->todo;
    a->result->now = apply_set_after(set, plan, plan->todo, true);
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
        apply_copy_text(result->failure.sqlstate, sizeof result->failure.sqlstate, a.err->sqlstate);
        apply_copy_text(result->failure.message, sizeof result->failure.message, a.err->msg);
    }
    return rc;
}
