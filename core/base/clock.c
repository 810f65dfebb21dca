/* SPDX-License-Identifier: MIT */
#include "core/base/clock.h"

#include <stdio.h>

static int64_t read_ms(clockid_t id)
{
    struct timespec ts;
    (void)clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t clock_mono_ms(void)
{
    return read_ms(CLOCK_MONOTONIC);
}

int64_t clock_mono_us(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_unix_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}

/* RFC 3339 has years of four digits. */
static const int64_t first_ms = INT64_C(-62135596800000), last_ms = INT64_C(253402300799999);

void clock_rfc3339(int64_t unix_ms, char out[RFC3339_SIZE])
{
    int64_t at = unix_ms < first_ms ? first_ms : unix_ms > last_ms ? last_ms : unix_ms;
    unsigned ms = (unsigned)((at % 1000 + 1000) % 1000);
    time_t seconds = (time_t)((at - (int64_t)ms) / 1000);
    struct tm tm;
    char date[sizeof "2026-01-05T10:00:00"];

    (void)gmtime_r(&seconds, &tm);
    (void)snprintf(date, sizeof date, "%04u-%02u-%02uT%02u:%02u:%02u",
                   (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)(tm.tm_mon + 1) % 100,
                   (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100,
                   (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
    (void)snprintf(out, RFC3339_SIZE, "%s.%03uZ", date, ms % 1000);
}

struct timespec clock_mono_in(int64_t ms)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_sec += (time_t)(ms / 1000);
    ts.tv_nsec += (long)(ms % 1000) * 1000000;
    if (ts.tv_nsec >= 1000000000) {
        ts.tv_sec++;
        ts.tv_nsec -= 1000000000;
    }
    return ts;
}
