/* SPDX-License-Identifier: MIT */
/* The only source of "now". */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum { RFC3339_SIZE = sizeof "2026-01-05T10:00:00.000Z" };

/* Milliseconds of a clock that never goes back; for deadlines and durations. */
int64_t clock_mono_ms(void);
/* The same clock in microseconds; for durations. */
int64_t clock_mono_us(void);
/* Milliseconds since 1970-01-01 UTC. */
int64_t clock_unix_ms(void);
/* Writes unix_ms as RFC 3339 in UTC with milliseconds; what lies beyond the years 1 to 9999, which
 * tables of others may say, becomes their first or last instant. */
void clock_rfc3339(int64_t unix_ms, char out[RFC3339_SIZE]);
/* A monotonic instant ms from now, as pthread_cond_timedwait takes it with CLOCK_MONOTONIC. */
struct timespec clock_mono_in(int64_t ms);
