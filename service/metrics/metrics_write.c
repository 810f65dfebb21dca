/* SPDX-License-Identifier: MIT */
/* The text format 0.0.4 (prometheus.io, Exposition formats). */
#include <inttypes.h>
#include <time.h>

#include "service/metrics/metrics_internal.h"

static const char *kind_name(metric_kind kind)
{
    switch (kind) {
    case METRIC_COUNTER:
        return "counter";
    case METRIC_GAUGE:
        return "gauge";
    case METRIC_HISTOGRAM:
        return "histogram";
    }
    return "untyped";
}

void metrics_add_scaled(struct str *out, int64_t value, int64_t scale)
{
    uint64_t whole = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    uint64_t unit = (uint64_t)scale, part = whole % unit;

    str_addf(out, "%s%" PRIu64, value < 0 ? "-" : "", whole / unit);
    if (part)
        str_add_char(out, '.');
    while (part) {
        part *= 10;
        str_add_char(out, (char)('0' + part / unit));
        part %= unit;
    }
}

static void add_label_value(struct str *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n') {
            str_add(out, "\\n");
            continue;
        }
        if (*text == '"' || *text == '\\')
            str_add_char(out, '\\');
        str_add_char(out, *text);
    }
}

/* What stands between a sample's braces, without the braces. */
static void add_labels(const struct metrics *m, const struct metric_family *family, size_t series,
                       struct str *out)
{
    size_t left = 1;

    for (size_t i = 0; i < METRIC_LABELS_MAX && family->labels[i]; i++)
        left *= m->labels[family->labels[i]].count;
    for (size_t i = 0; i < METRIC_LABELS_MAX && family->labels[i]; i++) {
        const struct label_set *set = &m->labels[family->labels[i]];
        left /= set->count;
        str_addf(out, "%s%s=\"", i ? "," : "", set->name);
        add_label_value(out, set->values[series / left]);
        str_add_char(out, '"');
        series %= left;
    }
}

/* Whether a label has its "other". */
static bool is_other(const struct metrics *m, const struct metric_family *family, size_t series)
{
    bool other = false;

    for (size_t i = METRIC_LABELS_MAX; i-- > 0;) {
        if (!family->labels[i])
            continue;
        const struct label_set *set = &m->labels[family->labels[i]];
        other = other || (set->open && series % set->count == set->count - 1);
        series /= set->count;
    }
    return other;
}

static void write_sample(const struct metrics *m, const struct metric_family *family, size_t series,
                         int64_t value, struct str *out)
{
    str_add(out, family->name);
    if (family->labels[0]) {
        str_add_char(out, '{');
        add_labels(m, family, series, out);
        str_add_char(out, '}');
    }
    str_add_char(out, ' ');
    metrics_add_scaled(out, value, family->scale ? family->scale : 1);
    str_add_char(out, '\n');
}

static void open_bucket(const struct metric_family *family, const struct str *labels,
                        struct str *out)
{
    str_addf(out, "%s_bucket{%s%sle=\"", family->name, str_text(labels), labels->len ? "," : "");
}

/* The count is the sum of the buckets as they were read, so that the two always agree. */
static void write_histogram(const struct metric_family *family, const _Atomic int64_t *at,
                            const struct str *labels, struct str *out)
{
    size_t n = metrics_bucket_count(family);
    int64_t total = 0;
    const char *open = labels->len ? "{" : "", *close = labels->len ? "}" : "";

    for (size_t i = 0; i < n; i++) {
        total += atomic_load_explicit(at + i, memory_order_relaxed);
        open_bucket(family, labels, out);
        metrics_add_scaled(out, family->buckets[i], 1000000);
        str_addf(out, "\"} %" PRId64 "\n", total);
    }
    total += atomic_load_explicit(at + n, memory_order_relaxed);
    open_bucket(family, labels, out);
    str_addf(out, "+Inf\"} %" PRId64 "\n", total);
    str_addf(out, "%s_sum%s%s%s ", family->name, open, str_text(labels), close);
    metrics_add_scaled(out, atomic_load_explicit(at + n + 1, memory_order_relaxed), 1000000);
    str_addf(out, "\n%s_count%s%s%s %" PRId64 "\n", family->name, open, str_text(labels), close,
             total);
}

static bool is_empty(const struct metric_values *v, const _Atomic int64_t *at)
{
    for (size_t i = 0; i < v->stride; i++)
        if (atomic_load_explicit(at + i, memory_order_relaxed))
            return false;
    return true;
}

static void write_series(const struct metrics *m, metric id, size_t series, struct str *out)
{
    const struct metric_family *family = metrics_family(id);
    const struct metric_values *v = &m->families[id];
    const _Atomic int64_t *at = v->values + series * v->stride;
    CLEANUP(str_clear) struct str labels = STR_INIT;

    if ((family->sparse || is_other(m, family, series)) && is_empty(v, at))
        return;
    if (family->kind != METRIC_HISTOGRAM) {
        write_sample(m, family, series, atomic_load_explicit(at, memory_order_relaxed), out);
        return;
    }
    add_labels(m, family, series, &labels);
    write_histogram(family, at, &labels, out);
}

static int64_t now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t samples_of(const char *text)
{
    int64_t n = 0;

    for (bool fresh = true; *text; fresh = *text++ == '\n')
        n += fresh && *text != '#';
    return n;
}

void metrics_write(struct metrics *m, struct str *out)
{
    size_t start = out->len;
    int64_t began = now_us();

    for (metric id = METRIC_BUILD_INFO; id < METRIC_END; id++) {
        const struct metric_family *family = metrics_family(id);
        str_addf(out, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help, family->name,
                 kind_name(family->kind));
        for (size_t i = 0; i < m->families[id].series; i++)
            write_series(m, id, i, out);
    }
    metrics_write_process(out);
    metrics_set(m, METRIC_SCRAPE_SERIES, 0, samples_of(str_text(out) + start));
    metrics_set(m, METRIC_SCRAPE_DURATION, 0, now_us() - began);
}
