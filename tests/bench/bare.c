/* SPDX-License-Identifier: MIT */
/*
 * The floor: what PostgreSQL itself takes for a fleet's work. Sends one text per tenant, with every
 * @ replaced by the tenant's number, in one simple-protocol message each, on connections that are
 * opened before the clock starts; keeps no registry, checks nothing but that no batch failed.
 * Ends with a durable commit, so that what was committed asynchronously is on disk, too.
 *
 * usage: bench_bare URL FILE COUNT CONNECTIONS; prints the seconds.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libpq-fe.h>

enum { CONNECTIONS_MAX = 64, FILE_MAX = 1 << 20, NUMBER_MAX = 10 };

struct work {
    char *text;
    int count;
    atomic_int next, failed;
};

struct sender {
    struct work *work;
    PGconn *conn;
    pthread_t thread;
};

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = file ? calloc(1, FILE_MAX) : NULL;

    if (text && fread(text, 1, FILE_MAX - 1, file) == FILE_MAX - 1) {
        free(text);
        text = NULL;
    }
    if (file)
        (void)fclose(file);
    return text;
}

static char *batch_of(const char *text, int tenant)
{
    char number[NUMBER_MAX + 2];
    size_t places = 0;

    for (const char *p = text; (p = strchr(p, '@')); p++)
        places++;
    size_t n = (size_t)snprintf(number, sizeof number, "%d", tenant);
    char *batch = malloc(strlen(text) + places * n + 1), *to = batch;
    for (; batch && *text; text++) {
        if (*text != '@') {
            *to++ = *text;
            continue;
        }
        memcpy(to, number, n);
        to += n;
    }
    if (batch)
        *to = '\0';
    return batch;
}

static int send_batch(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    int bad = status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK;

    if (bad)
        (void)fprintf(stderr, "bench_bare: %s", PQerrorMessage(conn));
    PQclear(result);
    return bad;
}

static void *send_all(void *arg)
{
    struct sender *s = arg;
    struct work *w = s->work;

    for (int i; (i = atomic_fetch_add(&w->next, 1)) < w->count && !w->failed;) {
        char *batch = batch_of(w->text, i);
        if (!batch || send_batch(s->conn, batch))
            atomic_store(&w->failed, 1);
        free(batch);
    }
    return NULL;
}

static int connect_all(struct sender *senders, int n, const char *url, struct work *work)
{
    for (int i = 0; i < n; i++) {
        senders[i] = (struct sender){.work = work, .conn = PQconnectdb(url)};
        if (PQstatus(senders[i].conn) != CONNECTION_OK) {
            (void)fprintf(stderr, "bench_bare: %s", PQerrorMessage(senders[i].conn));
            return 1;
        }
    }
    return 0;
}

static double run(struct sender *senders, int n)
{
    double start = now_s();

    for (int i = 0; i < n; i++)
        if (pthread_create(&senders[i].thread, NULL, send_all, &senders[i]))
            abort();
    for (int i = 0; i < n; i++)
        (void)pthread_join(senders[i].thread, NULL);
    if (send_batch(senders[0].conn, "SELECT pg_logical_emit_message(true, 'bench', 'flush')"))
        atomic_store(&senders[0].work->failed, 1);
    return now_s() - start;
}

int main(int argc, char **argv)
{
    struct sender senders[CONNECTIONS_MAX] = {{.work = NULL}};
    struct work work = {.text = argc == 5 ? read_file(argv[2]) : NULL};
    int n = argc == 5 ? (int)strtol(argv[4], NULL, 10) : 0;

    work.count = argc == 5 ? (int)strtol(argv[3], NULL, 10) : 0;
    if (!work.text || work.count < 1 || n < 1 || n > CONNECTIONS_MAX) {
        (void)fputs("usage: bench_bare URL FILE COUNT CONNECTIONS\n", stderr);
        free(work.text);
        return 2;
    }
    if (!connect_all(senders, n, argv[1], &work)) {
        double seconds = run(senders, n);
        if (!work.failed)
            printf("%.4f\n", seconds);
    } else {
        work.failed = 1;
    }
    for (int i = 0; i < n; i++)
        PQfinish(senders[i].conn);
    free(work.text);
    return work.failed ? 1 : 0;
}
