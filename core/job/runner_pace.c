/* SPDX-License-Identifier: MIT */
#include "core/job/runner_pace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/job/pace.h"
#include "core/job/runner_internal.h"
#include "core/tenant/server_store.h"

enum { SETTLE_MS = 1000 }; /* after a change, until what was begun before has ended */

/* What one replica has told of one server. */
struct told {
    char worker[UUID_TEXT_SIZE];
    char *server;
    int64_t from_ms, at_ms; /* by its own clock: of the window, and of what it told last */
    struct tally from, now;
    bool seen; /* in this round */
};

struct course {
    char *server;
    struct pace pace;
    int64_t from_ms; /* monotonic; no window begins before */
};

struct pacer {
    struct told *told;
    struct course *courses;
    size_t told_count, course_count;
};

void pace_tally(struct runner *runner, const char *server, const struct tally *add)
{
    (void)pthread_mutex_lock(&runner->lock);
    json_t *sum = json_object_get(runner->tally, server);
    json_int_t tasks = 0, busy_us = 0, lock_waits = 0;
    if (sum)
        (void)json_unpack(sum, "[I, I, I]", &tasks, &busy_us, &lock_waits);
    (void)json_object_set_new(runner->tally, server,
                              json_pack("[I, I, I]", tasks + (json_int_t)add->tasks,
                                        busy_us + (json_int_t)add->busy_us,
                                        lock_waits + (json_int_t)add->lock_waits));
    (void)pthread_mutex_unlock(&runner->lock);
}

char *pace_report(struct runner *runner)
{
    char *text = NULL;

    (void)pthread_mutex_lock(&runner->lock);
    if (json_object_size(runner->tally)) {
        json_auto_t *report = json_pack("{s:I, s:O}", "at", (json_int_t)clock_mono_ms(), "servers",
                                        runner->tally);
        text = report ? json_dumps(report, JSON_COMPACT) : NULL;
    }
    (void)pthread_mutex_unlock(&runner->lock);
    return text;
}

struct pacer *pacer_new(void)
{
    return calloc(1, sizeof(struct pacer));
}

void pacer_free(struct pacer *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->told_count; i++)
        free(p->told[i].server);
    for (size_t i = 0; i < p->course_count; i++)
        free(p->courses[i].server);
    free(p->told);
    free(p->courses);
    free(p);
}

static err_code list_told(struct pg *pg, struct pg_rows **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "pace_told",
        .sql = "SELECT w.id AS worker, s.id AS server, s.pace, (w.tally ->> 'at')::bigint AS at_ms,"
               " (t.value ->> 0)::bigint AS tasks, (t.value ->> 1)::bigint AS busy_us,"
               " (t.value ->> 2)::bigint AS lock_waits"
               " FROM tenantd.worker w CROSS JOIN jsonb_each(w.tally -> 'servers') t"
               " JOIN tenantd.server s ON s.id = t.key WHERE s.max_parallel IS NULL",
    };
    return pg_query(pg, &stmt, NULL, 0, out, err);
}

/* NULL: no memory */
static struct told *told_of(struct pacer *p, const char *worker, const char *server)
{
    for (size_t i = 0; i < p->told_count; i++)
        if (str_eq(p->told[i].worker, worker) && str_eq(p->told[i].server, server))
            return &p->told[i];
    struct told *grown = realloc(p->told, (p->told_count + 1) * sizeof *grown);
    p->told = grown ? grown : p->told;
    char *name = grown ? strdup(server) : NULL;
    if (!name)
        return NULL;
    struct told *t = &p->told[p->told_count++];
    *t = (struct told){.server = name, .at_ms = -1};
    (void)snprintf(t->worker, sizeof t->worker, "%s", worker);
    return t;
}

static struct course *course_of(struct pacer *p, const char *server, int parallel)
{
    struct course *c = NULL;

    for (size_t i = 0; i < p->course_count && !c; i++)
        if (str_eq(p->courses[i].server, server))
            c = &p->courses[i];
    if (c && c->pace.parallel == parallel)
        return c;
    if (!c) {
        struct course *grown = realloc(p->courses, (p->course_count + 1) * sizeof *grown);
        p->courses = grown ? grown : p->courses;
        char *name = grown ? strdup(server) : NULL;
        if (!name)
            return NULL;
        c = &p->courses[p->course_count++];
        *c = (struct course){.server = name};
    }
    pace_start(&c->pace, parallel); /* new, or somebody else has led in between */
    return c;
}

static void begin_window(struct told *t)
{
    t->from = t->now;
    t->from_ms = t->at_ms;
}

static err_code take_row(struct pacer *p, const struct pg_rows *rows, size_t i, struct err *err)
{
    const char *server = pg_text(rows, i, "server");
    struct told *t = told_of(p, pg_text(rows, i, "worker"), server);

    if (!t || !course_of(p, server, pg_int(rows, i, "pace")))
        return err_set(err, ERR_INTERNAL, "out of memory");
    bool fresh = t->at_ms < 0;
    t->seen = true;
    t->at_ms = pg_bigint(rows, i, "at_ms");
    t->now = (struct tally){.tasks = pg_bigint(rows, i, "tasks"),
                            .busy_us = pg_bigint(rows, i, "busy_us"),
                            .lock_waits = pg_bigint(rows, i, "lock_waits")};
    if (fresh)
        begin_window(t);
    return ERR_NONE;
}

/* Replicas that are gone. */
static void drop_unseen(struct pacer *p)
{
    size_t kept = 0;

    for (size_t i = 0; i < p->told_count; i++) {
        if (p->told[i].seen)
            p->told[kept++] = p->told[i];
        else
            free(p->told[i].server);
    }
    p->told_count = kept;
}

/* All replicas' together: their clocks differ, but not in how fast they go. */
static struct pace_window window_of(const struct pacer *p, const struct course *c)
{
    struct pace_window w = {.seconds = 0};

    for (size_t i = 0; i < p->told_count; i++) {
        const struct told *t = &p->told[i];
        double seconds = (double)(t->at_ms - t->from_ms) / 1000;
        if (!str_eq(t->server, c->server))
            continue;
        w.seconds = seconds > w.seconds ? seconds : w.seconds;
        w.busy += (double)(t->now.busy_us - t->from.busy_us) / 1e6;
        w.tasks += (double)(t->now.tasks - t->from.tasks);
        w.lock_waits += (double)(t->now.lock_waits - t->from.lock_waits);
    }
    return w;
}

static void begin_windows(struct pacer *p, const struct course *c)
{
    for (size_t i = 0; i < p->told_count; i++)
        if (str_eq(p->told[i].server, c->server))
            begin_window(&p->told[i]);
}

static err_code judge(struct pacer *p, struct course *c, struct pg *pg, bool *faster,
                      struct err *err)
{
    struct pace_window w = window_of(p, c);
    int was = c->pace.parallel;

    if (clock_mono_ms() < c->from_ms || (w.tasks + w.lock_waits <= 0 && w.busy <= 0)) {
        begin_windows(p, c);
        return ERR_NONE;
    }
    if (!pace_can_tell(&c->pace, &w))
        return ERR_NONE;
    begin_windows(p, c);
    if (!pace_step(&c->pace, &w))
        return ERR_NONE;
    *faster |= c->pace.parallel > was;
    c->from_ms = clock_mono_ms() + SETTLE_MS;
    return server_set_pace(pg, c->server, c->pace.parallel, err);
}

err_code pacer_round(struct pacer *p, struct pg *pg, bool *faster, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = list_told(pg, &rows, err);

    *faster = false;
    for (size_t i = 0; i < p->told_count; i++)
        p->told[i].seen = false;
    for (size_t i = 0; i < pg_rows_count(rows) && !rc; i++)
        rc = take_row(p, rows, i, err);
    if (rc)
        return rc;
    drop_unseen(p);
    for (size_t i = 0; i < p->course_count && !rc; i++)
        rc = judge(p, &p->courses[i], pg, faster, err);
    return rc;
}
