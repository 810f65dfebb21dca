/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/pg/pg_internal.h"

struct pg_canceller {
    PGcancel *cancel;
    int fd;          /* the connection's socket, a descriptor of our own */
    atomic_int refs; /* its owner, and a request under way, which may outlast it */
    pthread_mutex_t lock;
    pthread_cond_t settled;
    bool busy; /* a request is under way */
};

struct pg_canceller *pg_canceller_new(const struct pg *pg)
{
    struct pg_canceller *canceller = calloc(1, sizeof *canceller);
    pthread_condattr_t attr;

    if (!canceller)
        return NULL;
    canceller->cancel = PQgetCancel(pg->conn);
    if (!canceller->cancel) {
        free(canceller);
        return NULL;
    }
    canceller->fd = fcntl(PQsocket(pg->conn), F_DUPFD_CLOEXEC, 0);
    atomic_init(&canceller->refs, 1);
    (void)pthread_mutex_init(&canceller->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&canceller->settled, &attr);
    (void)pthread_condattr_destroy(&attr);
    return canceller;
}

void pg_canceller_free(struct pg_canceller *canceller)
{
    if (!canceller || atomic_fetch_sub(&canceller->refs, 1) > 1)
        return;
    PQfreeCancel(canceller->cancel);
    if (canceller->fd >= 0)
        (void)close(canceller->fd);
    (void)pthread_cond_destroy(&canceller->settled);
    (void)pthread_mutex_destroy(&canceller->lock);
    free(canceller);
}

static void settle(struct pg_canceller *canceller)
{
    (void)pthread_mutex_lock(&canceller->lock);
    canceller->busy = false;
    (void)pthread_cond_broadcast(&canceller->settled);
    (void)pthread_mutex_unlock(&canceller->lock);
    pg_canceller_free(canceller);
}

static void *request(void *arg)
{
    struct pg_canceller *canceller = arg;
    char ignored[256]; /* best effort by contract: a failure shows as the statement going on */

    (void)PQcancel(canceller->cancel, ignored, sizeof ignored);
    settle(canceller);
    return NULL;
}

void pg_canceller_fire(struct pg_canceller *canceller)
{
    pthread_t thread;

    (void)pthread_mutex_lock(&canceller->lock);
    bool busy = canceller->busy;
    canceller->busy = true;
    (void)pthread_mutex_unlock(&canceller->lock);
    if (busy)
        return;
    (void)atomic_fetch_add(&canceller->refs, 1);
    if (pthread_create(&thread, NULL, request, canceller))
        settle(canceller); /* the next one may find a thread */
    else
        (void)pthread_detach(thread);
}

bool pg_canceller_settle(struct pg_canceller *canceller, int64_t ms)
{
    struct timespec until = clock_mono_in(ms);

    (void)pthread_mutex_lock(&canceller->lock);
    while (canceller->busy &&
           !pthread_cond_timedwait(&canceller->settled, &canceller->lock, &until))
        continue;
    bool settled = !canceller->busy;
    (void)pthread_mutex_unlock(&canceller->lock);
    return settled;
}

void pg_canceller_cut(struct pg_canceller *canceller)
{
    if (canceller->fd >= 0)
        (void)shutdown(canceller->fd, SHUT_RDWR);
}
