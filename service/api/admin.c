/* SPDX-License-Identifier: MIT */
/*
 * The admin listener: probes as Kubernetes asks them and metrics for Prometheus. Everything is
 * answered from memory, so that neither a slow database nor a full handler pool fails a probe.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "service/api/api.h"

enum { CONTROL_SILENCE_MS = 5000, BACKGROUND_SILENCE_MS = 30000, DETAIL_SIZE = 120 };

typedef bool check_fn(struct app *app, char detail[DETAIL_SIZE]);

static bool check_process(struct app *app, char detail[DETAIL_SIZE])
{
    int64_t last = atomic_load(&app->background_ms), age = clock_mono_ms() - last;

    (void)snprintf(detail, DETAIL_SIZE, "background thread %lld ms ago", (long long)age);
    return !atomic_load(&app->started) || atomic_load(&app->draining) ||
           age < BACKGROUND_SILENCE_MS;
}

static bool check_control_db(struct app *app, char detail[DETAIL_SIZE])
{
    int64_t seen = atomic_load(&app->control_seen_ms), age = clock_mono_ms() - seen;

    if (!seen) {
        (void)snprintf(detail, DETAIL_SIZE, "the control database has not answered yet");
        return false;
    }
    (void)snprintf(detail, DETAIL_SIZE, "answered %lld ms ago", (long long)age);
    return age < CONTROL_SILENCE_MS;
}

static bool check_draining(struct app *app, char detail[DETAIL_SIZE])
{
    bool draining = atomic_load(&app->draining);
    (void)snprintf(detail, DETAIL_SIZE, draining ? "the replica is shutting down" : "no");
    return !draining;
}

static bool check_queue(struct app *app, char detail[DETAIL_SIZE])
{
    if (!atomic_load(&app->started))
        return true;
    struct server_stats stats = app_server_stats(app);
    (void)snprintf(detail, DETAIL_SIZE, "%d of %d requests wait for a handler", stats.queued,
                   app->config->http.queue);
    return stats.queued < app->config->http.queue;
}

static bool check_started(struct app *app, char detail[DETAIL_SIZE])
{
    bool started = atomic_load(&app->started);
    (void)snprintf(detail, DETAIL_SIZE, started ? "yes" : "waiting for the control database");
    return started;
}

enum { PROBE_LIVE = 1, PROBE_READY = 2, PROBE_STARTUP = 4 };

static const struct check {
    const char *name;
    check_fn *fn;
    unsigned probes;
} checks[] = {
    {"process", check_process, PROBE_LIVE},
    {"control_db", check_control_db, PROBE_READY},
    {"queue", check_queue, PROBE_READY},
    {"draining", check_draining, PROBE_READY},
    {"started", check_started, PROBE_READY | PROBE_STARTUP},
};

static const struct probe {
    const char *path;
    unsigned bit;
    int failed_status;
} probes[] = {
    {"/livez", PROBE_LIVE, 500},
    {"/readyz", PROBE_READY, 503},
    {"/startupz", PROBE_STARTUP, 503},
};

static bool is_excluded(const struct request *req, const char *name)
{
    for (size_t i = 0; i < req->query_count; i++)
        if (str_eq(req->query[i].name, "exclude") && str_eq(req->query[i].value, name))
            return true;
    return false;
}

static void add_line(struct str *text, json_t *list, const struct check *check, bool excluded,
                     bool ok, const char *detail)
{
    if (excluded)
        str_addf(text, "[+]%s excluded: ok\n", check->name);
    else if (ok)
        str_addf(text, "[+]%s ok\n", check->name);
    else
        str_addf(text, "[-]%s failed: %s\n", check->name, detail);
    (void)json_array_append_new(list, json_pack("{s:s, s:b, s:s}", "name", check->name, "ok",
                                                ok || excluded, "detail",
                                                excluded ? "excluded" : detail));
}

/* Runs the checks of a probe, or only the one named. found: there was one. */
static bool run_checks(struct app *app, const struct request *req, unsigned bit, const char *only,
                       struct str *text, json_t *list, bool *found)
{
    bool all = true;

    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        char detail[DETAIL_SIZE] = "";
        if (!(checks[i].probes & bit) || (only && !str_eq(only, checks[i].name)))
            continue;
        bool excluded = is_excluded(req, checks[i].name);
        bool ok = checks[i].fn(app, detail);
        all &= ok || excluded;
        *found = true;
        add_line(text, list, &checks[i], excluded, ok, detail);
    }
    return all;
}

static struct reply answer_probe(struct app *app, struct request *req, const struct probe *probe,
                                 const char *only)
{
    CLEANUP(str_clear) struct str text = STR_INIT;
    const char *accept = request_header(req, "Accept");
    json_t *list = json_array();
    bool found = false;
    struct err err;
    bool ok = run_checks(app, req, probe->bit, only, &text, list, &found);
    int status = ok ? 200 : probe->failed_status;

    if (!found) {
        json_decref(list);
        (void)err_set(&err, ERR_NOT_FOUND, "%s has no check \"%.60s\"", probe->path, only);
        return reply_err(req, &err);
    }
    if (accept && strstr(accept, "application/json"))
        return reply_json(status, json_pack("{s:s, s:o}", "status", ok ? "ok" : "failed", "checks",
                                            list));
    json_decref(list);
    bool verbose = request_query(req, "verbose") || only || !ok;
    if (verbose)
        str_addf(&text, "%s check %s\n", probe->path + 1, ok ? "passed" : "failed");
    return reply_text(status, "text/plain; charset=utf-8",
                      verbose ? str_take(&text) : strdup("ok"));
}

/* Optional Basic or bearer authentication of the metrics, as the configuration has it. */
static bool may_scrape(const struct app *app, const struct request *req)
{
    const char *user = app->config->metrics.auth_user;
    const char *password = app->config->metrics.auth_password;
    const char *given = request_header(req, "Authorization");
    char wanted[512];

    if (!*password)
        return true;
    if (!given)
        return false;
    if (str_starts(given, "Bearer "))
        (void)snprintf(wanted, sizeof wanted, "Bearer %s", password);
    else {
        char plain[300], encoded[4 * sizeof plain / 3 + 4];
        int n = snprintf(plain, sizeof plain, "%s:%s", user, password);
        base64_encode(plain, n < (int)sizeof plain ? (size_t)n : sizeof plain - 1, encoded);
        (void)snprintf(wanted, sizeof wanted, "Basic %s", encoded);
    }
    return strlen(given) == strlen(wanted) && bytes_equal(given, wanted, strlen(wanted));
}

static struct reply answer_metrics(struct app *app, struct request *req)
{
    CLEANUP(str_clear) struct str text = STR_INIT;
    struct err err;

    if (!may_scrape(app, req)) {
        (void)err_set(&err, ERR_UNAUTHENTICATED, "the metrics want Basic or bearer credentials");
        return reply_err(req, &err);
    }
    metrics_write(app->metrics, &text);
    return reply_text(200, METRICS_CONTENT_TYPE, str_take(&text));
}

static struct reply refuse_method(const struct request *req)
{
    struct err err;
    (void)err_set(&err, ERR_METHOD_NOT_ALLOWED, "only GET and HEAD here");
    struct reply reply = reply_err(req, &err);
    reply_header(&reply, "Allow", "GET, HEAD");
    return reply;
}

struct reply admin_handle(void *ctx, struct request *req)
{
    struct app *app = ctx;
    struct err err;
    bool is_metrics = str_eq(req->path, "/metrics");

    for (size_t i = 0; i < ARRAY_LEN(probes); i++) {
        size_t n = strlen(probes[i].path);
        if (strncmp(req->path, probes[i].path, n) != 0 || (req->path[n] && req->path[n] != '/'))
            continue;
        if (req->method != HTTP_GET)
            return refuse_method(req);
        return answer_probe(app, req, &probes[i], req->path[n] ? req->path + n + 1 : NULL);
    }
    if (is_metrics)
        return req->method == HTTP_GET ? answer_metrics(app, req) : refuse_method(req);
    (void)err_set(&err, ERR_NOT_FOUND, "there is nothing at %.100s", req->path);
    return reply_err(req, &err);
}
