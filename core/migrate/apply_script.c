/* SPDX-License-Identifier: MIT */
#include "core/migrate/apply_script.h"

#include <stdlib.h>
#include <string.h>

#include "core/migrate/lane_target.h"
#include "core/migrate/plan_down.h"
#include "core/migrate/sqlcheck.h"
#include "core/migrate/tracking_internal.h"
#include "core/pg/literal.h"

/* What the parts of a script are written from. */
struct writing {
    struct apply_script script;
    const struct apply_options *options;
    const char *nonce;
    struct applied_set *set; /* what the tracking table says at this point of the script */
    size_t searched;         /* bytes of the script whose holes are known */
    bool failed;
};

/* The holes as they stand in the text: bytes that UTF-8, which names and values are in, never has. */
static const char SEARCH_PATH[] = {(char)HOLE_SEARCH_PATH, '\0'};
static const char SCHEMA[] = {(char)HOLE_SCHEMA, '\0'};
static const char TABLE[] = {(char)HOLE_TABLE, '\0'};
static const char TABLE_TEXT[] = {(char)HOLE_TABLE_TEXT, '\0'};
static const char LOCK_KEY[] = {(char)HOLE_LOCK_KEY, '\0'};
static const char COMMENT[] = {(char)HOLE_COMMENT, '\0'};

static void add_hole(struct writing *w, size_t at, apply_hole_kind kind)
{
    struct apply_script *s = &w->script;

    if (!(s->hole_count & (s->hole_count - 1))) { /* a power of two: full */
        size_t cap = s->hole_count ? 2 * s->hole_count : 1;
        struct apply_hole *holes = realloc(s->holes, cap * sizeof *holes);
        w->failed = w->failed || !holes;
        s->holes = holes ? holes : s->holes;
    }
    if (!w->failed)
        s->holes[s->hole_count++] = (struct apply_hole){.at = at, .kind = kind};
}

static void find_holes(struct writing *w)
{
    const struct str *sql = &w->script.sql;

    for (; w->searched < sql->len && str_ok(sql); w->searched++) {
        unsigned char c = (unsigned char)sql->data[w->searched];
        if (c >= HOLE_FIRST)
            add_hole(w, w->searched, (apply_hole_kind)c);
    }
}

static void add_step(struct writing *w, apply_step_kind kind, const struct migration *m,
                     int statement, size_t at)
{
    struct apply_script *s = &w->script;

    if (!(s->count & (s->count - 1))) { /* a power of two: full */
        size_t cap = s->count ? 2 * s->count : 1;
        struct apply_step *steps = realloc(s->steps, cap * sizeof *steps);
        w->failed = w->failed || !steps;
        s->steps = steps ? steps : s->steps;
    }
    if (!w->failed)
        s->steps[s->count++] = (struct apply_step){.kind = kind,
                                                   .migration = m,
                                                   .statement = statement,
                                                   .at = at};
}

static void end_statement(struct writing *w, apply_step_kind kind, const struct migration *m)
{
    str_add(&w->script.sql, ";\n");
    add_step(w, kind, m, 0, 0);
}

static void add_set(struct writing *w, const char *assignment)
{
    str_add(&w->script.sql, "SET LOCAL ");
    str_add(&w->script.sql, assignment);
    end_statement(w, STEP_BEGIN, NULL);
}

static void add_limit(struct writing *w, const char *name, int ms)
{
    char text[64];
    (void)snprintf(text, sizeof text, "%s = %d", name, ms);
    add_set(w, text);
}

/* READ COMMITTED whatever the server's default is: the guard must see what is committed once the
 * lock is held, so each statement needs a snapshot of its own. */
static void add_begin(struct writing *w)
{
    CLEANUP(str_clear) struct str nonce = STR_INIT;

    str_add(&w->script.sql, "BEGIN ISOLATION LEVEL READ COMMITTED");
    end_statement(w, STEP_BEGIN, NULL);
    str_add(&w->script.sql, "SET LOCAL search_path = ");
    str_add(&w->script.sql, SEARCH_PATH);
    end_statement(w, STEP_BEGIN, NULL);
    add_limit(w, "lock_timeout", w->options->lock_timeout_ms);
    add_limit(w, "statement_timeout", w->options->statement_timeout_ms);
    if (w->options->async_commit)
        add_set(w, "synchronous_commit = off");
    str_add(&nonce, "tenantd.nonce = ");
    pg_literal_add(&nonce, w->nonce);
    w->failed = w->failed || !str_ok(&nonce);
    add_set(w, str_text(&nonce));
}

/* Fails the script unless the condition, given before, is false. The cast fails, since the text is
 * no integer; a DO block with RAISE would have to be compiled each time. */
static void add_then_fail(struct writing *w, const char *message)
{
    str_add(&w->script.sql, " THEN ");
    pg_literal_add(&w->script.sql, message);
    str_add(&w->script.sql, "::text END::integer");
}

static void add_lock(struct writing *w)
{
    str_addf(&w->script.sql, "SELECT CASE WHEN NOT pg_try_advisory_xact_lock(%s)", LOCK_KEY);
    add_then_fail(w, "another session works on the schema");
    end_statement(w, STEP_LOCK, NULL);
}

static void add_guard(struct writing *w)
{
    struct str *sql = &w->script.sql;
    bool from_table = false;

    str_add(sql, "SELECT CASE WHEN ");
    if (w->set->has_table) {
        applied_set_digest(w->set);
        from_table = tracking_sql_differs(sql, w->set, TABLE);
    } else {
        str_addf(sql, "to_regclass(%s) IS NOT NULL", TABLE_TEXT);
    }
    add_then_fail(w, "the tracking table is not what was assumed");
    if (from_table)
        str_addf(sql, " FROM %s", TABLE);
    end_statement(w, STEP_GUARD, NULL);
}

static void add_create_table(struct writing *w)
{
    tracking_sql_create(&w->script.sql, w->set->format, TABLE);
    end_statement(w, STEP_CREATE_TABLE, NULL);
    w->set->has_table = true;
}

/* In a new schema there is nothing that CONCURRENTLY would spare: it is taken out of text, the
 * script's copy of the migration's. false: nothing is left of the statement. */
static bool fits_transaction(const struct migration *m, const struct statement *s, char *text)
{
    return !m->no_transaction || lane_strip(s->kind, text + s->offset, s->length);
}

static void add_text(struct writing *w, const struct migration *m)
{
    struct apply_script *s = &w->script;

    if (m->statement_count == 0) /* comments only */
        return;
    find_holes(w);
    size_t at = s->sql.len;
    str_add_n(&s->sql, m->sql + m->run_from, m->run_to - m->run_from);
    char *text = str_ok(&s->sql) ? s->sql.data + at - m->run_from : NULL;
    for (size_t i = 0; i < m->statement_count && text; i++)
        if (fits_transaction(m, &m->statements[i], text))
            add_step(w, STEP_STATEMENT, m, (int)i + 1, at);
    w->searched = s->sql.len; /* what stands in a migration is no hole */
    str_add(&s->sql, "\n;\n"); /* the text may end in a comment without a newline */
}

static void add_record(struct writing *w, const struct plan *plan, const struct plan_entry *entry)
{
    const struct migration *m = plan->down ? entry->migration->down : entry->migration;

    if (plan->down)
        tracking_sql_delete(&w->script.sql, w->set->format, TABLE, entry->row);
    else
        tracking_sql_insert(&w->script.sql, w->set->format, TABLE, m);
    end_statement(w, STEP_RECORD, m);
    if (!plan_entry_done(plan, entry, w->set))
        w->failed = true;
}

static void add_migration(struct writing *w, const struct plan *plan,
                          const struct plan_entry *entry)
{
    const struct migration *m = plan->down ? entry->migration->down : entry->migration;
    struct str *sql = &w->script.sql;

    str_addf(sql, "-- %s%s\n", m->version, plan->down ? " down" : "");
    add_text(w, m);
    str_add(sql, "SELECT CASE WHEN current_setting('tenantd.nonce', true) IS DISTINCT FROM ");
    pg_literal_add(sql, w->nonce);
    add_then_fail(w, "the migration ended its transaction");
    end_statement(w, STEP_NONCE, m);
    add_record(w, plan, entry);
}

/* Functions may name what comes later in the baseline. Returns how many entries of the plan it
 * covers. */
static size_t add_baseline(struct writing *w, const struct plan *plan)
{
    const struct apply_baseline *b = w->options->baseline;
    size_t covered = 0;

    if (!b)
        return 0;
    add_set(w, "check_function_bodies = off");
    str_add(&w->script.sql, b->sql);
    for (size_t i = 0; i < b->statements; i++)
        add_step(w, STEP_BASELINE, NULL, 0, 0);
    add_set(w, "check_function_bodies TO DEFAULT");
    for (bool more = true; more && covered < plan->count; covered++) {
        add_record(w, plan, &plan->entries[covered]);
        more = strcmp(plan->entries[covered].migration->version, b->version) != 0;
    }
    return covered;
}

static void add_commit(struct writing *w, const struct migration *m)
{
    str_add(&w->script.sql, "COMMIT");
    end_statement(w, STEP_COMMIT, m);
}

static void add_schema_comment(struct writing *w)
{
    if (!w->options->schema_comment)
        return;
    str_addf(&w->script.sql, "COMMENT ON SCHEMA %s IS %s", SCHEMA, COMMENT);
    end_statement(w, STEP_CREATE_SCHEMA, NULL);
}

/* A new schema: all or nothing. Too little is there to lock for long. */
static void write_provisioning(struct writing *w, const struct plan *plan)
{
    add_begin(w);
    add_lock(w);
    str_addf(&w->script.sql, "CREATE SCHEMA %s", SCHEMA);
    end_statement(w, STEP_CREATE_SCHEMA, NULL);
    add_schema_comment(w);
    add_create_table(w);
    for (size_t i = add_baseline(w, plan); i < plan->count; i++)
        if (plan->entries[i].in_target)
            add_migration(w, plan, &plan->entries[i]);
    add_commit(w, NULL);
}

/* Each migration by itself: what is committed stays when a later one fails. */
static void write_migrations(struct writing *w, const struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_entry *entry = plan_nth(plan, i);
        if (!entry->in_target)
            continue;
        add_begin(w);
        add_lock(w);
        add_guard(w);
        if (!w->set->has_table)
            add_create_table(w);
        add_migration(w, plan, entry);
        add_commit(w, entry->migration);
    }
}

err_code apply_script_make(const struct plan *plan, const struct applied_set *set,
                           const struct apply_options *options, const char *nonce,
                           struct apply_script *out, struct err *err)
{
    CLEANUP(applied_set_freep) struct applied_set *copy = applied_set_copy(set);
    struct writing w = {.options = options, .nonce = nonce, .set = copy};

    if (!copy)
        return err_set(err, ERR_INTERNAL, "out of memory");
    if (options->create_schema)
        write_provisioning(&w, plan);
    else
        write_migrations(&w, plan);
    find_holes(&w);
    if (w.failed || !str_ok(&w.script.sql)) {
        apply_script_clear(&w.script);
        return err_set(err, ERR_INTERNAL, "out of memory");
    }
    *out = w.script; /* now the caller's */
    return ERR_NONE;
}

void apply_script_clear(struct apply_script *script)
{
    str_clear(&script->sql);
    free(script->holes);
    free(script->steps);
    *script = (struct apply_script){.steps = NULL};
}

size_t apply_script_committed(const struct apply_script *script, size_t results)
{
    size_t recorded = 0, committed = 0;

    for (size_t i = 0; i < script->count && i < results; i++) {
        recorded += script->steps[i].kind == STEP_RECORD;
        if (script->steps[i].kind == STEP_COMMIT)
            committed = recorded;
    }
    return committed;
}
