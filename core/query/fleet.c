/* SPDX-License-Identifier: MIT */
#include "core/query/fleet.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"

enum { PARALLEL_MAX = 64, SERVERS_MAX = 64, DOWN_AFTER = 3 };

/* How often in a row a server could not be reached. */
struct fleet_server {
    const char *name;
    int failures;
};

struct asking {
    const struct fleet *fleet;
    pthread_mutex_t lock; /* of all that follows, and held while done() runs */
    size_t next;
    bool over;
    char **columns; /* the names of the first tenant's that gave any; ours */
    size_t column_count;
    const char *first;
    struct fleet_server servers[SERVERS_MAX];
    size_t server_count;
};

/* One tenant being asked. */
struct turn {
    struct asking *a;
    const struct fleet_member *member;
    struct str rows;
    int64_t row_count;
    bool truncated;
    struct pg_shape *shape; /* a copy; what the sink is shown ends with the query */
    struct pg_shape copy;
};

static bool is_over(void *arg)
{
    struct turn *t = arg;
    struct asking *a = t->a;

    (void)pthread_mutex_lock(&a->lock);
    bool over = a->over;
    (void)pthread_mutex_unlock(&a->lock);
    return over || (a->fleet->stopped && a->fleet->stopped(a->fleet->arg));
}

static void begin(void *arg, const struct pg_shape *shape)
{
    struct turn *t = arg;

    str_reset(&t->rows);
    t->row_count = 0;
    t->truncated = false;
    pg_shape_clear(&t->copy);
    t->shape = pg_shape_copy(shape, &t->copy) ? &t->copy : NULL;
}

static bool add_row(void *arg, const struct pg_shape *shape, const struct pg_row *row)
{
    struct turn *t = arg;
    const struct fleet *f = t->a->fleet;
    size_t before = t->rows.len;

    t->truncated = t->row_count >= f->max_rows;
    if (t->truncated)
        return false;
    f->add(&t->rows, t->member->id, shape, row);
    if (!str_ok(&t->rows) || t->rows.len > f->max_bytes) {
        t->truncated = true;
        t->rows.len = before;
        return false;
    }
    t->row_count++;
    return true;
}

static err_code ask(struct turn *t, struct err *err)
{
    const struct fleet *f = t->a->fleet;
    const struct fleet_member *m = t->member;
    const struct query_names names = {.tenant = m->schema, .shared = f->env->shared_schema};
    const struct query_target target = {.server = m->server, .url = m->url, .schema = m->schema};
    const struct query_sink sink = {.arg = t, .begin = begin, .row = add_row, .stopped = is_over};
    CLEANUP(query_text_clear) struct query_text text = {.sql = NULL};
    struct query_outcome outcome;
    err_code rc = query_text_fill(f->sql, &names, &text, err);

    if (rc)
        return rc;
    const struct query query = {
        .text = &text, .params = f->params, .target = &target, .timeout_ms = f->timeout_ms};
    return query_run(f->env, &query, &sink, &outcome, err);
}

static bool is_unreachable(err_code code)
{
    return code == ERR_DATABASE_UNAVAILABLE || code == ERR_POOL_EXHAUSTED ||
           code == ERR_DATABASE_TIMEOUT;
}

/* With the lock held. NULL: there are more servers than places to remember them. */
static struct fleet_server *find_server(struct asking *a, const char *name)
{
    for (size_t i = 0; i < a->server_count; i++)
        if (str_eq(a->servers[i].name, name))
            return &a->servers[i];
    if (a->server_count == SERVERS_MAX)
        return NULL;
    a->servers[a->server_count] = (struct fleet_server){.name = name};
    return &a->servers[a->server_count++];
}

/* With the lock held: the first shape is what every other is held against. */
static err_code check_columns(struct asking *a, const struct turn *t, struct err *err)
{
    const struct pg_shape *shape = t->shape;
    bool same = shape && (!a->first || shape->count == a->column_count);

    for (size_t i = 0; same && a->first && i < shape->count; i++)
        same = str_eq(shape->columns[i].name, a->columns[i]);
    if (!shape)
        return err_set(err, ERR_INTERNAL, "out of memory");
    if (!same)
        return err_set(err, ERR_QUERY_FAILED, "its columns are not those of tenant %s", a->first);
    if (a->first)
        return ERR_NONE;
    a->columns = calloc(shape->count + 1, sizeof *a->columns);
    for (size_t i = 0; a->columns && i < shape->count; i++)
        a->columns[i] = strdup(shape->columns[i].name);
    if (!a->columns)
        return err_set(err, ERR_INTERNAL, "out of memory");
    a->column_count = shape->count;
    a->first = t->member->id;
    return ERR_NONE;
}

static void hand_over(struct turn *t, err_code rc, struct err *err)
{
    struct asking *a = t->a;

    (void)pthread_mutex_lock(&a->lock);
    struct fleet_server *server = find_server(a, t->member->server);
    if (server)
        server->failures = rc == ERR_DATABASE_UNAVAILABLE ? server->failures + 1 : 0;
    if (!rc)
        rc = check_columns(a, t, err);
    const struct fleet_result result = {.member = t->member,
                                        .shape = rc ? NULL : t->shape,
                                        .rows = &t->rows,
                                        .row_count = rc ? 0 : t->row_count,
                                        .truncated = !rc && t->truncated,
                                        .code = rc,
                                        .unreachable = is_unreachable(rc),
                                        .err = err};
    if (!a->over && !a->fleet->done(a->fleet->arg, &result))
        a->over = true;
    (void)pthread_mutex_unlock(&a->lock);
}

/* A server that is away is not asked thousands of times. */
static bool is_down(struct asking *a, const char *name)
{
    (void)pthread_mutex_lock(&a->lock);
    const struct fleet_server *server = find_server(a, name);
    bool down = server && server->failures >= DOWN_AFTER;
    (void)pthread_mutex_unlock(&a->lock);
    return down;
}

static void take_turn(struct turn *t)
{
    const struct fleet *f = t->a->fleet;
    struct err err = {.code = ERR_NONE};
    err_code rc;

    if (f->until && clock_mono_ms() >= f->until)
        rc = err_set(&err, ERR_QUERY_TIMEOUT, "its turn did not come in time");
    else if (is_down(t->a, t->member->server))
        rc = err_set(&err, ERR_DATABASE_UNAVAILABLE, "server %s is not reachable",
                     t->member->server);
    else
        rc = ask(t, &err);
    hand_over(t, rc, &err);
    str_reset(&t->rows);
    pg_shape_clear(&t->copy);
    t->shape = NULL;
}

static void *work(void *arg)
{
    struct asking *a = arg;
    struct turn t = {.a = a, .rows = STR_INIT};

    while (!is_over(&t)) {
        (void)pthread_mutex_lock(&a->lock);
        size_t i = a->next++;
        (void)pthread_mutex_unlock(&a->lock);
        if (i >= a->fleet->count)
            break;
        t.member = &a->fleet->members[i];
        take_turn(&t);
    }
    str_clear(&t.rows);
    return NULL;
}

err_code fleet_run(const struct fleet *fleet, struct err *err)
{
    struct asking a = {.fleet = fleet};
    pthread_t threads[PARALLEL_MAX];
    size_t wanted = (size_t)fleet->parallel < fleet->count ? (size_t)fleet->parallel : fleet->count;
    size_t made = 0;

    (void)pthread_mutex_init(&a.lock, NULL);
    while (made < wanted && made < PARALLEL_MAX &&
           pthread_create(&threads[made], NULL, work, &a) == 0)
        made++;
    for (size_t i = 0; i < made; i++)
        (void)pthread_join(threads[i], NULL);
    for (size_t i = 0; i < a.column_count; i++)
        free(a.columns[i]);
    free(a.columns);
    (void)pthread_mutex_destroy(&a.lock);
    return made || !fleet->count ? ERR_NONE
                                 : err_set(err, ERR_SYSTEM_FAILED, "cannot start a thread");
}
