/* SPDX-License-Identifier: MIT */
/* The table of families, and where their figures are kept. */
#pragma once

#include <stdatomic.h>

#include "service/metrics/metrics.h"

typedef enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM } metric_kind;

typedef enum metric_label {
    LABEL_NONE,
    LABEL_VERSION, /* from the options, as the next four */
    LABEL_COMMIT,
    LABEL_ROUTE,
    LABEL_ROUTE_GROUP, /* "tenants" of /v1/tenants/{tenant_id} */
    LABEL_JOB_KIND,
    LABEL_SHARD,
    LABEL_ERROR, /* every err_code */
    LABEL_METHOD,
    LABEL_STATUS,
    LABEL_REJECTION,
    LABEL_DENIAL,
    LABEL_LIVE_JOB_STATE,
    LABEL_LIVE_TASK_STATE,
    LABEL_JOB_OUTCOME,
    LABEL_TASK_OUTCOME,
    LABEL_CLAIM,
    LABEL_MIGRATION_OUTCOME,
    LABEL_SQLSTATE_CLASS,
    LABEL_CONNECTION_STATE,
    LABEL_ACQUIRE,
    LABEL_CONNECT,
    LABEL_EVICTION,
    LABEL_TENANT_STATE,
    LABEL_DRIFT_STATE,
    LABEL_WARM_STATE,
    LABEL_WARM_RESULT,
    LABEL_LEVEL,
    LABEL_END,
} metric_label;

/* A label and all its values. Of an open one the last is "other"; its series are left out while
 * they are 0. */
struct label_set {
    const char *name;
    const char *const *values;
    size_t count;
    bool open;
};

enum { METRIC_LABELS_MAX = 3 };

struct metric_family {
    const char *name, *help;
    metric_kind kind;
    metric_label labels[METRIC_LABELS_MAX];
    int64_t scale;          /* kept in so many to the unit; 0: 1 */
    bool sparse;            /* series are left out while they are 0 */
    const int64_t *buckets; /* upper bounds in microseconds, ending with 0 */
};

const struct metric_family *metrics_family(metric id);
/* The fixed values of a label; count 0 for a label that comes from the options. */
const struct label_set *metrics_label_fixed(metric_label label);

/* A family's figures: one a series, for a histogram one a bucket (+Inf the last) and the sum. */
struct metric_values {
    _Atomic int64_t *values;
    size_t series, stride;
};

struct metrics {
    struct label_set labels[LABEL_END];
    char **texts[LABEL_END]; /* owned values of labels that come from the options */
    struct metric_values families[METRIC_END];
};

size_t metrics_bucket_count(const struct metric_family *family);
/* Appends a number of thousandths or millionths without trailing zeros. */
void metrics_add_scaled(struct str *out, int64_t value, int64_t scale);
/* Appends the families process_*. */
void metrics_write_process(struct str *out);
