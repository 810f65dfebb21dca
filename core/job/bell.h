/* SPDX-License-Identifier: MIT */
/* How threads wake each other: a ring between looking for work and waiting for it is not lost. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct bell {
    pthread_mutex_t lock;
    pthread_cond_t rung;
    uint64_t rings;
};

void bell_init(struct bell *bell);
void bell_destroy(struct bell *bell);
/* The number to hand to bell_wait(); take it before looking for work. */
uint64_t bell_rings(struct bell *bell);
/* Wakes one who waits, or all; who looks for work right now will not wait either. */
void bell_ring(struct bell *bell, bool all);
/* Returns when the bell has been rung since `seen`, or after ms; true: it was rung. */
bool bell_wait(struct bell *bell, uint64_t seen, int64_t ms);
