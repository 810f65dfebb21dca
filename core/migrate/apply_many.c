/* SPDX-License-Identifier: MIT */
/* Many schemas in one message: the scripts stand one after the other, each with its own transactions. */
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/migrate/apply_internal.h"

enum { MESSAGE_MAX = 1 << 18 }; /* bytes, of which PostgreSQL makes some ten times in parse trees */

/* Schemas that are sent together. */
struct together {
    struct pg *pg;
    const struct catalog *catalog;
    const struct apply_options *options;
    const struct applied_set *assumed;
    struct apply_one *ones;
    size_t count; /* of those in the message */
    struct plan plan;
    struct apply_script script;
    struct str sql;
    size_t *starts; /* where in the message each one's script begins */
};

static void together_clear(struct together *t)
{
    plan_clear(&t->plan);
    apply_script_clear(&t->script);
    str_clear(&t->sql);
    free(t->starts);
}

static struct apply_options options_of(const struct together *t, const struct apply_one *one)
{
    struct apply_options own = *t->options;

    own.schema = one->schema;
    own.schema_comment = one->schema_comment;
    return own;
}

static void run_alone(const struct together *t, struct apply_one *one,
                      const struct applied_set *assumed)
{
    struct apply_options own = options_of(t, one);
    one->rc = apply_run(t->pg, t->catalog, assumed, &own, &one->result, &one->err);
}

/* Whether the assumption, if it is true, leaves every schema the same work. */
static bool plan_for_all(struct together *t)
{
    char nonce[APPLY_NONCE_SIZE];
    bool more = false;

    if (!t->assumed || t->options->create_schema ||
        apply_plan(t->catalog, t->assumed, t->options, &t->plan, NULL))
        return false;
    if (plan_check(&t->plan, t->options->allow, NULL) || !t->plan.todo)
        return false;
    if (plan_cut(&t->plan, &more) || more) /* what runs outside of transactions goes by itself */
        return false;
    apply_make_nonce(nonce);
    return !apply_script_make(&t->plan, t->assumed, t->options, nonce, &t->script, NULL);
}

/* false: not even the first can be written */
static bool write_message(struct together *t, size_t n)
{
    t->starts = calloc(n, sizeof *t->starts);
    while (t->starts && t->count < n && t->sql.len < MESSAGE_MAX) {
        CLEANUP(apply_names_clear) struct apply_names names = {.values = {{.data = NULL}}};
        struct apply_options own = options_of(t, &t->ones[t->count]);
        if (apply_names_make(&own, &names, NULL))
            break;
        t->starts[t->count++] = t->sql.len;
        apply_script_write(&t->script, &names, &t->sql);
    }
    return t->count && str_ok(&t->sql);
}

/* The failure as the script of the one alone would have had it. */
static struct pg_failure failure_of(const struct together *t, size_t k, const struct pg_failure *f)
{
    struct pg_failure own = *f;
    size_t before = utf8_chars(str_text(&t->sql), t->starts[k]);

    own.statement -= k * t->script.count;
    own.position = f->position > before ? f->position - before : 0;
    return own;
}

static void stop_one(const struct together *t, size_t k, const struct pg_failure *f)
{
    CLEANUP(apply_names_clear) struct apply_names names = {.values = {{.data = NULL}}};
    struct apply_one *one = &t->ones[k];
    struct apply_options own = options_of(t, one);
    struct applying a = {.pg = t->pg,
                         .catalog = t->catalog,
                         .options = &own,
                         .result = &one->result,
                         .err = &one->err};
    const struct sent sent = {
        .script = &t->script, .names = &names, .plan = &t->plan, .set = t->assumed};
    struct pg_failure failure = failure_of(t, k, f);
    bool stale = false;

    one->rc = apply_names_make(&own, &names, &one->err);
    if (one->rc)
        return;
    one->rc = apply_stop(&a, &sent, &failure, &stale);
    if (!stale)
        return;
    size_t applied = one->result.applied;
    run_alone(t, one, NULL);
    one->result.applied += applied;
}

/* Sent, but the connection is gone before an answer. */
static void lose_one(struct apply_one *one, const struct pg_failure *f)
{
    one->result.failure = (struct apply_failure){.step = "migrate"};
    apply_copy_text(one->result.failure.message, sizeof one->result.failure.message, f->message);
    one->rc = err_set(&one->err, ERR_DATABASE_UNAVAILABLE, "%s", f->message);
}

static size_t send_message(struct together *t, struct applied_set **now)
{
    struct pg_failure failure = {.statement = 0};
    int64_t limit = t->options->deadline_ms * (int64_t)t->count;
    bool failed = pg_script_run(t->pg, str_text(&t->sql), limit, &failure, NULL) != ERR_NONE;
    size_t ended = failed ? failure.statement / t->script.count : t->count;

    for (size_t i = 0; i < ended; i++)
        t->ones[i].result.applied = t->plan.todo;
    if (ended)
        *now = apply_set_after(t->assumed, &t->plan, t->plan.todo, true);
    if (!failed || ended == t->count)
        return t->count;
    stop_one(t, ended, &failure);
    if (pg_alive(t->pg))
        return ended + 1;
    for (size_t i = ended + 1; i < t->count; i++)
        lose_one(&t->ones[i], &failure);
    return t->count;
}

size_t apply_many(struct pg *pg, const struct catalog *catalog, const struct applied_set *assumed,
                  const struct apply_options *options, struct apply_one *ones, size_t n,
                  struct applied_set **now)
{
    CLEANUP(together_clear) struct together t = {
        .pg = pg, .catalog = catalog, .options = options, .assumed = assumed, .ones = ones};

    *now = NULL;
    for (size_t i = 0; i < n; i++) {
        ones[i].rc = ERR_NONE;
        ones[i].result = (struct apply_result){.now = NULL};
    }
    if (n > 1 && plan_for_all(&t) && write_message(&t, n))
        return send_message(&t, now);
    run_alone(&t, &ones[0], assumed);
    return 1;
}
