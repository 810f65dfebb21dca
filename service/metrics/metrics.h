/* SPDX-License-Identifier: MIT */
/*
 * Figures for Prometheus (text format 0.0.4). metrics_table.c is the list of families. Counting
 * takes no lock and never fails; the series of a family are fixed at the start, by its labels, so
 * nothing grows with tenants.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"

typedef enum metric {
    METRIC_BUILD_INFO,
    METRIC_HTTP_REQUESTS,
    METRIC_HTTP_DURATION,
    METRIC_HTTP_IN_FLIGHT,
    METRIC_HTTP_QUEUED,
    METRIC_HTTP_CONNECTIONS,
    METRIC_HTTP_REJECTED,
    METRIC_LONGPOLL_WAITERS,
    METRIC_AUTH_FAILURES,
    METRIC_ERRORS,
    METRIC_JOBS_CREATED,
    METRIC_JOBS_FINISHED,
    METRIC_JOBS,
    METRIC_TASKS,
    METRIC_QUEUE_OLDEST_AGE,
    METRIC_TASKS_FINISHED,
    METRIC_TASK_DURATION,
    METRIC_TASKS_RESCUED,
    METRIC_TASKS_FENCED,
    METRIC_CLAIMS,
    METRIC_CLAIM_DURATION,
    METRIC_LEADER,
    METRIC_LEADER_TRANSITIONS,
    METRIC_HEARTBEAT,
    METRIC_EVENTS_RELAYED,
    METRIC_EVENTS_LAG,
    METRIC_EVENT_STREAMS,
    METRIC_EVENT_STREAMS_DROPPED,
    METRIC_MIGRATION_TASKS,
    METRIC_MIGRATION_FAILURES,
    METRIC_POOLS,
    METRIC_POOLS_LIMIT,
    METRIC_POOL_CONNECTIONS,
    METRIC_POOL_WAITERS,
    METRIC_POOL_ACQUIRES,
    METRIC_POOL_CONNECTS,
    METRIC_POOL_EVICTIONS,
    METRIC_CONTROL_CONNECTIONS,
    METRIC_CONTROL_WAITERS,
    METRIC_TENANTS,
    METRIC_TENANTS_DRIFT,
    METRIC_DRIFT_SCANNED,
    METRIC_WARM_SCHEMAS,
    METRIC_WARM_CLAIMS,
    METRIC_SNAPSHOT,
    METRIC_LOG_MESSAGES,
    METRIC_SCRAPE_DURATION,
    METRIC_SCRAPE_SERIES,
    METRIC_END,
} metric;

struct metrics;

/* The values of labels that other tables list; borrowed for the call. */
struct metrics_options {
    const char *version, *commit;
    const char *const *routes; /* patterns: "/v1/tenants/{tenant_id}" */
    size_t route_count;
    const char *const *kinds; /* of jobs */
    size_t kind_count;
    const char *const *servers; /* ids of PostgreSQL servers */
    size_t server_count;
};

/* Fails with ERR_SYSTEM_FAILED when there is no memory. *out is the caller's. */
err_code metrics_new(const struct metrics_options *options, struct metrics **out, struct err *err)
    MUST_USE;
void metrics_free(struct metrics *m); /* NULL is fine */
void metrics_freep(struct metrics **m);

/* The series of a family with these label values, in the order of the table. A value that the
 * label does not have counts as its "other"; where it has none that is our bug and asserts. */
size_t metrics_series(const struct metrics *m, metric id, const char *const *values, size_t n);
#define METRICS_SERIES(m, id, ...)                                                                 \
    metrics_series((m), (id), (const char *const[]){__VA_ARGS__},                                  \
                   sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* All of these may be called from any thread. A family without labels has series 0 alone. */
void metrics_inc(struct metrics *m, metric id, size_t series, int64_t n);
/* Sets a gauge, or a counter that is counted elsewhere, in the unit of the table: the milliseconds
 * of a time or an age, else the number itself. */
void metrics_set(struct metrics *m, metric id, size_t series, int64_t value);
/* Notes a duration in a histogram. */
void metrics_observe(struct metrics *m, metric id, size_t series, int64_t microseconds);
/* One more of a family with labels: metrics_count(m, METRIC_AUTH_FAILURES, "missing"). */
#define metrics_count(m, id, ...) metrics_inc((m), (id), METRICS_SERIES((m), (id), __VA_ARGS__), 1)

/* A request that was answered. route is a pattern, NULL where none matched; waited says that the
 * client asked to wait, whose duration says nothing about us. */
void metrics_http(struct metrics *m, const char *route, const char *method, int status,
                  int64_t microseconds, bool waited);
/* An error that was answered or came out of a task. */
void metrics_error(struct metrics *m, err_code code);

/* Appends everything, figures of the process included. */
void metrics_write(struct metrics *m, struct str *out);
#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
