/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/migrate/apply_script.h"
#include "core/migrate/blockers.h"
#include "core/migrate/lane_internal.h"
#include "core/migrate/place.h"
#include "core/migrate/sqlcheck.h"
#include "core/migrate/tracking_internal.h"
#include "core/pg/script.h"

static const char begin_line[] = "BEGIN ISOLATION LEVEL READ COMMITTED;\n";

static err_code no_memory(struct lane *l)
{
    return err_set(l->err, ERR_INTERNAL, "out of memory");
}

/* Where in the file a character of the script is; lead: characters of it before the statement. */
static size_t place_of(const struct lane *l, int statement, size_t position, size_t lead)
{
    const struct migration *m = l->m;

    if (!statement || position <= lead)
        return APPLY_NO_PLACE;
    struct place at = PLACE_START(m->statements[statement - 1].offset);
    place_by_chars(&at, m->sql, m->sql_len, position - 1 - lead);
    return at.offset < m->sql_len ? at.offset : APPLY_NO_PLACE;
}

/* Sends a script; kinds says what its statements are, the last of them the rest. lead: characters
 * of it before the migration's statement. */
static err_code send(struct lane *l, const char *sql, const apply_step_kind *kinds, size_t n,
                     int statement, size_t lead)
{
    struct pg_failure failure = {.statement = 0};

    if (!pg_script_run(l->session, sql, 0, &failure, l->err))
        return ERR_NONE;
    size_t at = failure.statement < n ? failure.statement : n - 1;
    if (failure.statement == 0 && failure.position > lead && statement) /* a syntax error: nothing ran */
        for (size_t i = 0; i < n; i++)
            at = kinds[i] == STEP_STATEMENT ? i : at;
    struct apply_step step = {.kind = kinds[at], .migration = l->m, .statement = statement};
    size_t place = place_of(l, statement, failure.position, lead);
    err_code code =
        apply_fail(&step, &failure, place, !pg_alive(l->session), &l->result->failure, l->err);
    if (code == ERR_LOCK_UNAVAILABLE)
        l->result->failure.blocked_by =
            blockers_read(l->session, l->options->schema, l->options->shared_schema, 0);
    return code;
}

/* The comment of the tracking table as it shall be; mark NULL: without. */
static void add_mark(const struct lane *l, struct str *sql, const struct lane_mark *mark)
{
    CLEANUP(str_clear) struct str text = STR_INIT;

    lane_mark_write(&text, l->comment, mark);
    sql->failed = sql->failed || !str_ok(&text);
    lane_mark_sql(sql, str_text(&l->table), str_text(&text));
}

static struct lane_mark mark_of(const struct lane *l, int done, bool running)
{
    struct lane_mark mark = {.done = done, .running = running};

    (void)snprintf(mark.version, sizeof mark.version, "%s", l->m->version);
    (void)snprintf(mark.sha256, sizeof mark.sha256, "%s", l->m->sha256);
    return mark;
}

/* Durable before what it is about is sent; mark NULL takes it away. */
static err_code set_mark(struct lane *l, const struct lane_mark *mark)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    static const apply_step_kind kinds[] = {STEP_RECORD};

    add_mark(l, &sql, mark);
    if (!str_ok(&sql))
        return no_memory(l);
    err_code rc = send(l, str_text(&sql), kinds, 1, 0, 0);
    if (rc)
        return rc;
    l->mark = mark ? *mark : (struct lane_mark){.done = 0};
    if (!mark)
        return ERR_NONE;
    if (!applied_set_begin(l->set, mark->version))
        return no_memory(l);
    if (l->options->lane->begun)
        l->options->lane->begun(l->options->lane->arg, l->set);
    return ERR_NONE;
}

static char *text_of(const struct lane *l, const struct statement *s)
{
    return strndup(l->m->sql + s->offset, s->length);
}

/* With its place in the mark, in one transaction: it happens once. */
static err_code run_plain(struct lane *l, int number, const char *text)
{
    static const apply_step_kind kinds[] = {STEP_BEGIN, STEP_STATEMENT, STEP_RECORD, STEP_COMMIT};
    CLEANUP(str_clear) struct str sql = STR_INIT;
    struct lane_mark mark = mark_of(l, number, false);

    str_add(&sql, begin_line);
    str_add(&sql, text);
    str_add(&sql, "\n;\n");
    add_mark(l, &sql, &mark);
    str_add(&sql, ";\nCOMMIT;\n");
    if (!str_ok(&sql))
        return no_memory(l);
    err_code rc = send(l, str_text(&sql), kinds, ARRAY_LEN(kinds), number, strlen(begin_line));
    if (!rc)
        l->mark = mark;
    return rc;
}

/* A statement that waits for old snapshots holds nobody up, and may wait for as long as it may run;
 * the others stop after the time of a lock. */
static err_code set_lock_timeout(struct lane *l, statement_kind kind)
{
    char sql[48];
    bool patient = kind == STATEMENT_CREATE_INDEX || kind == STATEMENT_DROP_INDEX ||
                   kind == STATEMENT_REINDEX;

    (void)snprintf(sql, sizeof sql, "SET lock_timeout = %d",
                   patient ? 0 : l->options->lock_timeout_ms);
    return pg_command(l->session, sql, l->err);
}

static err_code send_alone(struct lane *l, int number, const char *text,
                           const struct lane_target *target, lane_answer answer)
{
    static const apply_step_kind kinds[] = {STEP_STATEMENT};
    char finalize[2 * LANE_NAME_SIZE + 60];

    if (answer == LANE_DONE)
        return ERR_NONE;
    if (answer == LANE_RUN)
        return send(l, text, kinds, 1, number, 0);
    (void)snprintf(finalize, sizeof finalize, "ALTER TABLE %s DETACH PARTITION %s FINALIZE",
                   target->relation, target->partition);
    return send(l, finalize, kinds, 1, number, sizeof finalize);
}

/* After a failure that has left nothing the schema is as clean as before. */
static void settle(struct lane *l, int number, statement_kind kind,
                   const struct lane_target *target)
{
    struct apply_failure failure = l->result->failure;
    struct err err, *outer = l->err;
    struct lane_mark mark = mark_of(l, number - 1, false);

    if (!pg_alive(l->session) || !lane_left_nothing(l, kind, target))
        return;
    l->err = &err;
    if (set_mark(l, number > 1 ? &mark : NULL))
        l->result->failure = failure;
    l->err = outer;
}

static err_code run_alone(struct lane *l, int number, statement_kind kind, const char *text)
{
    struct lane_target target;
    lane_answer answer = LANE_RUN;
    bool running = l->mark.version[0] && l->mark.running && l->mark.done == number - 1;
    struct lane_mark mark = mark_of(l, number - 1, true);

    (void)lane_target_read(kind, text, strlen(text), &target);
    err_code rc = set_lock_timeout(l, kind);
    if (!rc)
        rc = lane_prepare(l, kind, &target, running, &answer);
    if (!rc && answer == LANE_RUN && !running)
        rc = set_mark(l, &mark);
    if (rc)
        return rc;
    rc = send_alone(l, number, text, &target, answer);
    if (rc) {
        settle(l, number, kind, &target);
        return rc;
    }
    rc = lane_verify(l, kind, &target);
    mark = mark_of(l, number, false);
    return rc || number == (int)l->m->statement_count ? rc : set_mark(l, &mark);
}

static bool is_stopped(const struct lane *l)
{
    const struct lane_access *access = l->options->lane;
    return access->stopped && access->stopped(access->arg);
}

static err_code run_statements(struct lane *l)
{
    int begun_at = l->mark.version[0] ? l->mark.done : 0;

    for (int i = begun_at; i < (int)l->m->statement_count; i++) {
        const struct statement *s = &l->m->statements[i];
        CLEANUP(freep) char *text = text_of(l, s);
        if (!text)
            return no_memory(l);
        if (is_stopped(l))
            return lane_fail(l, ERR_CANCELLED, "migrate", "stopped between two statements");
        err_code rc = s->kind == STATEMENT_PLAIN ? run_plain(l, i + 1, text)
                                                 : run_alone(l, i + 1, s->kind, text);
        if (rc)
            return rc;
    }
    return ERR_NONE;
}

static err_code create_table(struct lane *l)
{
    static const apply_step_kind kinds[] = {STEP_CREATE_TABLE};
    CLEANUP(str_clear) struct str sql = STR_INIT;

    if (l->set->has_table)
        return ERR_NONE;
    tracking_sql_create(&sql, l->set->format, str_text(&l->table));
    if (!str_ok(&sql))
        return no_memory(l);
    err_code rc = send(l, str_text(&sql), kinds, 1, 0, 0);
    l->set->has_table = !rc;
    return rc;
}

/* Its row and the end of its mark, if the table is still what it was. */
static err_code record(struct lane *l)
{
    static const apply_step_kind kinds[] = {STEP_BEGIN,  STEP_LOCK,   STEP_GUARD,
                                            STEP_RECORD, STEP_RECORD, STEP_COMMIT};
    CLEANUP(str_clear) struct str sql = STR_INIT;
    const char *table = str_text(&l->table);

    applied_set_digest(l->set);
    str_add(&sql, begin_line);
    str_addf(&sql, "LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE;\nSELECT CASE WHEN ", table);
    tracking_sql_digest(&sql, l->set->format, table);
    str_addf(&sql, " <> '%s' THEN 'changed' END::integer;\n", l->set->digest);
    tracking_sql_insert(&sql, l->set->format, table, l->m);
    str_add(&sql, ";\n");
    add_mark(l, &sql, NULL);
    str_add(&sql, ";\nCOMMIT;\n");
    if (!str_ok(&sql))
        return no_memory(l);
    err_code rc = send(l, str_text(&sql), kinds, ARRAY_LEN(kinds), 0, 0);
    if (rc)
        return rc;
    bool ok = applied_set_record(l->set, l->m, clock_unix_ms()) && applied_set_begin(l->set, NULL);
    applied_set_digest(l->set);
    l->result->applied++;
    return ok ? ERR_NONE : no_memory(l);
}

/* What the schema says under the locks: only now nobody else changes it. */
static err_code read_truth(struct lane *l)
{
    const struct apply_options *o = l->options;

    applied_set_free(l->set);
    free(l->comment);
    l->set = NULL;
    l->comment = NULL;
    err_code rc = tracking_read(l->session, o->schema, o->table, o->format, &l->set, l->err);
    return rc ? rc
              : lane_mark_read(l->session, o->schema, o->table, &l->mark, &l->comment, l->err);
}

static err_code check_mark(struct lane *l)
{
    char text[400];

    if (!l->mark.version[0] ||
        (str_eq(l->mark.version, l->m->version) && str_eq(l->mark.sha256, l->m->sha256) &&
         l->mark.done <= (int)l->m->statement_count))
        return ERR_NONE;
    (void)snprintf(text, sizeof text, "%s was begun%s and has not ended", l->mark.version,
                   str_eq(l->mark.version, l->m->version) ? " with other bytes" : " before");
    return lane_fail(l, ERR_HISTORY_DIVERGED, "plan", text);
}

static err_code run_locked(struct lane *l, const struct applied_set *assumed, bool *stale)
{
    err_code rc = read_truth(l);

    if (rc)
        return rc;
    *stale = !str_eq(l->set->digest, assumed->digest) || l->set->has_table != assumed->has_table ||
             l->set->format != assumed->format;
    if (*stale)
        return ERR_NONE;
    rc = check_mark(l);
    if (!rc)
        rc = create_table(l);
    if (!rc)
        rc = run_statements(l);
    return rc ? rc : record(l);
}

/* What is true after a failure, asked anew: the failure may be in what was asked last. */
static void look_again(struct lane *l)
{
    struct err err, *outer = l->err;

    l->err = &err;
    if (l->session && pg_alive(l->session) && !read_truth(l)) {
        l->result->now = l->set;
        l->set = NULL;
    }
    l->err = outer;
}

static void lane_clear(struct lane *l)
{
    lane_close(l);
    str_clear(&l->table);
    applied_set_free(l->set);
    free(l->comment);
}

err_code lane_run(const struct migration *m, const struct applied_set *set,
                  const struct apply_options *options, struct apply_result *result, bool *stale,
                  struct err *err)
{
    CLEANUP(lane_clear) struct lane l = {
        .m = m, .options = options, .result = result, .err = err};

    if (!options->lane)
        return lane_fail(&l, ERR_MIGRATION_FAILED, "lane",
                         "it runs outside of transactions, which is not possible here");
    err_code rc = tracking_name(options->schema, options->table, &l.table, err);
    if (!rc)
        rc = lane_open(&l);
    if (rc)
        return rc;
    rc = run_locked(&l, set, stale);
    if (rc) {
        look_again(&l);
        return rc;
    }
    if (!*stale) {
        result->now = l.set;
        l.set = NULL;
    }
    return ERR_NONE;
}

void lane_preview(const struct migration *m, struct str *sql)
{
    str_addf(sql, "-- %s: outside of transactions, each statement by itself\n", m->version);
    for (size_t i = 0; i < m->statement_count; i++) {
        str_add_n(sql, m->sql + m->statements[i].offset, m->statements[i].length);
        str_add(sql, "\n;\n");
    }
}
