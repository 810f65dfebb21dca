/* SPDX-License-Identifier: MIT */
#include "service/http/route.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"

enum { SEGMENTS_MAX = 16 };

/* A path taken apart: its segments, decoded. No path here has as many as SEGMENTS_MAX. */
struct segments {
    char *text[SEGMENTS_MAX];
    size_t count;
};

static void segments_clear(struct segments *segments)
{
    for (size_t i = 0; i < segments->count; i++)
        free(segments->text[i]);
}

static err_code not_found(struct err *err, const char *path)
{
    return err_set(err, ERR_NOT_FOUND, "there is nothing at %s", path);
}

/* Empty segments ("//", a slash at the end) and dot segments name nothing here. */
static err_code segments_split(const char *path, struct segments *out, struct err *err)
{
    const char *at = path;

    if (str_eq(path, "/")) /* the root has no segment at all */
        return ERR_NONE;
    while (*at == '/') {
        size_t n = strcspn(++at, "/");
        if (out->count == SEGMENTS_MAX)
            return not_found(err, path);
        char *text = url_decode(at, n, false);
        if (!text)
            return err_set(err, ERR_BAD_REQUEST,
                           "the path has an escape that is not %%XX, a NUL, or is not UTF-8");
        out->text[out->count++] = text;
        if (!*text || str_eq(text, ".") || str_eq(text, ".."))
            return not_found(err, path);
        at += n;
    }
    return *at || !out->count ? not_found(err, path) : ERR_NONE;
}

static const struct route_pattern *row_at(const void *rows, size_t stride, size_t i)
{
    return (const struct route_pattern *)(const void *)((const char *)rows + i * stride);
}

/*
 * How well the pattern fits: 0 not at all, else a bit a segment, set where it is a literal, the
 * first segment highest, under a bit that is always set. So the greater is the better, and
 * patterns of one path with the same value are the same resource.
 */
static unsigned fit(const char *pattern, const struct segments *segments)
{
    unsigned bits = 1;

    if (!segments->count)
        return str_eq(pattern, "/");
    for (size_t i = 0; i < segments->count; i++) {
        if (*pattern++ != '/')
            return 0;
        size_t n = strcspn(pattern, "/");
        bool literal = *pattern != '{';
        const char *text = segments->text[i];
        if (literal && (strlen(text) != n || memcmp(text, pattern, n) != 0))
            return 0;
        bits = bits << 1 | literal;
        pattern += n;
    }
    return *pattern ? 0 : bits;
}

/* Moves the segments that stand for parameters to out. */
static void take_params(const char *pattern, struct segments *segments, struct route_match *out)
{
    size_t n = 0;

    for (size_t i = 0; i < segments->count; i++) {
        pattern++;
        if (*pattern == '{') {
            assert(n < HTTP_PARAMS_MAX);
            out->params[n++] = segments->text[i];
            segments->text[i] = NULL; /* now out's */
        }
        pattern += strcspn(pattern, "/");
    }
}

static void allow_add(char *allow, size_t size, const char *name)
{
    size_t n = strlen(allow);

    (void)snprintf(allow + n, size - n, "%s%s", n ? ", " : "", name);
}

/* The methods of the resource, in the order of the enum; GET brings HEAD, OPTIONS always works. */
static void allow_fill(bool has[HTTP_UNKNOWN], char *allow, size_t size)
{
    allow[0] = '\0';
    has[HTTP_OPTIONS] = true;
    for (http_method m = HTTP_GET; m < HTTP_UNKNOWN; m++) {
        if (has[m])
            allow_add(allow, size, http_method_name(m));
        if (has[m] && m == HTTP_GET)
            allow_add(allow, size, "HEAD");
    }
}

static unsigned best_fit(const void *rows, size_t n, size_t stride, const struct segments *segments)
{
    unsigned best = 0;

    for (size_t i = 0; i < n; i++) {
        unsigned bits = fit(row_at(rows, stride, i)->path, segments);
        if (bits > best)
            best = bits;
    }
    return best;
}

err_code route_find(const void *rows, size_t n, size_t stride, http_method method, const char *path,
                    struct route_match *out, struct err *err)
{
    CLEANUP(segments_clear) struct segments segments = {.count = 0};
    bool has[HTTP_UNKNOWN] = {false};

    err_code code = segments_split(path, &segments, err);
    if (code)
        return code;
    unsigned best = best_fit(rows, n, stride, &segments);
    if (!best)
        return not_found(err, path);
    for (size_t i = 0; i < n; i++) {
        const struct route_pattern *row = row_at(rows, stride, i);
        if (fit(row->path, &segments) != best)
            continue;
        if (row->method == method) {
            *out = (struct route_match){.index = i};
            take_params(row->path, &segments, out);
            return ERR_NONE;
        }
        has[row->method] = true;
    }
    *out = (struct route_match){.index = 0};
    allow_fill(has, out->allow, sizeof out->allow);
    return err_set(err, ERR_METHOD_NOT_ALLOWED, "%s takes %s", path, out->allow);
}

void route_match_clear(struct route_match *match)
{
    for (size_t i = 0; i < HTTP_PARAMS_MAX; i++)
        free(match->params[i]);
    *match = (struct route_match){.index = 0};
}
