/* SPDX-License-Identifier: MIT */
#include "service/metrics/metrics.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/metrics/metrics_internal.h"

size_t metrics_bucket_count(const struct metric_family *family)
{
    size_t n = 0;

    while (family->buckets && family->buckets[n])
        n++;
    return n;
}

/* Adds a copy of text to the values of a label, unless it is there; false: no memory. */
static bool add_value(struct metrics *m, metric_label label, const char *text)
{
    struct label_set *set = &m->labels[label];

    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->values[i], text) == 0)
            return true;
    char **grown = realloc(m->texts[label], (set->count + 1) * sizeof *grown);
    if (!grown)
        return false;
    m->texts[label] = grown;
    set->values = (const char *const *)grown;
    grown[set->count] = strdup(text);
    if (!grown[set->count])
        return false;
    set->count++;
    return true;
}

/* "/v1/tenants/{tenant_id}/suspend" is in the group "tenants"; what is not under /v1 in "meta". */
static void route_group(const char *route, char *out, size_t size)
{
    static const char base[] = "/v1/";

    if (!route || !str_starts(route, base)) {
        (void)snprintf(out, size, "%s", route ? "meta" : "other");
        return;
    }
    route += sizeof base - 1;
    (void)snprintf(out, size, "%.*s", (int)strcspn(route, "/:"), route);
}

static bool add_routes(struct metrics *m, const struct metrics_options *options)
{
    char group[64];

    for (size_t i = 0; i < options->route_count; i++) {
        route_group(options->routes[i], group, sizeof group);
        if (!add_value(m, LABEL_ROUTE, options->routes[i]) ||
            !add_value(m, LABEL_ROUTE_GROUP, group))
            return false;
    }
    return true;
}

static bool add_all(struct metrics *m, metric_label label, const char *const *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!add_value(m, label, values[i]))
            return false;
    return true;
}

#define ADD_CODE(code, kind, title) &&add_value(m, LABEL_ERROR, #code)
static bool add_errors(struct metrics *m)
{
    return true ERR_LIST(ADD_CODE);
}
#undef ADD_CODE

static bool fill_labels(struct metrics *m, const struct metrics_options *options)
{
    for (metric_label label = LABEL_NONE; label < LABEL_END; label++)
        m->labels[label] = *metrics_label_fixed(label);
    return add_value(m, LABEL_VERSION, options->version) &&
           add_value(m, LABEL_COMMIT, options->commit) && add_routes(m, options) &&
           add_all(m, LABEL_JOB_KIND, options->kinds, options->kind_count) &&
           add_all(m, LABEL_SHARD, options->servers, options->server_count) && add_errors(m) &&
           add_value(m, LABEL_ROUTE, "other") && add_value(m, LABEL_ROUTE_GROUP, "other") &&
           add_value(m, LABEL_JOB_KIND, "other") && add_value(m, LABEL_SHARD, "other");
}

static bool make_values(struct metrics *m, metric id)
{
    const struct metric_family *family = metrics_family(id);
    struct metric_values *v = &m->families[id];

    v->series = 1;
    for (size_t i = 0; i < METRIC_LABELS_MAX && family->labels[i]; i++)
        v->series *= m->labels[family->labels[i]].count;
    v->stride = family->kind == METRIC_HISTOGRAM ? metrics_bucket_count(family) + 2 : 1;
    v->values = calloc(v->series * v->stride, sizeof *v->values);
    return v->values != NULL;
}

err_code metrics_new(const struct metrics_options *options, struct metrics **out, struct err *err)
{
    CLEANUP(metrics_freep) struct metrics *m = calloc(1, sizeof *m);
    bool made = m && fill_labels(m, options);

    for (metric id = METRIC_BUILD_INFO; made && id < METRIC_END; id++)
        made = make_values(m, id);
    if (!made)
        return err_set(err, ERR_SYSTEM_FAILED, "out of memory");
    metrics_set(m, METRIC_BUILD_INFO, 0, 1);
    *out = m;
    m = NULL; /* now the caller's */
    return ERR_NONE;
}

void metrics_free(struct metrics *m)
{
    if (!m)
        return;
    for (size_t label = 0; label < LABEL_END; label++) {
        for (size_t i = 0; m->texts[label] && i < m->labels[label].count; i++)
            free(m->texts[label][i]);
        free(m->texts[label]);
    }
    for (size_t id = 0; id < METRIC_END; id++)
        free(m->families[id].values);
    free(m);
}

void metrics_freep(struct metrics **m)
{
    metrics_free(*m);
}

static size_t value_index(const struct label_set *set, const char *value)
{
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->values[i], value) == 0)
            return i;
    assert(set->open);
    return set->count - 1;
}

size_t metrics_series(const struct metrics *m, metric id, const char *const *values, size_t n)
{
    const struct metric_family *family = metrics_family(id);
    size_t series = 0;

    assert(n <= METRIC_LABELS_MAX && (n == METRIC_LABELS_MAX || !family->labels[n]));
    for (size_t i = 0; i < n; i++) {
        const struct label_set *set = &m->labels[family->labels[i]];
        series = series * set->count + value_index(set, values[i]);
    }
    return series;
}

static _Atomic int64_t *place(struct metrics *m, metric id, size_t series)
{
    struct metric_values *v = &m->families[id];

    assert(series < v->series);
    return v->values + series * v->stride;
}

void metrics_inc(struct metrics *m, metric id, size_t series, int64_t n)
{
    atomic_fetch_add_explicit(place(m, id, series), n, memory_order_relaxed);
}

void metrics_set(struct metrics *m, metric id, size_t series, int64_t value)
{
    atomic_store_explicit(place(m, id, series), value, memory_order_relaxed);
}

void metrics_observe(struct metrics *m, metric id, size_t series, int64_t microseconds)
{
    const struct metric_family *family = metrics_family(id);
    _Atomic int64_t *at = place(m, id, series);
    size_t n = metrics_bucket_count(family), bucket = 0;

    assert(family->kind == METRIC_HISTOGRAM);
    if (microseconds < 0)
        microseconds = 0;
    while (bucket < n && microseconds > family->buckets[bucket])
        bucket++;
    atomic_fetch_add_explicit(at + bucket, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(at + n + 1, microseconds, memory_order_relaxed);
}

void metrics_http(struct metrics *m, const char *route, const char *method, int status,
                  int64_t microseconds, bool waited)
{
    char code[16], group[64];

    (void)snprintf(code, sizeof code, "%d", status);
    metrics_count(m, METRIC_HTTP_REQUESTS, route ? route : "other", method, code);
    if (waited)
        return;
    route_group(route, group, sizeof group);
    metrics_observe(m, METRIC_HTTP_DURATION, METRICS_SERIES(m, METRIC_HTTP_DURATION, group),
                    microseconds);
}

void metrics_error(struct metrics *m, err_code code)
{
    if (code)
        metrics_inc(m, METRIC_ERRORS, (size_t)code - 1, 1); /* the label has them in this order */
}
