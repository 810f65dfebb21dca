/* SPDX-License-Identifier: MIT */
#include "core/job/bell.h"

#include "core/base/clock.h"

void bell_init(struct bell *bell)
{
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&bell->lock, NULL);
    (void)pthread_cond_init(&bell->rung, &attr);
    (void)pthread_condattr_destroy(&attr);
    bell->rings = 0;
}

void bell_destroy(struct bell *bell)
{
    (void)pthread_cond_destroy(&bell->rung);
    (void)pthread_mutex_destroy(&bell->lock);
}

uint64_t bell_rings(struct bell *bell)
{
    (void)pthread_mutex_lock(&bell->lock);
    uint64_t rings = bell->rings;
    (void)pthread_mutex_unlock(&bell->lock);
    return rings;
}

void bell_ring(struct bell *bell, bool all)
{
    (void)pthread_mutex_lock(&bell->lock);
    bell->rings++;
    if (all)
        (void)pthread_cond_broadcast(&bell->rung);
    else
        (void)pthread_cond_signal(&bell->rung);
    (void)pthread_mutex_unlock(&bell->lock);
}

bool bell_wait(struct bell *bell, uint64_t seen, int64_t ms)
{
    struct timespec until = clock_mono_in(ms);
    int rc = 0;

    (void)pthread_mutex_lock(&bell->lock);
    while (bell->rings == seen && rc == 0)
        rc = pthread_cond_timedwait(&bell->rung, &bell->lock, &until);
    bool rung = bell->rings != seen;
    (void)pthread_mutex_unlock(&bell->lock);
    return rung;
}
